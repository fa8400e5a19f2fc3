"""Another device key: who may put it in the place of the bound one, and when (R36)."""

from dataclasses import replace
from typing import Any

import pytest

from licensing.domain.key_change import LENT_ONCE_IN
from licensing.domain.license import License
from tests.devices import Device
from tests.integration.agents import LOGIN, Agent
from tests.integration.answers import assert_problem
from tests.integration.leases import verified
from tests.integration.partner import generated
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import (
    ADA,
    AGENTS,
    ALICE,
    AMIR,
    BEA,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    PAVEL,
    YEAR,
    Answer,
    Person,
    World,
)

DAY = 86_400
HOUR = 3_600


@pytest.fixture
def agent(world: World) -> Agent:
    """An agent of Acme's whose licence was issued with a device key."""
    world.register("acme")
    made = Agent(world, Device())
    assert made.login().status == 201
    return made


def beside(agent: Agent, device: Device | None = None) -> Agent:
    """An agent that says of its machine what the true one says, and holds another device key."""
    return replace(agent, device=device or Device(), address="198.51.100.66", lease=None)


def record(agent: Agent) -> License:
    found = agent.world.runtime.store.license(agent.license_id)
    assert found is not None
    return found


def shown(agent: Agent) -> Any:
    answer = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    return answer.json["license"]


def reset(agent: Agent, person: Person | None = ADA, **body: Any) -> Answer:
    return agent.world.act("reset-device-key", agent.license_id, person, **body)  # type: ignore[arg-type]


def lease_of(agent: Agent, answer: Answer) -> dict[str, Any]:
    return verified(agent.world, answer.json["lease"]["token"]).claims


def end_of(agent: Agent, answer: Answer) -> int:
    end: int = lease_of(agent, answer)["exp"]
    return end


def changes(agent: Agent) -> list[tuple[str, str]]:
    """What has happened to the device key, and by whom."""
    return [
        (event["type"], event["actor"]["subject"])
        for event in events(agent.world)
        if event["type"].startswith("DeviceKey")
    ]


# -- a member who only knows what the machine is called --------------------------------------------


def test_r36_a_member_with_a_key_of_their_own_stops_no_agent_whatever_they_do(
    agent: Agent,
) -> None:
    hostile = beside(agent)
    for hour in range(0, 40, 4):
        hostile.login(AMIR)
        hostile.validate()
        assert agent.code() == "VALID", f"after {hour} hours"
        agent.world.clock.advance(4 * HOUR)
    for _ in range(3):
        beside(agent).login(AMIR)
    assert agent.code() == "VALID"
    assert agent.login().status == 200
    assert record(agent).device_key == agent.device.thumbprint  # type: ignore[union-attr]


def test_r36_the_lease_of_a_key_that_waits_ends_with_the_last_one_of_the_bound_key(
    agent: Agent,
) -> None:
    before = record(agent)
    assert before.leased_until == NOON + DAY
    agent.world.clock.advance(HOUR)
    other = beside(agent)
    answer = other.login(AMIR)
    assert (answer.status, end_of(agent, answer)) == (200, NOON + DAY)
    assert answer.json["license_key"] == agent.key
    assert "jti" not in lease_of(agent, answer)
    after = record(agent)
    for trace in ("chain", "proved_ms", "leased_until", "device_key", "machine"):
        assert getattr(after, trace) == getattr(before, trace), trace


def test_r36_it_is_on_record_and_the_portal_shows_it(agent: Agent) -> None:
    assert shown(agent)["pending_device_key"] is None
    agent.world.clock.advance(HOUR)
    other = beside(agent)
    other.login(AMIR)
    assert other.device is not None
    assert shown(agent)["pending_device_key"] == {
        "thumbprint": other.device.thumbprint,
        "since": "2030-03-17T18:46:40Z",
        "replaces_at": "2030-03-18T17:46:40Z",
    }
    (event,) = events(agent.world, "DeviceKeyPending")
    assert (event["actor"]["subject"], event["source_address"]) == ("amir", "198.51.100.66")
    assert event["before"].get("pending_device_key") is None
    assert event["after"]["pending_device_key"] == other.device.thumbprint


