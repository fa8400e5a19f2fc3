"""A table's stream, handed to a function as Lambda's event source mapping does.

Changes are offered in order and in batches, those that the filters let through. A batch that is
not taken as a whole is offered again from the first record that failed on; one that has failed as
often as the template allows is given up, and the queue is told where in the stream it is, not what
is in it. Between two tries Lambda waits ever longer; here nobody does.
"""

import base64
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config

from tests.local import aws
from tests.local.asynchronous import InvokeAs
from tests.local.dead_letters import DeadLetters, failed
from tests.local.deployment import Stream
from tests.local.execution import FunctionError
from tests.local.template import REGION

LOG = logging.getLogger(__name__)

Record = Mapping[str, Any]

# moto knows no endpoints that carry the account's id in their name.
_CONFIG = aws.FEW_ATTEMPTS.merge(Config(account_id_endpoint_mode="disabled"))


class StreamMapping:
    """Reads one stream for one function. It remembers how far it has come; nothing else does."""

    def __init__(
        self,
        stream: Stream,
        invoke: InvokeAs,
        dead_letters: DeadLetters,
        clock: Callable[[], float],
    ) -> None:
        """`clock` dates what ends in the queue."""
        self._stream = stream
        self._invoke = invoke
        self._dead_letters = dead_letters
        self._clock = clock
        self._client = boto3.client(
            "dynamodbstreams", endpoint_url=aws.dynamodb_endpoint(), config=_CONFIG
        )
        self._read_to: dict[str, str] = {}  # a sequence number, by shard
        self._one_at_a_time = Lock()

    def drain(self) -> None:
        """Offer every change that is in the stream; all are taken or given up on return.

        Raises DynamoDbError when the stream cannot be read.
        """
        with self._one_at_a_time:
            # Shards are listed in the order in which they were opened.
            for shard in self._shards():
                while records := self._read(shard):
                    self._offer(shard, [record for record in records if self._is_wanted(record)])
                    self._read_to[shard] = _sequence_number(records[-1])

    def _shards(self) -> list[str]:
        with aws.named():
            described = self._client.describe_stream(StreamArn=self._stream.arn)
        return [shard["ShardId"] for shard in described["StreamDescription"]["Shards"]]

    def _read(self, shard: str) -> list[Record]:
        """The changes that come next in a shard."""
        position = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._read_to[shard]}
            if shard in self._read_to
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        with aws.named():
            iterator = self._client.get_shard_iterator(
                StreamArn=self._stream.arn, ShardId=shard, **position
            )["ShardIterator"]
            answer = self._client.get_records(ShardIterator=iterator, Limit=self._stream.batch_size)
        return [lambda_record(record, self._stream.arn) for record in answer["Records"]]

    def _is_wanted(self, record: Record) -> bool:
        patterns = self._stream.patterns
        return not patterns or any(pattern.matches(record) for pattern in patterns)

    def _offer(self, shard: str, batch: Sequence[Record]) -> None:
        """Offer a batch until it is taken or given up."""
        request_id = str(uuid.uuid4())
        tries = 0
        while batch:
            function_error = None
            try:
                reply = self._invoke(self._stream.function, {"Records": batch}, request_id)
                rest = self._rest(batch, reply)
            except FunctionError:
                if self._stream.bisects and len(batch) > 1:
                    # A division is no try: in the end the record that fails is alone.
                    middle = len(batch) // 2
                    self._offer(shard, batch[:middle])
                    self._offer(shard, batch[middle:])
                    return
                rest, function_error = batch, "Unhandled"
            # Where some of it was taken, what is left has been tried once.
            tries = tries + 1 if len(rest) == len(batch) else 1
            batch = rest
            if batch and tries > self._stream.retries:
                LOG.error("%s: %d records are given up", self._stream.function, len(batch))
                record = self._record(shard, batch, request_id, tries, function_error)
                self._dead_letters.put(self._stream.dead_letters, record)
                return

    def _rest(self, batch: Sequence[Record], reply: Any) -> Sequence[Record]:
        """What has to be offered again: all from the first record that failed on."""
        failures = reply.get("batchItemFailures") if isinstance(reply, dict) else None
        if not self._stream.reports or not failures:
            return []
        positions = {_sequence_number(record): i for i, record in enumerate(batch)}
        # An identifier that is none of the batch's makes all of it a failure.
        return batch[min(positions.get(one.get("itemIdentifier"), 0) for one in failures) :]

    def _record(
        self,
        shard: str,
        batch: Sequence[Record],
        request_id: str,
        tries: int,
        function_error: str | None,
    ) -> dict[str, Any]:
        arn = aws.arn("lambda", f"function:{self._stream.function}")
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if function_error is not None:
            response["functionError"] = function_error
        return {
            **failed("RetryAttemptsExhausted", request_id, arn, tries, self._clock()),
            "responseContext": response,
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": _sequence_number(batch[0]),
                "endSequenceNumber": _sequence_number(batch[-1]),
                "approximateArrivalOfFirstRecord": _arrival(batch[0]),
                "approximateArrivalOfLastRecord": _arrival(batch[-1]),
                "batchSize": len(batch),
                "streamArn": self._stream.arn,
            },
        }


def lambda_record(record: Mapping[str, Any], stream_arn: str) -> Record:
    """A record as Lambda hands it over: times as epoch seconds, bytes in base64."""
    plain: dict[str, Any] = _plain(record)
    return {**plain, "awsRegion": REGION, "eventSourceARN": stream_arn}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value


def _sequence_number(record: Record) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _arrival(record: Record) -> str:
    seconds = record["dynamodb"]["ApproximateCreationDateTime"]
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
