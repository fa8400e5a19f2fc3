"""R6, R14 and R24: `GET` and `PUT /v1/organizations/{organization_id}`."""

from typing import Any

import pytest

from tests.integration.answers import assert_problem, header, is_tag_of
from tests.integration.policy import NO_DEMANDS
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    MACHINE_B,
    NOON,
    OLIVIA,
    YEAR,
    Answer,
    World,
    instant,
)

WANTED = {
    "name": "Acme",
    "valid_until": instant(NOON + YEAR),
    "status": "active",
    "max_agents": None,
}


def test_r24_an_organization_is_registered_with_201_and_shown_with_its_etag(world: World) -> None:
    answer = _put(world, WANTED)

    assert answer.status == 201
    assert is_tag_of(answer, 1)
    assert answer.json["organization"] == {
        "id": "acme",
        "name": "Acme",
        "subscription": {"valid_until": instant(NOON + YEAR), "status": "active"},
        "standing": "current",
        "max_agents": None,
        "seats": 0,
        "policy": NO_DEMANDS,
        "policy_floor": NO_DEMANDS,
        "billing_version": 0,
        "version": 1,
    }
    for person in (OLIVIA, ADA):
        shown = world.request("GET", "/v1/organizations/acme", person=person)
        assert shown.status == 200
        assert shown.json == answer.json
        assert header(shown, "etag") == header(answer, "etag")


def test_r24_a_change_names_the_version_that_it_changes(world: World) -> None:
    _put(world, WANTED)
    answer = _put(world, WANTED | {"status": "paused", "max_agents": 3}, '"1"')
    assert answer.status == 200
    assert is_tag_of(answer, 2)
    changed = answer.json["organization"]
    assert (changed["version"], changed["max_agents"]) == (2, 3)
    assert changed["subscription"]["status"] == "paused"


def test_r24_a_change_without_with_a_stale_or_with_a_foreign_etag_is_refused(
    world: World, subtests: pytest.Subtests
) -> None:
    _put(world, WANTED)
    _put(world, WANTED | {"name": "Acme Two"}, '"1"')
    world.register("bolt")
    for _ in range(4):
        world.change("bolt", status="paused")
    foreign = header(world.request("GET", "/v1/organizations/bolt", person=OLIVIA), "etag")
    before = world.items()

    for name, etag in {
        "missing": None,
        "stale": '"1"',
        "another organization's": foreign,
        "of the future": '"3"',
        "zero": '"0"',
        "weak": 'W/"2"',
        "another API's": '"xyzzy"',
        "others": '"1", "3"',
    }.items():
        with subtests.test(name):
            answer = _put(world, WANTED | {"name": "Acme Three"}, etag)
            assert_problem(answer, 412, "precondition_failed")
            assert "If-Match" in answer.json["detail"]
            assert world.items() == before


def test_r24_an_etag_for_an_organization_that_does_not_exist_is_refused(world: World) -> None:
    assert_problem(_put(world, WANTED, '"1"'), 412, "precondition_failed")
    assert world.items() == []


def test_r24_a_put_whose_answer_was_lost_can_be_repeated(world: World) -> None:
    created = _put(world, WANTED)
    world.clock.advance(5)
    again = _put(world, WANTED)
    assert (again.status, again.json) == (200, created.json)

    changed = _put(world, WANTED | {"status": "paused"}, '"1"')
    before = world.items()
    for _ in range(2):
        world.clock.advance(5)
        again = _put(world, WANTED | {"status": "paused"}, '"1"')
        assert (again.status, again.json) == (200, changed.json)
        assert header(again, "etag") == header(changed, "etag")
    assert world.items() == before, "and is done once"
    # The same wish on a version that has been overtaken by another one is no repetition.
    _put(world, WANTED | {"status": "cancelled"}, '"2"')
    assert_problem(_put(world, WANTED | {"status": "paused"}, '"1"'), 412, "precondition_failed")


def test_r24_of_two_changes_of_one_version_the_second_is_refused(world: World) -> None:
    _put(world, WANTED)
    assert _put(world, WANTED | {"max_agents": 1}, '"1"').status == 200
    refused = _put(world, WANTED | {"max_agents": 2}, '"1"')
    assert_problem(refused, 412, "precondition_failed")
    assert "2" in refused.json["detail"], "it says what the version is"


def test_r24_a_put_makes_the_organization_exactly_as_it_says(world: World) -> None:
    _put(world, WANTED | {"max_agents": 7, "status": "paused"})
    answer = _put(world, WANTED, '"1"').json["organization"]
    assert answer["max_agents"] is None
    assert answer["subscription"]["status"] == "active"
    again = _put(
        world,
        WANTED | {"name": "Ümläut & Söhne 株式会社", "valid_until": "2031-01-02T03:04:05+02:00"},
        '"2"',
    )
    assert again.json["organization"]["name"] == "Ümläut & Söhne 株式会社"
    assert again.json["organization"]["subscription"]["valid_until"] == "2031-01-02T01:04:05Z"


def test_r24_a_renewal_reinstates_expired_licenses_with_their_keys_and_never_a_revoked_one(
    world: World,
) -> None:
    world.register("acme", seconds=100)
    issued = {name: world.login(environment=name).json for name in ("one", "two", "three")}
    revoked_before = world.login(ALICE, MACHINE_B).json
    world.revoke(revoked_before["license"]["id"])
    world.clock.advance(100)
    assert world.sweep()["expired"] == 3
    world.revoke(issued["three"]["license"]["id"])

    world.change("acme")
    assert world.sweep()["reinstated"] == 2

    for name, code in (("one", "VALID"), ("two", "VALID"), ("three", "REVOKED")):
        assert world.code(issued[name]["license_key"]) == code
    assert world.code(revoked_before["license_key"], MACHINE_B) == "REVOKED"
    for name in ("one", "two"):
        again = world.login(environment=name)
        assert (again.status, again.json["license_key"]) == (200, issued[name]["license_key"])
    assert world.seats("acme") == 2
    reinstated = [event["license_id"] for event in events(world, "LicenseReinstated")]
    assert sorted(reinstated) == sorted(issued[name]["license"]["id"] for name in ("one", "two"))


def test_r24_a_paused_subscription_that_is_active_again_is_as_before(world: World) -> None:
    world.register("acme", seconds=100)
    key = world.login().json["license_key"]
    world.change("acme", seconds=100, status="paused")
    world.clock.advance(100)
    world.sweep()
    assert world.code(key) == "SUSPENDED"

    world.change("acme", seconds=100)

    assert world.code(key) == "VALID"
    world.sweep()
    assert world.code(key) == "VALID"
    assert world.login().json["license_key"] == key


def test_r24_a_subscription_can_be_shortened_and_lengthened(world: World) -> None:
    world.register("acme", seconds=1000)
    key = world.login().json["license_key"]
    world.change("acme", seconds=10)
    world.clock.advance(10)
    assert world.code(key) == "EXPIRED"
    world.change("acme", seconds=10)
    assert world.code(key) == "VALID"
    world.clock.advance(9)
    assert world.code(key) == "VALID"
    world.clock.advance(1)
    assert world.code(key) == "EXPIRED"


def _put(world: World, wanted: dict[str, Any], etag: str | None = None) -> Answer:
    return world.request(
        "PUT",
        "/v1/organizations/acme",
        person=OLIVIA,
        json=wanted,
        headers=[] if etag is None else [("If-Match", etag)],
    )
