"""Whether a pipeline's role can deploy: `python -m tests.deployment.deployer TEMPLATE [TYPE...]`.

`deployer.yaml` names each action that it allows by itself. This says which are missing:

* what CloudFormation does on the role's behalf with each type of resources in the translated
  template: to make, change, remove and read one (its `handlers`, as AWS publishes them);
* what `make deploy`, `make rollback` and the comparison of `make smoke` ask AWS for: found in the
  code that does.

Types that the template does not have yet can be named. Runs in the environment of the SAM CLI,
whose cfn-lint brings the handlers.
"""

import ast
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3

from tests.local.template import Template

DEPLOYER = Path(__file__).with_name("deployer.yaml")
HANDLERS = ("create", "update", "delete", "read")

NOT_OF_PIPELINES = {"seats.py", "small.py", "test_*.py"}
"""Code here that a pipeline does not run: an operator's check of the table, and tests."""

CLIENTS: Mapping[str, str] = {
    "cloudformation": "cloudformation",
    "configurations": "appconfig",
    "functions": "lambda",
}
"""What a client is called there, and the service that it calls."""

NOT_NEEDED: Mapping[str, str] = {
    "apigateway:*Resource": "There is no such action: tags are set by PUT, POST and DELETE.",
    "cloudfront:UpdateDistribution": "Users sign in at a domain of Cognito's.",
    "codedeploy:RegisterOnPremisesInstance": "Functions are deployed, not machines.",
    "dynamodb:*Kinesis*": "The table streams to functions, not to Kinesis.",
    "dynamodb:*Replica": "The table is in one Region.",
    "dynamodb:*Import*": "The table is not made from files.",
    "dynamodb:*Item": "Items are those of the service. A deployment neither reads nor writes any.",
    "dynamodb:*ResourcePolicy": "Roles say who may reach the table.",
    "dynamodb:Query": "As for items.",
    "dynamodb:Scan": "As for items.",
    "dynamodb:UpdateContributorInsights": "They are off.",
    "ec2:Describe*": "Functions are in no VPC.",
    "elasticfilesystem:DescribeMountTargets": "Functions have no file systems.",
    "firehose:TagDeliveryStream": "Logs stay in CloudWatch.",
    "iam:*GroupPolicy": "A policy of the stack is for roles.",
    "iam:*PermissionsBoundary": "Roles of the stack have none.",
    "iam:*UserPolicy": "A policy of the stack is for roles.",
    "kinesis:DescribeStream": "The table streams to functions, not to Kinesis.",
    "kinesis:PutRecords": "The table streams to functions, not to Kinesis.",
    "kms:*Grant": "All is encrypted with AWS's own keys.",
    "kms:Decrypt": "All is encrypted with AWS's own keys.",
    "kms:DescribeKey": "All is encrypted with AWS's own keys.",
    "kms:Encrypt": "All is encrypted with AWS's own keys.",
    "kms:Generate*": "All is encrypted with AWS's own keys.",
    "kms:ListAliases": "All is encrypted with AWS's own keys.",
    "kms:ReEncrypt*": "All is encrypted with AWS's own keys.",
    "lambda:*CapacityProvider": "Functions run on no machines of one's own.",
    "lambda:*CodeSigningConfig": "Code is not signed; reading that is allowed.",
    "lambda:*ProvisionedConcurrencyConfig": "Snapshots do its work; reading is allowed.",
    "lambda:AssociateRuntimeAlias": "The runtime is updated by AWS.",
    "lambda:PutFunctionRecursionConfig": "Loops are stopped, as by default.",
    "lambda:PutFunctionScalingConfig": "As for capacity providers.",
    "lambda:PutRuntimeManagementConfig": "The runtime is updated by AWS.",
    "logs:*KmsKey": "As for keys.",
    "logs:CreateLogStream": "Functions and services write logs, not a deployment.",
    "logs:DescribeLogStreams": "As for writing logs.",
    "logs:DeleteResourcePolicy": "Log groups of the stack have none of their own.",
    "logs:PutDataProtectionPolicy": "Nothing secret is in logs, so nothing is masked.",
    "logs:PutIndexPolicy": "Logs are searched without an index.",
    "logs:PutLogEvents": "As for writing logs.",
    "s3:GetObjectMetadata": "The table is not made from files.",
    "s3:REST.PUT.OBJECT": "Logs stay in CloudWatch.",
    "s3files:ListMountTargets": "Functions have no file systems.",
    "secretsmanager:*Region*": "Only the server secret is copied, and that is set by hand.",
    "sns:PutDataProtectionPolicy": "Alarms have nothing to mask.",
    "sts:GetCallerIdentity": "Everybody may ask who they are.",
}
"""What handlers can do and a deployment of this template does not ask them for."""

REFUSED: Mapping[str, str] = {
    "iam:*": "Of the role itself. Its own stack, deployer.yaml, is deployed by hand.",
    "secretsmanager:DeleteSecret": (
        "Of the server secret. A first deployment that fails cannot be undone by a pipeline: make "
        "the first one by hand."
    ),
    "secretsmanager:GetSecretValue": "Of the server secret. Reading it is for functions.",
    "secretsmanager:PutSecretValue": "Of the server secret. It is rotated by hand.",
    "secretsmanager:UpdateSecret": (
        "Of the server secret. The stack policy refuses to change it, too; whoever lifts that for "
        "SecretReplicaRegion, or for other tags of the stack, deploys by hand."
    ),
}
"""What handlers list and the role is refused on purpose, of what, and who does that instead."""

