"""Cursors of every list: as they were handed out, or a 400 that tells nothing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from licensing.usecases import pagination
from licensing.usecases.pagination import write_cursor
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generated
from tests.world import ADA, ALICE, BEA, OLIVIA, Answer, Person, World

pytestmark = pytest.mark.sampled(2)

ACME = "/v1/organizations/acme"
LISTS: Mapping[str, Person] = {
    f"{ACME}/licenses": ADA,
    f"{ACME}/licenses?sort=computer_name": ADA,
    f"{ACME}/events": ADA,
    f"{ACME}/activity": ADA,
    f"{ACME}/temporary-licenses": OLIVIA,
    "/v1/organizations": OLIVIA,
    "/v1/licenses/{id}/events": ADA,
}


@pytest.fixture
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world where each list has a second page."""
    monkeypatch.setattr("licensing.usecases.show_statistics.PAGE", 1)
    for name in ("acme", "bolt"):
        world.register(name)
    for name in ("one", "two"):
        world.act("detach", world.login(environment=name).json["license"]["id"])
        generated(world)
    return world


def a_license(world: World) -> str:
    listed = pages.page(world, f"{ACME}/licenses", ADA, limit=1).json
    id: str = listed["licenses"][0]["id"]
    return id


def ask(world: World, path: str, person: Person, cursor: str | None = None) -> Answer:
    path, _, query = path.format(id=a_license(world)).partition("?")
    asked = dict([query.split("=")] if query else [])
    limit = None if "activity" in path else 1
    return pages.page(world, path, person, limit=limit, cursor=cursor, asked=asked)


@pytest.mark.parametrize(("path", "person"), LISTS.items())
def test_a_cursor_that_was_altered_or_made_up_is_refused_by_every_list(
    world: World, path: str, person: Person
) -> None:
    cursor = ask(world, path, person).json["next_cursor"]
    assert ask(world, path, person, cursor).status == 200
    inner, _, seal = cursor.rpartition(".")
    altered = {
        "the place, without a seal": inner,
        "another place, with this seal": f"{inner[:-4]}AAAA.{seal}",
        "one bit of the seal": f"{inner}.{seal[:-1]}{chr(ord(seal[-1]) ^ 1)}",
        "cut off": cursor[:-1],
        "longer": f"{cursor}A",
        "the seal alone": f".{seal}",
    }
    for cursor in altered.values():
        refused = ask(world, path, person, cursor)
        assert_problem(refused, 400, "invalid_request", "/query/cursor")
        assert refused.json["detail"] == pagination.foreign_cursor().args[0]
        assert "next_cursor" not in refused.json


def test_a_place_that_somebody_names_by_themselves_is_none(world: World) -> None:
    """As it was: whoever knew the form could begin anywhere, at a partner's event, too."""
    (of_partner, *_) = [
        event for event in pages.feed(world, OLIVIA) if event["type"].startswith("Temporary")
    ]
    place = f"1900000000#0000000001#{of_partner['id']}#LICENSE#{of_partner['license_id']}"
    forged = write_cursor("EVENTS#acme", place)
    assert_problem(
        ask(world, f"{ACME}/events", ADA, forged), 400, "invalid_request", "/query/cursor"
    )


def test_a_super_admins_cursor_is_no_org_admins_and_the_other_way_round(world: World) -> None:
    path = f"{ACME}/events"
    for giver, taker in ((OLIVIA, ADA), (ADA, OLIVIA)):
        cursor = ask(world, path, giver).json["next_cursor"]
        assert_problem(ask(world, path, taker, cursor), 400, "invalid_request", "/query/cursor")
    colleague = replace(ADA, subject="anton")
    shared = ask(world, path, ADA).json["next_cursor"]
    assert ask(world, path, colleague, shared).status == 200


def test_with_another_key_a_list_is_begun_again(world: World) -> None:
    path = f"{ACME}/licenses"
    cursor = ask(world, path, ADA).json["next_cursor"]
    world.runtime.settings = replace(world.runtime.settings, cursor_key="another key " * 3)
    assert_problem(ask(world, path, ADA, cursor), 400, "invalid_request", "/query/cursor")
    assert ask(world, path, ADA, ask(world, path, ADA).json["next_cursor"]).status == 200


def test_who_may_not_see_a_list_learns_nothing_by_a_cursor(world: World) -> None:
    for person in (ALICE, BEA):
        for path in (f"{ACME}/events", "/v1/organizations/nobody/events"):
            made_up = ask(world, path, person, "AAAA.AAAAAAAAAAAAAAAAAAAAAA")
            assert_problem(made_up, 400, "invalid_request", "/query/cursor")
