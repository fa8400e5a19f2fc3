"""Two agents that live on one licence are found, and nobody else is taken for one (R37)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.partner import generated
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import ADA, OLIVIA, PAVEL, World

DAY = 86_400
HALF = DAY // 2


@pytest.fixture
def agent(world: World) -> Agent:
    """An agent of Acme's that has validated once: its chain has begun."""
    world.register("acme")
    made = Agent(world)
    made.login()
    assert made.code() == "VALID"
    return made


def clone_of(agent: Agent, address: str = "198.51.100.66") -> Agent:
    """The whole machine, copied, and started in another place."""
    return replace(agent, address=address, device=agent.device and replace(agent.device))


def suspicions(world: World) -> list[dict[str, Any]]:
    return events(world, "CloneSuspected")


def reasons(world: World, kind: str) -> list[str]:
    return [event["reason"] for event in events(world, kind)]


def feed(world: World) -> list[dict[str, Any]]:
    answer = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=ADA)
    found: list[dict[str, Any]] = answer.json["events"]
    return found


def go_on(*agents: Agent, every: float = HALF, times: int = 2) -> list[str]:
    """Let agents validate in turn; the codes that they are answered."""
    codes = []
    for _ in range(times):
        agents[0].world.clock.advance(every)
        codes += [one.code() for one in agents]
    return codes


# -- copies that go on -----------------------------------------------------------------------------


def test_r37_a_clone_is_found_within_two_renewals_of_each_with_both_addresses(agent: Agent) -> None:
    go_on(agent, clone_of(agent))
    found = suspicions(agent.world)
    assert {
        address for event in found for address in (event["source_address"], event["other_address"])
    } == {"203.0.113.7", "198.51.100.66"}
    assert {event["reason"] for event in found} == {"clone_suspected"}
    assert feed(agent.world)[0]["other_address"] in {"203.0.113.7", "198.51.100.66"}


def test_r37_one_of_two_is_on_record_before_both_have_renewed_once(agent: Agent) -> None:
    go_on(agent, clone_of(agent), times=1)
    assert reasons(agent.world, "AgentReturned") == ["older_lease"]
    assert suspicions(agent.world) == []


@pytest.mark.parametrize("has_key", [False, True], ids=["key alone", "device key"])
@pytest.mark.parametrize("copies", [1, 2, 10])
def test_r37_copies_that_go_on_are_blocked_at_their_second_renewal(
    world: World, copies: int, *, has_key: bool
) -> None:
    world.register("acme")
    govern(world, block_clones=True, require_device_key=has_key)
    agent = Agent(world, Device() if has_key else None)
    agent.login()
    agent.code()
    clones = [clone_of(agent, f"198.51.100.{copy}") for copy in range(copies)]
    assert set(go_on(agent, *clones, times=1)) == {"VALID"}
    assert set(go_on(agent, *clones, times=1)[1:]) == {"DETACHED"}


def test_r37_a_clone_that_begins_weeks_later_is_found_when_the_other_comes_back(
    agent: Agent,
) -> None:
    clone = clone_of(agent)
    go_on(agent, times=30)
    assert clone.code() == "VALID"
    assert reasons(agent.world, "AgentReturned") == ["older_lease"]
    go_on(agent, times=1)
    assert reasons(agent.world, "CloneSuspected") == ["clone_suspected"]


def test_r37_clones_that_were_made_with_a_question_open_are_found_a_renewal_later(
    agent: Agent,
) -> None:
    clone = clone_of(agent)
    agent.world.clock.advance(HALF)
    assert (agent.code(nonce="open"), clone.code(nonce="open")) == ("VALID", "VALID")
    assert agent.lease is not None
    go_on(agent, clone)
    assert suspicions(agent.world) != []


def test_r37_a_clone_that_only_ever_logs_in_is_found_at_the_agents_next_renewal(
    agent: Agent,
) -> None:
    govern(agent.world, block_clones=True)
    agent.world.clock.advance(60)
    assert replace(clone_of(agent), lease=None).login().status == 200
    assert reasons(agent.world, "AgentReturned") == ["older_lease"]
    assert go_on(agent, times=1) == ["DETACHED"]


