"""A first deployment that fails leaves nothing; no deployment touches what cannot be made again."""

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.artefacts.building import ROOT
from tests.deployment import deploying, policy
from tests.deployment.deploying import protected, unprotected
from tests.template.deployed import deployed

TEMPLATE = """
Parameters:
  DeletionProtection: {Type: String, Default: "on"}
  LogLevel: {Type: String, Default: INFO}
Resources:
  Queue: {Type: "AWS::SQS::Queue"}
"""
STACK = "one"


class Sam:
    """What `sam deploy` does to a stack, as far as its parameters go."""

    def __init__(self, cloudformation: Any, *statuses: int) -> None:
        """One that ends with these statuses, one after the other, and then with 0."""
        self.cloudformation = cloudformation
        self.statuses = [*statuses]
        self.calls: list[Sequence[str]] = []
        self.parameters: dict[str, str] = {}
        self.policies: list[str] = []  # the stack's policy during each call
        self.said: list[str] = []

    def run(self, options: Sequence[str]) -> int:
        self.calls.append(options)
        if status := self.statuses.pop(0) if self.statuses else 0:
            return status
        # What is not named keeps its value.
        self.parameters |= dict(one.split("=", 1) for one in options if "=" in one)
        called = {
            "StackName": STACK,
            "TemplateBody": TEMPLATE,
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self.parameters.items()
            ],
        }
        if self.cloudformation.list_stacks()["StackSummaries"]:
            self.policies.append(self.policy)
            self.cloudformation.update_stack(**called)
        else:
            self.cloudformation.create_stack(**called)
        return 0

    def deploy(self, *options: str, lifts_policy: bool = False) -> int:
        return deploying.deploy(
            STACK,
            options,
            self.run,
            self.cloudformation,
            self.said.append,
            lifts_policy=lifts_policy,
        )

    @property
    def policy(self) -> str:
        body = self.cloudformation.get_stack_policy(StackName=STACK).get("StackPolicyBody", "")
        return str(body)


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


def test_a_stack_is_made_without_protection_and_then_gets_it(cloudformation: Any) -> None:
    sam = Sam(cloudformation)
    assert sam.deploy("--parameter-overrides", "LogLevel=DEBUG") == 0
    assert sam.calls == [
        ["--parameter-overrides", "LogLevel=DEBUG", "DeletionProtection=off"],
        ["--no-confirm-changeset", "--parameter-overrides", "DeletionProtection=on"],
    ]
    assert sam.parameters == {"LogLevel": "DEBUG", "DeletionProtection": "on"}
    assert "DeletionProtection=off" in sam.said[0]
    assert "protected from deletion" in sam.said[1]


def test_a_stack_that_exists_is_deployed_once_as_it_is_asked_for(cloudformation: Any) -> None:
    sam = Sam(cloudformation)
    sam.deploy()
    assert sam.deploy("--parameter-overrides", "LogLevel=ERROR") == 0
    assert sam.calls[2:] == [("--parameter-overrides", "LogLevel=ERROR")]
    assert sam.parameters == {"LogLevel": "ERROR", "DeletionProtection": "on"}


@pytest.mark.parametrize("value", ["on", "off"])
def test_whoever_names_the_protection_gets_what_they_name(cloudformation: Any, value: str) -> None:
    sam = Sam(cloudformation)
    named = ("--parameter-overrides", f"DeletionProtection={value}")
    assert sam.deploy(*named) == 0
    assert sam.calls == [named]
    assert sam.said == []


def test_a_first_deployment_that_fails_or_is_not_confirmed_is_not_followed_by_another(
    cloudformation: Any,
) -> None:
    sam = Sam(cloudformation, 1)
    assert sam.deploy() == 1
    assert len(sam.calls) == 1
    assert deploying.deploy(STACK, [], lambda _options: 0, cloudformation, sam.said.append) == 0
    assert not any("The stack is made" in line for line in sam.said)


def test_where_the_protection_fails_it_is_said_what_to_do(cloudformation: Any) -> None:
    sam = Sam(cloudformation, 0, 1)
    assert sam.deploy() == 1
    assert 'make deploy PARAMETERS="DeletionProtection=on"' in sam.said[-1]


