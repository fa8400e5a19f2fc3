"""Until when an agent, or a copy of it, may go on without asking: everybody is told (R37)."""

from typing import Any

import pytest

from tests.devices import Device
from tests.integration.agents import Agent
from tests.world import ADA, NOON, OLIVIA, World, instant

DAY = 86_400
HOUR = 3_600
UNTIL = instant(NOON + DAY)


@pytest.fixture
def agent(world: World) -> Agent:
    """An agent of Acme's that has just got a lease for a day."""
    world.register("acme")
    made = Agent(world, Device())
    assert made.login().json["license"]["leased_until"] == UNTIL
    return made


def shown(agent: Agent) -> Any:
    answer = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    return answer.json["license"]["leased_until"]


@pytest.mark.parametrize("action", ["revoke", "dissociate", "detach"])
def test_r37_whoever_ends_or_blocks_an_agent_is_told_until_when_it_may_go_on(
    agent: Agent, action: str
) -> None:
    agent.world.clock.advance(HOUR)
    for _ in range(2):  # a repetition is told, too
        answer = agent.world.act(action, agent.license_id)
        assert answer.json["license"]["leased_until"] == UNTIL
    assert shown(agent) == UNTIL
    listed = agent.world.request("GET", "/v1/organizations/acme/licenses", person=ADA).json
    assert [license["leased_until"] for license in listed["licenses"]] == [UNTIL]
    sent = {name: value for name, value in agent.machine.items() if value}
    found = agent.world.request(
        "POST", "/v1/machines/lookup", person=OLIVIA, json={"machine": sent}
    ).json["holders"]
    held = [license["leased_until"] for holder in found for license in holder["licenses"]]
    assert held == ([UNTIL] if action == "detach" else [])


def test_r37_a_validation_tells_its_agent_the_end_of_the_lease_that_it_brings(agent: Agent) -> None:
    agent.world.clock.advance(18 * HOUR)
    answer = agent.validate().json
    assert answer["license"]["leased_until"] == answer["lease"]["expires_at"]
    assert shown(agent) == answer["lease"]["expires_at"] > UNTIL


def test_r37_a_subscription_that_is_cut_takes_no_lease_back(agent: Agent) -> None:
    agent.world.change("acme", seconds=HOUR)
    answer = agent.validate().json
    assert answer["lease"]["expires_at"] == instant(NOON + HOUR)
    assert answer["license"]["leased_until"] == shown(agent) == UNTIL


def test_r37_what_is_over_stays_told(agent: Agent) -> None:
    agent.world.act("revoke", agent.license_id)
    agent.world.clock.advance(30 * DAY)
    assert shown(agent) == UNTIL
