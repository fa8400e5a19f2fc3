"""How an organization's licences are searched, filtered and sorted, over tens of thousands."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from licensing.adapters.dynamo import licenses
from licensing.domain.license import LastSeen, License
from licensing.usecases import list_licenses
from tests.integration.answers import assert_problem
from tests.integration.many import bind
from tests.world import ADA, ALICE, MACHINE_B, NOON, Answer, World

LIST = "/v1/organizations/acme/licenses"
MANY = 2_000
SORTS = ("computer_name", "environment", "issued_at", "agent_version", "last_seen")


# -- search and primary ----------------------------------------------------------------------------


def test_r08_an_agent_is_found_by_a_part_of_its_name_label_or_id_in_any_case(world: World) -> None:
    world.register("acme")
    first = world.login(ALICE).json["license"]["id"]
    second = world.login(ALICE, MACHINE_B | {"computer_name": "Zoe\u0308s-Laptop"}).json["license"]
    _edit(world, second["id"], label="Straße 7, Till #3")
    found = {
        "acme-pc": {first},
        "pC-0": {first},  # no id has a dash
        "ZOËS": {second["id"]},
        "strasse 7": {second["id"]},
        "#3": {second["id"]},
        first[4:].upper(): {first},
        "LIC_": {first, second["id"]},
        "production": set(),
        "nothing of it": set(),
        ".*": set(),
    }
    for search, ids in found.items():
        assert {one["id"] for one in _list(world, search=search)["licenses"]} == ids, search
        by_name = _list(world, search=search, sort="computer_name")
        assert {one["id"] for one in by_name["licenses"]} == ids, search
        assert by_name["total"] == len(ids)
    _edit(world, second["id"], label="")
    assert _list(world, search="till")["licenses"] == [], "a label that is gone is not found"


def test_r08_primary_agents_are_listed_apart(world: World) -> None:
    world.register("acme")
    ids = [world.login(environment=name).json["license"]["id"] for name in "abc"]
    _edit(world, ids[1], primary=True)
    for more in ({}, {"sort": "environment"}):
        assert _ids(_list(world, primary="true", **more)) == [ids[1]]
        assert set(_ids(_list(world, primary="false", **more))) == {ids[0], ids[2]}
        assert len(_ids(_list(world, **more))) == 3


def test_search_primary_status_and_environment_go_together(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 6, looks=_primary_by_turns)
    bind(world, "acme", 4, environment="staging", looks=_primary_by_turns)
    world.revoke(_ids(_list(world, environment="staging", primary="true"))[0])
    asked = {"search": "pc-", "environment": "staging", "status": "active"}
    for more in ({}, {"sort": "-last_seen"}):
        assert len(_ids(_list(world, **asked, **more))) == 3
        assert len(_ids(_list(world, **asked, **more, primary="true"))) == 1
        assert len(_ids(_list(world, **asked, **more, primary="false"))) == 2
        assert len(_ids(_list(world, **{**asked, "status": "revoked"}, **more))) == 1
        assert _ids(_list(world, **{**asked, "search": "none"}, **more)) == []


def test_what_fits_rarely_is_found_piece_by_piece_and_pages_are_full(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licenses, "FILTERED", 5)
    world.register("acme")
    bind(world, "acme", 40, looks=lambda number, one: replace(one, primary=number % 8 == 0))
    pages = [_ids(page) for page in _pages(world, primary="true", limit=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({id for page in pages for id in page}) == 5


def test_what_no_longer_fits_is_not_shown_though_the_index_lags(world: World) -> None:
    world.register("acme")
    ids = [world.login(environment=name).json["license"]["id"] for name in "ab"]
    for more in ({}, {"sort": "environment"}):
        for license_id in ids:
            _edit(world, license_id, primary=True)
        with _behind_the_index(world, lambda: _edit(world, ids[0], primary=False)):
            assert _ids(_list(world, primary="true", **more)) == [ids[1]]


# -- sorted ----------------------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("descending", ["", "-"])
@pytest.mark.parametrize("field", SORTS)
def test_a_sorted_list_has_each_license_once_in_order_in_pages_of_any_size(
    world: World, field: str, descending: str
) -> None:
    world.register("acme")
    bind(world, "acme", 13, looks=_varied)
    sort = f"{descending}{field}"
    whole = _list(world, sort=sort, limit=100)
    assert (len(whole["licenses"]), whole["next_cursor"], whole["total"]) == (13, None, 13)
    _assert_in_order(whole["licenses"], sort)
    for limit in (1, 5, 12, 13):
        pages = list(_pages(world, sort=sort, limit=limit))
        assert [one for page in pages for one in page["licenses"]] == whole["licenses"]
        assert {page["total"] for page in pages} == {13}
        assert pages[-1]["licenses"]


def test_r17_agents_that_have_never_been_seen_come_last_whichever_way_round(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 6, looks=_varied)
    for sort in ("last_seen", "-last_seen"):
        seen = [one["last_seen"] is not None for one in _list(world, sort=sort)["licenses"]]
        assert seen == sorted(seen, reverse=True)
        assert set(seen) == {True, False}


def test_r17_an_agent_is_sorted_by_the_version_that_it_was_last_seen_with(world: World) -> None:
    world.register("acme")
    issued = {
        name: world.login(environment=name, agent_version=version).json
        for name, version in (("a", "4.9"), ("b", "4.10"), ("c", "4.5"))
    }
    world.clock.advance(1000)
    world.validate(issued["c"]["license_key"], agent_version="4.11.0")
    by_version = _list(world, sort="agent_version")["licenses"]
    assert [one["environment"] for one in by_version] == ["a", "b", "c"]
    by_version = _list(world, sort="-agent_version")["licenses"]
    assert [one["environment"] for one in by_version] == ["c", "b", "a"]
    by_sight = _list(world, sort="-last_seen")["licenses"]
    assert by_sight[0]["environment"] == "c"


def test_a_cursor_of_another_search_filter_or_order_is_refused(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 4)
    world.register("bolt")
    asked = {"search": "pc", "sort": "computer_name", "limit": 1}
    cursor = _list(world, **asked)["next_cursor"]
    rest = _list(world, **{**asked, "search": "PC", "limit": 9}, cursor=cursor)
    assert (len(rest["licenses"]), rest["total"]) == (3, 4)
    for other in (
        {},
        {"search": "pc"},
        {"sort": "computer_name"},
        {"search": "pc", "sort": "-computer_name"},
        {"search": "pc", "sort": "last_seen"},
        {"search": "pc", "sort": "computer_name", "status": "active"},
        {"search": "pc", "sort": "computer_name", "primary": "false"},
        {"search": "pc", "sort": "computer_name", "environment": "production"},
    ):
        answer = _get(world, cursor=cursor, **other)
        assert_problem(answer, 400, "invalid_request", "/query/cursor")
    in_own_order = _list(world, limit=1)["next_cursor"]
    for wrong in (in_own_order, "", "x", cursor[:20], "A" * 5000):
        answer = _get(world, cursor=wrong, **asked)
        assert_problem(answer, 400, "invalid_request", "/query/cursor")


def test_too_many_licenses_to_sort_by_what_records_tell_are_refused_with_advice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list_licenses.MOST_READ == 50_000
    monkeypatch.setattr(list_licenses, "MOST_READ", 5)
    world.register("acme")
    bind(world, "acme", 6, looks=_primary_by_turns)
    for sort in ("last_seen", "-agent_version"):
        answer = _get(world, sort=sort)
        assert_problem(answer, 400, "invalid_request", "/query/sort")
        assert "Narrow it" in answer.json["detail"]
        assert _list(world, sort=sort, primary="true")["total"] == 3
    assert _list(world, sort="computer_name")["total"] == 6


def test_a_license_that_changes_while_it_is_sorted_is_listed_once(world: World) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    queries = [0]

    def detach_behind_the_first(**_: Any) -> None:
        queries[0] += 1
        if queries[0] == 2:
            assert world.act("detach", license_id).status == 200

    world.runtime.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.Query", detach_behind_the_first
    )
    for sort in ("issued_at", "last_seen"):
        found = _list(world, sort=sort)
        assert (_ids(found), found["total"]) == ([license_id], 1)


@pytest.mark.proof
@pytest.mark.thorough
@pytest.mark.sampled(1, all=3)
@pytest.mark.parametrize("sort", ["computer_name", "-last_seen", "agent_version"])
def test_thousands_are_visited_once_each_and_in_order_with_few_requests(
    large_world: World, sort: str
) -> None:
    large_world.register("acme")
    bind(large_world, "acme", MANY, looks=_varied)
    visited: list[Any] = []
    for number, page in enumerate(_pages(large_world, sort=sort, limit=100)):
        assert page["total"] == MANY
        visited += page["licenses"]
        assert len(visited) == 100 * (number + 1)
    assert len({one["id"] for one in visited}) == len(visited) == MANY
    _assert_in_order(visited, sort)
    with large_world.counting() as calls:
        _list(large_world, sort=sort, limit=100)
    # A query for each state, a second one where a state's entries are beyond a megabyte; then the
    # page, and all records where those alone tell what is sorted by.
    assert calls["Query"] <= 6
    assert calls["BatchGetItem"] == (1 if sort == "computer_name" else 1 + MANY / 100)
    assert calls["GetItem"] == 1
    with large_world.counting() as calls:
        assert _list(large_world, search="computer-1998")["licenses"]
    assert calls["Query"] <= 5 + MANY / 1000


# -- helpers ---------------------------------------------------------------------------------------


def _varied(number: int, record: License) -> License:
    """Agents with twins in everything, some of them without a name, a version, or never seen."""
    seen_version = [None, "4.9.1", "4.10"][number % 3]
    return replace(
        record,
        computer_name=[f"Computer-{number}", f"COMPUTER-{number - 1}", None][number % 3],
        environment=["production", "Staging", "test"][number % 3],
        issued_at=NOON - number * 7 % 100,
        agent_version=[None, "4.5.0.0", "4.5.0.10", "4.3"][number % 4],
        last_seen=(
            LastSeen(NOON - number * 13 % 500, seen_version, "203.0.113.7") if number % 5 else None
        ),
    )


def _primary_by_turns(number: int, record: License) -> License:
    return replace(record, primary=number % 2 == 0)


def _assert_in_order(shown: list[Any], sort: str) -> None:
    """What is shown is in order: what is missing last, the rest by what people see."""
    values = [_value(one, sort.removeprefix("-")) for one in shown]
    there = [value for value in values if value is not None]
    assert values == [*there, *[None] * (len(values) - len(there))]
    assert there == sorted(there, reverse=sort.startswith("-"))


def _value(shown: Any, field: str) -> Any:
    seen = shown["last_seen"]
    match field:
        case "last_seen":
            return seen and seen["at"]
        case "agent_version":
            version = (seen and seen["agent_version"]) or shown["agent_version"]
            return version and [int(part) for part in re.findall("[0-9]+", version)]
        case _:
            return shown[field] and shown[field].lower()


class _behind_the_index:  # noqa: N801 - reads like a context manager that is a function
    """Let something happen between what the index tells and the reading of the records."""

    def __init__(self, world: World, act: Callable[[], object]) -> None:
        self._events = world.runtime.dynamodb.meta.events
        self._act = act

    def __enter__(self) -> None:
        self._events.register("provide-client-params.dynamodb.BatchGetItem", self._happen)

    def __exit__(self, *_: object) -> None:
        self._events.unregister("provide-client-params.dynamodb.BatchGetItem", self._happen)

    def _happen(self, **_: Any) -> None:
        self.__exit__()
        self._act()


def _edit(world: World, license_id: str, **wanted: Any) -> None:
    answer = world.request("PATCH", f"/v1/licenses/{license_id}", person=ADA, json=wanted)
    assert answer.status == 200, answer


def _get(world: World, **query: Any) -> Answer:
    return world.request("GET", f"{LIST}?{urlencode(query)}", person=ADA)


def _list(world: World, **query: Any) -> Any:
    answer = _get(world, **query)
    assert answer.status == 200, answer
    return answer.json


def _ids(page: Any) -> list[str]:
    return [one["id"] for one in page["licenses"]]


def _pages(world: World, **query: Any) -> Iterator[Any]:
    while True:
        page = _list(world, **query)
        yield page
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("asked", ["sort=computer_name", "sort=last_seen", "search=nothing", ""])
def test_a_list_takes_in_no_more_of_an_index_than_it_reads(world: World, asked: str) -> None:
    world.register("acme")
    world.login()
    taken_in: set[str] = set()

    def look(parsed: Mapping[str, Any], **_: Any) -> None:
        taken_in.update(name for entry in parsed["Items"] for name in entry)

    hooks = world.runtime.dynamodb.meta.events
    hooks.register("after-call.dynamodb.Query", look)
    answer = world.request("GET", f"/v1/organizations/acme/licenses?{asked}", person=ADA)
    hooks.unregister("after-call.dynamodb.Query", look)
    assert answer.status == 200
    assert {"pk", "org_sk", "computer_name"} <= taken_in
    assert not taken_in & {"sk", "org_pk"}, "where it is stood in the question"
