"""R8 and R14: `GET /v1/licenses/{license_id}` and `GET /v1/organizations/{…}/licenses`."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from licensing.adapters.dynamo import licenses
from tests.integration.answers import assert_problem
from tests.integration.many import bind
from tests.world import ADA, ALICE, BEA, MACHINE_B, NOON, OLIVIA, World, instant

MANY = 125


def test_r14_a_license_is_shown_with_its_status_as_it_is_now(world: World) -> None:
    world.register("acme", seconds=100)
    license_id = world.login(ALICE).json["license"]["id"]

    def shown() -> Any:
        answer = world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
        assert answer.status == 200
        return answer.json["license"]

    assert shown() == {
        "id": license_id,
        "kind": "standard",
        "status": "active",
        "actions": ["detach", "dissociate", "revoke"],
        "organization_id": "acme",
        "environment": "production",
        "primary": False,
        "issued_at": instant(NOON),
        "valid_until": instant(NOON + 100),
        "leased_until": instant(NOON + 100),
        "computer_name": "ACME-PC-01",
        "label": None,
        "device_key": None,
        "pending_device_key": None,
        "agent_version": "4.5.0.0",
        "issued_by": "alice",
        "issued_by_name": None,
        "last_seen": {
            "at": instant(NOON),
            "agent_version": "4.5.0.0",
            "source_address": "203.0.113.7",
        },
    }
    world.clock.advance(100)
    assert shown()["status"] == "expired", "though no sweep has marked it"
    world.sweep()
    world.change("acme", status="paused")
    assert shown()["status"] == "suspended"
    world.change("acme")
    assert shown()["status"] == "active", "though it is marked expired still"


def test_a_license_that_is_none_is_not_found(world: World) -> None:
    world.register("acme")
    for target in (
        "lic_0000000000000000",
        "lic_x",
        "validate",
        "LICENSE",
        "a" * 3000,
        "%C3%A4",
        "0",
    ):
        answer = world.request("GET", f"/v1/licenses/{target}", person=OLIVIA)
        assert_problem(answer, 404, "not_found")


def test_an_organization_that_is_none_is_not_found(world: World) -> None:
    for target in ("acme", "Acme", "a" * 3000, "%C3%A4"):
        for path in (f"/v1/organizations/{target}", f"/v1/organizations/{target}/licenses"):
            assert_problem(world.request("GET", path, person=OLIVIA), 404, "not_found")


@pytest.mark.sampled(3)
def test_a_list_is_the_same_in_pages_of_any_size(world: World, subtests: pytest.Subtests) -> None:
    world.register("acme")
    world.register("bolt")
    bind(world, "acme", MANY)
    bind(world, "bolt", 3)
    orders = set()
    for size in (1, 50, 100, None):
        with subtests.test(str(size)):
            pages = list(_pages(world, **({} if size is None else {"limit": size})))
            assert {len(page) for page in pages[:-1]} <= {size or 50}
            assert 1 <= len(pages[-1]) <= (size or 50), "no empty page stands at the end"
            ids = tuple(shown["id"] for page in pages for shown in page)
            assert len(ids) == len(set(ids)) == MANY
            assert {one["organization_id"] for page in pages for one in page} == {"acme"}
            orders.add(ids)
    assert len(orders) == 1, "the order is stable"


def test_a_page_that_takes_all_has_no_next_one(world: World) -> None:
    world.register("acme")
    assert _list(world) == {"licenses": [], "next_cursor": None, "total": None}
    bind(world, "acme", 50)
    assert _list(world)["next_cursor"] is None
    assert len(_list(world)["licenses"]) == 50
    assert _list(world, limit=49)["next_cursor"] is not None


def test_a_list_is_ordered_by_state_and_then_by_time_of_issue(world: World) -> None:
    world.register("acme")
    issued = []
    for environment in "abcdef":
        issued.append(world.login(environment=environment).json["license"]["id"])
        world.clock.advance(1)
    world.revoke(issued[1])
    world.revoke(issued[0])

    for limit in (1, 2, 4, 5, 100):
        shown = [one["id"] for page in _pages(world, limit=limit) for one in page]
        assert shown == [*issued[2:], issued[0], issued[1]], limit


def test_a_license_that_changes_state_between_two_pages_is_not_listed_twice_as_one_state(
    world: World,
) -> None:
    world.register("acme")
    bind(world, "acme", 10)
    first = _list(world, limit=4, status="active")
    world.revoke(first["licenses"][0]["id"])
    rest = [
        one["id"]
        for page in _pages(world, limit=4, status="active", cursor=first["next_cursor"])
        for one in page
    ]
    assert len(rest) == 6
    assert not {one["id"] for one in first["licenses"]} & set(rest)


def test_a_list_is_filtered_by_environment(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 60)
    bind(world, "acme", 7, environment="staging")
    for limit in (1, 3, 7, 100):
        shown = [one for page in _pages(world, limit=limit, environment="staging") for one in page]
        assert len({one["id"] for one in shown}) == len(shown) == 7
        assert {one["environment"] for one in shown} == {"staging"}
    nothing: Any = {"licenses": [], "next_cursor": None, "total": None}
    assert _list(world, environment="nowhere") == nothing
    assert _list(world, environment="") == nothing


@pytest.mark.parametrize("sort", [None, "computer_name"])
def test_r12_an_environment_is_found_in_whatever_form_it_is_stored_and_asked_for(
    world: World, sort: str | None
) -> None:
    world.register("acme")
    for stored in ("staging", "Staging", "STAGING.", "production", "stagings"):
        bind(world, "acme", 1, environment=stored)
    order = {} if sort is None else {"sort": sort}
    for asked in ("staging", "Staging", "sTaging.", " staging "):
        shown = _list(world, environment=asked, **order)["licenses"]
        found = {one["environment"] for one in shown}
        assert found == {"staging", "Staging", "STAGING."}, asked


def test_a_rare_environment_is_found_piece_by_piece(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licenses, "FILTERED", 5)
    world.register("acme")
    bind(world, "acme", 30)
    bind(world, "acme", 2, environment="staging")
    with world.counting() as calls:
        found = _list(world, environment="staging")
    assert len(found["licenses"]) == 2
    assert calls["Query"] >= 32 / 5
    assert {one["environment"] for one in found["licenses"]} == {"staging"}


def test_r14_a_list_is_filtered_by_the_status_that_people_see(world: World) -> None:
    world.register("acme", seconds=1000)
    for environment in "abc":
        world.login(environment=environment)
    world.revoke(world.login(environment="d").json["license"]["id"])

    def by_status() -> dict[str, int]:
        found = {}
        for status in ("active", "suspended", "expired", "detached", "dissociated", "revoked"):
            shown = [one for page in _pages(world, limit=2, status=status) for one in page]
            assert {one["status"] for one in shown} <= {status}
            found[status] = len(shown)
        return {status: count for status, count in found.items() if count}

    assert by_status() == {"active": 3, "revoked": 1}
    world.change("acme", seconds=1000, status="paused")
    assert by_status() == {"suspended": 3, "revoked": 1}
    world.change("acme", seconds=1000)
    world.clock.advance(1000)
    assert by_status() == {"expired": 3, "revoked": 1}, "before the sweep"
    world.sweep()
    assert by_status() == {"expired": 3, "revoked": 1}, "after the sweep"
    world.change("acme", status="cancelled")
    assert by_status() == {"suspended": 3, "revoked": 1}
    world.change("acme")
    assert by_status() == {"active": 3, "revoked": 1}, "before the sweep reinstates"
    world.sweep()
    assert by_status() == {"active": 3, "revoked": 1}, "after it"


def test_status_and_environment_filter_together(world: World) -> None:
    world.register("acme")
    bind(world, "acme", 5)
    bind(world, "acme", 3, environment="staging")
    world.revoke(_list(world, environment="staging")["licenses"][0]["id"])
    assert len(_list(world, environment="staging", status="active")["licenses"]) == 2
    assert len(_list(world, environment="staging", status="revoked")["licenses"]) == 1
    assert len(_list(world, environment="production", status="active")["licenses"]) == 5
    assert _list(world, environment="production", status="revoked")["licenses"] == []


def test_a_cursor_of_another_organization_or_of_no_listing_is_refused(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    world.register("bolt")
    bind(world, "acme", 3)
    bind(world, "bolt", 3)
    own = _list(world, limit=1)["next_cursor"]
    assert len(_list(world, cursor=own)["licenses"]) == 2
    foreign = world.request("GET", "/v1/organizations/bolt/licenses?limit=1", person=BEA)
    cursors = {
        "another organization's": foreign.json["next_cursor"],
        "empty": "",
        "no base64": "???",
        "not ASCII": "ümlaut",
        "nonsense": base64.urlsafe_b64encode(b"nonsense").decode(),
        "not text": base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "a key of the table": base64.urlsafe_b64encode(b"ORGANIZATION#bolt").decode(),
        "a place without organization": base64.urlsafe_b64encode(
            b"active#1900000000#lic_0000000000000000"
        ).decode(),
        "cut off": own[:-3],
        "long": "A" * 5000,
    }
    for name, cursor in cursors.items():
        with subtests.test(name):
            answer = _get(world, cursor=cursor)
            assert_problem(answer, 400, "invalid_request", "/query/cursor")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("limit", ["0", "101", "-1", "1.5", "ten", "", " 1", "+1", "1e1", "\u0661", "9" * 5000]),
        ("status", ["", "ACTIVE", "asleep", "active,revoked"]),
        ("search", ["", "x" * 101]),
        ("primary", ["", "True", "1", "yes", "true,false"]),
        ("sort", ["", "status", "Environment", "--last_seen", "+last_seen", "label"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    world: World, subtests: pytest.Subtests, name: str, values: list[str]
) -> None:
    world.register("acme")
    for value in values:
        with subtests.test(value[:10]):
            answer = _get(world, **{name: value})
            assert_problem(answer, 400, "invalid_request", f"/query/{name}")


def test_the_table_of_two_machines_shows_each_ones_own_name(world: World) -> None:
    world.register("acme")
    world.login(ALICE)
    world.login(ALICE, MACHINE_B)
    shown = {one["computer_name"] for one in _list(world)["licenses"]}
    assert shown == {"ACME-PC-01", "bolt-server"}


def _get(world: World, **query: Any) -> Any:
    encoded = urlencode(query)
    return world.request("GET", f"/v1/organizations/acme/licenses?{encoded}", person=ADA)


def _list(world: World, **query: Any) -> Any:
    answer = _get(world, **query)
    assert answer.status == 200, answer
    return answer.json


def _pages(world: World, **query: Any) -> Iterator[list[Any]]:
    """All pages from the first (or from `cursor`) to the last."""
    while True:
        page = _list(world, **query)
        yield page["licenses"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def test_a_license_that_changes_while_it_is_listed_is_listed_once(world: World) -> None:
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
    answer = world.request("GET", "/v1/organizations/acme/licenses", person=ADA)
    assert answer.status == 200
    assert [license["id"] for license in answer.json["licenses"]] == [license_id]
