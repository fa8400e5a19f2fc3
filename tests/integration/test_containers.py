"""R9: a container that is made anew on its volume keeps its licence, and a copied folder does not.

The volume has licence key, device key and last lease; name, id or address are new each time.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.devices import Device
from tests.integration import pairs
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.capacity import metered
from tests.integration.trail import events
from tests.world import ADA, AMIR, BORIS, World

HALF = 43_200
FIRST: dict[str, Any] = {
    "machine_id": "6f1de3c0-9a41-4b7e-8a55-27d1c9e0b3f4",
    "mac_addresses": ["52:8a:11:0c:77:01"],
    "computer_name": "agent-7d9f",
}
# One component of the first one's each.
SAME_ID = {**FIRST, "mac_addresses": ["56:01:02:03:99:02"], "computer_name": "agent-55aa"}
SAME_NAME = {
    "machine_id": "0b8a7c6d-1e2f-4a3b-9c4d-5e6f70818293",
    "mac_addresses": ["56:01:02:03:99:03"],
    "computer_name": "agent-7d9f",
}
SAME_ADDRESS = {
    "machine_id": "1c9b8d7e-2f30-4b4c-8d5e-6f7081929304",
    "mac_addresses": ["52:8a:11:0c:77:01"],
    "computer_name": "agent-31c0",
}
MADE_ANEW = {"id": SAME_ID, "name": SAME_NAME, "address": SAME_ADDRESS}
NOTHING_ALIKE = {**SAME_NAME, "computer_name": "agent-90ff"}


@pytest.fixture
def agent(world: World) -> Agent:
    """An agent in a container, whose chain of leases has begun."""
    world.register("acme")
    made = Agent(world, Device(), FIRST)
    assert made.login().status == 201
    assert made.code() == "VALID"
    return made


def suspicions(agent: Agent) -> list[str]:
    return [event["reason"] for event in events(agent.world, "CloneSuspected")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("alike", MADE_ANEW)
@pytest.mark.parametrize("passed", [60, HALF, 40 * HALF])
def test_r09_a_container_made_anew_goes_on_with_key_device_key_and_link(
    agent: Agent, alike: str, passed: int
) -> None:
    agent.world.clock.advance(passed)
    key = agent.key
    agent.machine = MADE_ANEW[alike]
    assert agent.code() == "VALID"
    assert pairs.held_by(agent.world, agent.license_id) == pairs.of(agent.world, agent.machine)
    assert agent.code() == "VALID"
    again = agent.login(AMIR)
    assert (again.status, again.json["license_key"]) == (200, key)
    (moved,) = events(agent.world, "MachineDrifted")
    assert len(moved["components"]) == 2
    assert agent.world.seats("acme") == 1
    assert suspicions(agent) == []


def test_r09_it_moves_machine_proof_and_link_in_one_transaction(agent: Agent) -> None:
    agent.machine = SAME_NAME
    agent.fresh_proof()
    agent.world.runtime.keyrings.keyring()
    with metered(agent.world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 2, "TransactWriteItems": 1}


def test_r09_it_may_be_made_anew_again_and_again(agent: Agent) -> None:
    for number in range(12):
        agent.world.clock.advance(HALF)
        agent.machine = {**SAME_NAME, "mac_addresses": [f"56:01:02:03:99:{number:02x}"]}
        agent.machine["machine_id"] = f"{number:08x}-9a41-4b7e-8a55-27d1c9e0b3f4"
        assert agent.code() == "VALID"
    assert suspicions(agent) == []
    assert len(pairs.held(agent.world)) == 3


@pytest.mark.parametrize("missing", ["proof", "link", "both"])
def test_r09_the_key_alone_or_with_one_of_the_two_is_not_enough(agent: Agent, missing: str) -> None:
    agent.world.clock.advance(HALF)
    agent.machine = SAME_NAME
    thief = replace(
        agent,
        device=None if missing != "link" else agent.device,
        presents=missing == "proof",
    )
    assert thief.code() == "MACHINE_MISMATCH"
    assert agent.code() == "VALID"


def test_r09_nothing_alike_is_another_machine_even_with_everything_on_the_volume(
    agent: Agent,
) -> None:
    agent.machine = NOTHING_ALIKE
    answer = agent.login(AMIR, license_key=agent.key)
    assert_problem(answer, 409, "license_still_bound")
    assert suspicions(agent) == ["device_key_elsewhere"]
    assert agent.code() == "MACHINE_MISMATCH"
    (suspected,) = events(agent.world, "CloneSuspected")
    assert suspected["times"] == 2


def test_r09_a_default_name_alone_says_nothing(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device(), {**FIRST, "computer_name": "localhost"})
    agent.login()
    agent.code()
    agent.machine = {**SAME_NAME, "computer_name": "localhost"}
    assert agent.code() == "MACHINE_MISMATCH"


def test_r09_a_folder_that_is_copied_to_another_computer_does_not_go_on_there(
    world: World,
) -> None:
    world.register("acme")
    home = {**FIRST, "mac_addresses": ["3c:52:82:0a:1b:2c"]}
    agent = Agent(world, Device(), home)
    agent.login()
    agent.code()
    elsewhere = {**SAME_NAME, "mac_addresses": ["00:1b:63:84:45:e6"]}
    copy = replace(agent, machine=elsewhere, address="198.51.100.66")
    assert copy.code() == "MACHINE_MISMATCH"
    assert suspicions(agent) == ["device_key_elsewhere"]
    (suspected,) = events(world, "CloneSuspected")
    assert suspected["source_address"] == "198.51.100.66"
    assert suspected["other_address"] == agent.address
    feed = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=ADA)
    assert feed.json["events"][0]["license_id"] == agent.license_id
    # The computer itself may get an address that software gave: nothing contradicts then.
    agent.machine = {**SAME_NAME, "mac_addresses": ["56:01:02:03:99:03"]}
    assert agent.code() == "VALID"


@pytest.mark.parametrize("first", ["original", "copy"])
def test_r09_of_two_copies_of_a_volume_one_goes_on_and_the_other_shows(
    agent: Agent, first: str
) -> None:
    copy = replace(agent, machine=SAME_NAME, address="198.51.100.66")
    copy.device = replace(agent.device) if agent.device else None
    agent.world.clock.advance(60)
    one, two = (agent, copy) if first == "original" else (copy, agent)
    for _ in range(3):
        assert one.code() == "VALID"
    if first == "original":
        # It renews its lease; then the copy has an older link.
        agent.world.clock.advance(HALF)
        assert one.code() == "VALID"
    assert two.code() == "MACHINE_MISMATCH"
    assert suspicions(agent) == ["device_key_elsewhere"]
    assert one.code() == "VALID"


def test_r09_the_question_that_led_to_the_current_link_is_as_good_as_that(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    assert agent.code(nonce="asked-once") == "VALID"
    agent.lease, agent.machine = kept, SAME_NAME
    assert agent.code(nonce="asked-twice") == "MACHINE_MISMATCH"
    agent.lease = kept
    assert agent.code(nonce="asked-once") == "VALID"


def test_r09_without_its_last_lease_a_login_is_needed_and_is_enough(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device(), FIRST)
    agent.login()
    agent.machine, agent.lease = SAME_NAME, None
    assert agent.code() == "MACHINE_MISMATCH"
    again = agent.login(AMIR, license_key=agent.key)
    assert (again.status, again.json["license_key"]) == (200, agent.key)
    assert agent.code() == "VALID"


def test_r09_at_a_login_the_device_key_counts_whatever_the_addresses_say(world: World) -> None:
    world.register("acme", max_agents=1)
    home = {**FIRST, "mac_addresses": ["3c:52:82:0a:1b:2c"]}
    agent = Agent(world, Device(), home)
    agent.login()
    agent.code()
    old = replace(agent, device=replace(agent.device) if agent.device else None)
    agent.machine = {**SAME_NAME, "mac_addresses": ["00:1b:63:84:45:e6"]}
    again = agent.login(AMIR, license_key=agent.key)
    assert (again.status, again.json["license_key"]) == (200, agent.key)
    assert pairs.held_by(world, agent.license_id) == pairs.of(world, agent.machine)
    assert agent.code() == "VALID"
    # What stayed behind does not come back by its link.
    assert old.code() == "MACHINE_MISMATCH"
    assert suspicions(agent) == ["device_key_elsewhere"]


@pytest.mark.parametrize("device", ["another", None])
def test_r20_at_a_login_without_the_bound_device_key_the_machine_is_another(
    agent: Agent, device: str | None
) -> None:
    agent.machine = SAME_NAME
    other = replace(agent, device=Device() if device else None)
    answer = other.login(AMIR, license_key=agent.key)
    assert_problem(answer, 409, "license_still_bound")


def test_r09_without_its_key_no_license_is_found(agent: Agent) -> None:
    agent.machine = SAME_NAME
    first = agent.license_id
    assert agent.login(AMIR).status == 201
    assert agent.license_id != first


@pytest.mark.parametrize("how", ["validation", "login"])
@pytest.mark.parametrize("whose", ["another organization", "the same organization"])
def test_r09_a_machine_that_another_license_holds_stays_that_ones(
    agent: Agent, how: str, whose: str
) -> None:
    world = agent.world
    world.register("bolt")
    other = world.login(BORIS if whose == "another organization" else AMIR, SAME_NAME)
    assert other.status == 201
    before = pairs.held(world)
    agent.machine = SAME_NAME
    if how == "validation":
        assert agent.code() == "MACHINE_MISMATCH"
    else:
        code = (
            "machine_registered_to_other_organization"
            if whose == "another organization"
            else "license_still_bound"
        )
        assert_problem(agent.login(AMIR, license_key=agent.key), 409, code)
    assert pairs.held(world) == before
    agent.machine = FIRST
    assert agent.code() == "VALID"


def test_r36_a_proof_on_another_machine_counts_no_second_time(agent: Agent) -> None:
    assert agent.device is not None
    body = {
        "license_key": agent.key,
        "organization_id": "acme",
        "machine": SAME_NAME,
        "lease": agent.lease,
        "nonce": "n",
    }
    proof = agent.fresh_proof(body=body)
    answer = agent.send("/v1/licenses/validate", body, proof)
    assert answer.json["code"] == "VALID"
    again = agent.send("/v1/licenses/validate", body | {"machine": FIRST}, proof)
    assert again.json.get("code") != "VALID"
    assert len(events(agent.world, "MachineDrifted")) == 1
