"""R19: an agent that its organization has blocked is blocked for partners, too."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.capacity import Transaction, metered
from tests.integration.partner import Temporary, generated, login_with, used
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import ADA, ALICE, BEA, BORIS, MACHINE_A, MACHINE_B, PAVEL, Answer, World

RENAMED = MACHINE_A | {"computer_name": "ACME-PC-07"}
REBUILT = RENAMED | {"mac_addresses": ["3c:52:82:0a:1b:99"]}


def standing(world: World, machine: Mapping[str, Any] = MACHINE_A, **more: Any) -> str:
    """Acme's own licence for an agent."""
    world.register("acme")
    answer = world.login(ALICE, machine, **more)
    assert answer.status == 201
    license_id: str = answer.json["license"]["id"]
    return license_id


def assert_blocked(answer: Answer) -> None:
    """A login that is refused as a user's own would be."""
    assert_problem(answer, 409, "agent_blocked")
    assert answer.json["detail"] == "Agent is Blocked."


def check(world: World, one: Temporary, machine: Any = MACHINE_A, **more: Any) -> tuple[str, ...]:
    """What a partner's agent is told: code, message, what to do, whether there is a lease."""
    answer = world.validate(one.key, machine, **more).json
    assert answer["valid"] is (answer["lease"] is not None)
    return answer["code"], answer["message"], answer["action"], answer["license"]["id"]


def test_r19_a_blocked_agent_is_blocked_for_partners_from_the_first_second_until_it_is_attached(
    world: World,
) -> None:
    license_id = standing(world)
    fresh, at_work = generated(world), generated(world)
    used(world, at_work)
    assert world.code(at_work.key) == "VALID"

    assert world.act("detach", license_id).status == 200

    blocked = ("DETACHED", "Agent is Blocked.", "logout", at_work.id)
    assert check(world, at_work) == blocked
    before = world.items()
    for one in (fresh, at_work):
        assert_blocked(login_with(world, one.key))
    assert world.items() == before, "nobody is tied to a blocked agent"
    world.clock.advance(1)
    assert check(world, at_work) == blocked

    assert world.act("attach", license_id).status == 200
    assert world.code(at_work.key) == "VALID"
    for one in (fresh, at_work):
        used(world, one)


def test_r19_other_agents_of_the_machine_and_other_machines_are_not_blocked(world: World) -> None:
    license_id = standing(world)
    world.login(ALICE, environment="staging")
    world.act("detach", license_id)
    elsewhere, beside = generated(world), generated(world)
    assert login_with(world, beside.key, environment="staging").status == 200
    assert world.code(beside.key, environment="staging") == "VALID"
    # A temporary licence is tied to the machine, not to one of its agents (R26).
    assert world.code(beside.key, environment="production") == "DETACHED"
    assert world.code(beside.key) == "DETACHED", "who names no environment is in production"
    # Nobody has ever logged in there.
    assert login_with(world, beside.key, environment="test").status == 200
    used(world, elsewhere, machine=MACHINE_B)
    assert world.code(elsewhere.key, MACHINE_B) == "VALID"


def test_r19_another_organizations_block_is_no_concern_of_a_partner(world: World) -> None:
    """Older agents share a machine (R31); the one that is blocked is Bolt's."""
    standing(world, agent_version="4.3.0.12")
    world.register("bolt")
    bolts = world.login(BORIS, agent_version="4.3.0.12").json["license"]["id"]
    assert world.act("detach", bolts, BEA).status == 200
    answer = login_with(world, generated(world).key)
    assert_problem(answer, 409, "machine_registered_to_other_organization")


@pytest.mark.parametrize(
    "ended",
    [
        lambda world, id: world.act("dissociate", id),
        lambda world, id: world.revoke(id),
    ],
    ids=["dissociated", "revoked"],
)
def test_r19_a_block_ends_with_the_license_that_was_blocked(
    world: World, ended: Callable[[World, str], Answer]
) -> None:
    license_id = standing(world)
    one = generated(world)
    used(world, one)
    world.act("detach", license_id)
    assert ended(world, license_id).status == 200
    assert world.code(one.key) == "VALID"
    used(world, generated(world))
    # One that waits for a machine, and is blocked on another one, blocks nothing here.
    world.login(ALICE)
    assert world.code(one.key) == "VALID"


def test_r19_r20_a_license_that_has_moved_on_and_is_blocked_there_blocks_nothing_here(
    world: World,
) -> None:
    license_id = standing(world)
    key = world.login(ALICE).json["license_key"]
    one = generated(world)
    used(world, one)
    world.act("dissociate", license_id)
    assert world.login(ALICE, MACHINE_B, license_key=key).status == 200
    world.act("detach", license_id)
    assert world.code(one.key) == "VALID"
    used(world, one)
    assert_blocked(login_with(world, generated(world).key, machine=MACHINE_B))


@pytest.mark.parametrize("machine", [RENAMED, MACHINE_A | {"machine_id": None}])
def test_r09_r19_a_drifted_machine_is_still_blocked(world: World, machine: dict[str, Any]) -> None:
    license_id = standing(world)
    one = generated(world)
    used(world, one)
    world.act("detach", license_id)
    assert check(world, one, machine)[0] == "DETACHED"
    assert_blocked(login_with(world, one.key, machine=machine))
    assert_blocked(login_with(world, generated(world).key, machine=machine))


