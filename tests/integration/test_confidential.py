"""R28: what an organization may not know, in its feed and for those who listen on the bus.

One life holds every kind of event. The feed of an organization and what is not marked on the bus
are the same events, word for word. The tables say which ones are marked, and which are not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from licensing.domain.audit import EventType
from tests.devices import Device
from tests.integration import pages
from tests.integration.agents import Agent
from tests.integration.billing import bill
from tests.integration.outbox import Outbox
from tests.integration.partner import PETRA, generated, login_with, revoke
from tests.local.patterns import Pattern
from tests.world import (
    ADA,
    ALICE,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    PAVEL,
    World,
    new_world,
)

ROOT = Path(__file__).parents[2]
HOUR = 3600
DAY = 86_400
MACHINE_C = {
    "machine_id": "deadbea7-2bad-4b0b-8dad-5eed5ca1ab1e",
    "mac_addresses": ["3c:52:82:ca:7a:93"],
    "computer_name": "CLIENT-PC",
}
PARTNERS_ADDRESS = "198.51.100.77"

# Each type of event, and each folded one with its reason: of temporary licences, and of all else.
CONFIDENTIAL = {
    ("TemporaryLicenseGenerated", None),
    ("TemporaryLicenseUsed", None),
    ("TemporaryLicenseExpired", None),
    ("TemporaryLicenseRevoked", None),
    ("DeviceKeyChanged", None),
    ("OrganizationRead", None),
    ("AgentReturned", "older_lease"),
    ("CloneSuspected", "clone_suspected"),
    ("AccessRefused", "device_key"),
    ("CloneSuspected", "device_key_elsewhere"),
    ("AccessRefused", "temporary_license_not_usable"),
    ("AccessRefused", "organization_mismatch"),
    ("AccessRefused", "revoked"),
}
OPEN = {
    ("LicenseIssued", None),
    ("LicenseRevoked", None),
    ("LicenseDetached", None),
    ("LicenseAttached", None),
    ("LicenseDissociated", None),
    ("LicenseReassigned", None),
    ("LicenseUpdated", None),
    ("LicenseExpired", None),
    ("LicenseReinstated", None),
    ("DeviceKeyChanged", None),
    ("DeviceKeyReset", None),
    ("DeviceKeyPending", None),
    ("DeviceKeyKept", None),
    ("MachineDrifted", None),
    ("OrganizationCreated", None),
    ("OrganizationUpdated", None),
    ("BillingEventIgnored", None),
    ("SubscriptionChanged", None),
    ("SubscriptionEnding", None),
    ("AgentReturned", "older_lease"),
    ("CloneSuspected", "clone_suspected"),
    ("CloneSuspected", "machine_came_back"),
    ("AccessRefused", "device_key"),
    ("AccessRefused", "machine_registered_to_other_organization"),
    ("AccessRefused", "on_behalf_login_disabled"),
    ("AccessRefused", "proof_required"),
    ("AccessRefused", "machine_mismatch"),
    ("AccessRefused", "organization_mismatch"),
    ("AccessRefused", "proof_invalid"),
    ("AccessRefused", "revoked"),
}


@dataclass
class Told:
    """What has been told of one life: each organization's feed, the trails, and the bus."""

    feeds: Mapping[str, list[dict[str, Any]]]
    trails: Mapping[str, list[dict[str, Any]]]
    bus: list[Mapping[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """A life with every kind of event, told in each way."""
    with new_world(has_stream=True) as world:
        outbox = Outbox(world)
        live(world)
        for name in ("acme", "bolt"):  # a read, which is on record
            pages.feed(world, OLIVIA, name)
        assert outbox.publish(outbox.records()) == []
        yield Told(
            {"acme": pages.feed(world, ADA), "bolt": pages.feed(world, BEA, "bolt")},
            {name: pages.feed(world, OLIVIA, name) for name in ("acme", "bolt")},
            outbox.arrived(),
        )


def live(world: World) -> None:
    """All that happens to licences, and all that partners do and are refused."""
    world.register("acme", seconds=20 * DAY)
    world.register("bolt")
    world.sweep()
    for version in (2, 1):
        bill(world, version, "bolt")
    members(world)
    partners(world)
    world.clock.advance(20 * DAY)
    world.sweep()
    world.change("acme")
    world.sweep()


def members(world: World) -> None:
    """What an organization may know of its own agents."""
    agent = Agent(world, Device())
    agent.login()
    agent.validate(machine=MACHINE_A | {"computer_name": "ACME-PC-02"})
    bound = agent.device
    agent.device = Device()
    agent.validate()
    agent.login()  # its key waits
    replace(agent, device=Device()).login()
    agent.device = bound
    agent.validate()
    world.act("reset-device-key", agent.license_id)
    for person in (ALICE, ADA):
        agent.device = Device()
        agent.login(person)
    world.clock.advance(DAY)
    clone = replace(agent, address="203.0.113.99")
    for one in (agent, clone, agent):
        one.validate()
        world.clock.advance(DAY)
    world.request("PATCH", "/v1/organizations/acme", person=ADA, json={"block_clones": True})
    key, id = agent.key, agent.license_id
    world.login(BORIS, MACHINE_A)
    for required in (True, False):
        wanted = {"require_device_key": required}
        world.request("PATCH", "/v1/organizations/bolt", person=BEA, json=wanted)
        if required:
            world.login(BORIS, MACHINE_C)
    login_with(world, key, BORIS, MACHINE_B)
    world.validate(key, MACHINE_B)
    world.validate(key, MACHINE_A, "bolt")
    for action in ("detach", "attach", "dissociate"):
        world.act(action, id)
    login_with(world, key, ALICE, MACHINE_C)
    world.request("PATCH", f"/v1/licenses/{id}", person=ADA, json={"primary": True})
    world.login(ALICE, MACHINE_A)  # it stays, to expire
    world.revoke(id)
    world.validate(key, MACHINE_C)


def partners(world: World) -> None:
    """What partners do with temporary licences, from an address of their own."""
    world.login(BORIS, MACHINE_B)
    one = generated(world, "1d")
    agent = Agent(world, Device(), MACHINE_C, PARTNERS_ADDRESS)
    agent.login(PAVEL, license_key=one.key)
    bound, agent.device = agent.device, Device()
    assert bound is not None
    agent.login(PAVEL, license_key=one.key)
    agent.login_after(bound, PAVEL, {"license_key": one.key})
    clone = replace(agent, lease=None)
    for each in (agent, clone, agent):
        each.validate()
        world.clock.advance(8 * HOUR)
    agent.login(PETRA, license_key=one.key)
    agent.validate(machine=MACHINE_B)
    agent.validate(organization_id="bolt")
    replace(agent, machine=MACHINE_B).login(PAVEL, license_key=generated(world, "1h").key)
    two = generated(world, "7d")
    revoke(world, two.id)
    replace(agent, key=two.key, device=None).validate()
    world.clock.advance(DAY)
    world.sweep()


def what(event: Mapping[str, Any]) -> tuple[str, str | None]:
    """What an event is a case of in the table."""
    folded = event["type"] in {"AccessRefused", "AgentReturned", "CloneSuspected"}
    return event["type"], event["reason"] if folded else None


def lasting(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without what a folded refusal goes on counting after it has left."""
    return {k: v for k, v in event.items() if k not in {"times", "last_at", "request_id"}}


def on_bus(told: Told, *, confidential: bool) -> list[Mapping[str, Any]]:
    details = [event["detail"] for event in told.bus]
    return [detail for detail in details if detail["confidential"] is confidential]


def test_r28_the_table_names_every_type_of_event() -> None:
    assert {kind for kind, _ in CONFIDENTIAL | OPEN} == {*EventType}


def test_r28_the_bus_marks_what_is_confidential_and_nothing_else(told: Told) -> None:
    assert {what(event) for event in on_bus(told, confidential=True)} == CONFIDENTIAL
    assert {what(event) for event in on_bus(told, confidential=False)} == OPEN


@pytest.mark.parametrize("organization_id", ["acme", "bolt"])
def test_r28_what_the_bus_does_not_mark_is_the_feed_word_for_word(
    told: Told, organization_id: str
) -> None:
    feed = {event["id"]: lasting(event) for event in told.feeds[organization_id]}
    unmarked = {
        event["id"]: lasting(event)
        for event in on_bus(told, confidential=False)
        if event["organization_id"] == organization_id
    }
    assert unmarked == feed
    assert not any(event["confidential"] for event in feed.values())


@pytest.mark.parametrize("organization_id", ["acme", "bolt"])
def test_r28_super_admins_see_the_same_marks_in_the_trail(told: Told, organization_id: str) -> None:
    marks = {event["id"]: event["confidential"] for event in told.trails[organization_id]}
    assert marks == {
        event["detail"]["id"]: event["detail"]["confidential"]
        for event in told.bus
        if event["detail"]["organization_id"] == organization_id
    }
    named = [event for event in told.trails["bolt"] if event["actor"]["subject"] == "pavel"]
    assert [what(event)[1] for event in named] == ["machine_registered_to_other_organization"]


def test_r28_nothing_that_is_not_marked_tells_of_the_partner(told: Told) -> None:
    for text in (json.dumps(on_bus(told, confidential=False)), json.dumps(told.feeds)):
        for of_theirs in ("pavel", "petra", PARTNERS_ADDRESS, "partner-works", '"partner"'):
            assert of_theirs not in text
    assert "pavel" in json.dumps(on_bus(told, confidential=True))


def test_r04_who_was_refused_on_anothers_machine_is_told_to_nobody_there(told: Told) -> None:
    for event in [*told.feeds["acme"], *told.feeds["bolt"]]:
        if event["reason"] == "machine_registered_to_other_organization" and event["license_id"]:
            assert event["actor"] == {
                "kind": "user",
                "subject": "hidden",
                "name": None,
                "roles": [],
            }
            assert (event["source_address"], event["agent_version"]) == (None, None)
            assert event["request_id"] == "hidden"


def test_r28_the_pattern_in_the_manual_lets_through_what_organizations_may_know(told: Told) -> None:
    manual = (ROOT / "functions" / "README.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"```json\n(\{[^`]*confidential[^`]*\})\n```", manual)
    pattern = Pattern.of(json.loads(found))
    let_through = [event["detail"] for event in told.bus if pattern.matches(event)]
    assert let_through == on_bus(told, confidential=False)
