"""Charts: an organization's licences over time, refusals by reason, and when agents were seen."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.events import event_item, refusal_attributes
from licensing.adapters.dynamo.values import number, present
from licensing.domain import audit
from licensing.domain.audit import EventType, RefusedAttempt
from licensing.domain.license import HOUR, LastSeen, License, State
from licensing.domain.organization import DAY
from licensing.usecases import show_statistics
from tests.concurrency.table import write
from tests.integration import pages
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.many import ORIGIN
from tests.integration.partner import generate, login_with, revoke
from tests.integration.policy import govern
from tests.unit.samples import license
from tests.world import ADA, MACHINE_B, NOON, OLIVIA, PAVEL, Answer, World, instant, new_world

pytestmark = pytest.mark.sampled(2)

STATISTICS = "/v1/organizations/acme/statistics"
ACTIVITY = "/v1/organizations/acme/activity"
MIDNIGHT = NOON // DAY * DAY
FULL_HOUR = NOON // HOUR * HOUR


def ask(world: World, target: str, person: Any = ADA) -> Any:
    answer = world.request("GET", target, person=person)
    assert answer.status == 200, answer
    return answer.json


def walk(world: World, passing: int = 0) -> list[Any]:
    """All pages of the activity, while so many seconds pass between two of them."""
    found, cursor = list[Any](), None
    while not found or cursor is not None:
        answer = pages.page(world, ACTIVITY, ADA, cursor=cursor)
        assert answer.status == 200, answer
        found.append(answer.json)
        cursor = answer.json["next_cursor"]
        world.clock.advance(passing)
    return found


def active_hours(reply: Any) -> dict[str, int]:
    return {hour["at"]: hour["licenses"] for hour in reply["hours"] if hour["licenses"]}


# -- statistics ------------------------------------------------------------------------------------


def test_r14_licenses_are_counted_at_each_midnight_and_now(world: World) -> None:
    world.register("acme")
    issued = world.login().json["license"]
    world.login(environment="staging")
    world.clock.advance(DAY)
    world.act("detach", issued["id"])
    world.change("acme", status="paused")
    told = ask(world, f"{STATISTICS}?days=3")
    nothing = dict.fromkeys(
        ("active", "suspended", "detached", "dissociated", "expired", "revoked"), 0
    )
    assert told == {
        "organization_id": "acme",
        "from": instant(MIDNIGHT - DAY),
        "until": instant(NOON + DAY),
        "complete_from": instant(MIDNIGHT - DAY),
        "licenses": [
            {"at": instant(MIDNIGHT - DAY), **nothing},
            {"at": instant(MIDNIGHT), **nothing},
            {"at": instant(MIDNIGHT + DAY), **nothing, "active": 2},
            {"at": instant(NOON + DAY), **nothing, "suspended": 1, "detached": 1},
        ],
        "refusals": [],
    }
    assert len(ask(world, STATISTICS)["licenses"]) == 31
    assert len(ask(world, f"{STATISTICS}?days=90")["licenses"]) == 91


@pytest.mark.sampled(3)
@pytest.mark.parametrize("days", ["0", "91", "-1", "1.5", "all", ""])
def test_a_number_of_days_that_is_none_is_refused(world: World, days: str) -> None:
    world.register("acme")
    answer = world.request("GET", f"{STATISTICS}?days={days}", person=ADA)
    assert_problem(answer, 400, "invalid_request", "/query/days")


def test_r32_refusals_of_the_window_are_added_up_by_reason_most_first(world: World) -> None:
    world.register("acme")
    first, second = (world.login(environment=name).json for name in ("a", "b"))
    world.revoke(second["license"]["id"])
    for issued, times in ((first, 3), (second, 1)):
        for _ in range(times):
            world.code(issued["license_key"], MACHINE_B)
    world.clock.advance(DAY)
    third = world.login(environment="c").json
    world.code(third["license_key"], MACHINE_B)
    world.code(first["license_key"], MACHINE_B)
    assert ask(world, STATISTICS)["refusals"] == [
        {"reason": "machine_mismatch", "times": 5, "licenses": 2},
        {"reason": "revoked", "times": 1, "licenses": 1},
    ]
    assert ask(world, f"{STATISTICS}?days=1")["refusals"] == [
        {"reason": "machine_mismatch", "times": 2, "licenses": 2},
    ]


@pytest.mark.parametrize("blocks", [False, True])
def test_r37_a_clone_that_was_blocked_is_a_refusal_and_one_that_was_let_go_on_is_none(
    world: World, *, blocks: bool
) -> None:
    world.register("acme")
    govern(world, block_clones=blocks)
    agent = Agent(world)
    agent.login()
    agent.code()
    copy = replace(agent, address="198.51.100.66")
    codes = list[str]()
    for _ in range(3):
        world.clock.advance(DAY // 2)
        codes += [agent.code(), copy.code()]
    world.code(world.login(environment="b").json["license_key"], MACHINE_B)
    told = ask(world, STATISTICS)["refusals"]
    elsewhere = {"reason": "machine_mismatch", "times": 1, "licenses": 1}
    blocked = {"reason": "clone_suspected", "times": 1, "licenses": 1}
    assert ("DETACHED" in codes) == blocks
    assert told == ([blocked, elsewhere] if blocks else [elsewhere])


def test_r19_what_an_administrator_blocks_is_no_refusal(world: World) -> None:
    world.register("acme")
    world.act("detach", world.login().json["license"]["id"])
    assert ask(world, STATISTICS)["refusals"] == []


def test_r28_what_a_partner_was_refused_is_told_to_super_admins_alone(world: World) -> None:
    world.register("acme")
    world.login()
    partners = generate(world).json
    assert login_with(world, partners["license_key"], PAVEL).status == 200
    revoke(world, partners["license"]["id"])
    assert world.code(partners["license_key"]) == "REVOKED"
    told = ask(world, STATISTICS)
    assert told["refusals"] == []
    assert told["licenses"][-1]["revoked"] == 0, "a temporary license is none of the organization's"
    assert ask(world, STATISTICS, OLIVIA) == told | {
        "refusals": [{"reason": "revoked", "times": 1, "licenses": 1}]
    }


def test_a_chart_is_kept_for_a_minute_and_for_its_reader_alone(world: World) -> None:
    world.register("acme")
    for target in (STATISTICS, ACTIVITY):
        headers = world.request("GET", target, person=ADA).headers
        assert headers["cache-control"] == "private, max-age=60"
        assert headers["vary"] == "authorization"
        refused = world.request("GET", f"{target}?days=0&cursor=x", person=ADA)
        assert refused.headers["cache-control"] == "no-store"


# -- activity --------------------------------------------------------------------------------------


def test_r17_a_week_of_hours_tells_how_many_agents_were_seen_in_each(world: World) -> None:
    world.register("acme")
    first = world.login().json
    world.clock.advance(2 * HOUR)
    second = world.login(machine=MACHINE_B).json
    world.code(first["license_key"])
    world.clock.advance(HOUR)
    world.code(second["license_key"], MACHINE_B)
    told = ask(world, ACTIVITY)
    assert (told["organization_id"], told["counted"], told["next_cursor"]) == ("acme", 2, None)
    assert told["until"] == instant(FULL_HOUR + 4 * HOUR), "when the current hour ends"
    assert [hour["at"] for hour in told["hours"]] == [
        instant(FULL_HOUR + (3 - back) * HOUR) for back in reversed(range(168))
    ]
    assert active_hours(told) == {
        instant(FULL_HOUR): 1,
        instant(FULL_HOUR + 2 * HOUR): 2,
        instant(FULL_HOUR + 3 * HOUR): 1,
    }
    world.clock.advance(165 * HOUR)
    assert active_hours(ask(world, ACTIVITY)) == {
        instant(FULL_HOUR + 2 * HOUR): 2,
        instant(FULL_HOUR + 3 * HOUR): 1,
    }
    world.clock.advance(30 * DAY)
    assert active_hours(ask(world, ACTIVITY)) == {}


def test_r17_of_a_license_from_before_the_hour_of_its_last_sighting_is_known(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    (item,) = [item for item in world.items() if item["sk"]["S"] == "LICENSE"]
    del item["seen_hours"]
    write(world.runtime.dynamodb, world.runtime.settings.table_name, [item])
    assert active_hours(ask(world, ACTIVITY)) == {instant(FULL_HOUR): 1}
    world.clock.advance(HOUR)
    assert world.code(issued["license_key"]) == "VALID"
    assert active_hours(ask(world, ACTIVITY)) == {
        instant(FULL_HOUR): 1,
        instant(FULL_HOUR + HOUR): 1,
    }


def test_a_walk_over_a_full_hour_tells_of_the_hours_that_it_began_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_statistics, "PAGE", 2)
    world.register("acme")
    issued = [world.login(environment=name).json for name in "abcde"]
    world.act("detach", issued[0]["license"]["id"])
    world.clock.time = FULL_HOUR + 167 * HOUR + 3599
    found = walk(world, passing=HOUR)
    assert [page["counted"] for page in found] == [2, 2, 1]
    assert {page["until"] for page in found} == {instant(FULL_HOUR + 168 * HOUR)}
    assert sum(active_hours(page)[instant(FULL_HOUR)] for page in found) == 5
    # Who is seen meanwhile is still known to have been seen in the oldest of those hours.
    world.clock.time = FULL_HOUR + 167 * HOUR + 3599
    first = ask(world, ACTIVITY)
    world.clock.advance(1)
    assert all(world.code(one["license_key"]) == "VALID" for one in issued[1:])
    rest = pages.page(world, ACTIVITY, ADA, cursor=first["next_cursor"]).json
    assert active_hours(rest) == {instant(FULL_HOUR): 2}


def test_a_cursor_of_another_list_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show_statistics, "PAGE", 1)
    for organization_id in ("acme", "bolt"):
        world.register(organization_id)
    for environment in "ab":
        world.login(environment=environment)
    own = ask(world, ACTIVITY)["next_cursor"]
    listed = ask(world, "/v1/organizations/acme/licenses?limit=1")["next_cursor"]

    def refused(path: str, cursor: str) -> Answer:
        return pages.page(world, path, OLIVIA, cursor=cursor)

    for path, cursor in (
        (ACTIVITY, listed),
        (ACTIVITY, "x"),
        ("/v1/organizations/bolt/activity", own),
        ("/v1/organizations/acme/licenses", own),
    ):
        assert_problem(refused(path, cursor), 400, "invalid_request", "/query/cursor")


# -- a large organization --------------------------------------------------------------------------

TURNS = 5
"""Days on which each licence changes; the limit is reached within the first of them."""


@pytest.fixture
def large(engine: str) -> Iterator[World]:
    """A world that takes many items: moto would take minutes."""
    with new_world(engine) as world:
        world.register("acme")
        yield world


def _many(world: World, licenses: int, turns: int) -> None:
    """So many licences; each is attached and detached in turn, day by day."""
    records = [_license(number) for number in range(licenses)]
    whole = [items.license_item(record) for record in records]
    for turn in range(turns):
        for place, record in enumerate(records):
            states = (State.DETACHED, State.ACTIVE)
            before = replace(record, state=states[turn % 2])
            after = before.changed(NOON - (turns - turn) * DAY + place, state=states[1 - turn % 2])
            kind = EventType.LICENSE_DETACHED if turn % 2 else EventType.LICENSE_ATTACHED
            id = f"evt_{turn * licenses + place:032x}"
            whole.append(event_item(audit.of_license(kind, before, after, id=id, origin=ORIGIN)))
        records = [replace(record, revision=record.revision + 1) for record in records]
    write(world.runtime.dynamodb, world.runtime.settings.table_name, whole)


def _license(number: int) -> License:
    return license(
        id=f"lic_{number:016d}",
        issued_at=NOON - 60 * DAY,
        updated_at=NOON - 60 * DAY,
        last_seen=LastSeen(NOON - number % 168 * HOUR, "4.5.0.0", None),
    )


@pytest.mark.thorough
@pytest.mark.parametrize("licenses", [500, pytest.param(5_000, marks=pytest.mark.only_proof)])
def test_the_past_of_a_large_organization_takes_bounded_requests_and_says_what_it_covers(
    large: World, monkeypatch: pytest.MonkeyPatch, licenses: int
) -> None:
    # The organization's registration is among its events.
    monkeypatch.setattr(show_statistics, "MOST_EVENTS", (TURNS - 1) * licenses + 1)
    _many(large, licenses, TURNS)
    with large.counting() as calls:
        told = ask(large, STATISTICS)
    assert set(calls) == {"Query"}
    # The engine counts whole items, of a kilobyte each, for a page of a megabyte.
    assert calls["Query"] <= 3 + TURNS * licenses // 1_000
    # What is too many are the events of the first of those days.
    reached = NOON - TURNS * DAY + licenses
    assert told["complete_from"] == instant((reached // HOUR + 1) * HOUR)
    first, *_, now = told["licenses"]
    assert first["at"] == instant(MIDNIGHT - (TURNS - 1) * DAY)
    assert now["at"] == instant(NOON)
    detached = [point["detached"] for point in told["licenses"]]
    assert detached == [0, licenses, 0, licenses, 0, 0]


@pytest.mark.thorough
def test_r17_the_week_of_a_large_organization_is_read_in_pages(large: World) -> None:
    _many(large, 5_000, 0)
    with large.counting() as calls:
        found = walk(large)
    assert [page["counted"] for page in found] == [2000, 2000, 1000]
    assert calls["BatchGetItem"] == 50
    assert calls["Query"] <= 3 * 7
    pages_of_hours = [[hour["licenses"] for hour in page["hours"]] for page in found]
    total = [sum(hour) for hour in zip(*pages_of_hours, strict=True)]
    assert sum(total) == 5_000
    assert set(total) == {29, 30}


def test_r32_more_refusals_than_one_request_reads_are_told_from_a_full_hour_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_statistics, "MOST_REFUSALS", 150)
    world.register("acme")
    whole = list[Any]()
    for count in range(200):
        refusal = RefusedAttempt(
            license_id=f"lic_{count % 2:016d}",
            organization_id="acme",
            reason="machine_mismatch",
            at=NOON - count // 2 * HOUR,
            origin=ORIGIN,
        )
        entry = present(refusal_attributes(refusal))
        whole.append({**schema.refusal_key(refusal), **entry, "times": number(2)})
    write(world.runtime.dynamodb, world.runtime.settings.table_name, whole)
    told = ask(world, STATISTICS)
    assert told["complete_from"] == instant(FULL_HOUR - 74 * HOUR)
    assert told["refusals"] == [{"reason": "machine_mismatch", "times": 300, "licenses": 2}]
    assert all(point["at"] >= told["complete_from"] for point in told["licenses"])


def test_r14_an_announcement_in_the_second_of_a_change_hides_no_change(world: World) -> None:
    world.register("acme")
    world.login()
    world.clock.advance(DAY)
    # Half of the time, the event that comes second in the feed is the one that came first.
    for days in range(12):
        world.change("acme", status="paused")
        world.clock.advance(DAY)
        world.change("acme", seconds=(12 - days) * DAY + HOUR)
        world.sweep()
        world.clock.advance(DAY)
    told = ask(world, f"{STATISTICS}?days=30")["licenses"]
    alternating = [(point["active"], point["suspended"]) for point in told[-25:-1]]
    assert alternating == [(0, 1), (1, 0)] * 12
