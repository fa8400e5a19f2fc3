"""The same question gets the same lease, and a machine that was restored is left alone (R37)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from licensing.adapters.secrets import SecretsManagerKeyrings
from licensing.domain.lease import sign
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.capacity import metered
from tests.integration.leases import Read, read, verified
from tests.integration.partner import generated
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.unit.domain.test_lease import KEY, KID, LEASE
from tests.world import ADA, ALICE, AMIR, MACHINE_B, PAVEL, World, rotate_secret

pytestmark = pytest.mark.sampled(2)

DAY = 86_400
HALF = DAY // 2


@pytest.fixture(params=[None, Device], ids=["key alone", "device key"])
def agent(request: pytest.FixtureRequest, world: World) -> Agent:
    """An agent of Acme's that has validated once, where clones are blocked."""
    world.register("acme", seconds=800 * DAY)
    govern(world, block_clones=True)
    make: Callable[[], Device] | None = request.param
    made = Agent(world, make() if make else None)
    made.login()
    assert made.code() == "VALID"
    return made


def lease_of(agent: Agent) -> Read:
    assert agent.lease is not None
    return verified(agent.world, agent.lease)


def same(agent: Agent) -> tuple[Any, ...]:
    """What makes a lease the same one."""
    claims = lease_of(agent).claims
    return claims["jti"], claims["iat"], claims["exp"]


def backup_of(agent: Agent) -> Agent:
    """The agent's machine, to be restored later on."""
    return replace(agent)


def suspicions(world: World) -> list[dict[str, Any]]:
    return events(world, "CloneSuspected")


def returns(world: World) -> list[str]:
    return [event["reason"] for event in events(world, "AgentReturned")]


# -- one agent -------------------------------------------------------------------------------------


def test_r37_in_its_first_half_a_lease_is_validated_for_no_write_and_stays_the_same(
    agent: Agent,
) -> None:
    before = lease_of(agent).claims
    agent.world.clock.advance(60)
    with metered(agent.world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 1}
    after = lease_of(agent).claims
    assert same(agent) == (before["jti"], before["iat"], before["exp"])
    assert after["nonce"] != before["nonce"]


def test_r37_from_halfway_on_it_is_renewed_for_one_write_with_all_that_goes_along(
    agent: Agent,
) -> None:
    before = lease_of(agent).claims
    agent.world.clock.advance(HALF)
    agent.world.runtime.keyrings.keyring()
    with metered(agent.world) as spent:
        assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 1, "UpdateItem": 1}
    assert spent.wcu <= 2
    after = lease_of(agent).claims
    assert after["jti"] != before["jti"]
    assert after["iat"] >= before["iat"] + HALF
    shown = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA).json
    assert shown["license"]["last_seen"]["at"].startswith("2030-03-18T05:46:40")
    assert shown["license"]["leased_until"].startswith("2030-03-19T05:46:40")


def test_r37_an_agent_alone_is_never_suspected_however_long_it_was_off(agent: Agent) -> None:
    for _ in range(40):
        agent.world.clock.advance(HALF / 3)
        assert agent.code() == "VALID"
    agent.world.clock.advance(40 * DAY)
    assert agent.code() == "VALID"
    assert (suspicions(agent.world), returns(agent.world)) == ([], [])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("passed", [0, 60, HALF, DAY, 40 * DAY])
