"""R32: what super-admins read of other organizations is in the trail, and no other read is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from licensing.usecases.note_reading import NOTED_SECONDS
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generate, generated, revoke
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    BEA,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    YEAR,
    Answer,
    Person,
    World,
    instant,
)

pytestmark = pytest.mark.sampled(2)

OSKAR = Person("oskar", "vendor", ("super-admin",))
ACMES_OWN = Person("otto", "acme", ("super-admin",))
OF_NOBODY = Person("orla", None, ("super-admin",))
HOUR = NOON - NOON % 3600


@dataclass(frozen=True)
class Acme:
    """An organization with an agent and a temporary licence."""

    world: World
    license_id: str
    temporary_id: str

    def read(self, what: str, person: Person = OLIVIA) -> Answer:
        method, target, body = READS[what](self)
        return self.world.request(method, target, person=person, json=body)

    def on_record(self) -> list[dict[str, Any]]:
        return events(self.world, "OrganizationRead")


Read = Callable[[Acme], tuple[str, str, Any]]
ACME = "/v1/organizations/acme"
READS: dict[str, Read] = {
    "organization": lambda _: ("GET", ACME, None),
    "licenses": lambda _: ("GET", f"{ACME}/licenses", None),
    "license": lambda acme: ("GET", f"/v1/licenses/{acme.license_id}", None),
    "history": lambda acme: ("GET", f"/v1/licenses/{acme.license_id}/events", None),
    "feed": lambda _: ("GET", f"{ACME}/events", None),
    "statistics": lambda _: ("GET", f"{ACME}/statistics", None),
    "activity": lambda _: ("GET", f"{ACME}/activity", None),
    "temporary_licenses": lambda _: ("GET", f"{ACME}/temporary-licenses", None),
    "machine": lambda _: ("POST", "/v1/machines/lookup", {"machine": MACHINE_A}),
}


@pytest.fixture
def acme(world: World) -> Acme:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    return Acme(world, issued["license"]["id"], generated(world).id)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("what", READS)
def test_r32_each_read_by_a_super_admin_is_on_record_with_who_and_what(
    acme: Acme, what: str
) -> None:
    assert acme.read(what).status == 200
    (entry,) = acme.on_record()
    assert (entry["organization_id"], entry["readings"]) == ("acme", {what})
    assert entry["actor"] == {"kind": "user", "subject": "olivia", "roles": ["super-admin"]}
    assert (entry["at"], entry["last_at"], entry["times"]) == (HOUR, NOON, 1)
    assert entry["source_address"] == "203.0.113.7"
    assert "license_id" not in entry


@pytest.mark.sampled(4)
@pytest.mark.parametrize("what", READS)
def test_r32_a_read_costs_one_write_at_most_and_none_for_the_organizations_own(
    acme: Acme, what: str
) -> None:
    with acme.world.counting() as calls:
        acme.read(what)
    assert calls["UpdateItem"] == 1
    own = ACMES_OWN if what in ("temporary_licenses", "machine") else ADA
    with acme.world.counting() as by_own:
        assert acme.read(what, own).status == 200
    assert by_own == {name: count for name, count in calls.items() if name != "UpdateItem"}
    assert len(acme.on_record()) == 1


def test_r32_the_reads_of_an_hour_are_one_entry_for_each_person_and_organization(
    acme: Acme,
) -> None:
    for person in (OLIVIA, OSKAR, OF_NOBODY):
        for what in READS:
            acme.read(what, person)
    acme.world.request("GET", "/v1/organizations/bolt", person=OLIVIA)
    told = {(e["actor"]["subject"], e["organization_id"]): e for e in acme.on_record()}
    assert told.keys() == {
        ("olivia", "acme"),
        ("oskar", "acme"),
        ("orla", "acme"),
        ("olivia", "bolt"),
    }
    assert told["oskar", "acme"]["readings"] == set(READS)
    acme.world.clock.advance(3600)
    acme.read("feed")
    assert len(acme.on_record()) == 5


def test_r32_a_page_that_asks_again_and_again_counts_once_in_five_minutes(acme: Acme) -> None:
    for _ in range(6):
        acme.read("feed")
        acme.world.clock.advance(NOTED_SECONDS // 3)
    (entry,) = acme.on_record()
    assert (entry["times"], entry["last_at"]) == (2, NOON + NOTED_SECONDS)
    acme.read("license")
    (entry,) = acme.on_record()
    assert (entry["times"], entry["readings"]) == (3, {"feed", "license"}), "the first of its kind"


def test_r32_it_is_in_the_trail_and_on_the_bus_and_not_in_the_organizations_feed(
    acme: Acme,
) -> None:
    before = pages.feed(acme.world, person=ADA)
    for what in READS:
        acme.read(what)
    assert pages.feed(acme.world, person=ADA) == before
    (told,) = [e for e in pages.feed(acme.world, person=OLIVIA) if e["type"] == "OrganizationRead"]
    assert told["readings"] == sorted(READS)
    assert (told["at"], told["last_at"], told["license_id"]) == (instant(HOUR), instant(NOON), None)
    filtered = acme.world.request("GET", f"{ACME}/events?type=OrganizationRead", person=ADA)
    assert filtered.json["events"] == []


def test_r33_the_trail_is_read_in_pages_across_them(acme: Acme) -> None:
    for person in (OLIVIA, OSKAR):
        acme.read("licenses", person)
    whole = acme.world.request("GET", f"{ACME}/events", person=OLIVIA).json["events"]
    found, cursor = [], ""
    while True:
        page = acme.world.request("GET", f"{ACME}/events?limit=1{cursor}", person=OLIVIA).json
        found += page["events"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [event["id"] for event in found] == [event["id"] for event in whole]


def throttled(**_: Any) -> None:
    """A table that takes no write."""
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("what", READS)
def test_r32_what_cannot_be_put_on_record_is_not_shown(acme: Acme, what: str) -> None:
    hooks = acme.world.runtime.dynamodb.meta.events
    hooks.register("before-call.dynamodb.UpdateItem", throttled)
    try:
        assert_problem(acme.read(what), 503, "unavailable")
        own = ACMES_OWN if what in ("temporary_licenses", "machine") else ADA
        assert acme.read(what, own).status == 200
    finally:
        hooks.unregister("before-call.dynamodb.UpdateItem", throttled)
    assert acme.on_record() == []


def test_r32_nothing_is_on_record_of_what_is_not_shown(acme: Acme) -> None:
    world = acme.world
    for target in ("/v1/organizations/nobody", "/v1/licenses/lic_0000000000000000"):
        for suffix in ("", "/events"):
            assert world.request("GET", f"{target}{suffix}", person=OLIVIA).status == 404
    hidden = world.request("GET", f"/v1/licenses/{acme.temporary_id}", person=OLIVIA)
    assert hidden.status == 404
    free = {"machine": MACHINE_B}
    looked_up = world.request("POST", "/v1/machines/lookup", person=OLIVIA, json=free)
    assert looked_up.json["holders"] == []
    for what in READS:
        assert acme.read(what, BEA).status in (403, 404)
        assert acme.read(what, ALICE).status == 403
    assert world.request("GET", "/v1/organizations", person=OLIVIA).status == 200
    assert acme.on_record() == []


def test_r32_a_change_is_on_record_as_a_change_and_one_that_changes_nothing_as_a_read(
    acme: Acme,
) -> None:
    world = acme.world
    assert world.request("PATCH", ACME, person=OLIVIA, json={"max_agents": 3}).status == 200
    assert acme.on_record() == []
    for wanted in ({}, {"max_agents": 3}):
        assert world.request("PATCH", ACME, person=ADA, json={}).status == 200
        assert acme.on_record() == [] or wanted
        assert world.request("PATCH", ACME, person=OLIVIA, json=wanted).status == 200
    (entry,) = acme.on_record()
    assert entry["readings"] == {"organization"}


# -- changes that change nothing -----------------------------------------------------------------

Change = Callable[[Acme, Person], Answer]


def _patched(acme: Acme, person: Person, **wanted: Any) -> Answer:
    target = f"/v1/licenses/{acme.license_id}"
    return acme.world.request("PATCH", target, person=person, json=wanted)


def _acted(acme: Acme, person: Person, action: str) -> Answer:
    return acme.world.act(action, acme.license_id, person)


def _patched_old(acme: Acme, person: Person) -> Answer:
    return acme.world.request(
        "PATCH",
        f"/v1/licenses/{acme.license_id}",
        person=person,
        json={"label": "Till"},
        headers=[("If-Match", '"7-0000000000000000"')],
    )


IDLE: dict[str, tuple[Change, int]] = {
    "attach what is active": (lambda acme, person: _acted(acme, person, "attach"), 200),
    "name nothing": (_patched, 200),
    "name what is so": (lambda acme, person: _patched(acme, person, primary=False), 200),
    "forget no device key": (lambda acme, person: _acted(acme, person, "reset-device-key"), 200),
    "change another version": (_patched_old, 412),
}


@pytest.mark.parametrize(("change", "status"), IDLE.values(), ids=IDLE)
def test_r32_a_request_that_changes_nothing_of_a_license_is_on_record_as_a_read(
    acme: Acme, change: Change, status: int
) -> None:
    with acme.world.counting() as by_own:
        assert change(acme, ADA).status == status
    assert (acme.on_record(), by_own["UpdateItem"]) == ([], 0)
    with acme.world.counting() as calls:
        assert change(acme, OLIVIA).status == status
    (entry,) = acme.on_record()
    assert (entry["readings"], entry["actor"]["subject"]) == ({"license"}, "olivia")
    assert calls["UpdateItem"] == 1
    assert change(acme, BEA).status == 404
    assert len(acme.on_record()) == 1


def test_r21_r32_so_is_one_that_is_told_in_which_state_a_license_is(acme: Acme) -> None:
    assert acme.world.revoke(acme.license_id, OLIVIA).status == 200
    assert acme.on_record() == [], "a change"
    assert acme.world.revoke(acme.license_id, OLIVIA).status == 200
    assert_problem(_acted(acme, OLIVIA, "attach"), 409, "invalid_transition")
    (entry,) = acme.on_record()
    assert (entry["readings"], entry["times"]) == ({"license"}, 1)


def test_r25_r32_so_is_an_end_of_a_temporary_license_that_has_ended(acme: Acme) -> None:
    for times in (0, 1):
        assert revoke(acme.world, acme.temporary_id).status == 200
        assert len(acme.on_record()) == times
    assert acme.on_record()[0]["readings"] == {"temporary_licenses"}


def test_r25_r32_so_is_a_repeated_request_for_a_temporary_license(acme: Acme) -> None:
    for times in (0, 1):
        assert generate(acme.world, idempotency_key="order-17").status == 201
        assert len(acme.on_record()) == times
    assert acme.on_record()[0]["readings"] == {"temporary_licenses"}


def test_r32_so_is_a_repeated_registration_of_an_organization(acme: Acme) -> None:
    for _ in range(2):
        assert acme.world.put("acme").status == 200
    (entry,) = acme.on_record()
    assert (entry["readings"], entry["times"]) == ({"organization"}, 1)
    own = {"name": "Acme", "valid_until": instant(NOON + YEAR), "status": "active"}
    again = acme.world.request("PUT", ACME, person=ACMES_OWN, json=own | {"max_agents": None})
    assert again.status == 200
    assert acme.on_record() == [entry]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("change", [change for change, _ in IDLE.values()], ids=IDLE)
def test_r32_it_is_not_answered_where_that_cannot_be_put_on_record(
    acme: Acme, change: Change
) -> None:
    hooks = acme.world.runtime.dynamodb.meta.events
    hooks.register("before-call.dynamodb.UpdateItem", throttled)
    try:
        assert_problem(change(acme, OLIVIA), 503, "unavailable")
    finally:
        hooks.unregister("before-call.dynamodb.UpdateItem", throttled)
