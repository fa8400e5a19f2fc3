"""R28, R32, R35: people have the name that their token had, and only where they may be known.

A name is unverified and decides nothing. It is in the table, for those who may read there, and in
no log, no metric and no event that leaves the service.
"""

from dataclasses import replace

from tests.integration import pages
from tests.integration.partner import generated, used
from tests.integration.spoken import Spoken
from tests.world import ADA, ALICE, BEA, BORIS, MACHINE_B, OLIVIA, OPERATORS, PAVEL, Person, World

NAMED_ADA = replace(ADA, more={"name": "Ada Lovelace"})
NAMED_ALICE = replace(ALICE, more={"name": "Alice Liddell"})
NAMED_BORIS = replace(BORIS, more={"name": "Boris Godunov"})
NAMED_OLIVIA = replace(OLIVIA, more={"name": "Olivia Newman"})
NAMED_PAVEL = replace(PAVEL, more={"name": "Pavel Novak"})
NAMES = ("Lovelace", "Liddell", "Godunov", "Newman", "Novak")


# -- what a token calls somebody -----------------------------------------------------------------


def test_r32_an_event_keeps_the_name_of_then_and_agents_and_systems_have_none(
    world: World,
) -> None:
    world.register("acme", seconds=60)
    key = world.login(NAMED_ALICE).json["license_key"]
    world.clock.advance(1)
    world.login(replace(ALICE, more={"name": "Alice Hargreaves"}), environment="staging")
    world.validate(key, {"machine_id": "other", "computer_name": "OTHER", "mac_addresses": []})
    world.clock.advance(60)
    world.sweep()

    feed = pages.feed(world, ADA)
    assert {(event["type"], event["actor"]["name"]) for event in feed} == {
        ("OrganizationCreated", None),  # by somebody whose token has no name
        ("LicenseIssued", "Alice Liddell"),
        ("LicenseIssued", "Alice Hargreaves"),
        ("AccessRefused", None),
        ("LicenseExpired", None),
    }


def test_nothing_is_decided_by_a_name(world: World) -> None:
    """Neither what it says, nor that the gateway has handed over another one."""
    world.register("acme")
    world.login()
    for name in ("olivia", "super-admin", "hidden"):
        eve = Person("eve", "acme", ("member",), more={"name": name})
        assert world.request("GET", "/v1/organizations/acme/events", person=eve).status == 403
    handed = replace(ADA, more={"name": "Ada"})
    shown = replace(ADA, more={"name": "Adele"}).token(OPERATORS)
    answer = world.request(
        "GET",
        "/v1/organizations/acme/events",
        person=handed,
        headers=[("authorization", f"Bearer {shown}")],
    )
    assert answer.status == 200


# -- who may know it -----------------------------------------------------------------------------


