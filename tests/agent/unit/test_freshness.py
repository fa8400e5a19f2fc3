"""Both clients show that proofs are fresh by the lease that they present, in one request (R36)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from licensing_agent import Configuration
from tests.agent.chained import ChainedService, claims_of_proof, link_of
from tests.agent.unit.test_client import Agent
from tests.agent.unit.test_client import agent as agent  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import told as told  # noqa: PLC0414 - a fixture
from tests.unit.samples import DAY

pytestmark = pytest.mark.sampled(2)


@pytest.fixture
def service() -> Iterator[ChainedService]:
    with ChainedService() as made:
        yield made


@pytest.fixture
def licensed(agent: Agent, service: ChainedService, told: dict[str, Any]) -> Agent:
    """An agent that has logged in and validated once; what it has asked until then is forgotten."""
    assert agent.start(Configuration(**told)).check().license_state == "valid"
    forget(service, agent)
    return agent


def forget(service: ChainedService, agent: Agent) -> None:
    """Look at what comes from here on."""
    service.requests.clear()
    service.statuses.clear()
    agent.told.clear()


def pass_time(agent: Agent, service: ChainedService, seconds: float) -> None:
    """For both."""
    agent.now += seconds
    service.now += seconds


def test_r36_the_usual_validation_is_one_request_whose_proof_is_over_the_presented_link(
    licensed: Agent, service: ChainedService
) -> None:
    for _ in range(3):
        forget(service, licensed)
        pass_time(licensed, service, DAY * 5 / 8)
        assert licensed.check().until == service.now + DAY
        assert service.statuses == [200]
        (request,) = service.requests
        presented = link_of(json.loads(request.body)["lease"])
        assert claims_of_proof(request)["nonce"] == (presented and presented.id)
    assert service.chain.suspicions == 0


def test_r36_the_validation_after_a_login_is_one_request_too(
    agent: Agent, service: ChainedService, told: dict[str, Any]
) -> None:
    agent.start(Configuration(**told)).check()
    assert service.statuses == [200, 401, 200, 200]
    assert service.paths == ["jwks.json", "licenses", "licenses", "validate"]
    first, again, validation = service.requests[1:]
    assert first.body == again.body
    assert "nonce" not in claims_of_proof(first)
    assert claims_of_proof(again)["nonce"] == "nonce-1"
    assert claims_of_proof(validation)["nonce"] == f"{service.chain.current.id}.early"  # type: ignore[union-attr]


@pytest.mark.parametrize("where", [{"header"}, {"body"}, {"header", "body"}])
def test_r36_over_a_lease_that_has_lapsed_the_proof_takes_the_services_nonce(
    licensed: Agent, service: ChainedService, where: set[str]
) -> None:
    service.nonce, service.tells_nonce_in = "nonce-2", where
    pass_time(licensed, service, 3 * DAY)
    assert licensed.check().license_state == "valid"
    assert service.statuses == [401, 200]
    first, again = service.requests
    assert first.body == again.body
    assert [claims_of_proof(one)["nonce"] for one in (first, again)] == ["nonce-1", "nonce-2"]


def test_r36_where_the_service_wants_its_own_nonce_the_same_question_is_sent_with_that(
    licensed: Agent, service: ChainedService
) -> None:
    service.nonce = "nonce-2"
    service.answers = [service.challenge()]
    assert licensed.check(at_once=True).license_state == "valid"
    first, again = service.requests
    assert first.body == again.body
    assert claims_of_proof(first)["nonce"] == f"{link_of(json.loads(first.body)['lease']).id}.early"  # type: ignore[union-attr]
    assert claims_of_proof(again)["nonce"] == "nonce-2"
    licensed.check(at_once=True)
    assert service.statuses == [401, 200, 200]


def test_r36_a_lease_without_an_id_leaves_the_proof_to_the_services_nonce(
    agent: Agent,
    service: ChainedService,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signed = service.token
    monkeypatch.setattr(service, "token", lambda link, asked: signed(replace(link, id=None), asked))
    agent.start(Configuration(**told)).check()
    *_, validation = service.requests
    assert link_of(json.loads(validation.body)["lease"]) is None
    assert claims_of_proof(validation)["nonce"] == "nonce-1"


def test_r36_the_body_is_signed_as_it_is_sent_whatever_stands_in_it(
    agent: Agent, service: ChainedService, told: dict[str, Any]
) -> None:
    agent.name = "Bücher-Öfen-\N{SNOWMAN}"
    assert agent.start(Configuration(**told)).check().license_state == "valid"
    for request in service.requests[1:]:
        assert request.header("content-type") == "application/json"
        assert json.loads(request.body)["machine"]["computer_name"] == agent.name
