"""What template.yaml promises about the deployed service, beyond what the linters can know."""

from importlib import import_module
from typing import Any

import pytest
import yaml

from tests.integration import permissions
from tests.local.template import Template
from tests.template.deployed import ROOT, deployed


class _UntaggedLoader(yaml.SafeLoader):
    """Reads what holds no intrinsic; `!Ref x` and its like become `None`."""


_UntaggedLoader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


TEMPLATE = deployed()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_scan_or_do_anything_by_wildcard(function: str) -> None:
    for action, _ in permissions.allowed(function):
        assert "*" not in action
        assert action not in {"dynamodb:Scan", "dynamodb:PartiQLSelect"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reaches_what_is_the_stacks_own_alone(function: str) -> None:
    reachable = {
        "dynamodb": {
            "table",
            "table/index/by_organization",
            "table/index/by_due",
            "stream",
            "table/stream/*",
        },
        "events": {"bus"},
        "logs": {"logs"},
        "secretsmanager": {"secret"},
        "sqs": {"SweepDeadLetters", "BillingDeadLetters", "OutboxDeadLetters"},
        "xray": {"*"},  # traces belong to no resource
    }
    for action, resource in permissions.allowed(function):
        assert resource in reachable[action.partition(":")[0]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_its_own_handler_on_python_3_13_and_arm64(function: str) -> None:
    properties = TEMPLATE.function(function, "Architectures", "CodeUri", "Handler", "Runtime")
    module, _, name = properties["Handler"].rpartition(".")
    assert callable(getattr(import_module(module), name))
    assert properties["Architectures"] == ["arm64"]
    assert properties["Runtime"] == "python3.13"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_somebody_waits_for_starts_from_a_snapshot(function: str) -> None:
    properties = TEMPLATE.function(function, "Events", "SnapStart", "AutoPublishAlias")
    is_waited_for = any(event["Type"] == "HttpApi" for event in properties["Events"].values())
    assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions" if is_waited_for else "None"}
    assert properties["AutoPublishAlias"] == "live"


def test_every_handler_is_deployed() -> None:
    handlers = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert handlers == {
        TEMPLATE.properties(function, "Handler")["Handler"].partition(".")[0]
        for function in FUNCTIONS
    }


def test_only_validation_and_public_documents_are_open_to_callers_without_a_token() -> None:
    routes = [
        event["Properties"]
        for function in FUNCTIONS
        for event in TEMPLATE.properties(function, "Events")["Events"].values()
        if event["Type"] == "HttpApi"
    ]
    assert {f"{route['Method']} {route['Path']}" for route in routes if "Auth" in route} == {
        "POST /v1/licenses/validate",
        "GET /.well-known/jwks.json",
        "GET /v1/openapi.json",
    }
    assert TEMPLATE.properties("HttpApi")["Auth"]["DefaultAuthorizer"] == "OidcAuthorizer"


def test_the_table_can_be_recovered_and_is_encrypted_streamed_and_paid_by_use() -> None:
    table = TEMPLATE.properties("LicenseTable")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("resource", ["LicenseTable", "SigningSecret", "UserPool"])
def test_what_cannot_be_made_again_outlives_the_stack(resource: str) -> None:
    document = _UntaggedLoader((ROOT / "template.yaml").read_text()).get_single_data()
    found = document["Resources"][resource]
    assert found["DeletionPolicy"] == "Retain"
    assert found["UpdateReplacePolicy"] == "Retain"


def test_each_output_says_what_it_is_for() -> None:
    document = _UntaggedLoader((ROOT / "template.yaml").read_text()).get_single_data()
    for name, output in document["Outputs"].items():
        assert output["Description"].endswith("."), name
    # What the command line of `make smoke` is made of.
    assert {"ApiUrl", "UserPoolClientId", "SmokeTest", "FunctionLogs"} <= document["Outputs"].keys()


def test_a_user_cannot_choose_the_organization() -> None:
    client = TEMPLATE.properties("UserPoolClient")
    pool = TEMPLATE.properties("UserPool")
    assert "custom:organization_id" in client["ReadAttributes"]
    assert "custom:organization_id" not in client["WriteAttributes"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert [attribute["Mutable"] for attribute in pool["Schema"]] == [False]


def test_tokens_come_from_the_stacks_own_user_pool_by_default() -> None:
    jwt = TEMPLATE.properties("HttpApi")["Auth"]["Authorizers"]["OidcAuthorizer"]
    assert jwt["JwtConfiguration"] == {
        "issuer": "https://cognito-idp.eu-central-1.amazonaws.com/pool",
        "audience": ["client"],
    }


def test_a_named_issuer_replaces_the_user_pool() -> None:
    template = deployed(Issuer="https://login.example", Audience="agents")
    jwt = template.properties("HttpApi")["Auth"]["Authorizers"]["OidcAuthorizer"]
    assert jwt["JwtConfiguration"] == {"issuer": "https://login.example", "audience": ["agents"]}
    assert template.of_type("AWS::Cognito::UserPool") == []
    assert template.of_type("AWS::Cognito::UserPoolClient") == []
    assert template.of_type("AWS::Cognito::UserPoolGroup") == []


@pytest.mark.parametrize(
    ("named", "issuer"),
    [("", "urn:licensing:licensing-local"), ("https://lease.example", "https://lease.example")],
)
def test_leases_name_the_stack_or_the_given_issuer(named: str, issuer: str) -> None:
    template = deployed(LeaseIssuer=named)
    environment = template.function("ValidateFunction", "Environment")["Environment"]
    assert environment["Variables"]["LEASE_ISSUER"] == issuer


def test_a_sweep_that_fails_is_tried_again_and_then_leaves_a_trace() -> None:
    sweep = TEMPLATE.properties("ExpirySweepFunction", "Events", "EventInvokeConfig")
    schedule = sweep["Events"]["Sweep"]["Properties"]
    assert schedule["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert schedule["DeadLetterConfig"] == {"Arn": "arn:SweepDeadLetters"}
    assert sweep["EventInvokeConfig"]["MaximumRetryAttempts"] > 0
    assert sweep["EventInvokeConfig"]["DestinationConfig"]["OnFailure"] == {
        "Type": "SQS",
        "Destination": "arn:SweepDeadLetters",
    }


@pytest.mark.parametrize("log_group", TEMPLATE.of_type("AWS::Logs::LogGroup"))
def test_logs_are_kept_for_a_while_and_not_for_ever(log_group: str) -> None:
    assert TEMPLATE.properties(log_group)["RetentionInDays"] == 90


def test_the_sweep_reserves_concurrency_only_where_it_is_asked_to() -> None:
    def reserved(template: Template) -> dict[str, Any]:
        return template.properties("ExpirySweepFunction", "ReservedConcurrentExecutions")

    assert reserved(TEMPLATE) == {}
    assert reserved(deployed(SweepConcurrency="1")) == {"ReservedConcurrentExecutions": "1"}


def test_alarms_are_mailed_to_whom_the_parameter_names() -> None:
    assert TEMPLATE.of_type("AWS::SNS::Subscription") == []
    template = deployed(AlarmEmail="operator@example.com")
    (subscription,) = template.of_type("AWS::SNS::Subscription")
    assert template.properties(subscription) == {
        "TopicArn": "arn:alarms",
        "Protocol": "email",
        "Endpoint": "operator@example.com",
    }


def test_what_holds_data_is_protected_from_deletion() -> None:
    assert TEMPLATE.properties("LicenseTable")["DeletionProtectionEnabled"] is True
    assert TEMPLATE.properties("UserPool")["DeletionProtection"] == "ACTIVE"


def test_every_route_is_throttled_and_validation_is_let_through_most() -> None:
    api = TEMPLATE.properties("HttpApi", "DefaultRouteSettings", "RouteSettings")
    usual, routes = api["DefaultRouteSettings"], api["RouteSettings"]
    assert 0 < usual["ThrottlingRateLimit"] <= usual["ThrottlingBurstLimit"] <= 1_000
    assert list(routes) == ["POST /v1/licenses/validate"]
    (validation,) = routes.values()
    assert validation["ThrottlingRateLimit"] > usual["ThrottlingRateLimit"]
    assert validation["ThrottlingRateLimit"] <= validation["ThrottlingBurstLimit"] <= 10_000
