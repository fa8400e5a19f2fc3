"""Device keys: a licence key alone is worth nothing where its agent has proved to hold one."""

from dataclasses import replace

import pytest

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.dpop import NONCE_SECONDS
from licensing.usecases.ports import Outcome
from tests.devices import Device
from tests.integration.agents import LOGIN, VALIDATE, Agent
from tests.integration.answers import assert_problem
from tests.integration.capacity import metered
from tests.integration.leases import read
from tests.integration.partner import generated
from tests.integration.policy import govern
from tests.integration.trail import but_notes, events
from tests.world import ADA, AGENTS, ALICE, AMIR, MACHINE_A, MACHINE_B, OLIVIA, PAVEL, World


@pytest.fixture
def agent(world: World) -> Agent:
    """An agent of Acme's whose licence was issued with a device key."""
    world.register("acme")
    made = Agent(world, Device())
    assert made.login().status == 201
    return made


def thief(agent: Agent, device: Device | None = None) -> Agent:
    """Somebody with the licence key and with credentials that say what the true machine's say."""
    return replace(agent, device=device, address="198.51.100.66", lease=None)


def reasons(world: World) -> list[str]:
    return [event["reason"] for event in events(world, "AccessRefused")]


# -- with a key ------------------------------------------------------------------------------------


def test_a_licence_that_was_issued_with_a_device_key_validates_with_it(agent: Agent) -> None:
    assert agent.code() == "VALID"
    shown = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    assert agent.device is not None
    assert shown.json["license"]["device_key"] == agent.device.thumbprint
    (issued,) = events(agent.world, "LicenseIssued")
    assert issued["after"]["device_key"] == agent.device.thumbprint


def test_a_copied_key_on_a_machine_that_says_what_the_true_one_says_is_worth_nothing(
    agent: Agent,
) -> None:
    bare = thief(agent).validate()
    assert (bare.json["valid"], bare.json["code"], bare.json["action"]) == (
        False,
        "PROOF_REQUIRED",
        "login",
    )
    own = thief(agent, Device()).validate()
    assert (own.json["valid"], own.json["code"], own.json["action"]) == (
        False,
        "PROOF_INVALID",
        "login",
    )
    for answer in (bare, own):
        assert (answer.json["license"], answer.json["lease"]) == (None, None)
    assert agent.code() == "VALID"


def test_r32_who_tries_it_is_on_record_with_the_address(agent: Agent) -> None:
    thief(agent).validate()
    thief(agent, Device()).validate()
    refused = events(agent.world, "AccessRefused")
    assert {(event["reason"], event["source_address"]) for event in refused} == {
        ("proof_required", "198.51.100.66"),
        ("proof_invalid", "198.51.100.66"),
    }


def test_r13_the_wrong_machine_comes_before_the_missing_proof(agent: Agent) -> None:
    assert replace(thief(agent), machine=MACHINE_B).code() == "MACHINE_MISMATCH"


def test_r13_a_blocked_agent_without_its_proof_learns_nothing(agent: Agent) -> None:
    agent.world.act("detach", agent.license_id)
    assert thief(agent).code() == "PROOF_REQUIRED"
    assert agent.code() == "DETACHED"


@pytest.mark.parametrize("proof", ["nonsense", "a.b.c", ""])
def test_what_is_no_proof_is_refused(agent: Agent, proof: str) -> None:
    body = {"license_key": agent.key, "organization_id": "acme", "machine": MACHINE_A}
    answer = agent.send("/v1/licenses/validate", body, proof)
    assert answer.json["code"] == "PROOF_INVALID"


@pytest.mark.parametrize("proof", ["nonsense", "a.b.c", ""])
def test_where_none_is_asked_for_a_bad_proof_changes_nothing(world: World, proof: str) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    answer = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert answer.json["code"] == "VALID"


# -- nonces and replays ----------------------------------------------------------------------------


def body_of(agent: Agent) -> dict[str, object]:
    return {"license_key": agent.key, "organization_id": "acme", "machine": MACHINE_A}


