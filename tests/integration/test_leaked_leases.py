"""What a lease is worth to somebody else, and what the chain of leases cannot tell (R37)."""

from dataclasses import replace

import pytest

from tests.devices import Device
from tests.integration.agents import VALIDATE, Agent
from tests.integration.leases import read
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import World

DAY = 86_400
HALF = DAY // 2
ELSEWHERE = "198.51.100.66"


def agent_of(world: World, device: Device | None = None) -> Agent:
    """An agent of Acme's that has validated once, where clones are blocked."""
    world.register("acme", seconds=400 * DAY)
    govern(world, block_clones=True)
    made = Agent(world, device)
    made.login()
    assert made.code() == "VALID"
    return made


def renewed(agent: Agent, times: int = 1) -> Agent:
    for _ in range(times):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    return agent


def told(world: World) -> list[tuple[str, str | None]]:
    """What is on record of a second agent."""
    kinds = ("AgentReturned", "CloneSuspected", "AccessRefused")
    return [(kind, event.get("reason")) for kind in kinds for event in events(world, kind)]


def test_r37_an_old_lease_that_leaked_works_until_the_agent_renews_and_moves_nothing(
    world: World,
) -> None:
    agent = agent_of(world)
    renamed = {**agent.machine, "computer_name": "ACME-PC-66"}
    thief = replace(agent, address=ELSEWHERE, machine=renamed)
    renewed(agent, times=4)
    assert thief.code() == "VALID"
    assert ("AgentReturned", "older_lease") in told(world)
    for _ in range(3):
        world.clock.advance(DAY)
        assert thief.code() == "VALID"
    assert events(world, "MachineDrifted") == []
    assert agent.code() == "DETACHED"
    (suspicion,) = events(world, "CloneSuspected")
    assert suspicion["other_address"] == ELSEWHERE


def test_r36_an_old_lease_that_leaked_is_worth_nothing_beside_a_device_key(world: World) -> None:
    agent = agent_of(world, Device())
    leaked = agent.lease
    renewed(agent)
    assert replace(agent, device=None, lease=leaked).code() == "PROOF_REQUIRED"
    assert replace(agent, device=Device(), lease=leaked).code() == "PROOF_INVALID"
    renewed(agent)
    assert events(world, "CloneSuspected") == events(world, "AgentReturned") == []


def test_r37_a_question_that_was_captured_gets_one_renewal_where_its_half_is_not_told(
    world: World,
) -> None:
    agent = agent_of(world, Device())
    assert agent.device is not None
    assert agent.lease is not None
    question = {
        "license_key": agent.key,
        "organization_id": "acme",
        "machine": agent.machine,
        "nonce": "captured",
        "lease": agent.lease,
    }
    # As a client may make it that does not say that it asks in the first half.
    proof = agent.device.proof(VALIDATE, agent.key, question, nonce=read(agent.lease)["jti"])
    thief = replace(agent, address=ELSEWHERE)
    assert agent.send("/v1/licenses/validate", question, proof).json["code"] == "VALID"
    world.clock.advance(HALF)
    repeated = [thief.send("/v1/licenses/validate", question, proof) for _ in range(2)]
    leases = {read(answer.json["lease"]["token"])["jti"] for answer in repeated}
    assert len(leases) == 1
    assert agent.code() == "VALID"
    renewed(agent, times=3)
    assert told(world) == [("AgentReturned", "older_lease")]


def test_r37_whoever_goes_back_to_the_state_that_was_left_behind_is_taken_for_a_copy(
    world: World,
) -> None:
    agent = agent_of(world)
    backup = replace(agent)
    renewed(agent)
    assert backup.code() == "VALID"
    assert agent.code() == "DETACHED"
    world.act("attach", agent.license_id)
    renewed(agent, times=3)


def test_r37_a_machine_that_starts_from_an_image_goes_on_by_a_login_at_each_start(
    world: World,
) -> None:
    image = agent_of(world, Device())
    for _ in range(8):
        world.clock.advance(DAY)
        started = replace(image)
        assert started.login().status == 200
        renewed(started)
    assert {reason for _, reason in told(world)} == {"older_lease", "returned_often"}


@pytest.mark.parametrize("way", ["the lease is handed over", "nonces are drawn alike"])
def test_r37_copies_that_share_one_live_state_are_one_agent(world: World, way: str) -> None:
    agent = agent_of(world, Device())
    copy = replace(agent, address=ELSEWHERE)
    for turn in range(6):
        world.clock.advance(HALF)
        assert agent.code(nonce=f"turn-{turn}") == "VALID"
        if way == "the lease is handed over":
            copy.lease = agent.lease
        assert copy.code(nonce=f"turn-{turn}") == "VALID"
    assert told(world) == []
