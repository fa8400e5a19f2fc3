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
from tests.property.actors import NEWER, OLDER, Agent, Folder, Wire
from tests.property.attackers import Among
from tests.property.playing import run
from tests.property.watched import DAY, HOUR, REACHED
from tests.world import ALICE, AMIR, MACHINE_A, NOON, Answer, World, new_world

FEW, EXAMPLES, FULL = (2, 40), (50, 60), (2_000, 100)


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


def with_device_alone(why: str) -> pytest.MarkDecorator:
    """Both, of which an agent with its key alone is not safe, and `why`."""
    alone = pytest.param(False, id="key alone", marks=pytest.mark.xfail(reason=why))
    return pytest.mark.parametrize("has_device", [alone, pytest.param(True, id="device key")])


HAS_ALL = "Without a device key, who listens has all that the agent has."


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


@pytest.mark.xfail(reason="A question that has led to a head which was left behind is a fork.")
@DEVICES
def test_r37_an_agent_alone_is_not_blocked_when_both_its_answers_are_lost(
    world: World, agent: Agent
) -> None:
    world.clock.advance(13 * HOUR)
    agent.asks(is_heard=False)
    agent.logs_in(is_heard=False)
    assert code(agent.asks()) == "VALID"


@DEVICES
def test_r37_a_question_overheard_in_a_links_first_half_costs_the_agent_a_return_and_no_block(
    world: World, agent: Agent
) -> None:
    overheard = agent.wire.sent[-1]
    world.clock.advance(13 * HOUR)
    assert code(agent.wire.again(overheard)) == "VALID"
    assert code(agent.asks()) == "VALID"
    assert on_record(world) == ["AgentReturned"]


@with_device_alone(HAS_ALL)
def test_r37_it_blocks_nobody_when_it_is_repeated_once_more(world: World, agent: Agent) -> None:
    overheard = agent.wire.sent[-1]
    world.clock.advance(13 * HOUR)
    agent.wire.again(overheard)
    assert code(agent.asks()) == "VALID"
    agent.wire.again(overheard)
    assert code(agent.asks()) == "VALID"


@with_device_alone(HAS_ALL)
def test_r37_a_question_that_the_agent_has_gone_on_from_blocks_nobody_when_it_is_repeated(
    world: World, agent: Agent
) -> None:
    for _ in range(2):
        world.clock.advance(13 * HOUR)
        assert code(agent.asks()) == "VALID"
    agent.wire.again(agent.wire.sent[-2])
    assert code(agent.asks()) == "VALID"


@pytest.mark.xfail(reason="A proof over a lease is as good in the second half as in the first.")
@DEVICES
def test_r37_four_of_them_in_thirty_days_block_no_agent(world: World, agent: Agent) -> None:
    for _ in range(5):
        overheard = agent.wire.sent[-1]
        world.clock.advance(13 * HOUR)
        agent.wire.again(overheard)
        world.clock.advance(13 * HOUR)  # the agent was switched off: what it left is past halfway
        assert code(agent.asks()) == "VALID"
        assert code(agent.asks()) == "VALID"


@pytest.mark.xfail(reason="A proof over a lease ends a waiting key as one of now does.")
@pytest.mark.parametrize("has_device", [True])
def test_r36_an_overheard_question_ends_no_key_that_waits(world: World, agent: Agent) -> None:
    overheard = agent.wire.sent[-1]
    device = Device()
    newcomer = replace(agent, person=AMIR, device=device, folder=Folder())
    assert newcomer.logs_in().status == 200
    agent.wire.again(overheard)
    record = world.runtime.store.license(str(agent.folder.license_id))
    assert record is not None
    assert record.pending_key == device.thumbprint


@with_device_alone(HAS_ALL)
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


@with_device_alone(HAS_ALL)
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


@pytest.mark.xfail(reason="A login's proof may be older than what the chain has moved on with.")
@DEVICES
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


@pytest.mark.xfail(reason="Before an agent has presented a lease, none counts as the current one.")
@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_r11_who_has_the_key_alone_walks_no_license_away_from_an_agent_that_was_off(
    world: World, version: str
) -> None:
    agent = logged_in(world, Agent(Wire(world), "agent", ALICE, MACHINE_A, "", version=version))
    thief = replace(agent, name="thief", version=NEWER, machine=MACHINE_A | {"machine_id": "other"})
    assert code(thief.validate(None, "one")) == "VALID"
    world.clock.advance(8 * DAY)
    thief.machine = {**thief.machine, "computer_name": "other"}
    thief.validate(None, "two")
    assert code(agent.asks()) == "VALID"


@with_device_alone("What one environment has shown moves the others.")
def test_r11_a_member_in_another_environment_walks_no_license_away(agent: Agent) -> None:
    machine = dict(MACHINE_A)
    member = Agent(agent.wire, "member", AMIR, machine, "", "other", device=Device())
    for part in (
        {},
        {"machine_id": "other"},
        {"computer_name": "other"},
        {"mac_addresses": ["3c:52:82:0a:99:99"]},
    ):
        machine |= part
        assert member.logs_in().status in {200, 201}
    assert code(agent.asks()) == "VALID"