def test_r36_a_key_that_waits_is_told_to_at_validations(agent: Agent) -> None:
    other = beside(agent)
    other.login(AMIR)
    answer = other.validate().json
    assert (answer["code"], answer["lease"]) == ("PROOF_INVALID", None)
    assert "device key takes over at" in answer["message"]


def test_r36_the_same_login_again_gets_the_same_lease(agent: Agent) -> None:
    other = beside(agent)
    first = other.login(AMIR, nonce="one")
    agent.world.clock.advance(HOUR)
    again = other.login(AMIR, nonce="one")
    claims = [lease_of(agent, answer) for answer in (first, again)]
    assert claims[0] == claims[1]
    assert [kind for kind, _ in changes(agent)] == ["DeviceKeyPending"]


@pytest.mark.parametrize("way", ["validation", "login", "validation while blocked"])
def test_r36_the_bound_keys_next_proof_ends_that(agent: Agent, way: str) -> None:
    other = beside(agent)
    other.login(AMIR)
    if way == "login":
        assert agent.login().status == 200
    elif way == "validation":
        assert agent.code() == "VALID"
    else:
        agent.world.act("detach", agent.license_id)
        assert agent.code() == "DETACHED"
        agent.world.act("attach", agent.license_id)
    assert shown(agent)["pending_device_key"] is None
    assert [kind for kind, _ in changes(agent)] == ["DeviceKeyPending", "DeviceKeyKept"]
    refused = other.login(AMIR)
    assert_problem(refused, 409, "device_key")
    agent.world.clock.advance(2 * DAY)
    assert other.code() == "PROOF_INVALID"


def test_r36_once_in_thirty_days_a_key_gets_such_a_lease(agent: Agent) -> None:
    other = beside(agent)
    assert other.login(AMIR).status == 200
    for one in (beside(agent), beside(agent)):
        assert_problem(one.login(AMIR), 409, "device_key")
    assert agent.code() == "VALID"
    agent.world.clock.advance(LENT_ONCE_IN - 1)
    assert agent.code() == "VALID"
    assert_problem(other.login(AMIR), 409, "device_key")
    agent.world.clock.advance(1)
    assert other.login(AMIR).status == 200
    assert agent.code() == "VALID"


def test_r32_a_refusal_says_who_can_help_and_when_and_is_on_record(agent: Agent) -> None:
    beside(agent).login(AMIR)
    refused = beside(agent).login(AMIR)
    assert "Ask an administrator to log in here" in refused.json["detail"]
    assert "from 2030-03-18 17:46:40 UTC on" in refused.json["detail"]
    (entry,) = events(agent.world, "AccessRefused")
    assert (entry["reason"], entry["actor"]["subject"]) == ("device_key", "amir")


# -- an honest one, whose machine has lost its key -------------------------------------------------


@pytest.mark.parametrize("way", ["validation", "login"])
def test_r36_a_key_that_waits_is_bound_when_the_other_has_not_been_proved_until_then(
    agent: Agent, way: str
) -> None:
    lost = replace(agent)
    agent.device = Device()
    assert agent.code() == "PROOF_INVALID"
    lent = agent.login(AMIR)
    assert lent.status == 200
    agent.world.clock.advance(end_of(agent, lent) - NOON - 60)
    assert agent.code() == "PROOF_INVALID"
    agent.world.clock.advance(60)
    if way == "login":
        assert agent.login(AMIR).status == 200
    assert agent.code() == "VALID"
    assert lost.code() == "PROOF_INVALID"
    assert [kind for kind, _ in changes(agent)] == ["DeviceKeyPending", "DeviceKeyChanged"]
    assert shown(agent)["pending_device_key"] is None
    assert shown(agent)["device_key"] == agent.device.thumbprint
    assert events(agent.world, "CloneSuspected") == []


