"""What functions do to AWS, what Lambda does in their name, and what their roles let them do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World

Permission = tuple[str, str]
"""An action and what it is done to."""

_TABLE, _SECRET, _BUS = "table", "secret", "bus"
_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_LOGS_AND_TRACES = {
    ("logs:CreateLogStream", "logs"),
    ("logs:PutLogEvents", "logs"),
    ("xray:PutTelemetryRecords", "*"),
    ("xray:PutTraceSegments", "*"),
}
_STREAM = {
    ("dynamodb:DescribeStream", "stream"),
    ("dynamodb:GetRecords", "stream"),
    ("dynamodb:GetShardIterator", "stream"),
    ("dynamodb:ListStreams", f"{_TABLE}/stream/*"),
}


def needed(world: World, function: str) -> set[Permission]:
    """What IAM has to allow for the calls that a function has made so far."""
    return needed_for(world.work.get(function, ()))


def needed_for(calls: Iterable[tuple[str, Mapping[str, Any]]]) -> set[Permission]:
    """What IAM has to allow for calls, each with its parameters."""
    return {needs for call in calls for needs in _needed(*call)}


def needed_by_lambda(function: str) -> set[Permission]:
    """What Lambda does in a function's name: logs, traces, its stream and its dead letters."""
    template = _template()
    needs = {*_LOGS_AND_TRACES}
    config = template.properties(function, "EventInvokeConfig").get("EventInvokeConfig", {})
    destinations = [config.get("DestinationConfig", {})]
    for kind, properties in template.events(function):
        if kind == "DynamoDB":
            needs |= _STREAM
            destinations.append(template.resolve(properties["DestinationConfig"]))
    queues = [each["OnFailure"]["Destination"] for each in destinations if each]
    return needs | {("sqs:SendMessage", queue) for queue in queues}


def role_of(function: str) -> str:
    """The logical id of a function's role."""
    role: str = _template().properties(function, "Role")["Role"]
    return role


@cache
def allowed(function: str) -> frozenset[Permission]:
    """What a function's role allows, by its own policies and by those that it shares."""
    template = _template()
    role = template.properties(role_of(function))
    shared = [template.properties(policy) for policy in role["ManagedPolicyArns"]]
    documents = [policy["PolicyDocument"] for policy in [*role.get("Policies", []), *shared]]
    return frozenset(
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        for action in _all(statement["Action"])
        for resource in _all(statement["Resource"])
    )


def assert_kept(world: World) -> None:
    """No function has done so far what its role does not allow."""
    for function in world.work:
        assert needed(world, function) <= allowed(function), function


def _template() -> Template:
    template = Template(TEMPLATE)
    template.created("EventBus", _BUS, Arn=_BUS)
    template.created("LicenseTable", _TABLE, Arn=_TABLE, StreamArn="stream")
    template.created("SigningSecret", _SECRET)
    template.created("FunctionLogGroup", "logs", Arn="logs")
    for kind, attribute in (
        ("AWS::IAM::Role", "Arn"),
        ("AWS::IAM::ManagedPolicy", "Arn"),
        ("AWS::SQS::Queue", "Arn"),
    ):
        for logical_id in template.of_type(kind):
            template.created(logical_id, logical_id, **{attribute: logical_id})
    return template


def _needed(operation: str, parameters: Mapping[str, Any]) -> Iterator[Permission]:
    if operation == "GetSecretValue":
        yield "secretsmanager:GetSecretValue", _SECRET
    elif operation == "PutEvents":
        yield "events:PutEvents", _BUS
    elif operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            (kind,) = action
            yield f"dynamodb:{_IN_TRANSACTIONS[kind]}", _TABLE
        # Whether it took place is read, should its answer get lost.
        yield "dynamodb:GetItem", _TABLE
    elif "IndexName" in parameters:
        yield f"dynamodb:{operation}", f"{_TABLE}/index/{parameters['IndexName']}"
    else:
        yield f"dynamodb:{operation}", _TABLE


def _all(one_or_more: str | Sequence[str]) -> Sequence[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more
