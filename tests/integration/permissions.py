"""What functions do to the table and the secret, and what the template lets them do, for tests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World

Permission = tuple[str, str]
"""An action and what it is done to."""

_TABLE, _SECRET = "table", "secret"
_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def needed(world: World, function: str) -> set[Permission]:
    """What IAM has to allow for the calls that a function has made so far."""
    return needed_for(world.work.get(function, ()))


def needed_for(calls: Iterable[tuple[str, Mapping[str, Any]]]) -> set[Permission]:
    """What IAM has to allow for calls, each with its parameters."""
    return {needs for call in calls for needs in _needed(*call)}


def allowed(function: str) -> set[Permission]:
    """What the template allows a function, of all that can be done to the table and the secret."""
    template = Template(TEMPLATE)
    template.created("EventBus", "bus", Arn="bus")
    template.created("LicenseTable", _TABLE, Arn=_TABLE)
    template.created("SigningSecret", _SECRET)
    policies = template.properties(function, "Policies").get("Policies", [])
    return {
        (action, resource)
        for policy in policies
        for statement in policy["Statement"]
        for action in _all(statement["Action"])
        for resource in _all(statement["Resource"])
        if action.startswith(("dynamodb:", "secretsmanager:"))
    }


def _needed(operation: str, parameters: Mapping[str, Any]) -> Iterator[Permission]:
    if operation == "GetSecretValue":
        yield "secretsmanager:GetSecretValue", _SECRET
    elif operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            (kind,) = action
            yield f"dynamodb:{_IN_TRANSACTIONS[kind]}", _TABLE
    elif "IndexName" in parameters:
        yield f"dynamodb:{operation}", f"{_TABLE}/index/{parameters['IndexName']}"
    else:
        yield f"dynamodb:{operation}", _TABLE


def _all(one_or_more: str | Sequence[str]) -> Sequence[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more
