"""What template.yaml promises about the deployed service, beyond what the linters can know."""

import re
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import yaml

from licensing.domain.audit import EventType
from licensing_cli import browser
from tests.integration import permissions
from tests.local.deployment import route_key
from tests.local.template import STACK_ID, Template
from tests.template.deployed import ROOT, deployed
from tests.world import BESIDE


class _UntaggedLoader(yaml.SafeLoader):
    """Reads what holds no intrinsic; `!Ref x` and its like become `None`."""


_UntaggedLoader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@cache
def document() -> dict[str, Any]:
    """The template as it is written, read once: nobody changes it."""
    found: dict[str, Any] = _UntaggedLoader((ROOT / "template.yaml").read_text()).get_single_data()
    return found


TEMPLATE = deployed()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_scan_or_do_anything_by_wildcard(function: str) -> None:
    for allowed in permissions.allowed(function):
        assert "*" not in allowed.action
        assert allowed.action not in {"dynamodb:Scan", "dynamodb:PartiQLSelect"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reaches_what_is_the_stacks_own_alone(function: str) -> None:
    reachable = {
        "dynamodb": {
            "table",
            "table/index/by_organization",
            "table/index/by_due",
            "table/index/across_organizations",
            "stream",
            "table/stream/*",
        },
        "events": {"bus"},
        "logs": {"logs"},
        "secretsmanager": {"secret"},
        "sqs": {"SweepDeadLetters", "BillingDeadLetters", "OutboxDeadLetters"},
    }
    for allowed in permissions.allowed(function):
        service = allowed.action.partition(":")[0]
        assert allowed.resource in reachable[service]
        # Never all items of the table or of an index, and never events of anybody.
        if service in {"dynamodb", "events"} and "stream" not in allowed.resource:
            assert allowed.about.replace("#*", "").isalpha()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_its_own_handler_on_python_3_13_and_arm64(function: str) -> None:
    properties = TEMPLATE.function(function, "Architectures", "CodeUri", "Handler", "Runtime")
    module, _, name = properties["Handler"].rpartition(".")
    assert callable(getattr(import_module(module), name))
    assert properties["Architectures"] == ["arm64"]
    assert properties["Runtime"] == "python3.13"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_agents_wait_for_starts_from_a_snapshot_and_nothing_else(function: str) -> None:
    properties = TEMPLATE.function(function, "SnapStart", "AutoPublishAlias")
    is_for_agents = function in {"IssueFunction", "ValidateFunction"}
    snapshot = {"SnapStart": {"ApplyOn": "PublishedVersions"}} if is_for_agents else {}
    assert properties == {"AutoPublishAlias": "live", **snapshot}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_people_wait_for_has_a_whole_processor(function: str) -> None:
    properties = TEMPLATE.function(function, "Events", "MemorySize")
    events = [one for one in properties["Events"].values() if one["Type"] == "HttpApi"]
    names = [one["Properties"].get("Auth", {}).get("Authorizer") for one in events]
    is_for_people = None in names  # the operators' authorizer, which is the default
    assert (properties["MemorySize"] == 1769) is is_for_people


@pytest.mark.parametrize("function", FUNCTIONS)
def test_metrics_pass_lambdas_level_and_what_aws_answers_does_not(function: str) -> None:
    # Lambda takes a printed line without a level for INFO, and drops what is below its own. It is
    # that of the root logger, too: at DEBUG, botocore writes secrets down.
    for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        template = deployed(LogLevel=level)
        config = template.function(function, "LoggingConfig")["LoggingConfig"]
        assert config["LogFormat"] == "JSON"
        assert config["ApplicationLogLevel"] == "INFO"
        assert config["SystemLogLevel"] == ("DEBUG" if level == "DEBUG" else "WARN")
        variables = template.function(function, "Environment")["Environment"]["Variables"]
        assert "POWERTOOLS_LOG_LEVEL" not in variables  # it would be less than what counts


def test_nothing_is_traced_and_no_route_has_metrics_of_its_own() -> None:
    assert {TEMPLATE.function(name, "Tracing")["Tracing"] for name in FUNCTIONS} == {"PassThrough"}
    api = TEMPLATE.properties("HttpApi", "DefaultRouteSettings", "RouteSettings")
    routes = [api["DefaultRouteSettings"], *api["RouteSettings"].values()]
    assert {route["DetailedMetricsEnabled"] for route in routes} == {False}


def test_without_snapstart_no_function_starts_from_a_snapshot() -> None:
    template = deployed(SnapStart="off")
    settings = [template.function(name, "SnapStart").get("SnapStart") for name in FUNCTIONS]
    assert [one for one in settings if one] == [{"ApplyOn": "None"}] * 2


def test_functions_know_the_key_of_cloudfront_only_where_it_stands_in_front() -> None:
    def key(**parameters: str) -> set[str]:
        template = deployed(**parameters)
        environments = [template.function(name, "Environment") for name in FUNCTIONS]
        return {one["Environment"]["Variables"]["ORIGIN_KEY"] for one in environments}

    assert key() == {""}
    assert key(BehindCloudFront="prepare") == {""}
    assert key(BehindCloudFront="on") == {"{{resolve:secretsmanager:arn:origin:SecretString:key}}"}
    secrets = ["SigningSecret", "CursorSecret"]
    assert TEMPLATE.of_type("AWS::SecretsManager::Secret") == secrets
    # CloudFront has to have it before anything is refused.
    prepared = deployed(BehindCloudFront="prepare").of_type("AWS::SecretsManager::Secret")
    assert prepared == [*secrets, "OriginSecret"]


def test_every_handler_is_deployed() -> None:
    handlers = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert handlers == {
        TEMPLATE.properties(function, "Handler")["Handler"].partition(".")[0]
        for function in FUNCTIONS
    }


def test_only_validation_pages_and_public_documents_are_open_to_callers_without_a_token() -> None:
    routes = [
        event["Properties"]
        for function in FUNCTIONS
        for event in TEMPLATE.properties(function, "Events")["Events"].values()
        if event["Type"] == "HttpApi"
    ]
    open_routes = [one for one in routes if one.get("Auth", {}).get("Authorizer") == "NONE"]
    assert {route_key(route) for route in open_routes} == {
        "POST /v1/licenses/validate",
        "GET /.well-known/jwks.json",
        "GET /v1/openapi.json",
        *BESIDE,
    }
    assert TEMPLATE.properties("HttpApi")["Auth"]["DefaultAuthorizer"] == "OperatorAuthorizer"


def test_the_table_can_be_recovered_and_is_encrypted_streamed_and_paid_by_use() -> None:
    table = TEMPLATE.properties("LicenseTable")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("resource", ["LicenseTable", "SigningSecret", "UserPool"])
def test_what_cannot_be_made_again_outlives_the_stack(resource: str) -> None:
    found = document()["Resources"][resource]
    # What a first deployment made and could not bring to its end is empty, and in nobody's way.
    assert found["DeletionPolicy"] == "RetainExceptOnCreate"
    assert found["UpdateReplacePolicy"] == "Retain"


def test_r03_the_server_secret_is_made_from_exactly_this_or_all_keys_are_dead() -> None:
    # CloudFormation writes a new secret into it as soon as one of these is another, and makes
    # another secret where it gets a name: no key, lease or machine would be known any more.
    properties = TEMPLATE.properties("SigningSecret")
    assert properties["GenerateSecretString"] == {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "1",
        "PasswordLength": 64,
        "ExcludePunctuation": True,
    }
    assert not {"Name", "SecretString"} & properties.keys()


def test_the_server_secret_has_a_copy_in_another_region_where_one_is_named() -> None:
    assert "ReplicaRegions" not in TEMPLATE.properties("SigningSecret")
    secret = deployed(SecretReplicaRegion="eu-west-1").properties("SigningSecret")
    assert secret["ReplicaRegions"] == [{"Region": "eu-west-1"}]
    pattern = document()["Parameters"]["SecretReplicaRegion"]["AllowedPattern"]
    for region in ("", "eu-west-1", "us-gov-west-1", "ap-southeast-2"):
        assert re.fullmatch(pattern, region)
    for other in ("eu-west", "eu-west-1a", "eu-west-1,eu-west-2", "EU-WEST-1"):
        assert not re.fullmatch(pattern, other)


def test_each_output_says_what_it_is_for() -> None:
    outputs = document()["Outputs"]
    for name, output in outputs.items():
        assert output["Description"].endswith("."), name
    # What the command line of `make smoke` is made of.
    assert {
        *("ApiUrl", "AgentClientId", "CommandLineClientId", "SmokeTest", "FunctionLogs")
    } <= outputs.keys()


POOL = "https://cognito-idp.eu-central-1.amazonaws.com/pool"
PORTAL = "https://portal.example"
OWN = {
    "Issuer": "https://login.example",
    "AgentClientId": "agents",
    "OperatorClientId": "operators",
}


def clients(template: Template) -> list[str]:
    """The clients that exist."""
    return template.of_type("AWS::Cognito::UserPoolClient")


@pytest.mark.parametrize("name", ["AgentClient", "PortalClient", "CommandLineClient"])
def test_the_pools_administrators_choose_a_users_organization_and_no_client_does(name: str) -> None:
    client = deployed(PortalUrl=PORTAL).properties(name)
    pool = TEMPLATE.properties("UserPool")
    assert "custom:organization_id" in client["ReadAttributes"]
    assert "custom:organization_id" not in client["WriteAttributes"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    # Who changes organization keeps their user, and a federated sign-in may bring it along.
    assert [attribute["Mutable"] for attribute in pool["Schema"]] == [True]


def configurations(template: Template) -> dict[str, dict[str, Any]]:
    """Whose tokens the API takes, for agents and for operators."""
    authorizers = template.properties("HttpApi")["Auth"]["Authorizers"]
    return {name: authorizer["JwtConfiguration"] for name, authorizer in authorizers.items()}


def audiences(template: Template) -> dict[str, list[str]]:
    return {name: one["audience"] for name, one in configurations(template).items()}


def variables(template: Template) -> dict[str, str]:
    """What the portal's function is told."""
    properties = template.properties("PortalFunction", "Environment")
    told: dict[str, str] = properties["Environment"]["Variables"]
    return told


def test_r01_only_logins_take_the_tokens_of_agents_and_they_take_no_others() -> None:
    named = {
        route_key(event): event.get("Auth", {}).get("Authorizer")
        for function in FUNCTIONS
        for kind, event in TEMPLATE.events(function)
        if kind == "HttpApi"
    }
    assert [route for route, name in named.items() if name == "AgentAuthorizer"] == [
        "POST /v1/licenses"
    ]
    assert set(named.values()) == {None, "NONE", "AgentAuthorizer"}


def test_r01_tokens_come_from_the_stacks_own_user_pool_by_default() -> None:
    assert configurations(TEMPLATE) == {
        "AgentAuthorizer": {"issuer": POOL, "audience": ["agent-client"]},
        "OperatorAuthorizer": {"issuer": POOL, "audience": ["command-line-client"]},
    }


def test_r01_a_named_issuer_replaces_the_user_pool() -> None:
    template = deployed(**OWN)
    issuer = OWN["Issuer"]
    assert configurations(template) == {
        "AgentAuthorizer": {"issuer": issuer, "audience": ["agents"]},
        "OperatorAuthorizer": {"issuer": issuer, "audience": ["operators"]},
    }
    for kind in ("UserPool", "UserPoolClient", "UserPoolDomain", "UserPoolGroup"):
        assert template.of_type(f"AWS::Cognito::{kind}") == []


def test_r01_without_the_portals_address_operators_work_by_command_line() -> None:
    assert clients(TEMPLATE) == ["AgentClient", "CommandLineClient"]
    assert TEMPLATE.of_type("AWS::Cognito::UserPoolDomain") == ["UserPoolDomain"]
    assert variables(TEMPLATE)["PORTAL_URL"] == ""
    assert variables(TEMPLATE)["COMMAND_LINE_CLIENT_ID"] == "command-line-client"


def test_r01_what_a_person_leaves_on_an_agent_ends_within_the_hour() -> None:
    client = TEMPLATE.properties("AgentClient")
    assert client["TokenValidityUnits"]["RefreshToken"] == "hours"
    assert client["RefreshTokenValidity"] == 1
    assert client["EnableTokenRevocation"] is True


def test_with_its_address_the_portal_has_a_client_of_its_own_that_keeps_no_secret() -> None:
    template = deployed(PortalUrl=PORTAL, PortalScope="openid email")
    assert audiences(template) == {
        "AgentAuthorizer": ["agent-client"],
        "OperatorAuthorizer": ["command-line-client", "portal-client"],
    }
    assert variables(template) == {
        "ISSUER": POOL,
        "API_DOCUMENTATION": "on",
        "PORTAL_URL": PORTAL,
        "PORTAL_CLIENT_ID": "portal-client",
        "PORTAL_SCOPE": "openid email",
        "COMMAND_LINE_CLIENT_ID": "command-line-client",
    }
    client = template.properties("PortalClient")
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid", "email"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == [f"{PORTAL}/portal"]
    assert client["EnableTokenRevocation"] is True
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    # A password is typed on Cognito's page only.
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_the_command_line_has_a_client_like_the_portals_that_comes_back_to_its_own_machine() -> (
    None
):
    template = deployed(PortalUrl=PORTAL, PortalScope="openid email")
    assert clients(template) == ["AgentClient", "PortalClient", "CommandLineClient"]
    client = template.properties("CommandLineClient")
    assert client["CallbackURLs"] == [browser.REDIRECT_URI]
    assert client.keys() == template.properties("PortalClient").keys() - {"LogoutURLs"}
    differing = {
        name for name in client if client[name] != template.properties("PortalClient")[name]
    }
    # An operator's terminal and `make smoke` have no browser.
    assert differing == {"CallbackURLs", "ExplicitAuthFlows"}
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["ExplicitAuthFlows"] == flows


def test_the_domain_that_people_sign_in_at_is_one_that_no_other_stack_has() -> None:
    (domain,) = deployed(PortalUrl="https://portal.example").of_type("AWS::Cognito::UserPoolDomain")
    told = deployed(PortalUrl="https://portal.example").properties(domain)
    uuid = STACK_ID.rpartition("/")[2]
    assert told == {"UserPoolId": "pool", "Domain": f"licensing-{uuid}"}
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", told["Domain"])


@pytest.mark.parametrize(
    ("named", "client", "taken"),
    [
        ("", "operators", ["operators"]),
        ("operators", "operators", ["operators"]),
        ("command-line", "command-line", ["operators", "command-line"]),
    ],
)
def test_at_an_issuer_of_ones_own_the_command_line_has_its_own_client_or_the_operators(
    named: str, client: str, taken: list[str]
) -> None:
    template = deployed(**OWN, PortalUrl=PORTAL, CommandLineClientId=named)
    assert variables(template) == {
        "ISSUER": "https://login.example",
        "API_DOCUMENTATION": "on",
        "PORTAL_URL": PORTAL,
        "PORTAL_CLIENT_ID": "operators",
        "PORTAL_SCOPE": "openid",
        "COMMAND_LINE_CLIENT_ID": client,
    }
    assert audiences(template) == {"AgentAuthorizer": ["agents"], "OperatorAuthorizer": taken}
    assert clients(template) == []
    assert template.of_type("AWS::Cognito::UserPoolDomain") == []


TWO_CLIENTS = "have to be two different clients"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, []),
        (OWN, []),
        (OWN | {"CommandLineClientId": "command-line"}, []),
        (OWN | {"CommandLineClientId": "operators"}, []),
        ({"Issuer": OWN["Issuer"]}, ["set AgentClientId", "set OperatorClientId", TWO_CLIENTS]),
        (OWN | {"AgentClientId": ""}, ["set AgentClientId"]),
        (OWN | {"OperatorClientId": ""}, ["set OperatorClientId"]),
        (OWN | {"OperatorClientId": "agents"}, [TWO_CLIENTS]),
        (OWN | {"CommandLineClientId": "agents"}, [TWO_CLIENTS]),
        (OWN | {"Issuer": ""}, ["Set Issuer"]),
        ({"CommandLineClientId": "command-line"}, ["Set Issuer"]),
    ],
    ids=str,
)
def test_r01_an_issuer_of_ones_own_has_two_clients_or_nothing_is_deployed(
    parameters: dict[str, str], said: list[str]
) -> None:
    broken = deployed(**parameters).broken_rules()
    if said == []:
        assert broken == []
    for sentence in said:
        assert any(sentence in one for one in broken), broken


