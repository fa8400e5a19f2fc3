"""What functions do to AWS, what Lambda does in their name, and what their roles let them do.

A permission names the items that it is about, too: by the beginning of their partition key, up to
and with its first ``#``. That is derived from the calls, so a new kind of item needs no row here:
the tests say which role lacks it. An action on a resource stands in one statement of a role, since
``ForAllValues`` wants all keys of a request in one list: a batch has several, and so may the
actions of a kind in a transaction.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World


class Permission(NamedTuple):
    """An action, what it is done to, and what about: partition keys, or an event's source."""

    action: str
    resource: str
    about: str = "*"


_TABLE, _SECRET, _BUS = "table", "secret", "bus"
_CONDITIONS = {
    # Without the second, a request without any key would be let through.
    "dynamodb:LeadingKeys": (
        "ForAllValues:StringLike",
        {"Null": {"dynamodb:LeadingKeys": "false"}},
    ),
    "events:source": ("ForAllValues:StringEquals", {"Null": {"events:source": "false"}}),
}
_HASH_KEYS = {
    "table": "pk",
    "by_organization": "org_pk",
    "by_due": "due_shard",
    "across_organizations": "across_pk",
}
_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_LOGS = {
    Permission("logs:CreateLogStream", "logs"),
    Permission("logs:PutLogEvents", "logs"),
}
_STREAM = {
    Permission("dynamodb:DescribeStream", "stream"),
    Permission("dynamodb:GetRecords", "stream"),
    Permission("dynamodb:GetShardIterator", "stream"),
    Permission("dynamodb:ListStreams", f"{_TABLE}/stream/*"),
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
    needs = {*_LOGS}
    config = template.properties(function, "EventInvokeConfig").get("EventInvokeConfig", {})
    destinations = [config.get("DestinationConfig", {})]
    for kind, properties in template.events(function):
        if kind == "DynamoDB":
            needs |= _STREAM
            destinations.append(template.resolve(properties["DestinationConfig"]))
    queues = [each["OnFailure"]["Destination"] for each in destinations if each]
    return needs | {Permission("sqs:SendMessage", queue) for queue in queues}


def role_of(function: str) -> str:
    """The logical id of a function's role."""
    role: str = _template().properties(function, "Role")["Role"]
    return role


@cache
def allowed(function: str) -> frozenset[Permission]:
    """What a function's role allows, by its own policies and by those that it shares."""
    return allowed_by(statements(function))


def statements(function: str) -> list[Mapping[str, Any]]:
    """The statements of a function's role: its own, and those that it shares."""
    template = _template()
    role = template.properties(role_of(function))
    shared = [template.properties(policy) for policy in role["ManagedPolicyArns"]]
    documents = [policy["PolicyDocument"] for policy in [*role.get("Policies", []), *shared]]
    return [statement for document in documents for statement in document["Statement"]]


def allowed_by(statements: Iterable[Mapping[str, Any]]) -> frozenset[Permission]:
    """What statements allow. Fails for what would not mean on AWS what it seems to mean."""
    found: set[Permission] = set()
    for statement in statements:
        assert statement["Effect"] == "Allow"
        pairs = set(product(_all(statement["Action"]), _all(statement["Resource"])))
        twice = pairs & {(one.action, one.resource) for one in found}
        assert not twice, f"{sorted(twice)} in two statements: a request's keys have to be in one"
        about = _condition(statement.get("Condition", {}))
        found |= {Permission(*pair, each) for pair, each in product(pairs, about)}
    return frozenset(found)


def lets_through(function: str, action: str, resource: str, values: Collection[str]) -> bool:
    """Whether a role allows a request about ``values``: its items' keys, or its events' sources."""
    about = [one.about for one in allowed(function) if one[:2] == (action, resource)]
    return bool(values) and all(any(fnmatchcase(each, one) for one in about) for each in values)


def _condition(condition: Mapping[str, Any]) -> Sequence[str]:
    """What a statement is about, by its condition."""
    if not condition:
        return ["*"]
    for key, (operator, present) in _CONDITIONS.items():
        if key in condition.get(operator, {}):
            values = _all(condition[operator][key])
            assert condition == {operator: {key: condition[operator][key]}, **present}
            return values
    raise AssertionError(f"{condition} is not known here")


def assert_kept(world: World) -> None:
    """No function has done so far what its role does not allow."""
    for function in world.work:
        assert needed(world, function) - allowed(function) == set(), function


def _template() -> Template:
    template = Template(TEMPLATE)
    template.created("EventBus", _BUS, Arn=_BUS)
    template.created("LicenseTable", _TABLE, Arn=_TABLE, StreamArn="stream")
    template.created("SigningSecret", _SECRET)
    template.created("CursorSecret", "cursors")
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
        yield Permission("secretsmanager:GetSecretValue", _SECRET)
    elif operation == "PutEvents":
        for entry in parameters["Entries"]:
            yield Permission("events:PutEvents", _BUS, entry["Source"])
    elif operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            ((kind, what),) = action.items()
            yield _on_items(_IN_TRANSACTIONS[kind], what)
            # Whether it took place is read, should its answer get lost: the event's item is.
            if kind == "Put" and what["Item"]["sk"]["S"].startswith("EVENT#"):
                yield _on_items("GetItem", what)
    elif operation == "BatchGetItem":
        for wanted in parameters["RequestItems"].values():
            for key in wanted["Keys"]:
                yield _on_items(operation, {"Key": key})
    else:
        yield _on_items(operation, parameters)


def _on_items(operation: str, parameters: Mapping[str, Any]) -> Permission:
    """What one operation on items needs; on an index, the key is that of the index."""
    index = parameters.get("IndexName")
    resource = _TABLE if index is None else f"{_TABLE}/index/{index}"
    if operation == "Query":
        name = _HASH_KEYS[index or _TABLE]
        (value,) = re.findall(rf"\b{name} = (:\w+)", parameters["KeyConditionExpression"])
        key = parameters["ExpressionAttributeValues"][value]["S"]
    else:
        key = (parameters.get("Key") or parameters["Item"])["pk"]["S"]
    kind, mark, _ = key.partition("#")
    return Permission(f"dynamodb:{operation}", resource, f"{kind}#*" if mark else kind)


def _all(one_or_more: str | Sequence[str]) -> Sequence[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more
