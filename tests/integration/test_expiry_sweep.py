"""R22–R24: the expiry sweep, as the schedule starts it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.many import bind
from tests.integration.trail import events, kinds
from tests.world import NOON, World

DAY = 86_400
SHARDS = 8
SETTLED = 61
"""After so many seconds an organization that has nothing left to do stops being due."""


def test_r22_the_sweep_marks_ended_subscriptions_and_writes_one_event_each(world: World) -> None:
    world.register("acme", seconds=100)
    world.register("bolt", seconds=101)
    bind(world, "acme", 3)
    bind(world, "bolt", 2)

    world.clock.advance(99)
    assert world.sweep()["expired"] == 0
    world.clock.advance(1)
    assert world.sweep()["expired"] == 3
    assert _states(world) == {"active": 2, "expired": 3}
    for _ in range(5):
        assert world.sweep()["expired"] == (2 if world.clock() == NOON + 101 else 0)
        world.clock.advance(1)

    assert _states(world) == {"expired": 5}
    expired = events(world, "LicenseExpired")
    assert len({event["license_id"] for event in expired}) == len(expired) == 5
    for event in expired:
        assert event["actor"] == {"kind": "schedule", "subject": "expiry-sweep", "roles": []}
        assert event["before"]["state"] == "active"
        assert event["after"]["state"] == "expired"
        assert event["request_id"]
    assert world.seats("acme") == 3


def test_r22_revoked_licenses_are_left_alone(world: World) -> None:
    world.register("acme", seconds=100)
    world.login()
    world.revoke(world.login(environment="staging").json["license"]["id"])
    world.clock.advance(100)
    assert world.sweep()["expired"] == 1
    assert _states(world) == {"expired": 1, "revoked": 1}


@pytest.mark.thorough
def test_r22_ends_are_announced_30_7_and_1_days_ahead_each_once(world: World) -> None:
    world.register("acme", seconds=40 * DAY)
    announced = Counter[float]()
    for hour in range(0, 41 * 24, 8):
        world.clock.time = NOON + hour * 3600
        for _ in range(2):
            announced[hour / 24] += world.sweep()["announced"]

    assert +announced == {10: 1, 33: 1, 39: 1}
    assert [int(event["after"]["announced_days"]) for event in _ending(world)] == [30, 7, 1]
    assert {int(event["at"] - NOON) // DAY for event in _ending(world)} == {10, 33, 39}


def test_r22_only_the_closest_announcement_is_made(world: World) -> None:
    world.register("acme", seconds=5 * DAY)
    world.sweep()
    world.clock.advance(4 * DAY)
    world.sweep()
    assert [int(event["after"]["announced_days"]) for event in _ending(world)] == [7, 1]


def test_r22_nothing_is_announced_of_a_paused_or_an_ended_subscription(world: World) -> None:
    world.register("acme", seconds=3 * DAY)
    world.change("acme", seconds=3 * DAY, status="paused")
    world.sweep()
    world.clock.advance(2 * DAY)
    world.sweep()
    assert _ending(world) == []
    world.change("acme", seconds=DAY)
    world.sweep()
    assert [int(event["after"]["announced_days"]) for event in _ending(world)] == [1]
    world.clock.advance(DAY)
    world.sweep()
    assert len(_ending(world)) == 1


def test_r22_a_renewed_subscription_is_announced_anew(world: World) -> None:
    world.register("acme", seconds=7 * DAY)
    world.sweep()
    world.change("acme", seconds=30 * DAY)
    for _ in range(31):
        world.sweep()
        world.clock.advance(DAY)
    assert [int(event["after"]["announced_days"]) for event in _ending(world)] == [7, 30, 7, 1]


def test_r23_nothing_due_costs_one_query_per_shard_and_nothing_else(world: World) -> None:
    with world.counting() as calls:
        world.sweep()
    assert calls == {"Query": SHARDS}, "in an empty table"

    for name in ("acme", "bolt", "crane"):
        world.register(name, seconds=90 * DAY)
        bind(world, name, 30)
    _settle(world)
    for later in (0, 300, DAY, 50 * DAY):
        world.clock.advance(later)
        with world.counting() as calls:
            report = world.sweep()
        assert calls == {"Query": SHARDS}
        assert set(report.values()) == {0}


def test_r23_the_cost_grows_with_what_is_due(world: World) -> None:
    _assert_cost_follows_what_is_due(world, {0: 0, 1: 1, 10: 1}, others=10)


def test_r23_the_cost_grows_not_with_what_exists(large_world: World) -> None:
    _assert_cost_follows_what_is_due(large_world, {0: 0, 10: 1, 49: 1, 50: 2, 100: 3}, others=300)


def test_r23_no_transaction_exceeds_a_hundred_actions_and_no_item_is_read_by_a_scan(
    large_world: World,
) -> None:
    large_world.register("acme", seconds=100)
    bind(large_world, "acme", 120)
    large_world.clock.advance(100)
    large_world.calls.clear()
    assert large_world.sweep()["expired"] == 120
    sizes = [
        len(parameters["TransactItems"])
        for operation, parameters in large_world.calls
        if operation == "TransactWriteItems"
    ]
    assert sizes == [99, 99, 45]
    assert "Scan" not in {operation for operation, _ in large_world.calls}


def test_r23_the_sweep_stops_in_time_and_goes_on_in_the_next_run(large_world: World) -> None:
    large_world.register("acme", seconds=100)
    bind(large_world, "acme", 120)
    large_world.clock.advance(100)

    # Time for the first transaction, and not for the second.
    report = large_world.sweep(remaining_ms=_falls_after(large_world, transactions=1))

    assert (report["expired"], report["unfinished"]) == (49, 1)
    assert _states(large_world) == {"active": 71, "expired": 49}
    large_world.clock.advance(300)
    report = large_world.sweep(remaining_ms=_falls_after(large_world, transactions=1))
    assert (report["expired"], report["unfinished"], report["lag_seconds"]) == (49, 1, 400)
    report = large_world.sweep()
    assert (report["expired"], report["unfinished"], report["lag_seconds"]) == (22, 0, 0)
    assert _states(large_world) == {"expired": 120}
    assert len(events(large_world, "LicenseExpired")) == 120
    assert large_world.seats("acme") == 120


def test_r23_a_run_without_time_changes_nothing_and_says_how_far_behind_it_is(
    world: World,
) -> None:
    world.register("acme", seconds=100)
    world.register("bolt", seconds=400)
    bind(world, "acme", 2)
    _settle(world)
    world.clock.time = NOON + 700
    before = world.items()

    with world.counting() as calls:
        report = world.sweep(remaining_ms=10_000)

    assert calls == {"Query": SHARDS}
    assert world.items() == before
    assert (report["due"], report["unfinished"]) == (2, 2)
    assert report["lag_seconds"] == 600, "the oldest has been due since second 100"
    assert report["expired"] == 0
    report = world.sweep()
    assert (report["expired"], report["unfinished"], report["lag_seconds"]) == (2, 0, 0)


@pytest.mark.parametrize("seconds", [100, 3 * DAY])
def test_r23_many_sweeps_later_nothing_is_due_any_more(world: World, seconds: int) -> None:
    world.register("acme", seconds=seconds)
    bind(world, "acme", 1)
    world.clock.time = NOON + seconds
    _settle(world)
    with world.counting() as calls:
        assert set(world.sweep().values()) == {0}
    assert calls == {"Query": SHARDS}


def test_r23_a_license_that_is_issued_while_the_end_is_near_is_marked_too(world: World) -> None:
    world.register("acme", seconds=1000)
    _settle(world)
    world.clock.time = NOON + 999
    key = world.login().json["license_key"]
    world.clock.time = NOON + 1000
    assert world.sweep()["expired"] == 1
    assert world.code(key) == "EXPIRED"


def test_r24_a_renewal_is_never_left_expired_however_sweeps_and_renewals_follow(
    world: World,
) -> None:
    world.register("acme", seconds=100)
    key = world.login().json["license_key"]
    for _ in range(3):
        world.clock.advance(100)
        world.sweep()
        assert world.code(key) == "EXPIRED"
        world.change("acme", seconds=100)
        assert world.code(key) == "VALID"
        assert world.sweep()["reinstated"] == 1
        assert world.sweep()["reinstated"] == 0
        assert _states(world) == {"active": 1}
    assert kinds(world).count("LicenseExpired") == kinds(world).count("LicenseReinstated") == 3


def test_r24_a_renewal_before_the_sweep_has_seen_the_end_leaves_no_trace(world: World) -> None:
    world.register("acme", seconds=100)
    key = world.login().json["license_key"]
    world.clock.advance(100)
    world.change("acme", seconds=1000)
    report = world.sweep()
    assert (report["expired"], report["reinstated"]) == (0, 0)
    assert world.code(key) == "VALID"


def _assert_cost_follows_what_is_due(
    world: World, transactions: dict[int, int], *, others: int
) -> None:
    """Let organizations of so many licences end, one by one, among others that do not."""
    for number in range(3):
        world.register(f"other-{number}")
        bind(world, f"other-{number}", others // 3)
    for place, due in enumerate(transactions, start=1):
        world.register(f"ending-{due}", seconds=1000 * place)
        bind(world, f"ending-{due}", due)
    _settle(world)
    for place, (due, expected) in enumerate(transactions.items(), start=1):
        world.clock.time = NOON + 1000 * place
        with world.counting() as calls:
            assert world.sweep()["expired"] == due
        _settle(world)
        # The organization is read, and its licences are looked for until there are none: up to 49
        # at a time are found, read and marked in one transaction.
        assert calls == Counter(
            Query=SHARDS + 1 + expected,
            GetItem=1,
            BatchGetItem=expected,
            TransactWriteItems=expected,
        )


def _falls_after(world: World, *, transactions: int) -> Callable[[], int]:
    """A time limit that is reached once so many transactions have been made."""
    before = len(world.calls)

    def remaining_ms() -> int:
        made = [operation for operation, _ in world.calls[before:]]
        return 60_000 if made.count("TransactWriteItems") < transactions else 0

    return remaining_ms


def _settle(world: World) -> None:
    """Run the sweep until nothing is due."""
    world.sweep()
    world.clock.advance(SETTLED)
    world.sweep()


def _states(world: World) -> dict[str, int]:
    return Counter(item["state"]["S"] for item in world.items() if item["sk"]["S"] == "LICENSE")


def _ending(world: World) -> list[dict[str, Any]]:
    return events(world, "SubscriptionEnding")