def test_without_a_nonce_of_now_the_proof_is_to_be_made_anew_and_nothing_is_read(
    agent: Agent,
) -> None:
    assert agent.device is not None
    agent.world.clock.advance(NONCE_SECONDS + 1)
    agent.world.runtime.keyrings.keyring()
    before = agent.world.items()
    proof = agent.device.proof(VALIDATE, agent.key, body_of(agent))
    with metered(agent.world) as spent:
        answer = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert spent.requests == {}
    assert_problem(answer, 401, "use_dpop_nonce")
    assert answer.headers["www-authenticate"] == 'DPoP error="use_dpop_nonce"'
    assert agent.world.items() == before
    body, nonce = body_of(agent), answer.headers["dpop-nonce"]
    again = agent.device.proof(VALIDATE, agent.key, body, nonce=nonce)
    assert agent.send("/v1/licenses/validate", body, again).json["code"] == "VALID"


def test_a_replayed_validation_is_refused(agent: Agent) -> None:
    proof = agent.fresh_proof(body=body_of(agent))
    assert agent.send("/v1/licenses/validate", body_of(agent), proof).json["code"] == "VALID"
    before = agent.world.items()
    for _ in range(3):
        replayed = agent.send("/v1/licenses/validate", body_of(agent), proof)
        assert_problem(replayed, 401, "use_dpop_nonce")
    assert agent.world.items() == before


def test_a_proof_that_is_older_than_one_that_has_counted_is_refused(agent: Agent) -> None:
    agent.world.clock.advance(43_200)
    body = body_of(agent)
    kept = agent.fresh_proof(body=body)
    agent.world.clock.advance(1)
    assert agent.code() == "VALID"  # the link moves on
    before = agent.world.items()
    late = agent.send("/v1/licenses/validate", body, kept)
    assert_problem(late, 401, "use_dpop_nonce")
    assert agent.world.items() == before


def validation(agent: Agent, **more: object) -> dict[str, object]:
    """A question about the agent's last lease."""
    return {**body_of(agent), "lease": agent.lease, "nonce": "n-1", **more}


def proof_over_lease(agent: Agent, body: object, mark: str = "") -> str:
    """A proof of `body` over the agent's last lease."""
    assert agent.device is not None
    nonce = f"{read(str(agent.lease))['jti']}{mark}"
    return agent.device.proof(VALIDATE, agent.key, body, nonce=nonce)


@pytest.mark.parametrize("mark", ["", ".early"])
def test_r36_a_question_that_is_repeated_gets_the_same_lease_and_never_another(
    agent: Agent, mark: str
) -> None:
    assert agent.code() == "VALID"
    if not mark:
        agent.world.clock.advance(43_200)
    body = validation(agent)
    proof = proof_over_lease(agent, body, mark)
    first = agent.send("/v1/licenses/validate", body, proof).json["lease"]
    before = agent.world.items()
    for _ in range(3):
        agent.world.clock.advance(60)
        assert agent.send("/v1/licenses/validate", body, proof).json["lease"] == first
    assert agent.world.items() == before


def test_r36_an_early_question_renews_nothing_in_the_second_half(agent: Agent) -> None:
    assert agent.code() == "VALID"
    body = validation(agent)
    proof = proof_over_lease(agent, body, ".early")
    assert agent.send("/v1/licenses/validate", body, proof).json["code"] == "VALID"
    agent.world.clock.advance(43_200)
    before = agent.world.items()
    replayed = agent.send("/v1/licenses/validate", body, proof)
    assert_problem(replayed, 401, "use_dpop_nonce")
    assert agent.world.items() == before
    assert agent.code() == "VALID"
    assert events(agent.world, "AgentReturned") == []


def test_r36_a_proof_over_a_lease_is_none_once_that_was_followed_or_is_over(agent: Agent) -> None:
    assert agent.code() == "VALID"
    agent.world.clock.advance(43_200)
    kept = validation(agent, nonce="another")
    proof = proof_over_lease(agent, kept)
    assert agent.code() == "VALID"
    assert_problem(agent.send("/v1/licenses/validate", kept, proof), 401, "use_dpop_nonce")
    over = validation(agent)
    proof = proof_over_lease(agent, over)
    agent.world.clock.advance(86_400)
    assert_problem(agent.send("/v1/licenses/validate", over, proof), 401, "use_dpop_nonce")
    assert events(agent.world, "AgentReturned") == []


