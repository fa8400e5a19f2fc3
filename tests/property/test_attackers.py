"""Whatever attackers do, honest agents work on, and copies are found: at random, and as was found.

The search is :mod:`tests.property.attackers`; below it stands what it has found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.concurrency.table import restore
from tests.devices import Device
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.proof import Proof
from tests.property.actors import Agent, Folder, Wire
from tests.property.attackers import Among
from tests.property.playing import run
from tests.property.watched import HOUR, REACHED
from tests.world import ALICE, AMIR, MACHINE_A, NOON, Answer, World, new_world

FEW, EXAMPLES, FULL = (2, 40), (8, 60), (2_000, 100)


@pytest.fixture(scope="module")
def world(engine: str) -> Iterator[World]:
    """One world for all examples."""
    with new_world(engine) as fresh:
        yield fresh


@pytest.mark.proof
def test_r36_r37_whatever_attackers_do_no_honest_agent_is_stopped_by_who_may_not(
    world: World, proof: Proof
) -> None:
    examples, steps = proof.of(test=FEW, test_all=EXAMPLES, prove=FULL)
    REACHED.clear()
    run(Among, world, examples=examples, steps=steps, seed=proof.seed)
    proof.found(f"{examples} examples of up to {steps} steps: nothing")


# -- as was found ----------------------------------------------------------------------------------

DEVICES = pytest.mark.parametrize("has_device", [False, True], ids=["key alone", "device key"])


DEVICE = pytest.mark.parametrize("has_device", [True], ids=["device key"])


@pytest.fixture
def agent(world: World, *, has_device: bool) -> Agent:
    """An agent that has just validated, of an organization that blocks clones."""
    device = Device() if has_device else None
    made = logged_in(world, Agent(Wire(world), "agent", ALICE, MACHINE_A, "", device=device))
    assert code(made.asks()) == "VALID"
    return made


def logged_in(world: World, agent: Agent) -> Agent:
    """The first agent of an organization that blocks clones."""
    restore(world)
    world.clock.time = NOON
    world.register("acme")
    assert govern(world, block_clones=True).status == 200
    assert agent.logs_in().status == 201
    return agent


def code(answer: Answer) -> str:
    """What a validation says."""
    assert answer.status == 200, answer
    word: str = answer.json["code"]
    return word


def on_record(world: World) -> list[str]:
    """What has been noticed of agents that come back, and of clones."""
    kinds = {"AgentReturned", "CloneSuspected"}
    return [event["type"] for event in events(world) if event["type"] in kinds]


@DEVICES
def test_r37_an_agent_alone_is_not_blocked_when_both_its_answers_are_lost(
    world: World, agent: Agent
) -> None:
    world.clock.advance(13 * HOUR)
    agent.asks(is_heard=False)
    agent.logs_in(is_heard=False)
    assert code(agent.asks()) == "VALID"


@DEVICE
def test_r37_a_question_overheard_in_a_links_first_half_is_worth_nothing_in_the_second(
    world: World, agent: Agent
) -> None:
    for _ in range(5):
        overheard = agent.wire.sent[-1]
        world.clock.advance(13 * HOUR)
        assert agent.wire.again(overheard).status == 401
        world.clock.advance(13 * HOUR)  # the agent was switched off
        assert code(agent.asks()) == "VALID"
        assert code(agent.asks()) == "VALID"
    assert on_record(world) == []


@DEVICE
def test_r37_a_question_that_the_agent_has_gone_on_from_blocks_nobody_when_it_is_repeated(
    world: World, agent: Agent
) -> None:
    for _ in range(2):
        world.clock.advance(13 * HOUR)
        assert code(agent.asks()) == "VALID"
    agent.wire.again(agent.wire.sent[-2])
    assert code(agent.asks()) == "VALID"
    assert on_record(world) == []


@pytest.mark.parametrize("has_device", [False], ids=["key alone"])
def test_r37_without_a_device_key_who_listens_has_all_that_the_agent_has(
    world: World, agent: Agent
) -> None:
    for _ in range(2):
        world.clock.advance(13 * HOUR)
        assert code(agent.asks()) == "VALID"
    agent.wire.again(agent.wire.sent[-2])
    assert on_record(world) == ["AgentReturned"], "at once"
    assert code(agent.asks()) == "DETACHED"


@DEVICE
def test_r36_an_overheard_question_ends_no_key_that_waits(world: World, agent: Agent) -> None:
    overheard = agent.wire.sent[-1]
    device = Device()
    newcomer = replace(agent, person=AMIR, device=device, folder=Folder())
    assert newcomer.logs_in().status == 200
    agent.wire.again(overheard)
    record = world.runtime.store.license(str(agent.folder.license_id))
    assert record is not None
    assert record.pending_key == device.thumbprint


@DEVICE
def test_r37_a_question_that_was_held_back_over_a_login_blocks_nobody(
    world: World, agent: Agent
) -> None:
    world.clock.advance(13 * HOUR)
    with agent.wire.holding():
        agent.asks()
    held_back = agent.wire.sent[-1]
    assert agent.logs_in().status == 200
    agent.wire.again(held_back)
    assert code(agent.asks()) == "VALID"


@DEVICE
def test_r37_a_login_that_is_repeated_after_a_renewal_blocks_nobody(
    world: World, agent: Agent
) -> None:
    world.clock.advance(11.5 * HOUR)
    assert agent.logs_in().status == 200
    overheard = agent.wire.sent[-1]
    world.clock.advance(0.7 * HOUR)
    assert code(agent.asks()) == "VALID"
    agent.wire.again(overheard)
    assert code(agent.asks()) == "VALID"


@DEVICE
def test_r37_a_login_that_was_held_back_over_a_renewal_blocks_nobody(
    world: World, agent: Agent
) -> None:
    world.clock.time = NOON + 12 * HOUR - 60
    assert code(agent.asks()) == "VALID"
    with agent.wire.holding():
        agent.logs_in()
    held_back = agent.wire.sent[-1]
    assert agent.logs_in().status == 200
    world.clock.advance(90)
    assert code(agent.asks()) == "VALID"
    agent.wire.again(held_back)
    assert code(agent.asks()) == "VALID"
