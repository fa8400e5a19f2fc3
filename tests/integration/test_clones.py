"""Leases form a chain: two agents that live on one licence are found, and one alone never is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from licensing.adapters.secrets import SecretsManagerKeyrings
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.capacity import metered
from tests.integration.leases import Read, verified
from tests.integration.partner import generated
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import ADA, MACHINE_B, OLIVIA, PAVEL, World, rotate_secret

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


def lease_of(agent: Agent) -> Read:
    assert agent.lease is not None
    return verified(agent.world, agent.lease)


def clone_of(agent: Agent) -> Agent:
    """The whole machine, copied, and started in another place."""
    return replace(agent, address="198.51.100.66")


def suspicions(world: World) -> list[dict[str, Any]]:
    return events(world, "CloneSuspected")


def feed(world: World) -> list[Mapping[str, Any]]:
    answer = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=ADA)
    found: list[Mapping[str, Any]] = answer.json["events"]
    return found


# -- one agent -------------------------------------------------------------------------------------


def test_an_agent_that_presents_no_lease_has_no_chain_and_costs_no_write(world: World) -> None:
    world.register("acme")
    agent = Agent(world, presents=False)
    agent.login()
    with metered(world) as spent:
        for _ in range(3):
            assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 3}
    assert "jti" not in lease_of(agent).claims


def test_in_its_first_half_a_lease_is_validated_for_no_write_and_stays_the_same_link(
    agent: Agent,
) -> None:
    before = lease_of(agent).claims
    agent.world.clock.advance(60)
    with metered(agent.world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 1}
    after = lease_of(agent).claims
    assert {name: after[name] for name in ("jti", "iat", "exp")} == {
        name: before[name] for name in ("jti", "iat", "exp")
    }
    assert after["nonce"] != before["nonce"]


def test_from_halfway_on_it_is_renewed_for_one_write_with_the_sighting_in_it(agent: Agent) -> None:
    before = lease_of(agent).claims
    agent.world.clock.advance(HALF)
    agent.world.runtime.keyrings.keyring()
    with metered(agent.world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 1, "UpdateItem": 1}
    assert spent.wcu <= 2
    after = lease_of(agent).claims
    assert after["jti"] != before["jti"]
    assert after["iat"] == before["iat"] + HALF
    shown = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    assert shown.json["license"]["last_seen"]["at"] == "2030-03-18T05:46:40Z"


def test_with_a_device_key_proof_and_link_are_one_write(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    agent.login()
    agent.code()
    world.clock.advance(HALF)
    world.runtime.keyrings.keyring()
    agent.fresh_proof()
    with metered(world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 1, "UpdateItem": 1}


def test_an_agent_alone_is_never_suspected(agent: Agent) -> None:
    for _ in range(40):
        agent.world.clock.advance(HALF / 3)
        assert agent.code() == "VALID"
    agent.world.clock.advance(40 * DAY)  # it was switched off
    assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


@pytest.mark.parametrize("same_nonce", [True, False], ids=["same nonce", "another nonce"])
def test_a_lost_answer_is_no_clone(agent: Agent, *, same_nonce: bool) -> None:
    for _ in range(5):
        agent.world.clock.advance(HALF)
        kept, nonce = agent.lease, f"renewal-{agent.world.clock.time}"
        agent.validate(nonce=nonce)
        agent.lease = kept  # the answer never arrived
        assert agent.code(nonce=nonce if same_nonce else "another") == "VALID"
    assert suspicions(agent.world) == []


def test_a_renewal_that_comes_again_after_its_repetition_leads_to_the_same_link(
    agent: Agent,
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    first = lease_of(agent).claims["jti"]
    agent.lease = kept
    agent.validate(nonce="one")
    assert lease_of(agent).claims["jti"] == first
    with metered(agent.world) as spent:
        agent.validate(nonce="one", lease=kept)
    assert "UpdateItem" not in spent.requests
    assert suspicions(agent.world) == []


def test_a_rotation_of_the_secret_between_a_renewal_and_its_repetition_changes_nothing(
    agent: Agent,
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    first = lease_of(agent).claims["jti"]
    rotate_secret(agent.world)
    agent.world.clock.advance(1000)
    agent.lease = kept
    agent.validate(nonce="one")
    assert lease_of(agent).claims["jti"] == first
    assert suspicions(agent.world) == []


def test_a_lease_that_is_signed_with_a_version_not_known_here_yet_is_no_clones(
    agent: Agent,
) -> None:
    govern(agent.world, block_clones=True)
    here = agent.world.runtime.keyrings
    here.keyring()
    rotate_secret(agent.world)
    agent.world.runtime.keyrings = SecretsManagerKeyrings(here.client, here.secret_id, here.clock)
    agent.login()  # in an environment that knows it
    agent.world.runtime.keyrings = here
    assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_where_that_version_has_just_been_looked_for_the_agent_is_asked_to_come_again(
    agent: Agent,
) -> None:
    govern(agent.world, block_clones=True)
    here = agent.world.runtime.keyrings
    here.keyring(at_least=2)  # as a stranger's lease may make it do, too
    rotate_secret(agent.world)
    agent.world.runtime.keyrings = SecretsManagerKeyrings(here.client, here.secret_id, here.clock)
    agent.login()  # in an environment that knows it
    agent.world.runtime.keyrings = here
    assert_problem(agent.validate(), 503, "unavailable")
    agent.world.clock.advance(60)
    assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_a_chain_from_before_its_links_had_a_time_is_gone_on_with(agent: Agent) -> None:
    agent.world.runtime.dynamodb.update_item(
        TableName=agent.world.runtime.settings.table_name,
        Key={"pk": {"S": f"LICENSE#{agent.license_id}"}, "sk": {"S": "LICENSE"}},
        UpdateExpression="REMOVE leased_at",
        ConditionExpression="attribute_exists(leased_at)",
    )
    for _ in range(3):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_an_agent_that_lost_all_but_its_person_logs_in_and_goes_on(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    agent.validate()
    fresh = Agent(agent.world)
    with metered(agent.world) as spent:
        assert fresh.login().status == 200
    assert spent.wcu == 0
    assert fresh.code() == "VALID"
    agent.world.clock.advance(HALF)
    assert fresh.code() == "VALID"
    assert suspicions(agent.world) == []


def test_a_licence_that_was_moved_to_another_machine_begins_a_chain_there(agent: Agent) -> None:
    agent.world.act("dissociate", agent.license_id)
    moved = Agent(agent.world, machine=MACHINE_B)
    assert moved.login(license_key=agent.key).status == 200
    for _ in range(3):
        assert moved.code() == "VALID"
        agent.world.clock.advance(HALF)
    assert suspicions(agent.world) == []


def test_of_two_renewals_at_once_with_one_lease_both_are_answered(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    answers = [agent.validate(lease=kept) for _ in range(2)]
    assert [answer.json["code"] for answer in answers] == ["VALID", "VALID"]
    assert suspicions(agent.world) == []


def test_an_agent_that_went_on_is_not_suspected_when_the_table_is_put_back(agent: Agent) -> None:
    world = agent.world
    govern(world, block_clones=True)
    clone, before = clone_of(agent), world.items()
    for _ in range(3):
        world.clock.advance(HALF)
        assert agent.code() == "VALID"
    for item in before:
        world.runtime.dynamodb.put_item(TableName=world.runtime.settings.table_name, Item=item)
    for _ in range(3):
        assert agent.code() == "VALID"
        world.clock.advance(HALF)
    assert suspicions(world) == []
    # What is older than the record is a second agent's, as ever.
    assert clone.code() == "DETACHED"


# -- two agents ------------------------------------------------------------------------------------


def test_r37_a_clone_is_found_within_two_renewals_of_each_with_both_addresses(agent: Agent) -> None:
    clone = clone_of(agent)
    for _ in range(2):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
        assert clone.code() == "VALID"
    found = suspicions(agent.world)
    assert {
        address for event in found for address in (event["source_address"], event["other_address"])
    } == {"203.0.113.7", "198.51.100.66"}
    assert {event["reason"] for event in found} == {"clone_suspected"}
    assert feed(agent.world)[0]["other_address"] in {"203.0.113.7", "198.51.100.66"}


@pytest.mark.parametrize(
    "lease", [None, "", "nonsense", "another's"], ids=["none", "empty", "nonsense", "another's"]
)
def test_a_key_that_is_used_without_the_last_lease_is_a_second_agents(
    agent: Agent, lease: str | None
) -> None:
    if lease == "another's":
        other = Agent(agent.world)
        other.login(environment="staging")
        lease = other.lease
    clone = replace(clone_of(agent), lease=lease)
    assert clone.code() == "VALID"
    (event,) = suspicions(agent.world)
    assert (event["source_address"], event["other_address"]) == ("198.51.100.66", "203.0.113.7")


def test_an_older_agent_that_takes_over_from_a_newer_one_is_suspected(agent: Agent) -> None:
    older = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01", "LicenseKey": agent.key}
    answer = agent.world.request("POST", "/v1/licenses/validate", json=older)
    assert answer.json["code"] == "VALID"
    assert len(suspicions(agent.world)) == 1


def test_r32_within_an_hour_suspicions_are_folded_into_one_entry(agent: Agent) -> None:
    clone = replace(clone_of(agent), presents=False)
    for _ in range(3):
        clone.code()
    (event,) = suspicions(agent.world)
    assert event["times"] == 3


def test_a_forged_lease_is_as_good_as_none(agent: Agent) -> None:
    assert agent.lease is not None
    head, _, tail = agent.lease.rpartition(".")
    forged = f"{head}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}"
    assert agent.code(lease=forged) == "VALID"
    assert len(suspicions(agent.world)) == 1


# -- blocking --------------------------------------------------------------------------------------


def test_by_the_organizations_choice_both_are_blocked_until_somebody_has_looked(
    agent: Agent,
) -> None:
    govern(agent.world, block_clones=True)
    clone = clone_of(agent)
    codes = []
    for _ in range(2):
        agent.world.clock.advance(HALF)
        codes += [agent.code(), clone.code()]
    assert codes[-1] == "DETACHED"
    assert (agent.code(), clone.code()) == ("DETACHED", "DETACHED")
    (event,) = suspicions(agent.world)
    assert (event["before"]["state"], event["after"]["state"]) == ("active", "detached")
    assert {event["source_address"], event["other_address"]} == {"203.0.113.7", "198.51.100.66"}
    shown = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    assert shown.json["license"]["status"] == "detached"


def test_a_block_that_was_lifted_is_a_new_beginning(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    assert replace(clone_of(agent), presents=False).code() == "DETACHED"
    agent.world.act("attach", agent.license_id)
    for _ in range(4):
        assert agent.code() == "VALID"
        agent.world.clock.advance(HALF)
    assert len(suspicions(agent.world)) == 1


def test_r28_a_partners_licence_is_reported_to_the_operator_alone_and_never_blocked(
    world: World,
) -> None:
    world.register("acme")
    govern(world, block_clones=True)
    agent = Agent(world)
    agent.login(PAVEL, license_key=generated(world, "7d").key)
    agent.code()
    assert replace(clone_of(agent), lease=None).code() == "VALID"
    assert feed(world) == []
    trail = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=OLIVIA)
    assert len(trail.json["events"]) == 1


def test_r33_the_blocking_is_in_the_licences_history(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    replace(clone_of(agent), presents=False).code()
    history = agent.world.request("GET", f"/v1/licenses/{agent.license_id}/events", person=ADA)
    newest = history.json["events"][0]
    assert (newest["type"], newest["actor"]["kind"]) == ("CloneSuspected", "agent")
    assert (newest["source_address"], newest["other_address"]) == ("198.51.100.66", "203.0.113.7")