def test_r28_who_was_refused_the_use_of_a_license_has_no_name_in_the_feed(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login(NAMED_ALICE).json["license_key"]
    world.login(NAMED_BORIS)  # acme's machine
    world.login(NAMED_BORIS, MACHINE_B, license_key=key)  # acme's key

    feed = [event for event in pages.feed(world, ADA) if event["type"] == "AccessRefused"]
    assert {event["reason"] for event in feed} == {
        "machine_registered_to_other_organization",
        "on_behalf_login_disabled",
    }
    for event in feed:
        assert (event["actor"]["subject"], event["actor"]["name"]) == ("hidden", None)
    assert "Boris" not in str(pages.feed(world, ADA))
    # The trail tells; and so does the feed of his own organization.
    for reader, organization_id in ((OLIVIA, "acme"), (BEA, "bolt")):
        told = pages.feed(world, reader, organization_id)
        names = {event["actor"]["name"] for event in told if event["type"] == "AccessRefused"}
        assert names == {"Boris Godunov"}


def test_r28_an_organization_reads_nobodys_name_who_has_used_a_temporary_license(
    world: World,
) -> None:
    world.register("acme")
    world.login(NAMED_ALICE)
    temporary = generated(world, person=NAMED_OLIVIA)
    used(world, temporary, NAMED_PAVEL)

    seen = str(pages.feed(world, ADA)) + str(
        pages.everything(world, "/v1/organizations/acme/licenses", ADA)
    )
    assert "Alice Liddell" in seen
    assert "Pavel" not in seen
    assert "Olivia" not in seen
    trail = {event["type"]: event["actor"]["name"] for event in pages.feed(world)}
    assert trail["TemporaryLicenseGenerated"] == "Olivia Newman"
    assert trail["TemporaryLicenseUsed"] == "Pavel Novak"


def test_r32_a_license_tells_by_name_who_logged_in_first(world: World) -> None:
    world.register("acme")
    license_id = world.login(NAMED_ALICE).json["license"]["id"]
    world.login(replace(ALICE, more={"name": "Alice Hargreaves"}))
    path = f"/v1/licenses/{license_id}"
    world.request("PATCH", path, person=NAMED_ADA, json={"label": "Till"})
    nameless = world.login(ALICE, MACHINE_B).json["license"]["id"]

    shown = world.request("GET", path, person=ADA).json["license"]
    assert (shown["issued_by"], shown["issued_by_name"]) == ("alice", "Alice Liddell")
    shown = world.request("GET", f"/v1/licenses/{nameless}", person=ADA).json["license"]
    assert (shown["issued_by"], shown["issued_by_name"]) == ("alice", None)
    (item,) = [
        item
        for item in world.items()
        if item["pk"]["S"] == f"LICENSE#{nameless}" and item["sk"]["S"] == "LICENSE"
    ]
    assert "issued_by_name" not in item


def test_r25_a_temporary_license_tells_by_name_who_generated_and_who_uses_it(world: World) -> None:
    world.register("acme")
    one = generated(world, person=NAMED_OLIVIA)
    shown = pages.temporary(world)[0]
    assert (shown["issued_by_name"], shown["holder_name"]) == ("Olivia Newman", None)

    used(world, one, NAMED_PAVEL)
    used(world, one, replace(PAVEL, more={"name": "Somebody else"}))
    (shown,) = pages.temporary(world)
    assert (shown["holder"], shown["holder_name"]) == ("pavel", "Pavel Novak")
    # Names are with the person, not among the facts, which leave the service.
    for event in pages.feed(world):
        facts = str((event["before"], event["after"]))
        assert not any(name in facts for name in NAMES)


def test_r33_the_names_that_licenses_have_follow_from_the_events_alone(world: World) -> None:
    world.register("acme")
    own = world.login(NAMED_ALICE).json["license"]["id"]
    world.login(NAMED_BORIS)
    world.revoke(own, NAMED_ADA)
    one = generated(world, person=NAMED_OLIVIA)
    used(world, one, NAMED_PAVEL)

    acted = {
        (event["license_id"], event["type"]): event["actor"]["name"] for event in pages.feed(world)
    }
    shown = world.request("GET", f"/v1/licenses/{own}", person=ADA).json["license"]
    assert shown["issued_by_name"] == acted[own, "LicenseIssued"] == "Alice Liddell"
    (shown,) = pages.temporary(world)
    assert shown["issued_by_name"] == acted[one.id, "TemporaryLicenseGenerated"]
    assert shown["holder_name"] == acted[one.id, "TemporaryLicenseUsed"]


# -- where it never gets -------------------------------------------------------------------------


def test_r35_a_name_gets_into_no_log_and_no_metric(world: World, spoken: Spoken) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login(NAMED_ALICE).json["license_key"]
    world.login(NAMED_BORIS)
    world.login(NAMED_BORIS, MACHINE_B, license_key=key)
    used(world, generated(world, person=NAMED_OLIVIA), NAMED_PAVEL)
    (own,) = pages.everything(world, "/v1/organizations/acme/licenses", NAMED_ADA)
    assert world.revoke(own["id"], NAMED_ADA).status == 200

    stored, said = str(world.items()), spoken.taken()
    assert '"outcome":"' in said
    for name in NAMES:
        assert name in stored
        assert name not in said
