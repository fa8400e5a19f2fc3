"""A pipeline's role deploys one stack of one repository, and reaches what it has to and no more."""

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.deployment import deployer
from tests.deployment.deployer import (
    WIDE,
    allowed,
    calls,
    is_one_of,
    listed,
    missing,
    statements,
)
from tests.deployment.parameters import LONGEST_STACK
from tests.local.template import ACCOUNT, REGION
from tests.template.deployed import deployed

STACK = "licensing-9f"
TEMPLATE = deployer.deployer(StackName=STACK, Repository="acme/licences", Environment="live")
TEMPLATE.created("GitHub", "arn:github")
STATEMENTS = {statement["Sid"]: statement for statement in statements(TEMPLATE)}
SECRETS = deployed(BehindCloudFront="on", WebhookUrl="https://hook.example").of_type(
    "AWS::SecretsManager::Secret"
)
OPERATIONS = {
    *boto3.client("secretsmanager", region_name=REGION).meta.method_to_api_mapping.values()
}

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
"""What somebody may attach to the role besides."""


def may(action: str, arn: str, found: Iterable[Mapping[str, Any]]) -> bool:
    """Whether IAM allows this: a statement allows it, and none refuses it."""
    effects = {
        one["Effect"]
        for one in found
        if is_one_of(action, listed(one["Action"]))
        and any(fnmatchcase(arn, resource) for resource in listed(one["Resource"]))
    }
    return effects == {"Allow"}


def on_secret(name: str, region: str = REGION, *more: Mapping[str, Any]) -> set[str]:
    """What the role may do with a secret of this name, which it could read, change or delete."""
    arn = f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-AbCdEf"
    return {
        operation
        for operation in OPERATIONS
        if operation != "GetRandomPassword"  # of no secret
        and may(f"secretsmanager:{operation}", arn, [*STATEMENTS.values(), *more])
    }


def test_only_jobs_of_one_environment_of_one_repository_get_the_role() -> None:
    role = TEMPLATE.properties("Deployer", "AssumeRolePolicyDocument")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": "arn:github"}
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:acme/licences:environment:live",
        }
    }


def test_a_provider_that_the_account_has_is_not_made_again() -> None:
    kind = "AWS::IAM::OIDCProvider"
    assert TEMPLATE.of_type(kind) == ["GitHub"]
    assert deployer.deployer(OidcProvider="arn:theirs").of_type(kind) == []


@pytest.mark.parametrize("sid", STATEMENTS)
def test_each_action_is_named_by_itself(sid: str) -> None:
    if STATEMENTS[sid]["Effect"] == "Allow":
        assert not any("*" in action for action in listed(STATEMENTS[sid]["Action"]))


@pytest.mark.parametrize("sid", STATEMENTS)
def test_what_is_reached_is_the_stacks_own_or_there_is_a_reason(sid: str) -> None:
    statement = STATEMENTS[sid]
    reached = [*listed(statement["Resource"])]
    for condition in statement.get("Condition", {}).get("StringLike", {}).values():
        reached = [*listed(condition)]
    # A stack whose name only begins alike is another one.
    is_own = all(f"{STACK}-" in one or one.endswith((STACK, f"{STACK}/*")) for one in reached)
    is_own = is_own or sid == "Logs"
    assert is_own != (sid in WIDE), reached


def test_each_reason_is_one_for_a_statement_that_there_is() -> None:
    assert WIDE.keys() <= STATEMENTS.keys()


def test_roles_are_passed_to_the_services_that_the_templates_roles_trust_and_to_codedeploy() -> (
    None
):
    template = deployed()
    trusted = {
        statement["Principal"]["Service"]
        for role in template.of_type("AWS::IAM::Role")
        for statement in template.properties(role, "AssumeRolePolicyDocument")[
            "AssumeRolePolicyDocument"
        ]["Statement"]
    }
    passed = STATEMENTS["PassRoles"]
    services = set(passed["Condition"]["StringEquals"]["iam:PassedToService"])
    # SAM makes the schedule's role; a rule's, and a staged roll-out's, are made by the template.
    assert services == trusted | {
        "scheduler.amazonaws.com",
        "events.amazonaws.com",
        "codedeploy.amazonaws.com",
    }
    assert passed["Resource"].endswith(f":role/{STACK}-*")


def test_r03_whoever_deploys_cannot_read_the_server_secret() -> None:
    for region in ("eu-central-1", "eu-west-1"):  # and its copy
        assert not on_secret("SigningSecret", region) & {"GetSecretValue", "BatchGetSecretValue"}


def test_r03_whoever_deploys_can_make_a_server_secret_and_neither_change_nor_delete_it() -> None:
    assert on_secret("SigningSecret") == {
        "CreateSecret",
        "DescribeSecret",
        "TagResource",
        "UntagResource",
    }
    assert on_secret("SigningSecret", "eu-west-1") == set()


@pytest.mark.parametrize("region", [REGION, "eu-west-1"])  # where a copy may be
def test_r03_whoever_deploys_is_refused_the_server_secret_whatever_else_they_are_given(
    region: str,
) -> None:
    harmless = re.compile(r"(Create|Describe|List|Tag|Untag|Validate).*|Get(?!SecretValue).*")
    assert on_secret("SigningSecret", region, ALL) == {
        one for one in OPERATIONS if harmless.fullmatch(one) and one != "GetRandomPassword"
    }