DOMAIN = {
    "DomainName": "licences.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b",
}


def test_a_domain_of_ones_own_serves_api_and_portal_after_one_deployment() -> None:
    template = deployed(**DOMAIN)
    assert template.properties("ApiDomain") == {
        "DomainName": DOMAIN["DomainName"],
        "DomainNameConfigurations": [
            {
                "CertificateArn": DOMAIN["CertificateArn"],
                "EndpointType": "REGIONAL",
                "SecurityPolicy": "TLS_1_2",
            }
        ],
    }
    # At its root: a base path would be in what functions read.
    mapping = template.properties("ApiMapping")
    assert mapping == {"ApiId": "api", "DomainName": "domain", "Stage": "$default"}
    assert template.of_type("AWS::Route53::RecordSet") == []
    outputs = template.outputs()
    assert outputs["ApiUrl"] == "https://licences.example.com"
    assert outputs["PortalUrl"] == "https://licences.example.com/portal"
    assert outputs["DomainTarget"] == "d.example"
    assert "URL=https://licences.example.com LOGIN=https://cognito-idp." in outputs["SmokeTest"]
    assert variables(template)["PORTAL_URL"] == "https://licences.example.com"
    client = template.properties("PortalClient")
    assert client["CallbackURLs"] == ["https://licences.example.com/portal"]


