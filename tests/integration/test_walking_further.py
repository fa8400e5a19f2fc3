"""R11: whatever a thief or a member does to a licence's machine, the agent on it works on."""

from dataclasses import replace
from typing import Any

import pytest

from tests.devices import Device
from tests.integration import pairs
from tests.integration.agents import Agent
from tests.integration.trail import events
from tests.world import ADA, ALICE, AMIR, MACHINE_A, World

DAY = 86_400
WEEK = 7 * DAY
THIEFS: dict[str, Any] = {
    "machine_id": "b1a7c0de-77aa-4c3e-9f10-0d5e6f708192",
    "mac_addresses": [f"00:1b:63:84:45:e{number}" for number in range(8)],
    "computer_name": "EVE-PC-01",
}
OFFICE: dict[str, Any] = {
    "machine_id": "6f1de3c0-9a41-4b7e-8a55-27d1c9e0b3f4",
    "mac_addresses": ["3c:52:82:0a:1b:77"],
    "computer_name": "ACME-PC-77",
}

MADE_ANEW: dict[str, Any] = {
    "machine_id": "0b8a7c6d-1e2f-4a3b-9c4d-5e6f70818293",
    "mac_addresses": ["56:01:02:03:99:03"],
    "computer_name": OFFICE["computer_name"],
}


def test_r11_as_many_addresses_as_count_push_none_out_that_the_machine_had(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    eves = THIEFS["mac_addresses"]
    for _ in range(3):
        assert world.code(key, {**MACHINE_A, "mac_addresses": eves}) == "VALID"
        world.clock.advance(WEEK)
        # The thief is first, a second before the machine itself shows once more.
        world.code(key, {**THIEFS, "computer_name": MACHINE_A["computer_name"]})
        assert world.code(key) == "VALID"
        eves = [address.replace("00:1b:63", "00:1b:64") for address in eves]


def test_r11_a_component_that_the_machine_never_shows_is_no_hold_to_walk_it_away(
    world: World,
) -> None:
    world.register("acme")
    for missing in MACHINE_A:
        machine = {name: value for name, value in MACHINE_A.items() if name != missing}
        world.clock.advance(60 * DAY)
        issued = world.login(ALICE, machine, environment=missing).json
        key = issued["license_key"]
        for name in MACHINE_A:
            shown = {**machine, missing: THIEFS[missing]}
            world.code(key, shown, environment=missing)
            world.clock.advance(DAY)
            assert world.code(key, machine, environment=missing) == "VALID"
            world.clock.advance(WEEK)
            if name != missing:
                world.code(key, {**shown, name: THIEFS[name]}, environment=missing)
        assert world.code(key, machine, environment=missing) == "VALID", missing
        world.revoke(issued["license"]["id"])


def test_r11_two_keys_of_one_machine_walk_it_no_faster_than_one(world: World) -> None:
    world.register("acme")
    keys = {name: world.login(ALICE, environment=name).json["license_key"] for name in ("a", "b")}
    one = {**MACHINE_A, "computer_name": THIEFS["computer_name"]}
    two = {**one, "machine_id": THIEFS["machine_id"]}
    assert world.code(keys["a"], one, environment="a") == "VALID"
    world.code(keys["b"], two, environment="b")
    for name, key in keys.items():
        assert world.code(key, environment=name) == "VALID"


def test_r11_who_has_the_key_alone_gets_no_link_to_move_the_machine_with(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    assert agent.code() == "VALID"
    before = pairs.held(world)
    thief = replace(agent, lease=None, presents=False)
    assert thief.code() == "VALID"
    thief.presents = True
    thief.machine = {**MACHINE_A, "computer_name": THIEFS["computer_name"]}
    assert thief.code() == "VALID"
    assert pairs.held(world) == before


@pytest.mark.parametrize("missing", ["nothing", "mac_addresses"])
def test_r36_a_member_walks_no_agent_with_a_device_key_away_by_another_environment(
    world: World, missing: str
) -> None:
    world.register("acme")
    shown = {name: value for name, value in OFFICE.items() if name != missing}
    agent = Agent(world, Device(), shown)
    agent.login()
    assert agent.code() == "VALID"
    assert world.login(AMIR, OFFICE, environment="evil").status == 201
    for _ in range(2):
        machine = OFFICE
        for changed in ("mac_addresses", "machine_id", "computer_name"):
            machine = {**machine, changed: THIEFS[changed]}
            world.login(AMIR, machine, environment="evil")
        assert agent.code() == "VALID"
        world.clock.advance(DAY)
    # Nor does it hinder that the agent's container is made anew.
    agent.machine = MADE_ANEW
    assert agent.code() == "VALID"
    assert pairs.of(world, MADE_ANEW) <= pairs.held_by(world, agent.license_id)


def test_r36_an_agent_that_is_known_by_its_key_is_not_stopped_by_one_that_waits(
    world: World,
) -> None:
    world.register("acme")
    agent = Agent(world, Device(), OFFICE)
    agent.login()
    assert agent.code() == "VALID"
    member = replace(agent, device=Device())
    assert member.login(AMIR).status == 200
    assert len(events(world, "DeviceKeyPending")) == 1
    agent.machine = MADE_ANEW
    assert agent.code() == "VALID"
    assert agent.code() == "VALID"
    shown = world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA).json
    assert shown["license"]["pending_device_key"] is None
