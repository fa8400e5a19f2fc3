"""A pipeline's role deploys one stack of one repository, and reaches what it has to and no more."""

import json
from pathlib import Path

import pytest

from tests.deployment import deployer
from tests.deployment.deployer import WIDE, allowed, calls, listed, missing, statements
from tests.template.deployed import deployed

STACK = "licensing-9f"
TEMPLATE = deployer.deployer(StackName=STACK, Repository="acme/licences", Environment="live")
TEMPLATE.created("GitHub", "arn:github")
STATEMENTS = {statement["Sid"]: statement for statement in statements(TEMPLATE)}


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
    refused = STATEMENTS["ServerSecret"]
    assert refused["Effect"] == "Deny"
    assert refused["Action"] == "secretsmanager:GetSecretValue"
    assert refused["Resource"].endswith(":secret:SigningSecret-*")
    assert "SigningSecret" in deployed().of_type("AWS::SecretsManager::Secret")


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


def test_what_is_not_needed_says_why() -> None:
    for reason in deployer.NOT_NEEDED.values():
        assert reason.endswith(".")
        assert len(reason.split()) > 2


def test_each_statement_has_a_name_of_its_own() -> None:
    assert len(STATEMENTS) == len([*statements(TEMPLATE)])
