"""`PATCH /v1/organizations/{organization_id}`: what an organization decides about its agents."""

from typing import Any

import pytest

from tests.integration.answers import assert_problem
from tests.integration.billing import bill
from tests.integration.policy import NO_DEMANDS, govern
from tests.integration.trail import events
from tests.world import ADA, ALICE, BEA, NOON, OLIVIA, YEAR, Person, World

PATH = "/v1/organizations/acme"


@pytest.fixture
def acme(world: World) -> World:
    world.register("acme")
    return world


def test_at_first_nothing_is_required_and_nothing_blocked(acme: World) -> None:
    shown = acme.request("GET", PATH, person=ADA)
    assert shown.json["organization"]["policy"] == NO_DEMANDS
    assert shown.json["organization"]["policy_floor"] == NO_DEMANDS


@pytest.mark.parametrize("person", [ADA, OLIVIA], ids=lambda person: person.subject)
def test_an_administrator_decides_one_thing_and_the_other_stays(
    acme: World, person: Person
) -> None:
    govern(acme, block_clones=True, agents_per_member=3)
    changed = govern(acme, person, require_device_key=True)
    assert changed.status == 200
    assert changed.json["organization"]["policy"] == NO_DEMANDS | {
        "require_device_key": True,
        "block_clones": True,
        "agents_per_member": 3,
    }
    assert acme.request("GET", PATH, person=ADA).json == changed.json


@pytest.mark.parametrize(("person", "status"), [(ALICE, 403), (BEA, 404)], ids=["member", "other"])
def test_nobody_else_does(acme: World, person: Person, status: int) -> None:
    before = acme.items()
    assert govern(acme, person, block_clones=True).status == status
    assert acme.items() == before


def test_r32_it_is_on_record_once_with_before_and_after(acme: World) -> None:
    govern(acme, block_clones=True)
    govern(acme, block_clones=True)  # the answer to the first was lost
    (event,) = events(acme, "OrganizationUpdated")
    assert event["before"]["block_clones"] is False
    assert event["after"] == event["before"] | {"block_clones": True}
    assert (event["at"], event["revision"]) == (NOON, 2)
    assert event["actor"] == {"kind": "user", "subject": "ada", "roles": ["member", "org-admin"]}


def test_it_has_a_version_of_its_own_that_an_older_change_is_refused_after(acme: World) -> None:
    etag = acme.request("GET", PATH, person=OLIVIA).headers["etag"]
    assert govern(acme, block_clones=True).headers["etag"] != etag
    refused = acme.request(
        "PUT",
        PATH,
        person=OLIVIA,
        json={"name": "Acme", "valid_until": "2031-01-01T00:00:00Z"},
        headers=[("if-match", etag)],
    )
    assert_problem(refused, 412, "precondition_failed")


def test_r24_neither_billing_nor_an_administrators_change_touches_it(acme: World) -> None:
    govern(acme, require_device_key=True, block_clones=True)
    bill(acme, version=7, name="Acme Two")
    acme.change("acme", name="Acme Three", seconds=2 * YEAR)
    shown = acme.request("GET", PATH, person=ADA).json["organization"]
    assert shown["name"] == "Acme Three"
    assert shown["policy"] == NO_DEMANDS | {"require_device_key": True, "block_clones": True}


def test_r22_the_sweep_still_announces_the_end_after_it(acme: World) -> None:
    acme.change("acme", seconds=40 * 86_400)
    govern(acme, block_clones=True)
    acme.sweep()
    acme.clock.time += 11 * 86_400
    acme.sweep()
    (event,) = events(acme, "SubscriptionEnding")
    assert event["after"]["announced_days"] == 30


def test_a_record_from_before_there_was_a_policy_has_none(acme: World) -> None:
    acme.runtime.dynamodb.update_item(
        TableName=acme.runtime.settings.table_name,
        Key={"pk": {"S": "ORGANIZATION#acme"}, "sk": {"S": "ORGANIZATION"}},
        UpdateExpression="REMOVE require_device_key, block_clones, lock_device_keys",
    )
    shown = acme.request("GET", PATH, person=ADA).json["organization"]
    assert shown["policy"] == NO_DEMANDS
    assert govern(acme, block_clones=True).json["organization"]["policy"]["block_clones"] is True


def test_r38_null_allows_any_number_of_agents_per_member_and_zero_none(acme: World) -> None:
    for limit in (0, 5, None):
        shown = govern(acme, agents_per_member=limit).json["organization"]["policy"]
        assert shown == NO_DEMANDS | {"agents_per_member": limit}
    told = {e["revision"]: e["after"] for e in events(acme, "OrganizationUpdated")}
    assert [told[revision]["agents_per_member"] for revision in (2, 3, 4)] == [0, 5, None]


@pytest.mark.parametrize(
    "wanted",
    [
        {"agents_per_member": -1},
        {"agents_per_member": "2"},
        {"agents_per_member": True},
        {"agents_per_member": 10**9 + 1},
        {"lock_device_keys": None},
        {"block_clones": None},
        {"require_device_key": "on"},
    ],
    ids=str,
)
def test_what_is_no_value_of_a_field_is_refused_and_named(
    acme: World, wanted: dict[str, Any]
) -> None:
    before = acme.items()
    refused = govern(acme, **wanted)
    assert_problem(refused, 400, "invalid_request")
    (name,) = wanted
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{name}"]
    assert acme.items() == before
