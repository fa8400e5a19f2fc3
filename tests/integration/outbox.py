"""What leaves the service: the table's stream, the function behind it, and what arrives on the bus.

The stream is the engine's own, filtered as the template says; the bus is moto's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

from tests.local import aws
from tests.local.bus import EventBus
from tests.local.deployment import Stream
from tests.local.stream import lambda_record
from tests.world import World

Record = Mapping[str, Any]

# moto knows no endpoints that carry the account's id in their name.
_CONFIG = aws.FEW_ATTEMPTS.merge(Config(account_id_endpoint_mode="disabled"))


class Outbox:
    """The way out of one world, watched from here on."""

    def __init__(self, world: World) -> None:
        """Let all that is on the bus be remembered."""
        self._world = world
        self._bus = EventBus(world.runtime.settings.event_bus, (), lambda *_: None)

    @property
    def stream(self) -> Stream:
        """The stream that the template hands to the function."""
        (found,) = self._world.deployed.streams
        return found

    def changes(self) -> list[Record]:
        """Every change that the stream tells of, oldest first, as Lambda would hand it over."""
        client = boto3.client(
            "dynamodbstreams", endpoint_url=aws.dynamodb_endpoint(), config=_CONFIG
        )
        arn = self.stream.arn
        found: list[Record] = []
        for shard in client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (page := client.get_records(ShardIterator=iterator))["Records"]:
                found += [lambda_record(record, arn) for record in records]
                iterator = page["NextShardIterator"]
        return found

    def records(self) -> list[Record]:
        """Those changes that the template's filter lets through."""
        return [record for record in self.changes() if self.is_wanted(record)]

    def is_wanted(self, change: Record) -> bool:
        """Whether the template's filter lets a change through."""
        return any(pattern.matches(change) for pattern in self.stream.patterns)

    def publish(self, records: Sequence[Record]) -> list[str]:
        """Hand a batch to the function; the sequence numbers that it reports as failed."""
        result = self._world.invoke("PublishFunction", {"Records": list(records)})
        assert result.keys() == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]

    def arrived(self) -> list[Mapping[str, Any]]:
        """All that has arrived on the bus so far, in order."""
        self._bus.deliver()
        return self._bus.events()


def number(record: Record) -> str:
    """A record's place in the stream."""
    found: str = record["dynamodb"]["SequenceNumber"]
    return found
