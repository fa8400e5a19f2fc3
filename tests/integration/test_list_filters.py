"""Lists by what needs attention: silent agents, device keys, seats; and a jump to a page."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from licensing.domain.license import HOUR, LastSeen, License
from licensing.domain.organization import DAY
from licensing.usecases import list_licenses, show_statistics
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.many import bind
from tests.integration.pages import page
from tests.world import ADA, MACHINE_B, NOON, OLIVIA, Answer, Person, World, instant

pytestmark = pytest.mark.sampled(2)

LIST = "/v1/organizations/acme/licenses"
ACTIVITY = "/v1/organizations/acme/activity"
EVERY = "/v1/organizations"


# -- silent agents ---------------------------------------------------------------------------------


def test_r17_agents_that_were_not_seen_since_are_listed_and_those_that_never_were(
    world: World,
) -> None:
    world.register("acme")
    bind(world, "acme", 6, looks=_heard_of)
    for since, names in (
        (NOON - 3 * DAY, []),
        (NOON - 3 * DAY + 1, ["seen-3"]),
        (NOON - 2 * DAY + 1, ["seen-2", "never-2", "seen-3"]),
        (NOON - DAY + 1, ["seen-1", "never-1", "seen-2", "never-2", "seen-3"]),
    ):
        told = _list(world, seen_before=instant(since), sort="computer_name")
        assert _names(told) == sorted(names)
        assert told["total"] == len(names), "counted, although the records alone tell it"
        told = _list(world, seen_before=instant(since))
        assert (sorted(_names(told)), told["total"]) == (sorted(names), len(names))
    assert _names(_list(world, seen_before=instant(NOON + 1), sort="last_seen")) == [
        "seen-3",
        "seen-2",
        "seen-1",
        "seen-0",
        *[name for name in _names(_list(world, sort="last_seen")) if name.startswith("never")],
    ]


def test_r17_without_a_sort_silent_agents_come_by_state_and_time_of_issue_in_pages(
    world: World,
) -> None:
    world.register("acme")
    bind(world, "acme", 6, looks=_heard_of)
    blocked = _list(world, search="seen-3")["licenses"][0]["id"]
    world.act("detach", blocked)
    in_order = _list(world)["licenses"]
    asked = {"seen_before": instant(NOON + 1), "limit": 2}
    shown, cursor = list[Any](), None
    while not shown or cursor is not None:
        told = _list(world, **asked, **({} if cursor is None else {"cursor": cursor}))
        assert told["total"] == 6
        shown += told["licenses"]
        cursor = told["next_cursor"]
    assert [one["id"] for one in shown] == [one["id"] for one in in_order]
    assert _list(world, **asked, status="detached")["licenses"] == shown[-1:]


def test_r17_an_agent_that_shows_up_meanwhile_is_not_shown_as_silent(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    world.clock.advance(DAY)
    since = instant(world.clock.time - HOUR)
    reads = [0]

    def validate_behind_the_first(**_: Any) -> None:
        reads[0] += 1
        if reads[0] == 2:
            assert world.code(issued["license_key"]) == "VALID"

    world.runtime.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem", validate_behind_the_first
    )
    assert _list(world, seen_before=since)["licenses"] == []


@pytest.mark.parametrize("wrong", ["yesterday", "", "2030-01-01", "1900000000"])
def test_a_time_that_is_none_is_refused(world: World, wrong: str) -> None:
    world.register("acme")
    assert_problem(_get(world, seen_before=wrong), 400, "invalid_request", "/query/seen_before")


def test_too_many_licenses_to_look_for_silent_ones_are_refused_with_advice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_licenses, "MOST_READ", 5)
    world.register("acme")
    bind(world, "acme", 6, looks=_heard_of)
    since = instant(NOON + 1)
    for more in ({}, {"sort": "last_seen"}, {"sort": "computer_name"}):
        answer = _get(world, seen_before=since, **more)
        assert_problem(answer, 400, "invalid_request", "/query/seen_before")
        assert "Narrow it" in answer.json["detail"]
        assert _list(world, seen_before=since, search="never", **more)["total"] == 2


def test_r17_the_chart_of_activity_counts_active_agents_that_were_not_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heard(number: int, record: License) -> License:
        at = world.clock.time - number * 10 * DAY
        seen = LastSeen(int(at), "4.5.0.0", None)
        return replace(record, issued_at=int(at), last_seen=None if number % 2 else seen)

    monkeypatch.setattr(show_statistics, "PAGE", 3)
    world.register("acme")
    bind(world, "acme", 5, looks=heard)
    assert [_walked(world), _lists(world)] == [{7: 4, 30: 2}] * 2
    oldest = _list(world, sort="issued_at")["licenses"][0]["id"]
    world.act("detach", oldest)
    assert [_walked(world), _lists(world)] == [{7: 3, 30: 1}] * 2, "one that is blocked is silent"
    world.change("acme", status="paused")
    assert [_walked(world), _lists(world)] == [{7: 0, 30: 0}] * 2


# -- device keys -----------------------------------------------------------------------------------


def test_r36_licenses_with_and_without_a_device_key_are_listed_apart(world: World) -> None:
    world.register("acme")
    keyed = Agent(world, device=Device())
    assert keyed.login().status == 201
    other = world.login(machine=MACHINE_B).json["license"]["id"]
    for more in ({}, {"sort": "environment"}, {"seen_before": instant(NOON + 1)}):
        assert _ids(_list(world, device_key="true", **more)) == [keyed.license_id]
        assert _ids(_list(world, device_key="false", **more)) == [other]
    world.act("reset-device-key", keyed.license_id)
    assert _list(world, device_key="true")["licenses"] == []
    assert len(_list(world, device_key="false")["licenses"]) == 2
    assert_problem(_get(world, device_key="yes"), 400, "invalid_request", "/query/device_key")


# -- seats -----------------------------------------------------------------------------------------


def test_r06_organizations_without_seats_or_with_few_are_listed(world: World) -> None:
    for name, most in (("full", 1), ("nearly", 10), ("enough", 11), ("endless", None)):
        world.register(name, max_agents=most)
    bind(world, "full", 1)
    for name in ("nearly", "enough", "endless"):
        bind(world, name, 9)

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in _asked(world, EVERY, OLIVIA, **query)["organizations"]]

    assert listed(seats="full") == ["full"]
    assert listed(seats="nearly") == ["nearly"]
    assert listed(seats="nearly", standing="ended") == []
    world.change("full", max_agents=2)
    assert listed(seats="full") == []
    answer = world.request("GET", f"{EVERY}?seats=none", person=OLIVIA)
    assert_problem(answer, 400, "invalid_request", "/query/seats")


# -- a jump ----------------------------------------------------------------------------------------


def test_one_jumps_to_a_page_of_a_sorted_list_and_goes_on_from_there(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 7, looks=lambda number, one: replace(one, computer_name=f"pc-{number}"))
    for sort, names in (
        ("computer_name", [f"pc-{number}" for number in range(7)]),
        ("-computer_name", [f"pc-{number}" for number in reversed(range(7))]),
    ):
        for skip in (0, 1, 4, 6, 7, 50_000):
            told = _list(world, sort=sort, limit=2, skip=skip)
            assert (_names(told), told["total"]) == (names[skip : skip + 2], 7)
            assert (told["next_cursor"] is None) == (skip + 2 >= 7)
        jumped = _list(world, sort=sort, limit=2, skip=4)
        rest = _list(world, sort=sort, limit=2, cursor=jumped["next_cursor"])
        assert _names(rest) == names[6:]
    told = _list(world, seen_before=instant(NOON + 1), skip=5)
    assert len(told["licenses"]) == 2


def test_one_jumps_in_the_list_of_organizations(world: World) -> None:
    for name in ("a1", "b1", "c1"):
        world.register(name)
    told = _asked(world, EVERY, OLIVIA, skip=1, limit=1)
    assert [one["id"] for one in told["organizations"]] == ["b1"]
    assert told["total"] == 3


def test_a_jump_beside_a_cursor_or_in_an_unsorted_list_is_refused(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 3)
    cursor = _list(world, sort="issued_at", limit=1)["next_cursor"]
    for query in (
        {"sort": "issued_at", "skip": 1, "cursor": cursor},
        {"skip": 1},
        {"skip": 1, "search": "pc"},
        {"sort": "issued_at", "skip": -1},
        {"sort": "issued_at", "skip": 50_001},
        {"sort": "issued_at", "skip": "1.5"},
        {"sort": "issued_at", "skip": ""},
    ):
        assert_problem(_get(world, **query), 400, "invalid_request", "/query/skip")
    assert len(_list(world, skip=0)["licenses"]) == 3, "nothing is skipped"


# -- helpers ---------------------------------------------------------------------------------------


def _heard_of(number: int, record: License) -> License:
    """Agents that were seen 0 to 3 days ago; and two of 1 and 2 days ago that never were."""
    if number > 3:
        days = number - 3
        return replace(record, computer_name=f"never-{days}", issued_at=NOON - days * DAY)
    return replace(
        record,
        computer_name=f"seen-{number}",
        issued_at=NOON - 9 * DAY,
        last_seen=LastSeen(NOON - number * DAY, "4.5.0.0", "203.0.113.7"),
    )


def _walked(world: World) -> dict[int, int]:
    """All pages of the activity, added up."""
    told, cursor = dict[int, int](), None
    while not told or cursor is not None:
        answer = page(world, ACTIVITY, ADA, cursor=cursor)
        assert answer.status == 200, answer
        for one in answer.json["not_seen"]:
            told[one["days"]] = told.get(one["days"], 0) + one["licenses"]
        cursor = answer.json["next_cursor"]
    return told


def _lists(world: World) -> dict[int, int]:
    """The totals of the lists that those numbers lead to."""
    until = (int(world.clock.time) // HOUR + 1) * HOUR
    return {
        days: _list(world, status="active", seen_before=instant(until - days * DAY))["total"]
        for days in (7, 30)
    }


def _get(world: World, **query: Any) -> Answer:
    return world.request("GET", f"{LIST}?{urlencode(query)}", person=ADA)


def _list(world: World, **query: Any) -> Any:
    return _asked(world, LIST, ADA, **query)


def _asked(world: World, path: str, person: Person, **query: Any) -> Any:
    answer = world.request("GET", f"{path}?{urlencode(query)}", person=person)
    assert answer.status == 200, answer
    return answer.json


def _ids(told: Any) -> list[str]:
    return [one["id"] for one in told["licenses"]]


def _names(told: Any) -> list[str]:
    return [one["computer_name"] for one in told["licenses"]]
