"""The OpenAPI document: valid, whole, and about exactly the routes that are deployed."""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any, cast, get_args

import openapi_spec_validator
import pytest

from discovery.handler import ROUTES
from licensing.contract.problems import PROBLEMS
from licensing.domain.license import State, Status
from licensing.domain.validation import Code, NextStep
from licensing.entrypoints import http, license_changes
from licensing.entrypoints.deployment import Deployment
from licensing.entrypoints.http.requests import HttpRequest
from licensing_build import field_texts
from licensing_build.openapi import TAGS, document, operations
from licensing_build.schemas import NAMES
from tests.local.deployment import DEFAULT, route_key
from tests.local.template import Template
from tests.unit.samples import license
from tests.world import BESIDE

ROOT = Path(__file__).parents[3]
DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
TEMPLATE = Template(ROOT / "template.yaml")
SCHEMES = {"NONE": [], "AgentAuthorizer": ["agents"], "OperatorAuthorizer": ["operators"]}
DEPLOYED = {
    route_key(event): (
        function,
        SCHEMES[event.get("Auth", {}).get("Authorizer", "OperatorAuthorizer")],
    )
    for function in TEMPLATE.of_type("AWS::Serverless::Function")
    for kind, event in TEMPLATE.events(function)
    if kind == "HttpApi"
}


def served(function: str) -> set[str]:
    """The routes that a deployed function's own handler answers."""
    handler: str = TEMPLATE.function(function, "Handler")["Handler"]
    api: http.Api = import_module(handler.rpartition(".")[0]).api
    return api.routes


# -- routes ----------------------------------------------------------------------------------------


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(DOCUMENT)


def test_the_document_lists_exactly_the_routes_that_are_deployed() -> None:
    declared = [operation.route for operation in operations()]
    assert sorted(OPERATIONS) == sorted(declared)
    assert OPERATIONS.keys() == DEPLOYED.keys() - BESIDE
    assert DEPLOYED.keys() >= BESIDE


def test_every_function_answers_exactly_the_routes_that_lead_to_it() -> None:
    for name in {function for function, _ in DEPLOYED.values()}:
        assert served(name) == {
            route for route, (function, _) in DEPLOYED.items() if function == name
        } - {DEFAULT}


def test_the_table_of_routes_lists_exactly_those_that_are_deployed() -> None:
    assert sorted(DEPLOYED.keys() - {DEFAULT}) == ROUTES


def test_r01_the_document_asks_for_the_token_that_the_gateway_asks_for() -> None:
    for route, (_, schemes) in DEPLOYED.items():
        if route in BESIDE:
            assert schemes == [], route
        else:
            assert OPERATIONS[route]["security"] == [{name: []} for name in schemes], route
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {name: scheme["scheme"] for name, scheme in schemes.items()} == {
        "agents": "bearer",
        "operators": "bearer",
    }


