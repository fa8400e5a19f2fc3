"""R22–R24: the sweep over weeks, with everything at once, interrupted, and in its own words."""

from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from tests.integration.billing import bill
from tests.integration.hearing import hearing
from tests.integration.many import bind
from tests.integration.partner import generated, revoke, used
from tests.integration.trail import events, kinds
from tests.world import ALICE, BORIS, MACHINE_B, NOON, World

HOUR = 3600
DAY = 86_400
RUN = 300
"""Seconds between two runs of the schedule."""


# -- R22: announcements ----------------------------------------------------------------------------


def test_r22_each_end_is_announced_at_30_7_and_1_days_to_the_run_and_once(world: World) -> None:
    ends = {"acme": 31 * DAY, "bolt": 8 * DAY + 123, "crane": 2 * DAY, "dove": 40 * DAY}
    for name, seconds in ends.items():
        world.register(name, seconds=seconds)
    world.sweep()
    world.clock.advance(61)
    world.sweep()  # from here on, what is not due is at rest
    due = {
        (name, days): NOON + seconds - days * DAY
        for name, seconds in ends.items()
        for days in (30, 7, 1)
        if seconds > days * DAY
    }
    # Around each moment the schedule runs every five minutes; in between nothing is due.
    runs = {moment // RUN * RUN + run * RUN for moment in set(due.values()) for run in range(-1, 4)}
    for run in sorted(run for run in runs if run > world.clock()):
        world.clock.time = run
        world.sweep()

    told = Counter[tuple[str, int]]()
    for event in events(world, "SubscriptionEnding"):
        place = (event["organization_id"], int(event["after"]["announced_days"]))
        told[place] += 1
        if place in due:
            assert 0 <= event["at"] - due[place] < RUN, place
    # What was closer than that from the beginning was announced at once, by its closest step.
    assert told == Counter([*due, ("bolt", 30), ("crane", 7)])


def test_r22_a_pause_over_the_day_makes_an_announcement_late_and_not_two(world: World) -> None:
    world.register("acme", seconds=31 * DAY)
    world.change("acme", seconds=31 * DAY, status="paused")
    for _ in range(3):
        world.clock.advance(DAY)
        world.sweep()
    assert events(world, "SubscriptionEnding") == []
    world.change("acme", seconds=28 * DAY)
    for _ in range(3):
        world.sweep()
        world.clock.advance(RUN)
    assert [event["at"] - NOON for event in events(world, "SubscriptionEnding")] == [3 * DAY]


def test_r22_r24_billings_renewal_is_announced_anew_and_a_change_of_name_is_not(
    world: World,
) -> None:
    end = 6 * DAY
    bill(world, 1, seconds=end)
    world.sweep()
    for version, (seconds, name) in enumerate(
        [(end, "Acme Ltd"), (end, "Acme Inc"), (end + DAY, "Acme"), (29 * DAY, "Acme")], start=2
    ):
        bill(world, version, seconds=seconds, name=name)
        world.sweep()
    days = [int(event["after"]["announced_days"]) for event in events(world, "SubscriptionEnding")]
    assert sorted(days) == [7, 7, 30]


# -- R22: all at once ------------------------------------------------------------------------------


def test_r22_temporary_licenses_end_among_organizations(world: World) -> None:
    for name, seconds in (("acme", HOUR), ("bolt", 2 * HOUR), ("crane", 90 * DAY)):
        world.register(name, seconds=seconds)
    world.login(ALICE)
    world.login(BORIS, MACHINE_B)
    short = {name: generated(world, "1h", name) for name in ("acme", "bolt", "crane")}
    longer = {name: generated(world, "3h", name) for name in ("acme", "bolt", "crane")}
    used(world, short["acme"])
    revoke(world, longer["crane"].id)
    world.sweep()

    reports = []
    for _ in range(3):
        world.clock.advance(HOUR)
        reports.append(world.sweep())

    assert [report["expired"] for report in reports] == [1, 1, 0]
    assert [report["temporary_expired"] for report in reports] == [3, 0, 2]
    assert {report["unfinished"] for report in reports} == {0}
    found = events(world, "TemporaryLicenseExpired")
    assert {(event["license_id"], event["at"] - NOON) for event in found} == {
        *((one.id, HOUR) for one in short.values()),
        *((longer[name].id, 3 * HOUR) for name in ("acme", "bolt")),
    }
    # A renewal brings the organization's own back, and no temporary one.
    world.change("acme")
    assert world.sweep()["reinstated"] == 1
    assert _states(world) == {
        "standard": {"active": 1, "expired": 1},
        "temporary": {"expired": 5, "revoked": 1},
    }
    assert [world.seats(name) for name in ("acme", "bolt", "crane")] == [1, 1, 0]


def test_r23_nothing_due_costs_nothing_though_temporary_licenses_exist(world: World) -> None:
    world.register("acme")
    for ttl in ("1h", "1d", "7d"):
        generated(world, ttl)
    world.sweep()
    world.clock.advance(HOUR)
    assert world.sweep()["temporary_expired"] == 1
    for later in (0, RUN, HOUR):
        world.clock.advance(later)
        with world.counting() as calls:
            report = world.sweep()
        assert set(calls) == {"Query"}
        assert set(report.values()) == {0}


def test_r23_a_temporary_license_costs_a_read_and_a_transaction(world: World) -> None:
    world.register("acme")
    world.sweep()
    world.clock.advance(61)
    world.sweep()
    for _ in range(3):
        generated(world)
    world.clock.advance(HOUR)
    with world.counting() as calls:
        assert world.sweep()["temporary_expired"] == 3
    queries = calls.pop("Query")
    assert calls == {"GetItem": 3, "TransactWriteItems": 3}
    with world.counting() as calls:
        world.sweep()
    assert calls == {"Query": queries}


# -- R23, R24: interrupted -------------------------------------------------------------------------


def test_r24_a_renewal_between_two_runs_leaves_nothing_expired(large_world: World) -> None:
    large_world.register("acme", seconds=HOUR)
    key = large_world.login(ALICE).json["license_key"]
    bind(large_world, "acme", 60)
    large_world.clock.advance(HOUR)
    report = large_world.sweep(remaining_ms=_falls_after(large_world, transactions=1))
    assert (report["expired"], report["unfinished"]) == (49, 1)
    assert large_world.code(key) == "EXPIRED"

    large_world.change("acme")

    assert large_world.code(key) == "VALID", "before any run"
    report = large_world.sweep(remaining_ms=_falls_after(large_world, transactions=1))
    assert (report["expired"], report["reinstated"]) == (0, 49)
    report = large_world.sweep()
    assert (report["expired"], report["reinstated"], report["unfinished"]) == (0, 0, 0)
    assert _states(large_world) == {"standard": {"active": 61}}
    assert kinds(large_world).count("LicenseExpired") == 49
    assert kinds(large_world).count("LicenseReinstated") == 49


def test_r24_an_end_between_two_runs_marks_what_was_just_reinstated(large_world: World) -> None:
    large_world.register("acme", seconds=HOUR)
    bind(large_world, "acme", 60)
    large_world.clock.advance(HOUR)
    large_world.sweep()
    large_world.change("acme")
    report = large_world.sweep(remaining_ms=_falls_after(large_world, transactions=1))
    assert (report["reinstated"], report["unfinished"]) == (49, 1)
    bill(large_world, 1, seconds=0)
    assert large_world.sweep()["expired"] == 49
    assert _states(large_world) == {"standard": {"expired": 60}}


def test_r23_a_run_that_stops_in_time_says_what_is_left_and_the_next_ones_go_on(
    world: World,
) -> None:
    names = ["acme", "bolt", "crane"]
    for name in names:
        world.register(name, seconds=90 * DAY)
    world.sweep()
    world.clock.advance(61)
    world.sweep()
    made = [generated(world, "1h", name) for name in names for _ in range(2)]
    ended = world.clock() + HOUR

    world.clock.time = ended + 40
    before = world.items()
    report = world.sweep(remaining_ms=15_000)
    assert world.items() == before
    assert (report["due"], report["unfinished"], report["lag_seconds"]) == (6, 6, 40)

    left = [6]
    while left[-1]:
        world.clock.advance(RUN)
        # Each of the four workers has looked at the clock, before one has made a transaction.
        report = world.sweep(remaining_ms=_falls_after(world, transactions=1))
        left.append(report["unfinished"])
        assert 1 <= report["temporary_expired"] == left[-2] - left[-1]
        assert report["lag_seconds"] == (world.clock() - ended if left[-1] else 0)
    found = events(world, "TemporaryLicenseExpired")
    assert sorted(event["license_id"] for event in found) == sorted(one.id for one in made)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_r23_a_run_that_is_killed_anywhere_and_run_again_comes_to_the_same_end(
    world: World, moment: str
) -> None:
    world.register("acme", seconds=HOUR)
    world.register("bolt", seconds=2 * DAY)
    world.login(ALICE)
    generated(world)
    world.clock.advance(HOUR)

    # Each run gets one call further than the one before it, until one gets to its end.
    calls = 0
    while _is_killed(world, moment, calls):
        calls += 1
    assert calls > 10

    assert _states(world) == {"standard": {"expired": 1}, "temporary": {"expired": 1}}
    assert Counter(kinds(world)) == {
        "OrganizationCreated": 2,
        "LicenseIssued": 1,
        "TemporaryLicenseGenerated": 1,
        "LicenseExpired": 1,
        "TemporaryLicenseExpired": 1,
        "SubscriptionEnding": 1,
    }


# -- R22, R23: what it says of itself --------------------------------------------------------------


def test_r23_a_run_says_what_it_did_and_how_far_behind_it_is(world: World) -> None:
    world.register("acme", seconds=HOUR)
    world.register("bolt", seconds=20 * DAY)
    for name in ("one", "two"):
        world.login(ALICE, environment=name)
    generated(world)
    world.clock.advance(HOUR + 30)

    for limit in (10_000, 60_000):
        with hearing() as heard:
            report = world.sweep(remaining_ms=limit)
        line, metrics = heard.logged("swept"), heard.measured()
        assert line["level"] == "INFO"
        assert line["function_name"] == "ExpirySweepFunction"
        assert line["function_request_id"]
        assert {name: line[name] for name in report} == report
        (described,) = metrics["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == "Licensing"
        units = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
        assert units["SweepLag"] == "Seconds"
        counts = {
            "LicensesExpired": report["expired"],
            "LicensesReinstated": report["reinstated"],
            "TemporaryLicensesExpired": report["temporary_expired"],
            "EndsAnnounced": report["announced"],
            "SweepUnfinished": report["unfinished"],
        }
        assert {name: metrics[name] for name in units if name != "SweepLag"} == {
            name: [value] for name, value in counts.items() if value
        }
        assert metrics["SweepLag"] == [report["lag_seconds"]]
        if limit == 10_000:
            # Organizations are due from their registration on, the licence since its end.
            assert (report["due"], report["unfinished"]) == (3, 3)
            assert report["lag_seconds"] == HOUR + 30
        else:
            assert report == {
                "due": 3,
                "unfinished": 0,
                "expired": 2,
                "reinstated": 0,
                "temporary_expired": 1,
                "announced": 1,
                "settled": report["settled"],
                "lag_seconds": 0,
                "faults": 0,
            }

    world.change("acme")
    with hearing() as heard:
        world.sweep()
    assert heard.measured()["LicensesReinstated"] == [2]


# -- helpers ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """The function's process is gone: nothing in it can catch this."""


def _is_killed(world: World, moment: str, calls: int) -> bool:
    """Run the sweep and kill it before or after its next call, once it has made so many."""
    hooks, before = world.runtime.dynamodb.meta.events, len(world.calls)

    def kill(**_: object) -> None:
        if len(world.calls) - before > calls:
            raise Killed

    hooks.register(f"{moment}-call.dynamodb", kill)
    try:
        world.sweep()
    except Killed:
        return True
    finally:
        hooks.unregister(f"{moment}-call.dynamodb", kill)
    return False


def _falls_after(world: World, *, transactions: int) -> Callable[[], int]:
    """A time limit that is reached once so many transactions have been made."""
    before = len(world.calls)

    def remaining_ms() -> int:
        made = [operation for operation, _ in world.calls[before:]]
        return 60_000 if made.count("TransactWriteItems") < transactions else 0

    return remaining_ms


def _states(world: World) -> dict[str, dict[str, int]]:
    """How many licences are in which state, by their kind."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for item in world.items():
        if item["sk"]["S"] == "LICENSE":
            kind = "temporary" if "ttl_name" in item else "standard"
            found[kind][item["state"]["S"]] += 1
    return {kind: dict(counted) for kind, counted in found.items()}
