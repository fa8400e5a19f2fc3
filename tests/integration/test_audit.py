"""R32: every change leaves exactly one event that tells it whole; misuse is folded by the hour."""

from dataclasses import replace
from typing import Any

from licensing.domain import license_key
from tests.integration.policy import NO_DEMANDS
from tests.integration.trail import events, kinds
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    YEAR,
    World,
    instant,
)

HOUR = 3600
FULL_HOUR = NOON - NOON % HOUR + HOUR


def test_r32_the_first_login_writes_one_event_that_tells_it_whole(world: World) -> None:
    world.register("acme")
    issued = world.login(ALICE, agent_version="4.5.0.0").json

    (event,) = events(world, "LicenseIssued")

    assert event["actor"] == {"kind": "user", "subject": "alice", "roles": ["member"]}
    assert (event["at"], event["organization_id"]) == (NOON, "acme")
    assert event["license_id"] == issued["license"]["id"]
    assert event["source_address"] == "203.0.113.7"
    assert event["origin_agent_version"] == "4.5.0.0"
    assert event["request_id"] == world.exchanges[-1].event["requestContext"]["requestId"]
    assert event["id"].startswith("evt_")
    assert "before" not in event
    assert event["after"] == {
        "kind": "standard",
        "state": "active",
        "environment": "production",
        "computer_name": "ACME-PC-01",
        "machine": event["after"]["machine"],
        "exclusive": True,
        "primary": False,
        "label": None,
        "device_key": None,
    }
    assert "reason" not in event