def test_r37_a_login_blocks_nobody_whatever_it_presents(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    kept, copies = agent.lease, [clone_of(agent) for _ in range(6)]
    for copy in copies:
        agent.world.clock.advance(DAY)
        assert copy.login(lease=kept).status == 200
    assert reasons(agent.world, "CloneSuspected")[-1] == "returned_often"
    assert copies[-1].code() == "VALID"


# -- copies that are put back ----------------------------------------------------------------------


@pytest.mark.parametrize(("machines", "day"), [(1, 5), (2, 3), (5, 1)], ids=["one", "two", "five"])
def test_r37_a_pool_that_is_put_back_daily_is_suspected_and_then_blocked(
    world: World, machines: int, day: int
) -> None:
    world.register("acme")
    govern(world, block_clones=True, require_device_key=True)
    agent = Agent(world, Device())
    agent.login()
    agent.code()
    suspected, blocked = None, None
    for today in range(1, 8):
        world.clock.advance(DAY)
        codes = [clone_of(agent, f"198.51.100.{one}").code() for one in range(machines)]
        if suspected is None and suspicions(world):
            suspected = today
        if "DETACHED" in codes:
            blocked = today
            break
    assert (suspected, blocked) == (day, 5)


# -- device keys -----------------------------------------------------------------------------------


def test_r37_two_machines_of_one_image_with_device_keys_of_their_own_are_a_clone(
    world: World,
) -> None:
    world.register("acme")
    first = Agent(world, Device())
    first.login(ADA)
    second = replace(first, device=Device(), address="198.51.100.66", lease=None)
    for turn in range(4):
        world.clock.advance(DAY)
        assert (second, first)[turn % 2].login(ADA).status == 200
    assert "device_key_came_back" in reasons(world, "AgentReturned")
    assert "device_keys_alternate" in reasons(world, "CloneSuspected")


def test_r37_a_key_that_was_reset_and_is_bound_again_has_not_come_back(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    agent.login()
    for _ in range(3):
        path = f"/v1/licenses/{agent.license_id}/reset-device-key"
        assert world.request("POST", path, person=ADA).status == 200
        assert agent.login().status == 200
        assert agent.code() == "VALID"
    assert events(world, "AgentReturned") == suspicions(world) == []


# -- who shows nothing but a key -------------------------------------------------------------------


@pytest.mark.parametrize(
    "lease", [None, "", "nonsense", "another's"], ids=["none", "empty", "nonsense", "another's"]
)
def test_r37_a_key_without_the_last_lease_is_on_record_and_moves_nothing(
    agent: Agent, lease: str | None
) -> None:
    if lease == "another's":
        other = Agent(agent.world)
        other.login(environment="staging")
        lease = other.lease
    assert replace(clone_of(agent), lease=lease).code() == "VALID"
    (event,) = events(agent.world, "AgentReturned")
    assert (event["source_address"], event["other_address"]) == ("198.51.100.66", "203.0.113.7")
    assert event["reason"] == "without_lease"
    go_on(agent, times=3)
    assert suspicions(agent.world) == []


def test_r37_a_thief_of_a_key_has_nobody_blocked(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    thief = replace(clone_of(agent), lease=None)
    for _ in range(6):
        assert thief.code() == "PROOF_REQUIRED"
        thief.lease = None
        assert go_on(agent, times=1) == ["VALID"]
    assert suspicions(agent.world) == []
    (*_, event) = events(agent.world, "AccessRefused")
    assert (event["reason"], event["source_address"]) == ("proof_required", "198.51.100.66")


def test_r37_a_lease_outside_the_chain_is_as_good_as_none(agent: Agent) -> None:
    thief = replace(clone_of(agent), lease=None)
    for _ in range(4):
        assert thief.code() == "VALID"
        assert thief.lease is not None  # presented the next time
    assert reasons(agent.world, "AgentReturned") == ["without_lease"]
    go_on(agent, times=2)
    assert suspicions(agent.world) == []


def test_r32_within_an_hour_uses_without_a_lease_are_folded_into_one_entry(agent: Agent) -> None:
    clone = replace(clone_of(agent), presents=False)
    for _ in range(3):
        clone.code()
    (event,) = events(agent.world, "AgentReturned")
    assert event["times"] == 3


def test_a_forged_lease_is_as_good_as_none(agent: Agent) -> None:
    assert agent.lease is not None
    head, _, tail = agent.lease.rpartition(".")
    forged = f"{head}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}"
    assert agent.code(lease=forged) == "VALID"
    assert reasons(agent.world, "AgentReturned") == ["without_lease"]


# -- blocking --------------------------------------------------------------------------------------


def test_by_the_organizations_choice_both_are_blocked_until_somebody_has_looked(
    agent: Agent,
) -> None:
    govern(agent.world, block_clones=True)
    clone = clone_of(agent)
    assert go_on(agent, clone) == ["VALID", "VALID", "DETACHED", "DETACHED"]
    assert (agent.code(), clone.code()) == ("DETACHED", "DETACHED")
    (event,) = suspicions(agent.world)
    assert (event["before"]["state"], event["after"]["state"]) == ("active", "detached")
    assert {event["source_address"], event["other_address"]} == {"203.0.113.7", "198.51.100.66"}
    shown = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    assert shown.json["license"]["status"] == "detached"


def test_a_block_that_was_lifted_is_a_new_beginning(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    go_on(agent, clone_of(agent))
    agent.world.act("attach", agent.license_id)
    assert set(go_on(agent, times=4)) == {"VALID"}
    assert len(suspicions(agent.world)) == 1


def test_r37_after_a_block_was_lifted_a_copy_is_found_again(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    clone = clone_of(agent)
    go_on(agent, clone)
    agent.world.act("attach", agent.license_id)
    assert "DETACHED" in go_on(agent, clone, times=2)


def test_r28_a_partners_licence_is_reported_to_the_operator_alone_and_never_blocked(
    world: World,
) -> None:
    world.register("acme")
    govern(world, block_clones=True)
    agent = Agent(world)
    agent.login(PAVEL, license_key=generated(world, "7d").key)
    agent.code()
    assert set(go_on(agent, clone_of(agent), times=3)) == {"VALID"}
    assert feed(world) == []
    trail = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=OLIVIA)
    assert trail.json["events"] != []


def test_r33_the_blocking_is_in_the_licences_history(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    go_on(agent, clone_of(agent))
    history = agent.world.request("GET", f"/v1/licenses/{agent.license_id}/events", person=ADA)
    newest = history.json["events"][0]
    assert (newest["type"], newest["actor"]["kind"]) == ("CloneSuspected", "agent")
    assert (newest["source_address"], newest["other_address"]) == ("203.0.113.7", "198.51.100.66")
