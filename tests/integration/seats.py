"""Seat counters that are wrong, as no request can make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from licensing.adapters.dynamo import schema
from tests.world import World


@contextmanager
def counted_wrong(world: World, organization_id: str, by: int = 1) -> Iterator[None]:
    """An organization's seat counter that is wrong by so much within the block."""
    _add(world, organization_id, by)
    try:
        yield
    finally:
        _add(world, organization_id, -by)


def _add(world: World, organization_id: str, seats: int) -> None:
    world.runtime.dynamodb.update_item(
        TableName=world.runtime.settings.table_name,
        Key=schema.organization_key(organization_id),
        UpdateExpression="ADD seats :seats",
        ExpressionAttributeValues={":seats": {"N": str(seats)}},
    )