def test_r11_r19_a_block_is_found_where_the_license_has_followed_its_machine_to(
    world: World,
) -> None:
    license_id = standing(world)
    own = world.login(ALICE).json["license_key"]
    one = generated(world)
    used(world, one)
    assert world.code(own, RENAMED) == "VALID"
    assert world.code(own, REBUILT) == "VALID"
    world.act("detach", license_id)
    # Its machine shares no pair any more with the one that the partner was tied to.
    assert world.code(one.key, RENAMED) == "DETACHED"
    assert_blocked(login_with(world, generated(world).key, machine=REBUILT))


def test_r19_r37_an_agent_that_was_blocked_as_a_clone_is_blocked_for_partners(world: World) -> None:
    standing(world)
    one = generated(world, "7d")
    used(world, one)
    govern(world, block_clones=True)
    issued = world.login(ALICE).json
    agent = Agent(world, key=issued["license_key"], lease=issued["lease"]["token"])
    assert agent.code() == "VALID"
    copy = replace(agent)
    for one_of_two in (agent, copy, agent):
        world.clock.advance(43_200)
        one_of_two.validate()
    assert agent.code() == "DETACHED"
    assert check(world, one)[0] == "DETACHED"
    assert_blocked(login_with(world, one.key))


def test_r13_r19_r27_codes_of_a_partner_on_a_blocked_agent_keep_their_order(world: World) -> None:
    license_id = standing(world)
    one, over = generated(world, "1d"), generated(world, "1h")
    for temporary in (one, over):
        used(world, temporary)
    world.act("detach", license_id)
    world.change("acme", status="paused")
    assert world.code(one.key) == "DETACHED", "before SUSPENDED"
    assert_blocked(login_with(world, one.key))
    assert world.code(one.key, MACHINE_B) == "MACHINE_MISMATCH"
    world.change("acme", seconds=0)
    assert world.code(one.key) == "DETACHED", "before EXPIRED"
    world.change("acme")
    world.clock.advance(3600)
    assert world.code(over.key) == "EXPIRED", "its time is over, blocked or not"


def test_r19_older_agents_of_partners_are_blocked_likewise(world: World) -> None:
    older = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01"}
    world.register("acme")
    body = older | {"AgentVersion": "4.3.0.12"}
    issued = world.request("POST", "/v1/licenses", person=ALICE, json=body)
    one = generated(world)

    def log_in() -> Answer:
        asked = body | {"LicenseKey": one.key}
        return world.request("POST", "/v1/licenses", person=PAVEL, json=asked)

    def validate() -> str:
        asked = older | {"LicenseKey": one.key}
        code: str = world.request("POST", "/v1/licenses/validate", json=asked).json["code"]
        return code

    assert log_in().status == 200
    assert validate() == "VALID"
    world.act("detach", issued.json["license"]["id"])
    assert validate() == "DETACHED"
    assert_blocked(log_in())


def test_r19_r36_a_proof_counts_once_on_a_blocked_agent_too(world: World) -> None:
    license_id = standing(world)
    one = generated(world)
    agent = Agent(world, Device(), key=one.key)
    assert agent.login(PAVEL, license_key=one.key).status == 200
    world.act("detach", license_id)
    assert agent.code() == "DETACHED"


def test_r19_a_block_that_comes_between_look_and_commit_keeps_the_partner_out(
    world: World,
) -> None:
    license_id = standing(world)
    one = generated(world)
    emitter = world.runtime.dynamodb.meta.events
    place = "provide-client-params.dynamodb.TransactWriteItems"

    def interrupt(**_: object) -> None:
        emitter.unregister(place, interrupt)
        assert world.act("detach", license_id).status == 200

    emitter.register(place, interrupt)
    assert_blocked(login_with(world, one.key))
    assert events(world, "TemporaryLicenseUsed") == []


def test_r19_an_agent_that_comes_and_is_blocked_between_look_and_commit_keeps_the_partner_out(
    world: World,
) -> None:
    world.register("acme")
    one = generated(world)
    emitter = world.runtime.dynamodb.meta.events
    place = "provide-client-params.dynamodb.TransactWriteItems"

    def interrupt(**_: object) -> None:
        emitter.unregister(place, interrupt)
        license_id = world.login(ALICE).json["license"]["id"]
        assert world.act("detach", license_id, ADA).status == 200

    emitter.register(place, interrupt)
    assert_blocked(login_with(world, one.key))
    assert events(world, "TemporaryLicenseUsed") == []


def test_r19_only_partners_pay_for_it_and_only_where_the_client_has_an_agent(world: World) -> None:
    world.register("acme")
    own = world.login(ALICE, MACHINE_B).json["license_key"]
    one, other = generated(world), generated(world)
    with metered(world) as cost:
        used(world, one)
    # Organization and pairs, the client, and the tie with three pairs.
    assert cost.requests == {"BatchGetItem": 1, "GetItem": 1, "TransactWriteItems": 1}
    assert cost.transactions == [Transaction(5, 10, 2)]
    with metered(world) as cost:
        used(world, other, machine=MACHINE_B)
    assert cost.requests == {"BatchGetItem": 1, "GetItem": 2, "TransactWriteItems": 1}
    for key, machine, requests in (
        (own, MACHINE_B, {"BatchGetItem": 1}),
        (one.key, MACHINE_A, {"BatchGetItem": 2}),
        (other.key, MACHINE_B, {"BatchGetItem": 2, "GetItem": 1}),
    ):
        world.code(key, machine)  # which notes that the agent was seen
        with metered(world) as cost:
            assert world.code(key, machine) == "VALID"
        assert cost.requests == requests
