"""R11: a licence follows its machine, one component at a time, and never onto somebody else's."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration import pairs
from tests.integration.leases import verified
from tests.integration.trail import events, kinds
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BEA,
    BORIS,
    MACHINE_A,
    NOON,
    OLIVIA,
    Answer,
    World,
    instant,
)

pytestmark = pytest.mark.sampled(2)

RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}
NEW_CARD = {**RENAMED, "mac_addresses": ["3c:52:82:0a:ff:01", "3c:52:82:0a:ff:02"]}
REINSTALLED = {**NEW_CARD, "machine_id": "0f0e0d0c-0b0a-4908-8706-050403020100"}
STEPS = (RENAMED, NEW_CARD, REINSTALLED)
WEEK = 7 * 86_400

# It agrees with `MACHINE_A` on the MAC address alone, so it is another machine; once that one is
# renamed like it, they agree on two components.
NEIGHBOUR = {
    "machine_id": "77777777-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": MACHINE_A["mac_addresses"],
    "computer_name": RENAMED["computer_name"],
}


def seen(
    world: World, how: str, license_key: str, machine: Mapping[str, Any], **more: Any
) -> Answer:
    """The agent shows itself; it has to be let through."""
    if how == "login":
        answer = world.login(AMIR, machine, license_key=license_key, **more)
        assert (answer.status, answer.json.get("license_key")) == (200, license_key), answer
        assert answer.json["created"] is False
    else:
        answer = world.validate(license_key, machine, agent_version="4.5.0.0", **more)
        assert (answer.status, answer.json["code"]) == (200, "VALID"), answer
    return answer


def with_all_addresses(*machines: Mapping[str, Any]) -> dict[str, Any]:
    """The last of them, with the addresses of all: those are added while the others agree."""
    macs = [mac for machine in machines for mac in machine["mac_addresses"]]
    return {**machines[-1], "mac_addresses": macs}


@pytest.mark.parametrize("how", ["validation", "login"])
def test_r11_one_component_at_a_time_a_license_follows_its_machine_until_nothing_is_as_it_was(
    world: World, how: str
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]

    for machine in STEPS:
        seen(world, how, key, machine)
        # The new pairs are held, those that are left are free, and nothing else is held.
        known = machine if machine is RENAMED else with_all_addresses(MACHINE_A, machine)
        assert set(pairs.held(world)) == pairs.of(world, known)
        assert pairs.held_by(world, license_id) == pairs.of(world, known)
        assert world.code(key, machine) == "VALID"
        assert world.seats("acme") == 1
        world.clock.advance(WEEK)

    assert world.code(key, MACHINE_A) == "MACHINE_MISMATCH"
    assert world.login(BORIS, MACHINE_A).status == 201
    assert world.login(BORIS, REINSTALLED).status == 409
    shown = world.request("GET", f"/v1/licenses/{license_id}", person=ADA).json["license"]
    assert shown["computer_name"] == "ACME-PC-02"


def test_r11_each_step_is_an_event_that_names_the_component_before_and_after(
    world: World,
) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    license_id = issued["license"]["id"]
    for how, machine in zip(("validation", "login", "validation"), STEPS, strict=True):
        world.clock.advance(WEEK)
        seen(world, how, issued["license_key"], machine)

    history = world.request("GET", f"/v1/licenses/{license_id}/events", person=ADA).json["events"]

    drifts = [event for event in reversed(history) if event["type"] == "MachineDrifted"]
    assert [event["components"] for event in drifts] == [
        ["computer_name"],
        ["mac_addresses"],
        ["machine_id"],
    ]
    states = [drifts[0]["before"], *(event["after"] for event in drifts)]
    assert [event["before"] for event in drifts] == states[:-1]
    assert [state["computer_name"] for state in states] == ["ACME-PC-01", *["ACME-PC-02"] * 3]
    assert len({state["machine"] for state in states}) == 4
    assert [event["at"] for event in drifts] == [instant(NOON + WEEK * step) for step in (1, 2, 3)]
    agent, user = ("agent", license_id), ("user", "amir")
    actors = [(event["actor"]["kind"], event["actor"]["subject"]) for event in drifts]
    assert actors == [agent, user, agent]
    for event in drifts:
        changed = {name for name, value in event["after"].items() if event["before"][name] != value}
        assert changed == {"machine"} | ({"computer_name"} & set(event["components"]))
        assert event["agent_version"] == "4.5.0.0"
        assert event["source_address"] == "203.0.113.7"
    assert len(history) == 4  # the issue, and one for each step


def test_r11_two_components_at_once_make_another_machine(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    issued = world.login(ALICE).json
    before = pairs.held(world)
    for kept in ("machine_id", "mac_addresses", "computer_name", "nothing"):
        machine = REINSTALLED | {name: MACHINE_A[name] for name in MACHINE_A if name == kept}
        with subtests.test(kept=kept):
            answer = world.validate(issued["license_key"], machine)
            assert (answer.status, answer.json["code"]) == (200, "MACHINE_MISMATCH")
            assert answer.json["lease"] is None
    assert pairs.held(world) == before
    assert "MachineDrifted" not in kinds(world)
    assert world.code(issued["license_key"]) == "VALID"


def test_r11_mac_addresses_agree_and_stay_while_one_is_common(world: World) -> None:
    world.register("acme")
    first, second, third = "3c:52:82:0a:00:01", "3c:52:82:0a:00:02", "3c:52:82:0a:00:03"
    machine = {**MACHINE_A, "mac_addresses": [first, second]}
    key = world.login(ALICE, machine).json["license_key"]
    before = world.items()

    for macs in ([first], [second, third], [third, second, first], []):
        with world.counting() as calls:
            assert world.code(key, {**machine, "mac_addresses": macs}) == "VALID"
        assert calls == {"BatchGetItem": 1}
    assert world.items() == before

    assert world.code(key, {**machine, "mac_addresses": [third]}) == "VALID"
    # It comes along, and replaces none: a docking station that is back tomorrow is known.
    everything = {**machine, "mac_addresses": [first, second, third]}
    assert set(pairs.held(world)) == pairs.of(world, everything)


def test_r11_a_component_that_is_not_sent_stays(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    before = world.items()

    for missing in MACHINE_A:
        machine = {name: value for name, value in MACHINE_A.items() if name != missing}
        assert world.code(key, machine) == "VALID"
        assert world.login(AMIR, machine).status == 200

    assert world.items() == before


def test_r11_a_component_that_was_missing_at_first_is_taken_over(world: World) -> None:
    world.register("acme")
    known = {name: MACHINE_A[name] for name in ("mac_addresses", "computer_name")}
    key = world.login(ALICE, known).json["license_key"]
    assert set(pairs.held(world)) == pairs.of(world, known)

    assert world.code(key, MACHINE_A) == "VALID"

    assert set(pairs.held(world)) == pairs.of(world, MACHINE_A)
    (event,) = events(world, "MachineDrifted")
    assert event["components"] == ["machine_id"]
    # From now on the id counts, too: renamed, it is the same machine still.
    assert world.code(key, RENAMED) == "VALID"


@pytest.mark.parametrize("whose", ["another organization", "the same organization"])
def test_r11_a_drift_onto_a_pair_of_another_machine_is_refused_and_the_license_goes_on(
    world: World, whose: str
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    owner, admin = (BORIS, BEA) if whose == "another organization" else (AMIR, ADA)
    other = world.login(owner, NEIGHBOUR).json
    assert other["license"]["id"] != issued["license"]["id"]
    before = pairs.held(world)

    for how in ("validation", "login"):
        answer = seen(world, how, issued["license_key"], RENAMED)
        lease = verified(world, answer.json["lease"]["token"])
        assert lease.claims["sub"] == issued["license"]["id"]

    assert pairs.held(world) == before
    assert "MachineDrifted" not in kinds(world)
    assert world.code(issued["license_key"]) == "VALID"
    organization_id = other["license"]["organization_id"]
    assert world.code(other["license_key"], NEIGHBOUR, organization_id) == "VALID"

    # Once the pair is free, the licence follows its machine.
    world.revoke(other["license"]["id"], admin)
    seen(world, "validation", issued["license_key"], RENAMED)
    assert set(pairs.held(world)) == pairs.of(world, RENAMED)


def test_r11_r32_a_refused_drift_is_reported_once_per_hour_to_its_own_organization(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    world.login(BORIS, NEIGHBOUR)
    world.clock.time = NOON - NOON % 3600 + 3600
    for advance in (0, 600, 2999, 1):
        world.clock.advance(advance)
        assert world.code(issued["license_key"], RENAMED) == "VALID"
    world.login(AMIR, RENAMED)

    def feed(person: Any, organization_id: str) -> list[dict[str, Any]]:
        target = f"/v1/organizations/{organization_id}/events"
        entries = world.request("GET", target, person=person).json["events"]
        return [entry for entry in entries if entry["type"] == "AccessRefused"]

    reported = feed(ADA, "acme")
    assert [(entry["times"], entry["reason"]) for entry in reported] == [
        (2, "drift_refused"),  # the second hour: a validation and a login
        (3, "drift_refused"),
    ]
    assert {entry["license_id"] for entry in reported} == {issued["license"]["id"]}
    assert reported[1]["last_at"] == instant(world.clock() - 1)
    assert "bolt" not in str(reported).lower()
    assert feed(BEA, "bolt") == []


def test_r11_a_drift_costs_a_validation_two_more_requests_and_once_only(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    for machine in (MACHINE_A, *STEPS):
        with world.counting() as calls:
            assert world.code(key, machine) == "VALID"
        drifted = {"BatchGetItem": 2, "TransactWriteItems": 1}
        assert calls == ({"BatchGetItem": 1} if machine is MACHINE_A else drifted)
        with world.counting() as calls:
            assert world.code(key, machine) == "VALID"
        assert calls == {"BatchGetItem": 1}
        world.clock.advance(WEEK)
        world.code(key, machine)  # that it was seen is written then


def test_r11_only_a_license_in_force_follows_its_machine(world: World) -> None:
    world.register("acme", seconds=600)
    issued = world.login(ALICE).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    before = pairs.held(world)

    world.request("POST", f"/v1/licenses/{license_id}/detach", person=ADA)
    assert world.code(key, RENAMED) == "DETACHED"
    assert world.login(AMIR, RENAMED).status == 409
    assert pairs.held(world) == before

    world.request("POST", f"/v1/licenses/{license_id}/attach", person=ADA)
    world.clock.advance(600)
    assert world.code(key, RENAMED) == "EXPIRED"
    assert world.login(AMIR, RENAMED).status == 409
    assert pairs.held(world) == before

    world.change("acme", status="paused")
    assert world.code(key, RENAMED) == "SUSPENDED"
    assert pairs.held(world) == before
    assert "MachineDrifted" not in kinds(world)

    # Renewed, it follows, marked by the sweep or not.
    world.sweep()
    world.change("acme")
    assert world.code(key, RENAMED) == "VALID"
    assert set(pairs.held(world)) == pairs.of(world, RENAMED)


def test_r11_what_a_license_holds_after_a_drift_is_free_once_it_is_revoked(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    for machine in STEPS:
        assert world.code(issued["license_key"], machine) == "VALID"
        world.clock.advance(WEEK)

    assert world.revoke(issued["license"]["id"], OLIVIA).status == 200

    assert pairs.held(world) == {}
    assert world.seats("acme") == 0
    assert world.login(BORIS, REINSTALLED).status == 201