def test_a_domain_in_a_zone_of_the_account_is_pointed_at_the_api() -> None:
    template = deployed(**DOMAIN, HostedZoneId="Z1")
    assert template.properties("DomainRecord") == {
        "HostedZoneId": "Z1",
        "Name": DOMAIN["DomainName"],
        "Type": "A",
        "AliasTarget": {"DNSName": "d.example", "HostedZoneId": "Z0"},
    }


def test_the_apis_own_address_is_there_unless_it_is_switched_off() -> None:
    def hidden(**parameters: str) -> object:
        return deployed(**parameters).properties("HttpApi", "DisableExecuteApiEndpoint")

    assert hidden() == {"DisableExecuteApiEndpoint": False}
    assert hidden(**DOMAIN) == {"DisableExecuteApiEndpoint": False}
    assert hidden(**DOMAIN, DefaultEndpoint="off") == {"DisableExecuteApiEndpoint": True}
    assert TEMPLATE.of_type("AWS::ApiGatewayV2::DomainName") == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (DOMAIN, []),
        (DOMAIN | {"HostedZoneId": "Z1", "DefaultEndpoint": "off"}, []),
        ({"DomainName": "licences.example.com"}, ["set CertificateArn"]),
        ({"HostedZoneId": "Z1"}, ["belong to a DomainName"]),
        ({"CertificateArn": DOMAIN["CertificateArn"]}, ["belong to a DomainName"]),
        ({"DefaultEndpoint": "off"}, ["has no address"]),
        ({"BehindCloudFront": "prepare"}, ["needs a DomainName"]),
        (DOMAIN | {"BehindCloudFront": "on"}, []),
        ({"MonthlyBudget": "50"}, ["set AlarmEmail"]),
        ({"MonthlyBudget": "50", "AlarmEmail": "ops@example.com"}, []),
    ],
    ids=str,
)
def test_what_belongs_together_is_set_together_or_nothing_is_deployed(
    parameters: dict[str, str], said: list[str]
) -> None:
    broken = deployed(**parameters).broken_rules()
    assert len(broken) == len(said)
    for sentence in said:
        assert any(sentence in one for one in broken), broken


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("", True),
        ("licences.example.com", True),
        ("Licences.example.com", False),
        ("licences", False),
        ("https://licences.example.com", False),
        ("licences.example.com/base", False),
        ("*.example.com", False),
    ],
)
def test_a_domain_is_a_host_name_and_no_address(name: str, *, is_one: bool) -> None:
    pattern = document()["Parameters"]["DomainName"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, name)) is is_one


