"""`PATCH /v1/organizations/{organization_id}`: what is named changes, and nothing else."""

from typing import Any

import pytest

from tests.integration.answers import assert_problem, is_tag_of
from tests.integration.billing import bill
from tests.integration.policy import NO_DEMANDS, govern
from tests.integration.trail import events
from tests.world import ADA, ALICE, BEA, NOON, OLIVIA, YEAR, Answer, Person, World, instant

pytestmark = pytest.mark.sampled(2)

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
        json={
            "name": "Acme",
            "valid_until": "2031-01-01T00:00:00Z",
            "status": "active",
            "max_agents": None,
        },
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


@pytest.mark.sampled(4)
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
        {"name": None},
        {"valid_until": None},
        {"status": None},
        {"billing_version": None},
        {"billing_version": -1},
        {"billing_version": 2**62},
    ],
    ids=str,
)
def test_what_is_no_value_of_a_field_is_refused_and_named(
    acme: World, wanted: dict[str, Any]
) -> None:
    before = acme.items()
    refused = amend(acme, wanted)
    assert_problem(refused, 400, "invalid_request")
    (name,) = wanted
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{name}"]
    assert acme.items() == before


# -- the vendor's side -----------------------------------------------------------------------------

VENDORS: dict[str, Any] = {
    "name": "Acme Ltd",
    "valid_until": instant(NOON + 60),
    "status": "paused",
    "max_agents": 3,
    "billing_version": 9,
}


def amend(
    world: World, wanted: dict[str, Any], person: Person = OLIVIA, etag: str | None = None
) -> Answer:
    headers = [] if etag is None else [("if-match", etag)]
    return world.request("PATCH", PATH, person=person, json=wanted, headers=headers)


@pytest.mark.parametrize("name", VENDORS)
def test_r24_a_super_admin_changes_one_thing_and_all_else_stays(acme: World, name: str) -> None:
    acme.change("acme", max_agents=7)
    before = acme.request("GET", PATH, person=ADA).json["organization"]
    answer = amend(acme, {name: VENDORS[name]})
    assert answer.status == 200
    after = answer.json["organization"]
    place = after["subscription"] if name in ("valid_until", "status") else after
    assert place[name] == VENDORS[name]
    flat, was = {**after, **after["subscription"]}, {**before, **before["subscription"]}
    changed = {field for field in flat if flat[field] != was[field]}
    assert changed - {"subscription", "standing", "version"} == {name}
    (event,) = [e for e in events(acme, "SubscriptionChanged") if e["revision"] == 3]
    assert {k for k in event["after"] if event["after"][k] != event["before"][k]} == {name}


def test_r24_a_renewal_by_it_neither_opens_the_seats_nor_lifts_a_pause(acme: World) -> None:
    acme.change("acme", max_agents=1, status="paused")
    amend(acme, {"valid_until": instant(NOON + 3 * YEAR)})
    shown = acme.request("GET", PATH, person=ADA).json["organization"]
    assert (shown["max_agents"], shown["subscription"]["status"]) == (1, "paused")


def test_an_org_admin_is_refused_what_is_the_vendors_by_name_and_nothing_is_changed(
    acme: World,
) -> None:
    before = acme.items()
    for name, value in VENDORS.items():
        refused = amend(acme, {"block_clones": True, name: value}, ADA)
        assert_problem(refused, 403, "forbidden")
        assert name in refused.json["detail"]
    all_of_it = amend(acme, VENDORS, ADA)
    assert ", ".join(VENDORS) in all_of_it.json["detail"]
    assert amend(acme, {"max_agents": None}, ADA).status == 403
    assert amend(acme, VENDORS, BEA).status == amend(acme, VENDORS, ALICE).status == 403
    assert acme.items() == before


def test_both_sides_in_one_request_are_one_change(acme: World) -> None:
    answer = amend(acme, {"name": "Acme Ltd", "block_clones": True})
    shown = answer.json["organization"]
    assert (shown["name"], shown["policy"]["block_clones"], shown["version"]) == (
        "Acme Ltd",
        True,
        2,
    )
    assert [e["type"] for e in events(acme) if e["revision"] == 2] == ["SubscriptionChanged"]


@pytest.mark.parametrize("person", [ADA, OLIVIA], ids=lambda person: person.subject)
def test_a_request_that_names_nothing_or_what_is_so_already_shows_the_organization(
    acme: World, person: Person
) -> None:
    before = acme.items()
    shown = acme.request("GET", PATH, person=ADA)
    same: dict[str, Any] = {"block_clones": False}
    if person is OLIVIA:
        same |= {"name": "Acme", "max_agents": None, "billing_version": 0}
    for wanted in ({}, same):
        answer = amend(acme, wanted, person)
        assert (answer.status, answer.json) == (200, shown.json)
        assert is_tag_of(answer, 1)
    # What a super-admin is shown is on record as a read.
    assert [item for item in acme.items() if not item["pk"]["S"].startswith("READS#")] == before


def test_it_is_made_on_the_version_that_if_match_names_or_on_any(acme: World) -> None:
    assert is_tag_of(amend(acme, {"max_agents": 3}, etag='"1"'), 2)
    assert amend(acme, {"max_agents": 3}, etag='"1"').status == 200, "its answer was lost"
    before = acme.items()
    for etag in ('"1"', '"3"'):
        assert_problem(amend(acme, {"max_agents": 4}, etag=etag), 412, "precondition_failed")
        stale = amend(acme, {"block_clones": True}, ADA, etag)
        assert_problem(stale, 412, "precondition_failed")
    for etag in ('"1"', '"3"'):
        assert_problem(amend(acme, {}, etag=etag), 412, "precondition_failed")
    assert acme.items() == before
    assert is_tag_of(amend(acme, {"max_agents": 4}), 3)


def test_it_creates_nothing(acme: World) -> None:
    full = {name: value for name, value in VENDORS.items() if name != "billing_version"}
    answer = acme.request("PATCH", "/v1/organizations/nobody", person=OLIVIA, json=full)
    assert_problem(answer, 404, "not_found")


def test_r24_a_renewal_by_it_reinstates_what_the_sweep_has_marked(acme: World) -> None:
    amend(acme, {"valid_until": instant(NOON + 100)})
    key = acme.login().json["license_key"]
    acme.clock.advance(100)
    assert acme.sweep()["expired"] == 1
    amend(acme, {"valid_until": instant(NOON + YEAR)})
    assert acme.code(key) == "VALID"
    assert acme.sweep()["reinstated"] == 1
