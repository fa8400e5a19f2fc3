"""A table's export, and a new table that is made of it, as AWS's export and import have them.

An export is lines of JSON, each an item in DynamoDB's own form with binary values in base64. What
is imported has the template's keys and indexes, and nothing else that a table can have: no stream,
until somebody switches one on.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.concurrency.table import write
from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World

_NOT_RESTORED: Final = (
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "StreamSpecification",
    "TimeToLiveSpecification",
)


def exported(world: World) -> list[str]:
    """The table as it is now, a line for each item."""
    return [json.dumps({"Item": item}, default=_encoded) for item in world.items()]


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decoded(value: Any) -> Any:
    match value:
        case {"B": str(binary)}:
            return {"B": base64.b64decode(binary)}
        case {"BS": list(binaries)}:
            return {"BS": [base64.b64decode(one) for one in binaries]}
        case dict():
            return {name: _decoded(inner) for name, inner in value.items()}
        case list():
            return [_decoded(inner) for inner in value]
        case _:
            return value


@contextmanager
def imported(world: World, export: Sequence[str]) -> Iterator[str]:
    """A new table with what was exported; its name."""
    client: Any = world.runtime.dynamodb
    name = f"{world.runtime.settings.table_name}-restored"
    form = Template(TEMPLATE).properties("LicenseTable")
    client.create_table(
        TableName=name, **{part: form[part] for part in form if part not in _NOT_RESTORED}
    )
    try:
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        write(client, name, (_decoded(json.loads(line))["Item"] for line in export))
        yield name
    finally:
        client.delete_table(TableName=name)


def with_stream(world: World, table: str) -> str:
    """Have a table tell of what changes from now on, as the template wants; the stream's ARN."""
    client: Any = world.runtime.dynamodb
    wanted = Template(TEMPLATE).properties("LicenseTable")["StreamSpecification"]
    answer = client.update_table(
        TableName=table, StreamSpecification={"StreamEnabled": True, **wanted}
    )
    arn: str = answer["TableDescription"]["LatestStreamArn"]
    return arn


@contextmanager
def working_on(world: World, table: str, stream: str = "") -> Iterator[World]:
    """The deployment with another table, and behind its stream: secret, bus and clock stay."""
    service = Deployment.from_environ(
        os.environ | world.deployed.environment | {"TABLE_NAME": table}, clock=world.clock
    )
    streams = [replace(one, arn=stream) for one in world.deployed.streams]
    install_deployment(service)
    try:
        yield World(replace(world.deployed, streams=streams), service, world.clock)
    finally:
        install_deployment(world.runtime)


@contextmanager
def restored(world: World, export: Sequence[str]) -> Iterator[World]:
    """The deployment with a new table that is made of an export."""
    with imported(world, export) as table, working_on(world, table) as moved:
        yield moved