def test_cloudformation_can_evaluate_what_the_rules_say() -> None:
    rules = document()["Rules"]
    assert {"IssuerNeedsTwoClients", "ClientsNeedAnIssuer"} <= rules.keys()
    for rule in rules.values():
        assert rule.keys() == {"RuleCondition", "Assertions"}
        for assertion in rule["Assertions"]:
            assert assertion.keys() == {"Assert", "AssertDescription"}
            assert len(assertion["AssertDescription"]) < 200


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("", True),
        ("https://abc.execute-api.eu-central-1.amazonaws.com", True),
        ("https://portal.example", True),
        ("https://portal.example/", False),
        ("https://portal.example/portal", False),
        ("http://portal.example", False),
        ("https://portal.example; script-src *", False),
        ("portal.example", False),
    ],
)
def test_the_portals_address_is_https_and_has_no_path(url: str, *, is_one: bool) -> None:
    pattern = document()["Parameters"]["PortalUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) is is_one


def test_the_portals_address_is_told_beside_the_apis() -> None:
    template = deployed()
    template.created("HttpApi", "api", ApiEndpoint="https://api.example")
    assert template.outputs()["PortalUrl"] == "https://api.example/portal"
    named = deployed(PortalUrl="https://portal.example")
    named.created("HttpApi", "api", ApiEndpoint="https://api.example")
    assert named.outputs()["PortalUrl"] == "https://portal.example/portal"


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


def test_requests_are_logged_under_the_name_that_needs_no_policy_of_its_own() -> None:
    # API Gateway adds any other group to one policy of the account, of 5,120 characters at most.
    name = TEMPLATE.properties("AccessLogGroup")["LogGroupName"]
    assert name == "/aws/vendedlogs/licensing-local/requests"


def test_the_sweep_reserves_concurrency_only_where_it_is_asked_to() -> None:
    def reserved(template: Template) -> dict[str, Any]:
        return template.properties("ExpirySweepFunction", "ReservedConcurrentExecutions")

    assert reserved(TEMPLATE) == {}
    assert reserved(deployed(SweepConcurrency="1")) == {"ReservedConcurrentExecutions": "1"}


def test_validation_is_kept_to_a_concurrency_only_where_it_is_asked_to() -> None:
    def reserved(template: Template) -> dict[str, Any]:
        return template.properties("ValidateFunction", "ReservedConcurrentExecutions")

    assert reserved(TEMPLATE) == {}
    limited = reserved(deployed(ValidateConcurrency="200"))
    assert limited == {"ReservedConcurrentExecutions": "200"}


def test_alarms_are_mailed_to_whom_the_parameter_names() -> None:
    assert TEMPLATE.of_type("AWS::SNS::Subscription") == []
    template = deployed(AlarmEmail="operator@example.com")
    (subscription,) = template.of_type("AWS::SNS::Subscription")
    assert template.properties(subscription) == {
        "TopicArn": "arn:alarms",
        "Protocol": "email",
        "Endpoint": "operator@example.com",
    }


def test_a_budget_is_mailed_before_and_when_it_is_used_up() -> None:
    assert TEMPLATE.of_type("AWS::Budgets::Budget") == []
    template = deployed(MonthlyBudget="50", AlarmEmail="ops@example.com")
    budget = template.properties("Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}
    told = budget["NotificationsWithSubscribers"]
    assert [one["Notification"]["NotificationType"] for one in told] == ["FORECASTED", "ACTUAL"]
    assert {one["Subscribers"][0]["Address"] for one in told} == {"ops@example.com"}


def test_the_table_and_each_of_its_indexes_are_limited_where_it_is_asked_for() -> None:
    def limits(**parameters: str) -> list[object]:
        table = deployed(**parameters).properties("LicenseTable")
        places = [table, *table["GlobalSecondaryIndexes"]]
        return [place.get("OnDemandThroughput") for place in places]

    assert limits() == [None] * 4
    assert limits(MaxWriteRequestUnits="500") == [{"MaxWriteRequestUnits": "500"}] * 4
    both = {"MaxReadRequestUnits": "900", "MaxWriteRequestUnits": "500"}
    assert limits(**both) == [both] * 4


def test_login_and_validation_take_over_at_once_unless_steps_are_asked_for() -> None:
    def preferences(**parameters: str) -> dict[str, Any]:
        template = deployed(**parameters)
        return {
            name: found["DeploymentPreference"]
            for name in FUNCTIONS
            if (found := template.properties(name, "DeploymentPreference"))
        }

    assert {name: one["Enabled"] for name, one in preferences().items()} == {
        "IssueFunction": "false",
        "ValidateFunction": "false",
    }
    in_steps = preferences(DeploymentPreference="Canary10Percent5Minutes")
    assert {one["Enabled"] for one in in_steps.values()} == {"true"}
    assert {name: (one["Type"], one["Alarms"]) for name, one in in_steps.items()} == {
        "IssueFunction": ("Canary10Percent5Minutes", ["IssueFailsAlarm"]),
        "ValidateFunction": (
            "Canary10Percent5Minutes",
            ["ValidateFailsAlarm", "ValidateIsSlowAlarm"],
        ),
    }


def test_a_roll_out_goes_back_within_its_five_minutes() -> None:
    template = deployed(DeploymentPreference="Canary10Percent5Minutes")
    for name in ("IssueFailsAlarm", "ValidateFailsAlarm", "ValidateIsSlowAlarm"):
        alarm = template.properties(name)
        metrics = alarm.get("Metrics", [])[1:]
        (period,) = {one["MetricStat"]["Period"] for one in metrics} or {alarm["Period"]}
        assert period * alarm["EvaluationPeriods"] <= 180
    # What makes the alarms is gone with the steps.
    assert not {"IssueFailsAlarm", "ValidateFailsAlarm", "ValidateIsSlowAlarm"} & set(
        TEMPLATE.of_type("AWS::CloudWatch::Alarm")
    )


WEBHOOK = "https://hooks.example/licensing"


def test_nobody_gets_notices_who_is_not_named() -> None:
    for kind in ("Events::Rule", "Events::ApiDestination", "Events::Connection"):
        assert TEMPLATE.of_type(f"AWS::{kind}") == []
    assert TEMPLATE.of_type("AWS::SNS::Topic") == ["Alarms"]


def test_a_webhook_gets_the_events_that_are_named_with_a_key_and_letters_of_its_own() -> None:
    template = deployed(WebhookUrl=WEBHOOK, NoticeTypes="CloneSuspected,LicenseIssued")
    rule = template.properties("NoticeRule")
    assert rule["EventBusName"] == "bus"
    assert rule["EventPattern"] == {
        "source": ["licensing"],
        "detail-type": ["CloneSuspected", "LicenseIssued"],
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == "arn:webhook"
    assert target["DeadLetterConfig"] == {"Arn": "arn:NoticeDeadLetters"}
    assert template.properties("Webhook") == {
        "ConnectionArn": "arn:connection",
        "HttpMethod": "POST",
        "InvocationEndpoint": WEBHOOK,
        "InvocationRateLimitPerSecond": 10,
    }
    key = template.properties("WebhookConnection")["AuthParameters"]["ApiKeyAuthParameters"]
    assert key["ApiKeyValue"] == "{{resolve:secretsmanager:arn:webhook-secret:SecretString:key}}"
    (statement,) = template.properties("WebhookRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (
        "events:InvokeApiDestination",
        "arn:webhook",
    )


def test_notices_are_of_events_that_there_are_and_mails_of_what_they_all_have() -> None:
    template = deployed(NotifyEmail="ops@example.com", WebhookUrl=WEBHOOK)
    rule = template.properties("NoticeRule")
    assert {*rule["EventPattern"]["detail-type"]} <= {*EventType}
    mail, webhook = rule["Targets"]
    assert (mail["Arn"], webhook["Arn"]) == ("arn:notices", "arn:webhook")
    names = mail["InputTransformer"]["InputPathsMap"]
    assert {*re.findall("<(\\w+)>", mail["InputTransformer"]["InputTemplate"])} == names.keys()
    subscription = template.properties("NoticeSubscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_what_holds_data_is_protected_from_deletion() -> None:
    assert TEMPLATE.properties("LicenseTable")["DeletionProtectionEnabled"] is True
    assert TEMPLATE.properties("UserPool")["DeletionProtection"] == "ACTIVE"


def test_what_is_made_for_the_first_time_can_be_deleted_again() -> None:
    template = deployed(DeletionProtection="off")
    assert template.properties("LicenseTable")["DeletionProtectionEnabled"] is False
    assert template.properties("UserPool")["DeletionProtection"] == "INACTIVE"