@pytest.mark.parametrize("secret", sorted({*SECRETS} - {"SigningSecret"}))
def test_whoever_deploys_has_all_other_secrets_of_the_stack(secret: str) -> None:
    needed = {"CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "UpdateSecret"}
    assert on_secret(secret) >= needed


@pytest.mark.parametrize("name", ["prod/DbSecret", "DbSecret", "prod/CursorSecret", "Secret"])
def test_secrets_of_others_are_not_reached(name: str) -> None:
    assert on_secret(name) == set()


@pytest.mark.parametrize("stack", [f"deployer-{STACK}", f"{STACK}-deployer"])
def test_the_role_cannot_change_itself_or_its_policies(stack: str) -> None:
    found = [*statements(deployer.deployer(stack, StackName=STACK)), ALL]
    actions = {action for one in found for action in listed(one["Action"]) if "*" not in action}
    of_iam = sorted(one for one in actions if one.startswith("iam:"))
    assert {"iam:PutRolePolicy", "iam:CreatePolicyVersion", "iam:UpdateAssumeRolePolicy"} < {
        *of_iam
    }
    its_own = (f"role/{stack}-Deployer-1X", f"policy/{stack}-Keeping-1X")
    for action in (*of_iam, "iam:DeleteRolePermissionsBoundary", "iam:SetDefaultPolicyVersion"):
        assert not any(may(action, f"arn:aws:iam::{ACCOUNT}:{one}", found) for one in its_own)
    assert may("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-ValidateRole-1X", found)


def test_a_stack_has_a_name_that_is_whole_in_the_names_of_its_roles() -> None:
    text = deployer.DEPLOYER.read_text("utf-8")
    parameter = text.partition("\n  StackName:")[2].partition("\n  OidcProvider:")[0]
    assert re.findall(r"^ +MaxLength: (\d+)", parameter, re.MULTILINE) == [str(LONGEST_STACK)]
    assert 'AllowedPattern: "[A-Za-z][A-Za-z0-9-]*"' in parameter


@pytest.mark.parametrize("policy", TEMPLATE.of_type("AWS::IAM::ManagedPolicy"))
def test_iam_takes_a_policy_of_this_size(policy: str) -> None:
    document = TEMPLATE.properties(policy)["PolicyDocument"]
    longest = json.dumps(document, separators=(",", ":")).replace(STACK, "s" * 40)
    assert len(longest) < 6_144


def test_an_action_that_is_not_allowed_is_named_with_who_needs_it() -> None:
    may = allowed(TEMPLATE)
    needed = {"AWS::SQS::Queue": ["sqs:CreateQueue", "sqs:PurgeQueue", "kms:Decrypt"]}
    assert [*missing(needed, may)] == ["AWS::SQS::Queue needs sqs:PurgeQueue"]
    without = may - {"sqs:createqueue"}
    assert [*missing(needed, without)] == ["AWS::SQS::Queue needs sqs:CreateQueue, sqs:PurgeQueue"]


def test_what_the_code_of_a_deployment_asks_for_is_allowed() -> None:
    found = calls()
    assert [*missing(found, allowed(TEMPLATE))] == []
    # Found in each of the ways in which code asks.
    assert found["policy.py"] == {"cloudformation:SetStackPolicy"}
    assert found["account.py"] == {"sts:GetCallerIdentity"}
    assert found["live.py"] >= {
        "lambda:UpdateAlias",
        "lambda:ListVersionsByFunction",  # by pages
        "lambda:GetFunctionConfiguration",  # and what a waiter asks
        "appconfig:GetHostedConfigurationVersion",
    }


def test_a_call_that_somebody_adds_is_found(tmp_path: Path) -> None:
    more = "def more(functions):\n    functions.put_function_concurrency(FunctionName='one')\n"
    (tmp_path / "more.py").write_text(more)
    (tmp_path / "test_more.py").write_text(more)
    assert calls(tmp_path) == {"more.py": {"lambda:PutFunctionConcurrency"}}


def test_what_is_refused_is_missing_unless_it_is_refused_on_purpose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needed = {"AWS::SecretsManager::Secret": ["secretsmanager:DeleteSecret"]}
    assert [*missing(needed, allowed(TEMPLATE))] == []
    monkeypatch.setattr(deployer, "REFUSED", {})
    assert [*missing(needed, allowed(TEMPLATE))] == [
        "AWS::SecretsManager::Secret needs secretsmanager:DeleteSecret"
    ]


def test_what_is_refused_on_purpose_is_allowed_elsewhere_and_refused_somewhere() -> None:
    given: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for statement in statements(TEMPLATE):
        given[statement["Effect"]] |= {*listed(statement["Action"])}
    for one in deployer.REFUSED:
        assert one in given["Deny"]
        assert any(is_one_of(action, [one]) for action in given["Allow"])


def test_what_is_not_needed_or_refused_says_why() -> None:
    for reason in (*deployer.NOT_NEEDED.values(), *deployer.REFUSED.values()):
        assert reason.endswith(".")
        assert len(reason.split()) > 2


def test_each_statement_has_a_name_of_its_own() -> None:
    assert len(STATEMENTS) == len([*statements(TEMPLATE)])