WIDE: Mapping[str, str] = {
    "AccessLogs": "Deliveries of logs belong to no resource, and such policies to the account.",
    "AllAlarms": "Alarms are listed as a whole.",
    "Api": "API Gateway chooses an API's id; a domain is called as its owner likes.",
    "Bills": "A budget is told from the account's bill.",
    "BucketOfSam": "SAM keeps one bucket for all stacks.",
    "Budgets": "CloudFormation chooses its name.",
    "Dashboards": "It is named by its logical id alone.",
    "Destinations": "They may be named by their logical ids alone.",
    "Layer": "It is named by its logical id alone.",
    "Mappings": "Lambda chooses a mapping's id; to change one, its function has to be the stack's.",
    "Itself": "This refuses.",
    "Names": "The zone is one's own, and its id is not known here.",
    "NewServerSecret": "As for other secrets.",
    "Passwords": "A random text belongs to no resource.",
    "Releases": "AppConfig chooses an application's id.",
    "RollOutSpeeds": "They are settings of AWS's own, to be read.",
    "Schedules": "It may be named by its logical id alone.",
    "Secrets": "They are named by their logical ids alone.",
    "ServerSecret": "This refuses.",
    "ServiceRoles": "They are AWS's own, of two services.",
    "StackOfSam": "SAM keeps its bucket in a stack of its own.",
    "Subscriptions": "SNS takes no resource for these.",
    "Templates": "A template is read before there is a stack of it.",
    "Transform": "It is AWS's own.",
    "UserPools": "A pool has no id before it is made; a domain belongs to no pool.",
    "Users": "Cognito chooses a pool's id.",
    "Zones": "Zones are listed as a whole.",
}
"""Statements that reach more than what is named after the stack, and why AWS lets no less."""

Document = Mapping[str, Any]


def statements(template: Template) -> Iterator[Document]:
    """What the role is allowed and refused."""
    for policy in template.of_type("AWS::IAM::ManagedPolicy"):
        yield from template.properties(policy)["PolicyDocument"]["Statement"]


def deployer(stack: str = "deployer-licensing", **parameters: str) -> Template:
    """The role's template, for one stack of one repository, in a stack of this name."""
    given = {"Repository": "acme/licensing", **parameters}
    return Template(DEPLOYER, given, {"AWS::StackName": stack})


def listed(value: str | Sequence[str]) -> Sequence[str]:
    """What a statement names, one or several."""
    return [value] if isinstance(value, str) else value


def allowed(template: Template) -> set[str]:
    """The actions that the role may do on something, but for those it is refused on anything.

    What is :data:`REFUSED` on purpose counts as allowed: it is so on everything else.
    """
    actions: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for statement in statements(template):
        actions[statement["Effect"]] |= {one.lower() for one in listed(statement["Action"])}
    refused = actions["Deny"]
    return {
        one for one in actions["Allow"] if not is_one_of(one, refused) or is_one_of(one, REFUSED)
    }


def is_one_of(action: str, patterns: Collection[str]) -> bool:
    """Whether one of these names the action, as IAM reads them: `*` for anything, in any case."""
    return any(fnmatchcase(action.lower(), one.lower()) for one in patterns)


def missing(needed: Mapping[str, Collection[str]], may: Collection[str]) -> Iterator[str]:
    """What is needed, by who needs it, and not allowed."""
    for who, actions in needed.items():
        lacking = {
            action
            for action in actions
            if action.lower() not in may and not is_one_of(action, NOT_NEEDED)
        }
        if lacking:
            yield f"{who} needs {', '.join(sorted(lacking))}"


def calls(folder: Path = DEPLOYER.parent) -> dict[str, set[str]]:
    """The actions that a pipeline's code asks AWS for, by the file's name."""
    found = {
        path.name: set(_calls(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.py"))
        if not any(fnmatchcase(path.name, one) for one in NOT_OF_PIPELINES)
    }
    return {name: actions for name, actions in found.items() if actions}


def _calls(source: str) -> Iterator[str]:
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        service, method = _service(call.func.value), call.func.attr
        if service is None:
            continue
        client = boto3.client(service, region_name="eu-central-1")
        if method == "get_waiter":
            operation = client.get_waiter(_text(call)).config.operation
        else:
            name = _text(call) if method == "get_paginator" else method
            operation = client.meta.method_to_api_mapping[name]
        yield f"{service}:{operation}"


def _service(value: ast.expr) -> str | None:
    """The service of a client, by its name or as it is made; `None` for anything else."""
    if isinstance(value, ast.Name):
        return CLIENTS.get(value.id)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return None
    return _text(value) if value.func.attr == "client" else None


def _text(call: ast.Call) -> str:
    (argument,) = call.args
    if not isinstance(argument, ast.Constant):
        raise TypeError(f"line {call.lineno} does not name what it asks for")
    return str(argument.value)


def handlers(types: Collection[str]) -> dict[str, set[str]]:
    """The actions that CloudFormation does with resources of these types, by type."""
    # The environment of the tests has no cfn-lint.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    found: dict[str, set[str]] = {}
    for one in sorted(types):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", one).schema
        told = schema["handlers"]
        found[one] = {
            action
            for handler in HANDLERS
            for action in told.get(handler, {}).get("permissions", [])
        }
    return found


def main(path: str, *types: str) -> int:
    """Say what is missing; 1 if anything is."""
    resources = json.loads(Path(path).read_text(encoding="utf-8"))["Resources"].values()
    needed = handlers({*types, *(resource["Type"] for resource in resources)}) | calls()
    found = [*missing(needed, allowed(deployer()))]
    for line in found:
        sys.stdout.write(f"MISSING {line}\n")
    if not found:
        sys.stdout.write(f"a pipeline's role can deploy: {len(needed)} need what it may do\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
