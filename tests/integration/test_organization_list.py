"""`GET /v1/organizations`, where super-admins find one, and `GET /v1/me`: who is asking."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.answers import assert_problem
from tests.integration.policy import NO_DEMANDS
from tests.world import (
    ADA,
    ALICE,
    NOON,
    OLIVIA,
    YEAR,
    Answer,
    Person,
    World,
    instant,
)

pytestmark = pytest.mark.sampled(2)

DAY = 86_400


# -- who is asking ---------------------------------------------------------------------------------


def test_r01_whoever_has_a_token_is_told_who_they_are(world: World) -> None:
    told = {
        ALICE: {"subject": "alice", "organization_id": "acme", "roles": ["member"]},
        ADA: {"subject": "ada", "organization_id": "acme", "roles": ["member", "org-admin"]},
        OLIVIA: {"subject": "olivia", "organization_id": "vendor", "roles": ["super-admin"]},
        Person("x", None, ()): {"subject": "x", "organization_id": None, "roles": []},
        Person("y", "No Id", ("root", "partner")): {
            "subject": "y",
            "organization_id": None,
            "roles": ["partner"],
        },
    }
    with world.counting() as calls:
        for person, expected in told.items():
            answer = world.request("GET", "/v1/me", person=person)
            assert (answer.status, answer.json) == (200, expected)
    assert calls == {}
    assert_problem(world.request("GET", "/v1/me"), 401, "unauthorized")


# -- all organizations -----------------------------------------------------------------------------


def test_a_super_admin_sees_all_organizations_by_name(world: World) -> None:
    for organization_id, name in (("c-1", "beta"), ("b-1", "Álpha"), ("a-1", "Gamma")):
        world.put(organization_id, name=name)
    world.change("c-1", name="beta", max_agents=7, status="paused")
    world.login(Person("x", "a-1"))

    found = _list(world)

    assert [one["name"] for one in found["organizations"]] == ["beta", "Gamma", "Álpha"]
    assert (found["next_cursor"], found["total"]) == (None, 3)
    assert found["organizations"][0] == {
        "id": "c-1",
        "name": "beta",
        "subscription": {"valid_until": instant(NOON + YEAR), "status": "paused"},
        "standing": "suspended",
        "max_agents": 7,
        "seats": 0,
        "policy": NO_DEMANDS,
        "policy_floor": NO_DEMANDS,
        "billing_version": 0,
        "version": 2,
    }
    assert found["organizations"][1]["seats"] == 1
    shown = world.request("GET", "/v1/organizations/c-1", person=OLIVIA).json["organization"]
    assert found["organizations"][0] == shown


def test_where_there_is_no_organization_the_list_is_empty(world: World) -> None:
    assert _list(world) == {"organizations": [], "next_cursor": None, "total": 0}


def test_an_organization_is_found_by_a_part_of_its_id_or_name_in_any_case(world: World) -> None:
    world.put("acme", name="Zoë's Bakery")
    world.put("acme-2", name="Straße 7")
    world.put("bolt", name="BOLT Acme Division")
    found = {
        "ACME": ["acme-2", "acme", "bolt"],
        "me-2": ["acme-2"],
        "zoe\N{COMBINING DIAERESIS}": ["acme"],
        "ZOË": ["acme"],
        "STRASSE": ["acme-2"],
        "division": ["bolt"],
        "nothing of it": [],
        "a.me": [],
        "%": [],
    }
    for search, ids in found.items():
        listed = _list(world, search=search)
        assert {one["id"] for one in listed["organizations"]} == set(ids), search
        assert listed["total"] == len(ids)


def test_r14_organizations_are_filtered_by_what_their_subscription_means_now(world: World) -> None:
    world.put("late", seconds=2 * DAY)
    world.put("soon", seconds=DAY)
    world.put("held", seconds=DAY, status="paused")

    def by_standing() -> dict[str, list[str]]:
        return {
            standing: [one["id"] for one in _list(world, standing=standing)["organizations"]]
            for standing in ("current", "suspended", "ended")
        }

    assert by_standing() == {"current": ["late", "soon"], "suspended": ["held"], "ended": []}
    world.clock.advance(DAY)
    assert by_standing() == {"current": ["late"], "suspended": ["held"], "ended": ["soon"]}
    assert {one["standing"] for one in _list(world, standing="ended")["organizations"]} == {"ended"}


def test_subscriptions_that_end_within_a_time_are_found_by_their_end(world: World) -> None:
    for days in (1, 2, 3, 4):
        world.put(f"day-{days}", seconds=days * DAY)

    def ending(**query: Any) -> list[str]:
        listed = _list(world, sort="valid_until", **query)
        return [one["id"].removeprefix("day-") for one in listed["organizations"]]

    second, third = instant(NOON + 2 * DAY), instant(NOON + 3 * DAY)
    assert ending(ends_from=second) == ["2", "3", "4"], "that second is within"
    assert ending(ends_before=third) == ["1", "2"], "that second is not"
    assert ending(ends_from=second, ends_before=third) == ["2"]
    assert ending(ends_from=third, ends_before=second) == []
    assert ending(ends_from="2030-03-19T19:46:40.5+02:00") == ["3", "4"]
    assert ending(ends_before="2030-03-19T19:46:40.5+02:00") == ["1", "2"]
    assert ending(ends_from=second, standing="ended") == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize("sort", ["name", "-name", "valid_until", "-valid_until"])
def test_pages_of_any_size_have_each_organization_once_in_order(world: World, sort: str) -> None:
    ids = [f"org-{number}" for number in range(23)]
    for number, organization_id in enumerate(ids):
        name = ["Twin", "twin", f"N{number}"][number % 3]
        world.put(organization_id, name=name, seconds=DAY * (number * 7 % 5))
    (whole,) = _pages(world, sort=sort, limit=100)
    assert sorted(one["id"] for one in whole) == sorted(ids)
    values = [
        one["name"].lower() if "name" in sort else one["subscription"]["valid_until"]
        for one in whole
    ]
    assert values == sorted(values, reverse=sort.startswith("-"))
    for limit in (1, 2, 7, 22, 23):
        pages = list(_pages(world, sort=sort, limit=limit))
        assert [one for page in pages for one in page] == whole
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert pages[-1]


def test_a_cursor_is_good_for_the_same_search_filter_and_order_alone(world: World) -> None:
    for number in range(4):
        world.put(f"org-{number}")
    cursor = _list(world, limit=1, search="org", sort="name")["next_cursor"]
    rest = _list(world, limit=9, search="ORG", cursor=cursor)
    assert [one["id"] for one in rest["organizations"]] == ["org-1", "org-2", "org-3"]
    for other in (
        {},
        {"search": "rg"},
        {"search": "org", "sort": "-name"},
        {"search": "org", "sort": "valid_until"},
        {"search": "org", "standing": "current"},
        {"search": "org", "ends_from": instant(NOON)},
        {"search": "org", "ends_before": instant(NOON + 2 * YEAR)},
    ):
        answer = _get(world, cursor=cursor, **other)
        assert_problem(answer, 400, "invalid_request", "/query/cursor")
    for nonsense in ("", "x", "é", cursor[:-3], "A" * 5000):
        answer = _get(world, cursor=nonsense)
        assert_problem(answer, 400, "invalid_request", "/query/cursor")


TIMES = ("", "tomorrow", "2030-01-01", "20300101", "1900000000", "2030-02-30T00:00:00Z")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("search", ["", "x" * 101]),
        ("standing", ["", "CURRENT", "active", "current,ended"]),
        ("sort", ["", "Name", "--name", "+name", "seats", "name,valid_until"]),
        ("ends_from", [*TIMES, "2030-01-01T00:00:00", "1969-12-31T23:59:59Z"]),
        ("ends_before", [*TIMES, "9999-12-31T23:59:59-01:00"]),
        ("limit", ["0", "101", "x"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    world: World, subtests: pytest.Subtests, name: str, values: list[str]
) -> None:
    with world.counting() as calls:
        for value in values:
            with subtests.test(value[:10]):
                answer = _get(world, **{name: value})
                assert_problem(answer, 400, "invalid_request", f"/query/{name}")
    assert calls == {}


def test_r14_an_organization_that_no_longer_fits_is_not_shown_though_the_index_lags(
    world: World,
) -> None:
    world.put("acme")
    world.put("bolt")

    def pause_behind_the_index(**_: Any) -> None:
        world.runtime.dynamodb.meta.events.unregister(
            "provide-client-params.dynamodb.BatchGetItem", pause_behind_the_index
        )
        assert world.put("acme", status="paused", version=1).status == 200

    world.runtime.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem", pause_behind_the_index
    )
    shown = _list(world, standing="current")["organizations"]
    assert [one["id"] for one in shown] == ["bolt"]


def _get(world: World, **query: Any) -> Answer:
    target = f"/v1/organizations?{urlencode(query)}" if query else "/v1/organizations"
    return world.request("GET", target, person=OLIVIA)


def _list(world: World, **query: Any) -> Any:
    answer = _get(world, **query)
    assert answer.status == 200, answer
    return answer.json


def _pages(world: World, **query: Any) -> Iterator[list[Any]]:
    while True:
        page = _list(world, **query)
        yield page["organizations"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]
