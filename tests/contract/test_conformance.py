"""The served contract: it is whole, it fits the deployment, and breaches of it are found."""

from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract import conformance
from tests.contract.conformance import Contract
from tests.world import ADA, ALICE, Exchange, World


def _document(world: World) -> Any:
    return world.request("GET", "/v1/openapi.json").json


def test_the_contract_is_a_valid_openapi_document(world: World) -> None:
    assert list(OpenAPIV31SpecValidator(_document(world)).iter_errors()) == []


def test_the_contract_has_the_deployments_routes_and_says_which_need_a_token(
    world: World,
) -> None:
    said = {
        f"{method.upper()} {path}": bool(operation["security"])
        for path, operations in _document(world)["paths"].items()
        for method, operation in operations.items()
    }
    assert said == {route.key: bool(route.authorizer) for route in world.api}


def test_the_contract_names_every_parameter_of_a_path(world: World) -> None:
    for path, operations in _document(world)["paths"].items():
        for operation in operations.values():
            names = {
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "path"
            }
            assert path.count("{") == len(names)
            assert all(f"{{{name}}}" in path for name in names)


def test_each_operation_has_a_name_of_its_own_and_answers_problems_as_problems(
    world: World,
) -> None:
    operations = [
        operation
        for operations in _document(world)["paths"].values()
        for operation in operations.values()
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        for status, reply in operation["responses"].items():
            if status == "304":
                assert "content" not in reply
                continue
            # What API Gateway alone answers is no problem document of ours.
            is_problem = status >= "4" and status != "429"
            first = next(iter(reply["content"]))
            assert first == ("application/problem+json" if is_problem else "application/json")


@pytest.fixture
def told(world: World) -> tuple[Contract, Exchange]:
    """The contract, and one exchange that keeps it."""
    world.register("acme")
    world.login(ALICE)
    contract, exchange = conformance.served(world), world.exchanges[1]
    assert exchange.route == "POST /v1/licenses"
    assert list(contract.violations(exchange)) == []
    return contract, exchange


def test_a_breach_of_the_contract_is_found(told: tuple[Contract, Exchange]) -> None:
    contract, exchange = told
    answer = exchange.answer
    body = answer.json
    breaches = [
        replace(exchange, route="POST /v1/nowhere"),
        replace(exchange, answer=replace(answer, status=202)),
        replace(exchange, answer=replace(answer, headers={"content-type": "text/plain"})),
        replace(exchange, answer=replace(answer, json=body | {"undocumented": 1})),
        replace(exchange, answer=replace(answer, json=body | {"created": "yes"})),
        replace(exchange, answer=replace(answer, json={"license": body["license"]})),
        replace(
            exchange,
            answer=replace(
                answer, json=body | {"license": body["license"] | {"issued_at": "yesterday"}}
            ),
        ),
        replace(exchange, event=dict(exchange.event) | {"body": '{"machine": 7}'}),
        replace(exchange, event=dict(exchange.event) | {"body": ""}),
    ]
    assert [len(list(contract.violations(breach))) > 0 for breach in breaches] == [True] * 9


def test_a_problem_is_held_against_the_contract_too(world: World) -> None:
    refused = world.request("GET", "/v1/licenses/lic_0000000000000000", person=ADA)
    (exchange,) = world.exchanges
    contract = conformance.served(world)
    assert list(contract.violations(exchange)) == []
    silent = {name: value for name, value in refused.json.items() if name != "code"}
    (violation,) = contract.violations(replace(exchange, answer=replace(refused, json=silent)))
    assert "'code' is a required property" in violation