def test_r36_a_member_replaces_a_key_whose_leases_are_over(agent: Agent) -> None:
    lost, key = agent.device, agent.key
    assert lost is not None
    agent.world.clock.advance(DAY)
    agent.device = Device()
    assert agent.login(AMIR).status == 200
    assert agent.key == key
    assert agent.code() == "VALID"
    (event,) = events(agent.world, "DeviceKeyChanged")
    assert (event["before"]["device_key"], event["after"]["device_key"]) == (
        lost.thumbprint,
        agent.device.thumbprint,
    )
    assert event["actor"]["subject"] == "amir"
    assert record(agent).leased_until == NOON + 2 * DAY


def test_r36_a_bound_key_that_comes_late_but_first_is_kept(agent: Agent) -> None:
    other = beside(agent)
    other.login(AMIR)
    agent.world.clock.advance(2 * DAY)
    assert agent.code() == "VALID"
    assert other.code() == "PROOF_INVALID"


# -- an administrator ------------------------------------------------------------------------------


def test_r36_an_administrators_login_replaces_a_key_at_once(agent: Agent) -> None:
    lost = replace(agent)
    agent.device = Device()
    assert agent.login(ADA).status == 200
    assert agent.code() == "VALID"
    assert lost.code() == "PROOF_INVALID"
    assert changes(agent) == [("DeviceKeyChanged", "ada")]


def test_r36_an_administrator_resets_a_key_and_the_next_login_binds_one(agent: Agent) -> None:
    lost = replace(agent)
    agent.device = Device()
    answer = reset(agent, reason="New disk.")
    assert (answer.status, answer.json["license"]["device_key"]) == (200, None)
    (event,) = events(agent.world, "DeviceKeyReset")
    assert (event["reason"], event["actor"]["subject"]) == ("New disk.", "ada")
    before = agent.world.items()
    assert reset(agent, reason="Once more.").status == 200
    assert agent.world.items() == before
    assert agent.login(AMIR).status == 200
    assert (agent.code(), lost.code()) == ("VALID", "PROOF_INVALID")


def test_r36_a_reset_ends_a_key_that_waits(agent: Agent) -> None:
    other = beside(agent)
    other.login(AMIR)
    reset(agent)
    assert shown(agent)["pending_device_key"] is None
    assert agent.login().status == 200
    agent.world.clock.advance(DAY + 1)
    assert other.code() == "PROOF_INVALID"
    assert agent.code() == "VALID"


def test_r36_a_reset_leaves_the_state_as_it_is(agent: Agent) -> None:
    for action in ("detach", "dissociate", "revoke"):
        status = agent.world.act(action, agent.license_id).json["license"]["status"]
        answer = reset(agent, OLIVIA)
        assert (answer.status, answer.json["license"]["status"]) == (200, status)


def test_r36_who_administers_another_organization_resets_nothing(agent: Agent) -> None:
    agent.world.register("bolt")
    before = agent.world.items()
    assert_problem(reset(agent, BEA), 404, "not_found")
    assert_problem(reset(agent, ALICE), 403, "forbidden")
    assert agent.world.items() == before


def test_r36_r38_where_keys_are_locked_only_an_administrator_or_the_old_key_helps(
    agent: Agent,
) -> None:
    waiting = beside(agent)
    waiting.login(AMIR)
    assert govern(agent.world, lock_device_keys=True).status == 200
    agent.world.clock.advance(2 * DAY)
    assert waiting.code() == "PROOF_INVALID"
    for one in (waiting, beside(agent)):
        refused = one.login(AMIR)
        assert_problem(refused, 409, "device_key")
        assert "UTC" not in refused.json["detail"]
    assert agent.code() == "VALID"
    assert waiting.login(ADA).status == 200
    assert waiting.code() == "VALID"


# -- the old key -----------------------------------------------------------------------------------


def test_r36_a_proof_of_the_old_key_replaces_it_at_once(agent: Agent) -> None:
    old = agent.device
    assert old is not None
    agent.device = Device()
    assert agent.login_after(old).status == 200
    assert agent.code() == "VALID"
    assert replace(agent, device=old).code() == "PROOF_INVALID"
    assert changes(agent) == [("DeviceKeyChanged", "alice")]