def test_r32_a_revoke_writes_one_event_with_before_after_and_reason(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    world.clock.advance(60)

    world.revoke(issued["license"]["id"], ADA, reason="The computer was sold.")

    (event,) = events(world, "LicenseRevoked")
    assert event["actor"] == {"kind": "user", "subject": "ada", "roles": ["member", "org-admin"]}
    assert (event["at"], event["revision"]) == (NOON + 60, 2)
    assert event["reason"] == "The computer was sold."
    assert event["before"]["state"] == "active"
    assert event["after"] == event["before"] | {"state": "revoked"}
    assert event["request_id"] == world.exchanges[-1].event["requestContext"]["requestId"]
    assert event["source_address"] == "203.0.113.7"


def test_r32_a_change_of_an_organization_writes_one_event_with_before_and_after(
    world: World,
) -> None:
    world.register("acme")
    world.clock.advance(60)
    world.change("acme", seconds=YEAR - 60, status="paused", max_agents=7)

    (registered,) = events(world, "OrganizationCreated")
    (changed,) = events(world, "SubscriptionChanged")

    assert "before" not in registered
    assert (
        registered["after"]
        == {
            "name": "Acme",
            "valid_until": NOON + YEAR,
            "status": "active",
            "max_agents": None,
            "billing_version": 0,
            "announced_days": None,
        }
        | NO_DEMANDS
    )
    assert changed["before"] == registered["after"]
    assert changed["after"] == registered["after"] | {"status": "paused", "max_agents": 7}
    assert (changed["at"], changed["revision"]) == (NOON + 60, 2)
    assert changed["actor"] == {"kind": "user", "subject": "olivia", "roles": ["super-admin"]}
    assert "license_id" not in changed


def test_r32_there_is_one_event_for_each_change_and_none_for_what_changes_nothing(
    world: World,
) -> None:
    world.register("acme", seconds=1000)
    one = world.login(environment="one").json["license"]["id"]
    two = world.login(environment="two").json
    changes = ["LicenseIssued", "LicenseIssued", "OrganizationCreated"]

    world.login(AMIR, environment="one")
    world.validate(two["license_key"])
    world.request("GET", f"/v1/licenses/{one}", person=ADA)
    world.request("GET", "/v1/organizations/acme/licenses", person=ADA)
    world.put("acme", seconds=5)  # refused: it names no version
    world.login(machine={})
    world.revoke("lic_0000000000000000")
    assert kinds(world) == changes

    world.revoke(one)
    world.revoke(one)
    assert kinds(world) == sorted([*changes, "LicenseRevoked"])
    world.clock.advance(1000)
    for _ in range(3):
        world.sweep()
    assert kinds(world) == sorted([*changes, "LicenseRevoked", "LicenseExpired"])
    world.change("acme")
    for _ in range(3):
        world.sweep()
    assert kinds(world) == sorted(
        [*changes, "LicenseRevoked", "LicenseExpired", "LicenseReinstated", "SubscriptionChanged"]
    )
    ids = [event["id"] for event in events(world)]
    assert len(set(ids)) == len(ids)
    history = [
        int(event["revision"])
        for event in events(world)
        if event.get("license_id") == two["license"]["id"]
    ]
    assert history == [1, 2, 3], "in order, without a gap"


def test_r32_refused_uses_are_folded_to_one_entry_per_license_reason_and_hour(
    world: World,
) -> None:
    world.clock.time = FULL_HOUR
    world.register("acme")
    world.register("bolt")
    first, second = world.login().json, world.login(environment="staging").json

    def misuse(*, times: int) -> None:
        for _ in range(times):
            world.clock.advance(1)
            assert world.code(first["license_key"], MACHINE_B) == "MACHINE_MISMATCH"

    misuse(times=3)
    (entry,) = _refusals(world)
    assert (entry["reason"], entry["times"]) == ("machine_mismatch", 3)
    assert entry["license_id"] == first["license"]["id"]
    assert entry["organization_id"] == "acme"
    assert (entry["at"], entry["last_at"]) == (FULL_HOUR, FULL_HOUR + 3)
    assert entry["actor"] == {"kind": "agent", "subject": first["license"]["id"], "roles": []}
    assert entry["request_id"] == world.exchanges[-1].event["requestContext"]["requestId"]

    assert world.code(first["license_key"], MACHINE_A, "bolt") == "ORGANIZATION_MISMATCH"
    assert world.code(second["license_key"], MACHINE_B) == "MACHINE_MISMATCH"
    world.clock.time = FULL_HOUR + HOUR - 10
    misuse(times=9)
    assert _times(world) == {
        (FULL_HOUR, first["license"]["id"], "machine_mismatch"): 12,
        (FULL_HOUR, first["license"]["id"], "organization_mismatch"): 1,
        (FULL_HOUR, second["license"]["id"], "machine_mismatch"): 1,
    }
    misuse(times=2)
    assert _times(world)[FULL_HOUR + HOUR, first["license"]["id"], "machine_mismatch"] == 2
    assert len(_refusals(world)) == 4


def test_r32_a_revoked_key_in_use_is_recorded_and_a_key_that_is_not_genuine_is_not(
    world: World,
) -> None:
    world.register("acme")
    issued = world.login().json
    world.revoke(issued["license"]["id"])
    world.validate(issued["license_key"])
    (entry,) = _refusals(world)
    assert (entry["reason"], entry["times"]) == ("revoked", 1)
    assert world.code(_of_nobody(issued["license_key"])) == "NOT_FOUND"
    assert len(_refusals(world)) == 1


def test_r32_a_refused_login_is_recorded_for_the_organization_that_has_the_machine(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    for _ in range(2):
        assert world.login(BORIS).status == 409
    entry, _own = _refusals(world)
    assert (entry["organization_id"], entry["license_id"]) == ("acme", issued["license"]["id"])
    assert entry["reason"] == "machine_registered_to_other_organization"
    assert entry["times"] == 2
    assert entry["actor"] == {"kind": "user", "subject": "boris", "roles": ["member"]}


def test_r32_a_paused_or_ended_subscription_is_no_misuse(world: World) -> None:
    world.register("acme")
    key = world.login().json["license_key"]
    world.change("acme", status="paused")
    assert world.code(key) == "SUSPENDED"
    world.change("acme", seconds=0)
    assert world.code(key) == "EXPIRED"
    assert _refusals(world) == []


def test_r32_a_repeated_registration_writes_no_second_event(world: World) -> None:
    wanted = {
        "name": "Acme",
        "valid_until": instant(NOON + YEAR),
        "status": "active",
        "max_agents": None,
    }
    for status in (201, 200):
        answer = world.request("PUT", "/v1/organizations/acme", person=OLIVIA, json=wanted)
        assert answer.status == status
    assert kinds(world) == ["OrganizationCreated", "OrganizationRead"]


def _of_nobody(key: str) -> str:
    """A well-formed key that this service has not made."""
    return replace(license_key.parse(key), tag=bytes(16)).reveal()


def _refusals(world: World) -> list[dict[str, Any]]:
    return events(world, "AccessRefused")


def _times(world: World) -> dict[tuple[int, str, str], int]:
    return {
        (int(entry["at"]), entry["license_id"], entry["reason"]): int(entry["times"])
        for entry in _refusals(world)
    }