def test_r36_a_login_that_was_held_back_moves_nothing_once_the_link_has_moved(
    agent: Agent,
) -> None:
    assert agent.code() == "VALID"
    agent.world.clock.advance(43_200)
    body = {"machine": MACHINE_A, "lease": agent.lease, "nonce": "held-back"}
    proof = agent.fresh_proof(LOGIN, ALICE.token(AGENTS), body)
    agent.world.clock.advance(1)
    assert agent.code() == "VALID"
    held_back = agent.send("/v1/licenses", body, proof, ALICE)
    assert_problem(held_back, 401, "use_dpop_nonce")
    agent.world.clock.advance(43_200)
    assert agent.code() == "VALID"
    assert events(agent.world, "AgentReturned") == []


def test_r36_an_overheard_question_ends_no_key_that_waits(agent: Agent) -> None:
    assert agent.code() == "VALID"
    body = validation(agent)
    proof = proof_over_lease(agent, body, ".early")
    assert agent.send("/v1/licenses/validate", body, proof).json["code"] == "VALID"
    other = replace(agent, device=Device(), lease=None)
    assert other.login(AMIR).status == 200  # its key waits
    assert_problem(agent.send("/v1/licenses/validate", body, proof), 401, "use_dpop_nonce")
    assert events(agent.world, "DeviceKeyKept") == []
    assert agent.code() == "VALID"
    assert len(events(agent.world, "DeviceKeyKept")) == 1


def test_a_replayed_request_from_a_changed_machine_changes_nothing(agent: Agent) -> None:
    renamed = {**body_of(agent), "machine": MACHINE_A | {"computer_name": "ACME-PC-02"}}
    proof = agent.fresh_proof(body=renamed)
    assert agent.send("/v1/licenses/validate", renamed, proof).json["code"] == "VALID"
    assert agent.code() == "VALID"
    before = agent.world.items()
    replayed = agent.send("/v1/licenses/validate", renamed, proof)
    assert_problem(replayed, 401, "use_dpop_nonce")
    assert agent.world.items() == before


def test_a_replayed_request_shows_nothing_of_a_blocked_agent_either(agent: Agent) -> None:
    proof = agent.fresh_proof(body=body_of(agent))
    assert agent.send("/v1/licenses/validate", body_of(agent), proof).json["code"] == "VALID"
    agent.world.act("detach", agent.license_id)
    replayed = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert_problem(replayed, 401, "use_dpop_nonce")
    assert agent.code() == "DETACHED"


def test_a_proof_counts_for_an_agent_that_is_blocked_too(agent: Agent) -> None:
    agent.world.act("detach", agent.license_id)
    proof = agent.fresh_proof(body=body_of(agent))
    with metered(agent.world) as spent:
        blocked = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert (blocked.json["code"], spent.requests["UpdateItem"]) == ("DETACHED", 1)
    assert_problem(
        agent.send("/v1/licenses/validate", body_of(agent), proof), 401, "use_dpop_nonce"
    )
    agent.world.act("attach", agent.license_id)
    assert_problem(
        agent.send("/v1/licenses/validate", body_of(agent), proof), 401, "use_dpop_nonce"
    )
    assert agent.code() == "VALID"