def test_r36_a_proof_of_the_old_key_is_for_the_key_that_it_names(agent: Agent) -> None:
    """Who sees such a login on its way has a proof of the old key, but none for a key of theirs."""
    old = agent.device
    assert old is not None
    named = Device().thumbprint
    for confirmed in ({"jkt": named}, {}, None, named):
        agent.device = Device()
        answer = agent.login_after(old, cnf=confirmed)
        assert (answer.status, record(agent).device_key) != (200, agent.device.thumbprint)
    assert record(agent).device_key == old.thumbprint


def test_r36_a_proof_of_the_old_key_counts_once(agent: Agent) -> None:
    old = agent.device
    assert old is not None
    new = agent.device = Device()
    assert agent.login_after(old, jti="kept").status == 200
    agent.device = old
    assert agent.login_after(new).status == 200
    agent.device = new
    assert_problem(agent.login_after(old, jti="kept"), 401, "use_dpop_nonce")
    assert record(agent).device_key == old.thumbprint


def test_what_is_no_proof_of_the_old_key_is_refused(agent: Agent) -> None:
    agent.device, previous = Device(), "a.b.c"
    body = {"machine": MACHINE_A}
    proof = agent.fresh_proof(LOGIN, ALICE.token(AGENTS), body)
    answer = agent.send("/v1/licenses", body, proof, ALICE, previous)
    assert_problem(answer, 400, "invalid_request", "/headers/dpop-previous-key")


def test_a_key_that_nobody_asks_to_replace_is_named_in_vain(agent: Agent) -> None:
    stranger = Device()
    agent.device = Device()
    assert agent.login_after(stranger).status == 200  # as without: the key waits
    assert [kind for kind, _ in changes(agent)] == ["DeviceKeyPending"]


# -- what else may happen meanwhile ----------------------------------------------------------------


def test_r36_the_thirty_days_go_on_on_another_machine(agent: Agent) -> None:
    beside(agent).login(AMIR)
    agent.world.act("dissociate", agent.license_id)
    moved = Agent(agent.world, Device(), MACHINE_B)
    assert moved.login(license_key=agent.key).status == 200
    assert_problem(beside(moved).login(AMIR), 409, "device_key")
    assert moved.code() == "VALID"


def test_r14_the_lease_of_a_key_that_waits_ends_with_the_subscription(agent: Agent) -> None:
    agent.world.change("acme", seconds=HOUR)
    assert end_of(agent, beside(agent).login(AMIR)) == NOON + HOUR
    agent.world.change("acme", seconds=0)
    assert_problem(beside(agent).login(AMIR), 409, "subscription_ended")


def test_r36_leased_until_never_decreases(agent: Agent) -> None:
    agent.world.change("acme", seconds=HOUR)
    assert agent.code() == "VALID"
    assert agent.login().status == 200
    assert record(agent).leased_until == NOON + DAY
    agent.world.change("acme", seconds=YEAR)
    agent.world.clock.advance(-600)
    assert agent.login().status in {200, 401}  # the clock of another server
    assert record(agent).leased_until == NOON + DAY


@pytest.mark.parametrize("seconds", [HOUR, 2 * DAY])
def test_r36_of_a_licence_from_before_it_was_kept_no_lease_is_forgotten(
    agent: Agent, seconds: int
) -> None:
    assert agent.code() == "VALID"
    client, table = agent.world.runtime.dynamodb, agent.world.runtime.settings.table_name
    client.update_item(
        TableName=table,
        Key={"pk": {"S": f"LICENSE#{agent.license_id}"}, "sk": {"S": "LICENSE"}},
        UpdateExpression="REMOVE leased_until",
    )
    agent.world.clock.advance(seconds)
    other = beside(agent)
    answer = other.login(AMIR)
    assert answer.status == 200
    is_bound = other.device is not None and record(agent).device_key == other.device.thumbprint
    assert is_bound is (seconds > DAY)
    if not is_bound:
        assert NOON + DAY <= end_of(agent, answer) <= NOON + DAY + 310


