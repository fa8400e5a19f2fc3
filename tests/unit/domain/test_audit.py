"""Audit events: what they tell, what they keep to themselves, and how refusals are folded."""

import json
from dataclasses import asdict, replace

import pytest

from licensing.domain import audit
from licensing.domain.audit import Actor, ActorKind, Event, EventType, Origin, RefusedAttempt
from licensing.domain.errors import Misconfigured
from licensing.domain.license import State
from licensing.domain.organization import Subscription, SubscriptionStatus
from licensing.domain.temporary_license import Term, TimeToLive
from tests.unit.samples import (
    NOW,
    ORIGIN,
    OTHER_MACHINE,
    license,
    machine,
    organization,
    subscription,
)


def revoked() -> Event:
    before = license(revision=3)
    after = license(state=State.REVOKED, revision=4, updated_at=NOW + 60)
    event = audit.of_license(EventType.LICENSE_REVOKED, before, after, id="evt_1", origin=ORIGIN)
    return replace(event, reason="stolen")


# -- R32: what happened ----------------------------------------------------------------------------


def test_r32_a_licenses_event_says_who_what_when_and_from_what_to_what() -> None:
    event = revoked()
    facts = {
        "environment": "production",
        "computer_name": "ACME-PC-01",
        "machine": machine().identity().hex(),
        "primary": False,
    }
    assert event == Event(
        id="evt_1",
        type=EventType.LICENSE_REVOKED,
        at=NOW + 60,
        organization_id="acme",
        license_id="lic_0123456789abcdef",
        revision=4,
        origin=ORIGIN,
        before={**event.after, "state": "active"},
        after=event.after,
        reason="stolen",
    )
    assert facts.items() <= event.after.items()
    assert event.after["state"] == "revoked"


def test_r32_a_first_event_has_nothing_before_it() -> None:
    event = audit.of_license(EventType.LICENSE_ISSUED, None, license(), id="evt_1", origin=ORIGIN)
    assert event.before is None
    assert event.after["state"] == "active"
    assert event.reason is None


def test_r32_an_organizations_event_shows_the_subscription_before_and_after() -> None:
    before = organization()
    after = before.changed(
        name="Acme Ltd",
        subscription=subscription(60, SubscriptionStatus.PAUSED),
        max_agents=5,
        now=NOW,
    )
    event = audit.of_organization(
        EventType.SUBSCRIPTION_CHANGED, before, after, id="evt_1", origin=ORIGIN
    )
    assert event == Event(
        id="evt_1",
        type=EventType.SUBSCRIPTION_CHANGED,
        at=NOW,
        organization_id="acme",
        license_id=None,
        revision=2,
        origin=ORIGIN,
        before=event.before,
        after=event.after,
    )
    assert event.before is not None
    assert event.before["name"] == "Acme"
    assert {
        "name": "Acme Ltd",
        "valid_until": NOW + 60,
        "status": "paused",
        "max_agents": 5,
        "announced_days": None,
        "require_device_key": False,
        "block_clones": False,
        "lock_device_keys": False,
        "agents_per_member": None,
    }.items() <= event.after.items()


def test_r32_r33_an_event_tells_all_that_a_license_is_and_how_a_temporary_one_ends() -> None:
    facts = {
        "kind": "standard",
        "state": "active",
        "environment": "production",
        "computer_name": "ACME-PC-01",
        "machine": machine().identity().hex(),
        "exclusive": True,
        "primary": False,
        "label": "Till",
        "device_key": None,
    }
    standard = license(label="Till")
    told = audit.of_license(EventType.LICENSE_ISSUED, None, standard, id="evt_1", origin=ORIGIN)
    assert (told.after, told.components, told.confidential) == (facts, (), False)

    temporary = replace(standard, term=Term(TimeToLive.ONE_HOUR, NOW + 3600, "pavel"))
    told = audit.of_license(
        EventType.TEMPORARY_LICENSE_USED, None, temporary, id="evt_1", origin=ORIGIN
    )
    assert told.after == facts | {
        "kind": "temporary",
        "expires_at": NOW + 3600,
        "holder": "pavel",
    }
    assert told.confidential


def test_r11_r32_an_event_names_the_components_of_the_machine_that_have_changed() -> None:
    moved = license(machine=machine(computer_name="ACME-PC-02"), revision=2)
    told = audit.of_license(EventType.MACHINE_DRIFTED, license(), moved, id="evt_1", origin=ORIGIN)
    assert told.components == ("computer_name",)