def read_in(path: Path) -> set[str]:
    """The names of the inputs that a module reads from its calls."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "read" and node.args:
                found.add(ast.unparse(node.args[0]).removeprefix("http."))
            elif node.func.attr.startswith("proof_for_"):
                found.add("PROOF")
            elif node.func.attr.startswith("previous_proof_for_"):
                found.add("PREVIOUS_PROOF")
            elif node.func.attr in {"page", "sorted_page", "cursor"}:
                found.add(node.func.attr.upper())
    return found


@pytest.mark.parametrize("name", sorted({name for name, _ in DEPLOYED.values()}))
def test_a_function_reads_every_input_that_its_operations_declare(name: str) -> None:
    handler = TEMPLATE.function(name, "Handler")["Handler"].rpartition(".")[0]
    module = import_module(handler)
    api: http.Api = module.api
    places = (http, module, license_changes)
    named = {id(value): key for place in places for key, value in vars(place).items()}
    declared = {named[id(taken)] for operation in api.operations for taken in operation.takes}
    shared = Path(str(license_changes.__file__))
    assert declared <= read_in(Path(str(module.__file__))) | read_in(shared)


def test_an_input_that_is_not_declared_is_not_read() -> None:
    call = http.Call(HttpRequest.of({}), cast("Deployment", None), (http.LIMIT,))
    assert call.read(http.LIMIT) == http.LIMIT.usual
    with pytest.raises(LookupError, match="does not declare"):
        call.read(http.CURSOR)
    with pytest.raises(LookupError, match="does not declare"):
        call.proof_for_key("a key")


@pytest.mark.parametrize("route", sorted(OPERATIONS))
def test_an_operation_declares_the_parameters_of_its_path(route: str) -> None:
    path = route.partition(" ")[2]
    declared = {
        parameter["name"]
        for parameter in OPERATIONS[route].get("parameters", [])
        if parameter["in"] == "path"
    }
    assert declared == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("license_id", "lic_0123456789abcdef", "lic_0123456789abcdei"),
        ("organization_id", "acme-1", "Acme"),
    ],
)
def test_the_pattern_of_an_id_in_a_path_takes_ids_and_nothing_else(
    name: str, good: str, bad: str
) -> None:
    patterns = {
        parameter["schema"]["pattern"]
        for operation in OPERATIONS.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == name
    }
    assert patterns
    for pattern in patterns:
        assert re.search(pattern, good)
        assert not re.search(pattern, bad)
        assert not re.search(pattern, f"x{good}/")


def test_the_document_tells_how_many_licenses_a_page_has() -> None:
    (limit,) = [
        parameter["schema"]
        for parameter in OPERATIONS["GET /v1/organizations/{organization_id}/licenses"][
            "parameters"
        ]
        if parameter["name"] == "limit"
    ]
    assert (limit["minimum"], limit["default"], limit["maximum"]) == (
        1,
        http.LIMIT.usual,
        http.LIMIT.largest,
    )


def test_the_document_tells_how_long_a_search_may_be() -> None:
    searches = [
        parameter["schema"]
        for operation in OPERATIONS.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "search"
    ]
    assert len(searches) >= 2
    assert {(one["minLength"], one["maxLength"]) for one in searches} == {(1, http.LONGEST_SEARCH)}


@pytest.mark.parametrize("route", sorted(OPERATIONS))
def test_an_operation_names_every_problem_that_its_kind_can_answer(route: str) -> None:
    responses = {int(status) for status in OPERATIONS[route]["responses"]}
    assert responses & {200, 201}
    assert 429 in responses  # the gateway throttles every route
    if OPERATIONS[route]["security"]:
        assert responses >= {401, 503}
        assert (403 in responses) is (route != "GET /v1/me")  # which anybody may ask
    if "requestBody" in OPERATIONS[route]:
        assert responses >= {400, 413, 503}


def test_all_problems_are_problem_json_and_all_replies_are_json() -> None:
    for route, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            reply, problem = "application/json", "application/problem+json"
            # API Gateway answers some by itself, as JSON of its own; 429 nobody else answers.
            by_gateway = {413, 503} | ({401} if operation["security"] else set())
            if status == "304":
                assert "content" not in response
                continue
            wanted = {reply} if int(status) in {200, 201, 429} else {problem}
            if int(status) in by_gateway:
                wanted.add(reply)
            assert set(response["content"]) == wanted, (route, status)


def test_what_the_gateway_answers_by_itself_is_a_message_and_nothing_else() -> None:
    reference = {"$ref": "#/components/schemas/GatewayMessage"}
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            if status >= "4" and "application/json" in response["content"]:
                assert response["content"]["application/json"]["schema"] == reference
    message = SCHEMAS["GatewayMessage"]
    assert (list(message["properties"]), message["required"]) == (["message"], ["message"])


def test_every_status_of_a_problem_is_in_the_document() -> None:
    listed = {int(status) for operation in OPERATIONS.values() for status in operation["responses"]}
    # What has a route has its method.
    assert {kind.status for kind in PROBLEMS.values()} - {405} <= listed


# -- for people, and for clients that are generated ------------------------------------------------

VERBS = (
    *("attach", "createOrUpdate", "detach", "dissociate", "generate", "get", "list", "logIn"),
    *("lookUp", "reset", "revoke", "search", "update", "validate"),
)


def test_the_name_of_an_operation_is_a_verb_and_a_noun_and_its_alone() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len({*names}) == len(names)
    form = re.compile(rf"({'|'.join(VERBS)})(([A-Z][a-z]+)+)")
    assert [name for name in names if not form.fullmatch(name)] == []


def test_every_operation_has_one_tag_of_the_list_and_every_tag_has_operations() -> None:
    listed = [tag["name"] for tag in DOCUMENT["tags"]]
    assert listed == [*TAGS] == [*get_args(http.Tag)]
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    used = [operation["tags"] for operation in OPERATIONS.values()]
    assert all(len(tags) == 1 for tags in used)
    assert {tag for (tag,) in used} == {*listed}


def test_every_operation_says_in_a_line_what_it_does_and_then_who_calls_it() -> None:
    for route, operation in OPERATIONS.items():
        summary, description = operation["summary"], operation["description"]
        assert summary.endswith("."), route
        assert summary.count(".") == 1, route
        assert len(summary) <= 72, route
        assert len(description) > len(summary), route
        assert re.search(r"[Ss]afe to repeat|[Cc]hanges no", description), route


def test_every_parameter_is_described() -> None:
    for route, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (route, parameter["name"])


# -- schemas ---------------------------------------------------------------------------------------

SCHEMAS = DOCUMENT["components"]["schemas"]


def nodes(value: Any) -> list[dict[str, Any]]:
    """All objects within a JSON value."""
    if isinstance(value, list):
        return [node for item in value for node in nodes(item)]
    if isinstance(value, dict):
        return [value, *(node for item in value.values() for node in nodes(item))]
    return []


def test_every_reference_leads_somewhere_and_all_that_is_there_is_referred_to() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    named = {kind: DOCUMENT["components"][kind] for kind in ("schemas", "examples")}
    assert references == {f"#/components/{kind}/{name}" for kind in named for name in named[kind]}


def test_the_schemas_are_told_in_words_that_need_no_knowledge_of_the_code() -> None:
    for name, schema in SCHEMAS.items():
        assert schema.get("description"), name
        for node in nodes(schema):
            text = str(node.get("description", ""))
            assert not re.search(r"R[0-9]{2}|``|:\w+:|[Ll]icence", text), (name, text)
        # What pydantic would make of the name of a field says nothing more than that does.
        assert "title" not in schema


def test_every_field_says_what_it_means_and_no_text_is_for_a_field_that_is_not_there() -> None:
    for name, schema in SCHEMAS.items():
        for field, form in schema.get("properties", {}).items():
            assert field_texts.is_described(form), (name, field)
    for name, texts in field_texts.HERE.items():
        assert texts.keys() <= SCHEMAS[name]["properties"].keys(), name
    fields = {field for schema in SCHEMAS.values() for field in schema.get("properties", {})}
    assert field_texts.EVERYWHERE.keys() <= fields


def test_every_name_that_a_schema_is_given_is_that_of_one() -> None:
    assert {*NAMES.values()} <= SCHEMAS.keys()
    assert not NAMES.keys() & SCHEMAS.keys()


def test_every_pattern_is_one_in_each_dialect_of_regular_expressions() -> None:
    patterns = {str(node["pattern"]) for node in nodes(DOCUMENT) if "pattern" in node}
    assert len(patterns) >= 10
    for pattern in patterns:
        # JavaScript without its flag u takes a range of what is beyond for an error.
        assert pattern.isascii(), pattern
        re.compile(pattern)


def test_requests_allow_no_unknown_fields() -> None:
    requests = [name for name in SCHEMAS if name.endswith(("Request", "Credentials"))]
    assert len(requests) >= 5
    for name in requests:
        assert SCHEMAS[name]["additionalProperties"] is False


def test_r30_a_login_of_an_older_agent_is_told_by_its_names() -> None:
    # Without any it is one of the present form, and lacks a machine.
    older = SCHEMAS["OlderLoginRequest"]
    assert (older["minProperties"], older["additionalProperties"]) == (1, False)


def test_every_time_is_declared_as_one() -> None:
    times = [
        node
        for schema in SCHEMAS.values()
        for node in nodes(schema)
        if "RFC 3339" in str(node.get("description", ""))
    ]
    assert len(times) > 20
    assert {time["format"] for time in times} == {"date-time"}


def test_r13_the_document_lists_the_codes_and_the_statuses_of_the_code() -> None:
    properties = SCHEMAS["ValidateReply"]["properties"]
    assert properties["code"] == {"$ref": "#/components/schemas/ValidationCode"}
    assert properties["action"] == {"$ref": "#/components/schemas/NextStep"}
    assert SCHEMAS["ValidationCode"]["enum"] == [code.value for code in Code]
    assert SCHEMAS["NextStep"]["enum"] == [step.value for step in NextStep]
    assert SCHEMAS["LicenseStatus"]["enum"] == [status.value for status in Status]
    assert set(SCHEMAS["LicenseCounts"]["properties"]) == {"at", *Status}


def test_r21_a_license_offers_no_action_but_those_that_are_offered_in_some_state() -> None:
    told = SCHEMAS["AdministeredLicense"]["properties"]["actions"]["items"]["enum"]
    assert set(told) == {action for state in State for action in license(state=state).open_actions}
    assert {f"POST /v1/licenses/{{license_id}}/{action}" for action in told} <= set(OPERATIONS)


def test_a_reply_holds_every_field_always() -> None:
    # A client need not ask whether a field is there: what is absent is null.
    asked = ("Request", "Credentials", "Facts", "Problem", "OpenApiDocument")
    replies = [
        name for name in SCHEMAS if "properties" in SCHEMAS[name] and not name.endswith(asked)
    ]
    assert len(replies) >= 30
    for name in replies:
        assert set(SCHEMAS[name]["required"]) == set(SCHEMAS[name]["properties"])
    assert set(SCHEMAS["Problem"]["required"]) == {"type", "title", "status", "detail", "code"}