def test_a_pipeline_is_asked_in_neither_deployment() -> None:
    given = ["--no-confirm-changeset", "--parameter-overrides", "LogLevel=DEBUG"]
    for options in (unprotected(given), protected(given)):
        assert options is not None
        assert options.count("--no-confirm-changeset") == 1


def test_parameters_of_samconfig_are_not_lost(tmp_path: Path) -> None:
    text = '[default.deploy.parameters]\nparameter_overrides = "LogLevel=DEBUG"\n'
    (tmp_path / "samconfig.toml").write_text(text)
    off = "DeletionProtection=off"
    assert unprotected([], tmp_path) == ["--parameter-overrides", "LogLevel=DEBUG", off]
    (tmp_path / "samconfig.toml").write_text(text.replace("LogLevel=DEBUG", off))
    assert unprotected([], tmp_path) is None


def test_the_policy_is_lifted_for_one_deployment_and_back_however_that_ends(
    cloudformation: Any,
) -> None:
    sam = Sam(cloudformation)
    sam.deploy()
    policy.protect(STACK, cloudformation)
    protecting = sam.policy
    sam.deploy(lifts_policy=True)
    assert sam.policies[-1] == policy.OPEN
    assert sam.policy == protecting == policy.POLICY.read_text()
    sam.statuses = [1]
    assert sam.deploy(lifts_policy=True) == 1
    assert sam.policy == protecting

    def interrupted(_options: Sequence[str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploying.deploy(STACK, [], interrupted, cloudformation, sam.said.append, lifts_policy=True)
    assert sam.policy == protecting


def test_without_being_asked_to_a_deployment_lifts_no_policy(cloudformation: Any) -> None:
    sam = Sam(cloudformation)
    sam.deploy()
    policy.protect(STACK, cloudformation)
    sam.deploy()
    assert sam.policies[-1] == policy.POLICY.read_text()


def allows(body: str, action: str, logical_id: str, resource_type: str) -> bool:
    """What CloudFormation makes of a policy: a refusal counts more than a permission."""
    effects = [
        statement["Effect"]
        for statement in json.loads(body)["Statement"]
        if any(fnmatchcase(action, one) for one in _list(statement["Action"]))
        and any(
            fnmatchcase(f"LogicalResourceId/{logical_id}", one)
            for one in _list(statement["Resource"])
        )
        and resource_type
        in statement.get("Condition", {}).get("StringEquals", {}).get("ResourceType", resource_type)
    ]
    return "Allow" in effects and "Deny" not in effects


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


TABLE, POOL, SECRET = (
    "AWS::DynamoDB::Table",
    "AWS::Cognito::UserPool",
    "AWS::SecretsManager::Secret",
)


@pytest.mark.parametrize(
    ("logical_id", "kind", "allowed"),
    [
        ("SigningSecret", SECRET, set()),
        ("CursorSecret", SECRET, {"Modify", "Replace", "Delete"}),
        ("LicenseTable", TABLE, {"Modify"}),  # gets another index, say
        ("RestoredTable", TABLE, {"Modify"}),
        ("UserPool", POOL, {"Modify"}),
        ("IssueFunction", "AWS::Lambda::Function", {"Modify", "Replace", "Delete"}),
    ],
)
def test_the_policy_refuses_what_would_lose_keys_data_or_users_and_nothing_else(
    logical_id: str, kind: str, allowed: set[str]
) -> None:
    body = policy.POLICY.read_text()
    actions = {"Modify", "Replace", "Delete"}
    found = {one for one in actions if allows(body, f"Update:{one}", logical_id, kind)}
    assert found == allowed
    assert all(allows(policy.OPEN, f"Update:{one}", logical_id, kind) for one in actions)


def test_the_policy_names_what_the_template_has() -> None:
    template = deployed()
    assert "SigningSecret" in template.of_type(SECRET)
    assert template.of_type(TABLE)
    assert template.of_type(POOL)


def test_make_passes_on_that_the_policy_is_to_be_lifted() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\ndeploy:")[2].partition("\n\n")[0]
    assert "$(if $(filter no,$(STACK_POLICY)),--no-stack-policy)" in recipe
