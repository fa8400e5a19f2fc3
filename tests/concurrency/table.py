"""The table as a whole: emptied or put back to how it was, so that one world serves many rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.world import World

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 25  # DynamoDB's limit for one batch of writes

Item = Mapping[str, Any]


def restore(
    world: World, snapshot: Sequence[Item] = (), *, holds: Sequence[Item] | None = None
) -> None:
    """Make the table hold exactly `snapshot`; it `holds` something else now, if that is known."""
    wanted = {_key(item): item for item in snapshot}
    present = {_key(item): item for item in (world.items() if holds is None else holds)}
    requests: list[Any] = [
        {"PutRequest": {"Item": item}} for key, item in wanted.items() if present.get(key) != item
    ]
    requests += [
        {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
        for key, item in present.items()
        if key not in wanted
    ]
    _write(world.runtime.dynamodb, world.runtime.settings.table_name, requests)


def write(client: DynamoDBClient, table: str, items: Iterable[Item]) -> None:
    """Put items, whatever was there."""
    _write(client, table, [{"PutRequest": {"Item": item}} for item in items])


def delete(client: DynamoDBClient, table: str, items: Iterable[Item]) -> None:
    """Take items away, by their keys."""
    keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
    _write(client, table, [{"DeleteRequest": {"Key": key}} for key in keys])


@contextmanager
def copied(world: World, snapshot: Sequence[Item]) -> Iterator[str]:
    """Another table of the same form that holds exactly `snapshot`; its name."""
    client: Any = world.runtime.dynamodb
    name = f"{world.runtime.settings.table_name}-copy"
    form = client.describe_table(TableName=world.runtime.settings.table_name)["Table"]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=form["KeySchema"],
        AttributeDefinitions=form["AttributeDefinitions"],
        GlobalSecondaryIndexes=[
            {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
            for index in form["GlobalSecondaryIndexes"]
        ],
    )
    try:
        write(client, name, snapshot)
        yield name
    finally:
        client.delete_table(TableName=name)


def _write(client: DynamoDBClient, table: str, requests: Sequence[Any]) -> None:
    for batch in _chunks(requests):
        answer = client.batch_write_item(RequestItems={table: batch})
        assert not answer["UnprocessedItems"]


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _chunks(requests: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (requests[at : at + _AT_ONCE] for at in range(0, len(requests), _AT_ONCE))
