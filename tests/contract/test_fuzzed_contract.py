"""Whatever is sent to the service that is up, by whomever, it answers as its contract says."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from licensing.entrypoints.deployment import current_deployment
from licensing_build.openapi import document
from tests.contract.fuzzing import Known, fuzz
from tests.local import cast
from tests.local.client import Client
from tests.local.events import Request, Response
from tests.local.identity import PASSWORD
from tests.local.server import Server
from tests.local.stack import Stack, running
from tests.proof import Proof

MACHINES = (cast.MACHINE_A, cast.MACHINE_B, cast.MACHINE_C, cast.MACHINE_D)


def token_of(stack: Stack, username: str, *, on_agent: bool = False) -> str:
    """A user's own token, from the identity provider."""
    client_id = stack.agent_client_id if on_agent else stack.operator_client_id
    with closing(Client(stack.url)) as client:
        answer = client.log_in(client_id, username, PASSWORD)
    token: str = answer["AuthenticationResult.IdToken"]
    return token


def tokens_of(stack: Stack, username: str) -> dict[str, str]:
    """Those of both clients, by the contract's names for them."""
    return {
        "operators": token_of(stack, username),
        "agents": token_of(stack, username, on_agent=True),
    }


def known(stack: Stack) -> Known:
    """Two organizations, and licences in every state."""
    with closing(Client(stack.url)) as client:
        return _known(stack, client)


def _known(stack: Stack, client: Client) -> Known:
    operator, member = token_of(stack, "olivia"), token_of(stack, "alice", on_agent=True)
    for name in (cast.ACME, cast.BOLT):
        wanted = cast.organization(name, cast.days_from_now(300))
        client.call("PUT", f"/v1/organizations/{name}", wanted, token=operator)
        # What is sent at random decides about this, too, and these agents have no device key.
        policy = {"require_device_key": False}
        client.call("PATCH", f"/v1/organizations/{name}", policy, token=operator).expect(200)
    logins = [
        client.call(
            "POST", "/v1/licenses", cast.login(cast.MACHINE_A, environment), token=member
        ).expect(201)
        for environment in (f"{name}-{uuid4().hex}" for name in ("on", "off", "free", "gone"))
    ]
    for answer, verb in zip(logins[1:], ("detach", "dissociate", "revoke"), strict=True):
        client.call("POST", f"/v1/licenses/{answer['license.id']}/{verb}", token=operator).expect(
            200
        )
    temporary = client.call(
        "POST",
        f"/v1/organizations/{cast.ACME}/temporary-licenses",
        {"ttl": "1d"},
        token=operator,
    ).expect(201)
    answers = [*logins, temporary]
    return Known(
        organization_ids=(cast.ACME, cast.BOLT),
        license_ids=[answer["license.id"] for answer in answers],
        license_keys=[answer["license_key"] for answer in answers],
        is_temporary=is_temporary,
        machines=MACHINES,
    )


def is_temporary(license_id: str) -> bool:
    record = current_deployment().store.license(license_id)
    return record is not None and record.term is not None


def served(stack: Stack) -> dict[str, Any]:
    """The contract, as the service hands it out."""
    with closing(Client(stack.url)) as client:
        contract: dict[str, Any] = client.call("GET", "/v1/openapi.json").expect(200).body
    return contract


USERNAMES = ("alice", "ada", "olivia")
"""A member, an administrator and the operator."""


@pytest.mark.proof
def test_no_request_makes_the_service_break_its_contract(
    proof: Proof, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="licensing")
    requests, operations = 0, set[str]()
    for seed in proof.seeds(proof.of(test=1, test_all=1, prove=10)):
        with running() as stack:
            contract = served(stack)
            for username in proof.of(test=("ada",), test_all=USERNAMES, prove=USERNAMES):
                findings = fuzz(
                    stack.url,
                    contract,
                    tokens=tokens_of(stack, username),
                    known=known(stack),
                    bounds=username == "olivia",  # the same ones for everybody
                    examples=proof.of(test=1, test_all=1, prove=50),
                    seed=seed,
                )
                assert not findings.failures, f"seed {seed}, {username}:\n{findings.told()}"
                requests += findings.requests
                operations |= findings.answers.keys()
    assert operations == {
        f"{method.upper()} {path}" for path, item in contract["paths"].items() for method in item
    }
    proof.found(
        f"{requests} requests to {len(operations)} operations, by a member, an administrator and "
        "the operator: every answer kept the contract",
        planted="4 promises that are not kept, and an error: each found",
    )


# -- planted -------------------------------------------------------------------------------------


def only(path: str) -> dict[str, Any]:
    """The contract of one path."""
    contract = document()
    return contract | {"paths": {path: contract["paths"][path]}}


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The service, up behind its gateway."""
    with running() as up:
        yield up


def test_a_promise_that_the_service_does_not_keep_is_found(stack: Stack, proof: Proof) -> None:
    keys = only("/.well-known/jwks.json")
    keys["components"]["schemas"]["Jwk"]["properties"]["kid"] = {"type": "integer"}
    assert broken(stack, keys, proof) == {"response_schema_conformance"}

    keys = only("/.well-known/jwks.json")
    responses = keys["paths"]["/.well-known/jwks.json"]["get"]["responses"]
    responses["200"]["content"] = {"application/jwk-set+json": {}}
    assert broken(stack, keys, proof) == {"content_type_conformance"}

    shown = only("/v1/organizations/{organization_id}")
    for operation in shown["paths"]["/v1/organizations/{organization_id}"].values():
        del operation["responses"]["401"]
    assert "status_code_conformance" in broken(stack, shown, proof)

    lookup = only("/v1/machines/lookup")
    lookup["components"]["schemas"]["MachineCredentials"]["properties"]["machine_id"] = {
        "type": "integer"
    }
    assert "positive_data_acceptance" in broken(stack, lookup, proof, "olivia")


def broken(stack: Stack, contract: dict[str, Any], proof: Proof, username: str = "ada") -> set[str]:
    """The names of the checks that fail when the service is held against a contract."""
    tokens = tokens_of(stack, username)
    findings = fuzz(stack.url, contract, tokens=tokens, examples=2, seed=proof.seed)
    return {name.split(": ")[1] for name in findings.failures}


def test_an_error_of_the_service_is_found(proof: Proof) -> None:
    def fail(_: Request) -> Response:
        return Response.message(500, "Internal Server Error")

    server = Server(fail)
    try:
        findings = fuzz(server.url, only("/.well-known/jwks.json"), examples=1, seed=proof.seed)
    finally:
        server.stop()
    assert "GET /.well-known/jwks.json: not_a_server_error: Server error" in findings.failures