def test_r37_the_same_question_gets_the_same_lease_whenever_it_is_asked(
    agent: Agent, passed: int
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    assert agent.code(nonce="one") == "VALID"
    first = same(agent)
    agent.world.clock.advance(passed)
    agent.lease = kept  # the answer never arrived
    before = agent.world.items()
    assert agent.code(nonce="one") == "VALID"
    assert same(agent) == first
    if passed < 900:
        assert agent.world.items() == before, "not even a proof is used up"
    assert (suspicions(agent.world), returns(agent.world)) == ([], [])


def test_r37_from_a_lease_that_is_over_when_it_arrives_the_agent_goes_on(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    agent.lease = kept
    agent.world.clock.advance(3 * DAY)
    agent.validate(nonce="one")
    assert read(agent.lease or "")["exp"] < agent.world.clock.time
    assert agent.code(nonce="two") == "VALID"
    assert read(agent.lease or "")["iat"] == int(agent.world.clock.time)
    assert returns(agent.world) == []


@pytest.mark.parametrize("days", [1, 400])
def test_r37_the_same_lease_is_cut_by_the_subscription_as_it_is_now_and_never_longer(
    agent: Agent, days: int
) -> None:
    agent.world.clock.advance(HALF)
    kept, first = agent.lease, None
    for left in (DAY, HALF // 2, days * DAY):
        agent.world.change("acme", seconds=left)
        agent.lease = kept
        agent.validate(nonce="one")
        end = lease_of(agent).claims["exp"]
        first = first or end
        assert end <= min(first, int(agent.world.clock.time) + left)


def test_r37_a_lost_answer_that_is_asked_for_with_another_nonce_is_a_return_on_record(
    agent: Agent,
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate()
    end = lease_of(agent).claims["exp"]
    agent.lease = kept
    assert agent.code() == "VALID"
    assert lease_of(agent).claims["exp"] == end, "it gains no time"
    assert returns(agent.world) == ["older_lease"]
    assert suspicions(agent.world) == []


def test_a_rotation_of_the_secret_between_a_question_and_its_repetition_changes_nothing(
    agent: Agent,
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    first = same(agent)
    rotate_secret(agent.world)
    agent.world.clock.advance(1000)
    agent.lease = kept
    agent.validate(nonce="one")
    assert same(agent) == first
    assert suspicions(agent.world) == []


def test_a_lease_whose_key_is_not_known_here_yet_is_no_clones(agent: Agent) -> None:
    here = agent.world.runtime.keyrings
    here.keyring()
    agent.world.clock.advance(HALF)
    rotate_secret(agent.world)
    agent.world.runtime.keyrings = SecretsManagerKeyrings(here.client, here.secret_id, here.clock)
    agent.login()  # in an environment that knows it
    agent.world.runtime.keyrings = here
    assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_where_that_version_has_just_been_looked_for_the_agent_is_asked_to_come_again(
    agent: Agent,
) -> None:
    here = agent.world.runtime.keyrings
    agent.world.clock.advance(HALF)
    here.keyring(at_least=2)  # as a stranger's lease may make it do, too
    rotate_secret(agent.world)
    agent.world.runtime.keyrings = SecretsManagerKeyrings(here.client, here.secret_id, here.clock)
    agent.login()  # in an environment that knows it
    agent.world.runtime.keyrings = here
    assert_problem(agent.validate(), 503, "unavailable")
    agent.world.clock.advance(60)
    assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_a_chain_from_before_its_links_had_times_is_gone_on_with(agent: Agent) -> None:
    agent.world.runtime.dynamodb.update_item(
        TableName=agent.world.runtime.settings.table_name,
        Key={"pk": {"S": f"LICENSE#{agent.license_id}"}, "sk": {"S": "LICENSE"}},
        UpdateExpression="REMOVE leased_at, leased_to, presented",
        ConditionExpression="attribute_exists(leased_to)",
    )
    for _ in range(3):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


# -- logins ----------------------------------------------------------------------------------------


def test_r37_a_login_is_asked_again_with_its_nonce_and_gets_the_same_lease(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    assert agent.login(nonce="first").status == 201
    first = same(agent)
    assert lease_of(agent).claims["nonce"] == "first"
    agent.lease = None  # the answer never arrived
    with metered(world) as spent:
        assert agent.login(nonce="first").status == 200
    assert (same(agent), spent.wcu) == (first, 0)
    assert agent.code() == "VALID"
    assert same(agent) == first
    assert returns(world) == []


def test_r37_a_login_with_the_current_lease_moves_the_chain_as_a_validation_does(
    agent: Agent,
) -> None:
    before = same(agent)
    agent.login()
    assert same(agent) == before
    agent.world.clock.advance(HALF)
    with metered(agent.world) as spent:
        agent.login(AMIR)
    assert same(agent) != before
    assert spent.wcu <= (1 if agent.device is None else 2)
    assert agent.code() == "VALID"
    assert (suspicions(agent.world), returns(agent.world)) == ([], [])


def test_r37_an_agent_that_lost_all_but_its_person_logs_in_and_goes_on(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    agent.validate()
    fresh = replace(agent, lease=None)
    assert fresh.login().status == 200
    for _ in range(3):
        assert fresh.code() == "VALID"
        agent.world.clock.advance(HALF)
    assert returns(agent.world) == ["older_lease"]
    assert suspicions(agent.world) == []


def test_r37_a_validation_does_not_repeat_a_logins_question(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login(nonce="1")
    thief = replace(agent, lease=None)
    thief.validate(nonce="1")
    assert "jti" not in lease_of(thief).claims


def test_a_licence_that_was_moved_to_another_machine_begins_a_chain_there(agent: Agent) -> None:
    agent.world.act("dissociate", agent.license_id)
    moved = Agent(agent.world, agent.device, machine=MACHINE_B)
    assert moved.login(license_key=agent.key).status == 200
    for _ in range(3):
        assert moved.code() == "VALID"
        agent.world.clock.advance(HALF)
    assert (suspicions(agent.world), returns(agent.world)) == ([], [])


# -- restored from a backup ------------------------------------------------------------------------


@pytest.mark.sampled(4)
@pytest.mark.parametrize("back", [1, 2, 10])
def test_r37_a_machine_that_was_restored_once_goes_on_and_is_on_record(
    agent: Agent, back: int
) -> None:
    kept = backup_of(agent)
    for _ in range(back):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    agent.world.clock.advance(60)
    agent.lease = kept.lease
    for _ in range(4):
        assert agent.code() == "VALID"
        agent.world.clock.advance(HALF)
    assert returns(agent.world) == ["older_lease"]
    assert suspicions(agent.world) == []


def test_r37_two_backups_that_are_tried_in_turn_are_no_clones(agent: Agent) -> None:
    backups = []
    for _ in range(4):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
        backups.append(agent.lease)
    agent.world.clock.advance(HALF)
    assert agent.code() == "VALID"
    for lease in backups[:2]:
        agent.lease = lease
        assert agent.code() == "VALID"
        agent.world.clock.advance(600)
    for _ in range(3):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_r37_a_backup_with_an_open_question_repeats_it(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="open")
    granted = [lease_of(agent).claims["jti"]]
    for _ in range(3):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
        granted.append(lease_of(agent).claims["jti"])
    agent.lease = kept
    assert agent.code(nonce="open") == "VALID"
    assert lease_of(agent).claims["jti"] not in granted, "no two leases have one id"
    for _ in range(3):
        agent.world.clock.advance(HALF)
        assert agent.code() == "VALID"
    assert suspicions(agent.world) == []


def test_an_agent_that_went_on_is_not_suspected_when_the_table_is_put_back(agent: Agent) -> None:
    world = agent.world
    before = world.items()
    for _ in range(3):
        world.clock.advance(HALF)
        assert agent.code() == "VALID"
    for item in before:
        world.runtime.dynamodb.put_item(TableName=world.runtime.settings.table_name, Item=item)
    for _ in range(3):
        assert agent.code() == "VALID"
        world.clock.advance(HALF)
    assert returns(world) == ["newer_lease"]
    assert suspicions(world) == []


def test_r28_a_partner_that_comes_back_is_told_to_the_operator_alone(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login(PAVEL, license_key=generated(world, "7d").key)
    kept = agent.lease
    agent.code()
    world.clock.advance(HALF)
    agent.code()
    assert replace(agent, lease=kept).code() == "VALID"
    path = "/v1/organizations/acme/events?type=AgentReturned"
    assert world.request("GET", path, person=ADA).json["events"] == []
    assert returns(world) == ["older_lease"]


# -- who shows nothing but a key -------------------------------------------------------------------


def test_an_agent_that_never_presents_a_lease_has_no_chain_and_costs_no_write(
    world: World,
) -> None:
    world.register("acme")
    agent = Agent(world, presents=False)
    agent.login()
    agent.code()
    with metered(world) as spent:
        for _ in range(3):
            assert agent.code() == "VALID"
    assert spent.requests == {"BatchGetItem": 3}
    assert "jti" not in lease_of(agent).claims


def test_r37_the_end_of_the_longest_lease_is_never_before_that_of_one_that_was_granted(
    world: World,
) -> None:
    world.register("acme")
    agent = Agent(world, presents=False)
    agent.login()
    for _ in range(12):
        world.clock.advance(400)
        agent.code()
        stored = world.runtime.store.license(agent.license_id)
        assert stored is not None
        assert lease_of(agent).claims["exp"] <= stored.leased_until


def test_r30_an_older_agent_after_a_newer_one_is_served_once_a_person_has_logged_in(
    world: World,
) -> None:
    world.register("acme")
    govern(world, block_clones=True)
    agent = Agent(world)
    agent.login()
    agent.code()
    older = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01"}
    asked = {**older, "LicenseKey": agent.key}
    answer = world.request("POST", "/v1/licenses/validate", json=asked)
    assert answer.json["code"] == "PROOF_REQUIRED"
    login = world.request("POST", "/v1/licenses", person=ALICE, json=older)
    assert (login.status, login.json["license_key"]) == (200, agent.key)
    for _ in range(3):
        answer = world.request("POST", "/v1/licenses/validate", json=asked)
        assert answer.json["code"] == "VALID"
        world.clock.advance(DAY)
    assert suspicions(world) == []


# -- what is of elsewhere, or of before ------------------------------------------------------------


def test_r37_a_login_that_presents_another_services_lease_is_let_in(agent: Agent) -> None:
    of_another = sign(LEASE, KEY, KID)
    for _ in range(3):
        agent.world.clock.advance(60)
        assert agent.login(lease=of_another).status == 200
    assert agent.code() == "VALID"


def test_r37_where_the_subscription_is_shortened_no_lease_is_due_already_when_it_is_granted(
    agent: Agent,
) -> None:
    agent.world.clock.advance(3600)
    agent.world.change("acme", seconds=4 * 3600)
    for _ in range(3):
        agent.world.clock.advance(2000)
        assert agent.code() == "VALID"
        claims = lease_of(agent).claims
        assert agent.world.clock.time < (claims["iat"] + claims["exp"]) // 2
    assert returns(agent.world) == []


def test_r37_a_question_that_an_earlier_build_has_answered_gets_a_lease_that_is_not_over(
    agent: Agent,
) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    agent.world.runtime.dynamodb.update_item(
        TableName=agent.world.runtime.settings.table_name,
        Key={"pk": {"S": f"LICENSE#{agent.license_id}"}, "sk": {"S": "LICENSE"}},
        UpdateExpression="REMOVE leased_to, presented",
        ConditionExpression="attribute_exists(leased_to)",
    )
    agent.lease = kept
    for _ in range(2):
        assert agent.code(nonce="one") == "VALID"
    assert lease_of(agent).claims["exp"] > agent.world.clock.time
    assert returns(agent.world) == []


def test_r37_no_two_leases_have_one_id_after_a_block_was_lifted(agent: Agent) -> None:
    agent.world.clock.advance(HALF)
    kept = agent.lease
    agent.validate(nonce="one")
    before = same(agent)
    agent.world.clock.advance(3600)
    for action in ("detach", "attach"):
        agent.world.act(action, agent.license_id)
    agent.lease = kept
    assert agent.code(nonce="one") == "VALID"
    assert same(agent)[0] != before[0]