@pytest.mark.parametrize("code", ["VALID", "DETACHED"])
def test_a_use_that_others_always_overtake_is_no_answer_and_spends_no_proof(
    agent: Agent, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code == "DETACHED":
        agent.world.act("detach", agent.license_id)
    proof = agent.fresh_proof(body=body_of(agent))
    with monkeypatch.context() as overtaken:
        overtaken.setattr(DynamoStore, "record_use", lambda *_: Outcome.CONFLICT)
        busy = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert_problem(busy, 503, "unavailable")
    again = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert again.json["code"] == code


def test_the_proof_that_a_clone_is_blocked_for_counts_too(agent: Agent) -> None:
    govern(agent.world, block_clones=True)
    assert agent.code() == "VALID"
    agent.world.clock.advance(43_200)
    copy = replace(agent)
    assert (agent.code(), copy.code()) == ("VALID", "VALID")
    presented = {**body_of(agent), "lease": agent.lease, "nonce": "next"}
    proof = agent.fresh_proof(body=presented)
    blocked = agent.send("/v1/licenses/validate", presented, proof)
    assert blocked.json["code"] == "DETACHED"
    agent.world.act("attach", agent.license_id)
    replayed = agent.send("/v1/licenses/validate", presented, proof)
    assert_problem(replayed, 401, "use_dpop_nonce")


def test_a_replayed_login_is_refused(agent: Agent) -> None:
    body = {"machine": MACHINE_A}
    proof = agent.fresh_proof(LOGIN, ALICE.token(AGENTS), body)
    answers = [agent.send("/v1/licenses", body, proof, ALICE).status for _ in range(3)]
    assert answers == [200, 401, 401]


def test_a_proof_for_one_thing_is_none_for_another(agent: Agent) -> None:
    for url, credential in ((LOGIN, agent.key), (VALIDATE, ALICE.token(AGENTS))):
        proof = agent.fresh_proof(url, credential, body_of(agent))
        answer = agent.send("/v1/licenses/validate", body_of(agent), proof)
        assert answer.json["code"] == "PROOF_INVALID"


def test_every_answer_to_a_proof_brings_the_next_nonce_and_no_other_does(agent: Agent) -> None:
    assert agent.device is not None
    agent.device.nonce = None
    assert "dpop-nonce" in agent.validate().headers
    malformed = agent.send("/v1/licenses/validate", {}, "nonsense")
    assert_problem(malformed, 400, "invalid_request")
    assert "dpop-nonce" in malformed.headers
    assert "dpop-nonce" not in thief(agent).validate().headers


def test_r14_a_proof_costs_one_write_and_the_sighting_goes_with_it(agent: Agent) -> None:
    agent.world.clock.advance(900)
    agent.world.runtime.keyrings.keyring()
    proof = agent.fresh_proof(body=body_of(agent))
    with metered(agent.world) as spent:
        answer = agent.send("/v1/licenses/validate", body_of(agent), proof)
    assert answer.json["code"] == "VALID"
    assert spent.requests == {"BatchGetItem": 1, "UpdateItem": 1}
    seen = agent.world.request("GET", f"/v1/licenses/{agent.license_id}", person=ADA)
    assert seen.json["license"]["last_seen"]["at"] == "2030-03-17T18:01:40Z"


def test_where_agents_reach_it_by_a_domain_before_its_own_their_proofs_name_that(
    agent: Agent,
) -> None:
    outside = "https://agents.example/v1/licenses/validate"
    body = body_of(agent)
    proof = agent.fresh_proof(outside, body=body)
    refused = agent.send("/v1/licenses/validate", body, proof)
    assert refused.json["code"] == "PROOF_INVALID"
    runtime = agent.world.runtime
    runtime.settings = replace(runtime.settings, agent_url="https://agents.example")
    for url in (outside, VALIDATE):
        proof = agent.fresh_proof(url, body=body)
        answer = agent.send("/v1/licenses/validate", body, proof)
        assert answer.json["code"] == "VALID"


# -- logins ----------------------------------------------------------------------------------------


def test_r02_a_repeated_login_with_the_same_device_key_changes_nothing(agent: Agent) -> None:
    key = agent.key
    assert agent.login(AMIR).status == 200
    assert agent.key == key
    assert events(agent.world, "DeviceKeyChanged") == []


def test_an_agent_that_learns_to_prove_gets_its_key_bound_at_the_next_login(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    agent.device = Device()
    assert agent.code() == "VALID"  # a proof without a licence that asks for one
    assert thief(agent).code() == "VALID"
    assert agent.login().status == 200
    assert thief(agent).code() == "PROOF_REQUIRED"
    (event,) = events(world, "DeviceKeyChanged")
    assert event["before"]["device_key"] is None


def test_a_login_without_a_proof_does_not_take_the_device_key_away(agent: Agent) -> None:
    before = but_notes(agent.world)
    answer = replace(agent, device=None).login()
    assert_problem(answer, 403, "proof_required")
    assert but_notes(agent.world) == before


@pytest.mark.parametrize("proof", ["nonsense", "a.b.c"])
def test_a_login_with_what_is_no_proof_is_told_so(world: World, proof: str) -> None:
    world.register("acme")
    before = world.items()
    answer = Agent(world).send("/v1/licenses", {"machine": MACHINE_A}, proof, ALICE)
    assert_problem(answer, 400, "invalid_request", "/headers/dpop")
    assert world.items() == before


def test_r20_a_licence_that_moves_to_another_machine_is_bound_to_the_key_there(
    agent: Agent,
) -> None:
    agent.world.act("dissociate", agent.license_id)
    moved = Agent(agent.world, Device(), MACHINE_B)
    assert moved.login(license_key=agent.key).status == 200
    assert moved.code() == "VALID"
    assert replace(thief(moved), machine=MACHINE_B).code() == "PROOF_REQUIRED"


def test_r26_a_partners_licence_is_bound_at_its_first_use(world: World) -> None:
    world.register("acme")
    temporary = generated(world)
    agent = Agent(world, Device())
    assert agent.login(PAVEL, license_key=temporary.key).status == 200
    assert agent.code() == "VALID"
    assert thief(agent).code() == "PROOF_REQUIRED"
    assert_problem(
        replace(agent, device=None).login(PAVEL, license_key=temporary.key),
        403,
        "proof_required",
    )


# -- organizations that require one ----------------------------------------------------------------


def test_an_organization_can_require_one_of_all_its_agents(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    govern(world, require_device_key=True)
    assert agent.code() == "PROOF_REQUIRED"
    assert_problem(agent.login(), 403, "proof_required")
    agent.device = Device()
    assert agent.code() == "PROOF_REQUIRED"  # its licence has none yet
    assert agent.login().status == 200
    assert agent.code() == "VALID"


def test_an_organization_that_requires_one_issues_nothing_without(world: World) -> None:
    world.register("acme")
    govern(world, require_device_key=True)
    before = world.items()
    assert_problem(Agent(world).login(), 403, "proof_required")
    assert but_notes(world) == before
    assert Agent(world, Device()).login().status == 201


def test_r26_a_partner_needs_one_where_the_organization_requires_it(world: World) -> None:
    world.register("acme")
    govern(world, require_device_key=True)
    key = generated(world).key
    assert_problem(Agent(world).login(PAVEL, license_key=key), 403, "proof_required")
    assert Agent(world, Device()).login(PAVEL, license_key=key).status == 200


def test_r30_older_agents_go_on_unless_it_is_required(world: World) -> None:
    world.register("acme")
    older = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01", "AgentVersion": "4.3.0.12"}
    issued = world.request("POST", "/v1/licenses", person=ALICE, json=older)
    asked = older | {"LicenseKey": issued.json["license_key"]}
    assert world.request("POST", "/v1/licenses/validate", json=asked).json["code"] == "VALID"
    govern(world, require_device_key=True)
    answer = world.request("POST", "/v1/licenses/validate", json=asked)
    assert answer.json["code"] == "PROOF_REQUIRED"
    assert reasons(world) == ["proof_required"]


def test_r33_the_operator_sees_the_key_of_a_partners_licence_too(world: World) -> None:
    world.register("acme")
    temporary = generated(world)
    agent = Agent(world, Device())
    agent.login(PAVEL, license_key=temporary.key)
    (used,) = events(world, "TemporaryLicenseUsed")
    assert agent.device is not None
    assert used["after"]["device_key"] == agent.device.thumbprint
    feed = world.request("GET", "/v1/organizations/acme/events", person=OLIVIA)
    assert agent.device.thumbprint in feed.text