def test_r26_a_partners_key_is_replaced_by_its_own_proof_or_when_its_leases_are_over(
    world: World,
) -> None:
    world.register("acme")
    temporary = generated(world, "3d")
    agent = Agent(world, Device())
    assert agent.login(PAVEL, license_key=temporary.key).status == 200
    lost, agent.device = agent.device, Device()
    assert_problem(agent.login(PAVEL, license_key=temporary.key), 409, "device_key")
    assert replace(agent, device=lost).code() == "VALID"
    world.clock.advance(DAY)
    assert agent.login(PAVEL, license_key=temporary.key).status == 200
    assert agent.code() == "VALID"


def test_r28_what_happens_to_a_partners_key_stands_in_the_trail_alone(world: World) -> None:
    world.register("acme")
    temporary = generated(world)
    agent = Agent(world, Device())
    agent.login(PAVEL, license_key=temporary.key)
    beside(agent).login(PAVEL, license_key=temporary.key)
    feed = world.request("GET", "/v1/organizations/acme/events", person=ADA).json["events"]
    assert feed
    assert not [event for event in feed if event["license_id"] is not None]


# -- a proof counts once ---------------------------------------------------------------------------


def machines(count: int) -> list[dict[str, Any]]:
    return [
        {
            "machine_id": f"b1a7c0de-77aa-4c3e-9f10-0d5e6f7081{number:02x}",
            "mac_addresses": [f"3c:52:82:0b:00:{number:02x}"],
            "computer_name": f"pc-{number}",
        }
        for number in range(count)
    ]


def test_r36_one_login_that_was_overheard_binds_one_machine(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    first, *others = [{"machine": machine} for machine in machines(4)]
    proof = agent.fresh_proof(LOGIN, ALICE.token(AGENTS), first)
    assert agent.send("/v1/licenses", first, proof, ALICE).status == 201
    for body in others:
        refused = agent.send("/v1/licenses", body, proof, ALICE)
        assert_problem(refused, 400, "invalid_request", "/headers/dpop")
    assert_problem(agent.send("/v1/licenses", first, proof, ALICE), 401, "use_dpop_nonce")
    assert world.seats("acme") == 1


@pytest.mark.parametrize("first", ["repeated", "another key", "moved", "partner"])
def test_r36_a_proof_that_has_counted_for_one_licence_counts_for_no_other(
    world: World, first: str
) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    body: dict[str, Any] = {"machine": MACHINE_A}
    person = ALICE
    if first == "partner":
        person = PAVEL
        body["license_key"] = generated(world).key
    else:
        agent.login()
    if first == "moved":
        world.act("dissociate", agent.license_id)
        body = {"machine": MACHINE_B, "license_key": agent.key}
    if first == "another key":
        agent.device = Device()
    (machine,) = machines(1)
    elsewhere: dict[str, Any] = {"machine": machine}
    if first == "partner":
        elsewhere["license_key"] = generated(world).key
    assert agent.device is not None
    token = person.token(AGENTS)
    agent.fresh_proof(LOGIN, token)
    proof, other = (agent.device.proof(LOGIN, token, sent, jti="1") for sent in (body, elsewhere))
    assert agent.send("/v1/licenses", body, proof, person).status == 200
    before = world.items()
    refused = agent.send("/v1/licenses", elsewhere, other, person)
    assert_problem(refused, 401, "use_dpop_nonce")
    assert_problem(agent.send("/v1/licenses", body, proof, person), 401, "use_dpop_nonce")
    assert world.items() == before
    assert agent.login(person, **body).status == 200


def test_r36_what_a_proof_leaves_behind_is_tidied_up_later(agent: Agent) -> None:
    proofs = [item for item in agent.world.items() if item["sk"]["S"] == "PROOF"]
    assert [int(item["ttl"]["N"]) for item in proofs] == [NOON + HOUR]
