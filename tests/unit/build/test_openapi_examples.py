"""The examples of the OpenAPI document: what the models take and make, of one story."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from licensing.contract.problems import PROBLEMS, Problem
from licensing.domain import lease, license_key
from licensing.entrypoints import http
from licensing_build.exchanges import ISSUER, REPLIES, REQUESTS
from licensing_build.openapi import document, operations
from licensing_build.problem_examples import PROBLEMS_BY_NAME
from licensing_build.story import KEYRING, TEMPORARY, USED
from tests.contract.conformance import Contract

DOCUMENT = document()
OPERATIONS = {operation.id: operation for operation in operations()}
BODIES = {
    name: tuple(
        model
        for taken in operation.takes
        if isinstance(taken, (http.Body, http.OptionalBody, http.VersionedBody))
        for model in (taken.model, getattr(taken, "older", None))
        if model is not None
    )
    for name, operation in OPERATIONS.items()
}


def media() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each body and each answer of each operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            holders = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for name, holder in holders.items():
                for kind, one in holder.get("content", {}).items():
                    yield f"{method} {path} {name} {kind}", one


def values(one: dict[str, Any]) -> Iterator[Any]:
    for example in one["examples"].values():
        if "$ref" in example:
            name = example["$ref"].removeprefix("#/components/examples/")
            yield DOCUMENT["components"]["examples"][name]["value"]
        else:
            yield example["value"]


def test_every_body_and_every_answer_has_an_example_that_its_schema_describes() -> None:
    contract = Contract(DOCUMENT)
    for where, one in media():
        shown = [*values(one)]
        assert shown, where
        for value in shown:
            assert [*contract.errors(one["schema"], value)] == [], where


@pytest.mark.parametrize("name", [name for name, models in BODIES.items() if models])
def test_every_example_of_a_request_is_what_a_model_takes(name: str) -> None:
    newer, *older = BODIES[name]
    for title, example in REQUESTS[name].items():
        model: type[BaseModel] = older[0] if title == "older_agent" else newer
        model.model_validate_json(json.dumps(example.sent))
    if older:
        assert "older_agent" in REQUESTS[name]


def test_every_answer_is_made_of_the_model_that_its_operation_declares() -> None:
    declared = {
        (name, status): model
        for name, operation in OPERATIONS.items()
        for status, model in operation.replies.items()
    }
    assert REPLIES.keys() == declared.keys()
    for key, model in declared.items():
        for example in REPLIES[key].values():
            assert isinstance(example.value, model) or key[0] == "getOpenApiDocument"
    assert REQUESTS.keys() == {name for name, models in BODIES.items() if models}


def test_the_examples_are_about_one_license_one_key_and_leases_that_the_jwks_verifies() -> None:
    login = REPLIES["logInAgent", 201]["answer"].sent
    question = REQUESTS["validateLicense"]["with_lease"].sent
    answer = REPLIES["validateLicense", 200]["valid"].sent
    assert {USED.id} == {
        login["license"]["id"],
        answer["license"]["id"],
        license_key.parse(login["license_key"]).license_id,
        REPLIES["getLicense", 200]["answer"].sent["license"]["id"],
    }
    assert question["license_key"] == login["license_key"]
    assert question["lease"] == login["lease"]["token"]
    assert question["nonce"] == answer["nonce"]
    machines = [
        REQUESTS["logInAgent"]["first_login"].sent["machine"],
        question["machine"],
        REQUESTS["lookUpMachine"]["machine"].sent["machine"],
    ]
    assert machines == [machines[0]] * 3
    assert machines[0]["computer_name"] == "FACTORY-PC-01"
    (key,) = REPLIES["getJwks", 200]["answer"].sent["keys"]
    assert key["kid"] in KEYRING.lease_keys
    for told, nonce in ((login, "5GvY0kq1"), (answer, "c7Rz2pXe")):
        stated = lease.genuine(told["lease"]["token"], KEYRING.lease_keys, issuer=ISSUER)
        assert (stated.license_id, stated.nonce) == (USED.id, nonce)
    partner = REQUESTS["logInAgent"]["partner"].sent["license_key"]
    assert license_key.parse(partner).license_id == TEMPORARY.id
    assert REPLIES["generateTemporaryLicense", 201]["answer"].sent["license_key"] == partner


def test_every_problem_has_an_example_and_every_example_of_one_is_used() -> None:
    codes = {problem.code for problem in PROBLEMS_BY_NAME.values()}
    assert codes == PROBLEMS.keys() - {"method_not_allowed"}  # which no operation answers
    used = {
        example["$ref"].rpartition("/")[2]
        for _, one in media()
        for example in one["examples"].values()
        if "$ref" in example
    }
    assert used == PROBLEMS_BY_NAME.keys()
    for where, one in media():
        if where.endswith("application/problem+json"):
            status = int(where.split()[2])
            shown = [Problem.model_validate(value) for value in values(one)]
            assert {problem.status for problem in shown} == {status}, where