def test_r32_an_organizations_first_event_tells_all_of_it_and_nothing_before_it() -> None:
    told = audit.of_organization(
        EventType.ORGANIZATION_CREATED,
        None,
        organization(billing_version=3),
        id="evt_1",
        origin=ORIGIN,
    )
    assert told.before is None
    assert told.after == {
        "name": "Acme",
        "valid_until": subscription().valid_until,
        "status": "active",
        "max_agents": None,
        "billing_version": 3,
        "announced_days": None,
        "require_device_key": False,
        "block_clones": False,
        "lock_device_keys": False,
        "agents_per_member": None,
    }


def test_r32_events_and_actors_have_the_names_that_readers_know() -> None:
    # The bus's rules and the portal filter by them.
    assert {kind.value for kind in EventType} == {
        "LicenseIssued",
        "LicenseRevoked",
        "LicenseDetached",
        "LicenseAttached",
        "LicenseDissociated",
        "LicenseReassigned",
        "LicenseUpdated",
        "LicenseExpired",
        "LicenseReinstated",
        "DeviceKeyChanged",
        "DeviceKeyReset",
        "DeviceKeyPending",
        "DeviceKeyKept",
        "MachineDrifted",
        "TemporaryLicenseGenerated",
        "TemporaryLicenseUsed",
        "TemporaryLicenseExpired",
        "TemporaryLicenseRevoked",
        "OrganizationCreated",
        "OrganizationRead",
        "OrganizationUpdated",
        "BillingEventIgnored",
        "SubscriptionChanged",
        "SubscriptionEnding",
        "AgentReturned",
        "CloneSuspected",
        "AccessRefused",
    }
    assert {"user", "agent", "schedule"} <= {kind.value for kind in ActorKind}


def test_r34_event_ids_spell_all_random_bytes() -> None:
    assert audit.new_event_id(bytes(range(16))) == "evt_000102030405060708090a0b0c0d0e0f"


# -- R35: what is not told -------------------------------------------------------------------------


def test_r35_no_event_holds_a_key_a_mac_address_or_a_machine_id() -> None:
    record = license()
    secrets = [
        "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "4c4c4544004235108052b4c04f4e5931",
        "3c:52:82:0a:1b:2c",
        "3c52820a1b2c",
        record.key(b"secret").reveal(),
        record.key(b"secret").tag.hex(),
    ]
    # Their hashes name claims in the table: those do not leave it either.
    hashes = [machine().machine_id, *machine().mac_addresses, machine().computer_name]
    secrets += [digest.hex() for digest in [*hashes, *machine().pairs()] if digest]
    told = (json.dumps(asdict(revoked())) + repr(revoked())).casefold()
    assert not [secret for secret in secrets if secret.casefold() in told]


def test_r35_a_machine_is_told_apart_by_a_digest_that_no_outsider_can_compute() -> None:
    def told(record: object) -> object:
        event = audit.of_license(
            EventType.LICENSE_ISSUED,
            None,
            license(machine=record),
            id="evt_1",
            origin=ORIGIN,
        )
        return event.after["machine"]

    assert told(machine()) == told(machine())
    assert told(machine()) != told(OTHER_MACHINE)
    assert told(machine()) != told(machine(key=b"another server's key"))


# -- R32: refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        (0, 0),
        (3599, 0),
        (3600, 3600),
        (1_900_000_000, 1_899_997_200),
        (1_899_997_200, 1_899_997_200),
        (1_899_997_199, 1_899_993_600),
    ],
)
def test_r32_refusals_of_one_hour_are_folded_to_its_beginning(at: int, hour: int) -> None:
    refusal = RefusedAttempt(
        license_id="lic_0123456789abcdef",
        organization_id="acme",
        reason="revoked",
        at=at,
        origin=Origin(actor=Actor(ActorKind.AGENT, "lic_0123456789abcdef"), request_id="request-1"),
    )
    assert refusal.hour == hour


def test_r33_an_event_of_an_organization_that_tells_no_subscription_is_none_of_this_service() -> (
    None
):
    assert audit.subscription_in({"valid_until": 1_900_000_000, "status": "paused"}) == (
        Subscription(1_900_000_000, SubscriptionStatus.PAUSED)
    )
    for facts in ({}, {"valid_until": None, "status": "active"}, {"valid_until": 1_900_000_000}):
        with pytest.raises(
            Misconfigured, match=r"^an event of an organization without its subscription$"
        ):
            audit.subscription_in(facts)
