"""Runs a transaction until it is known to be committed or not (R2, R5).

What this module guarantees:

* A transaction is sent again with the same token and the same bytes, so DynamoDB applies it once.
* Reasons of a cancellation are read by position. A failed condition is an answer; a conflict or
  throttling is tried again, with jitter, within bounds and within the caller's remaining time;
  everything else is a fault and raised as it is.
* A transaction whose answer was lost is never reported as a conflict with itself: it writes its own
  *receipt*, an item whose key nobody else writes. Where that stands, it was committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from licensing.adapters.aws_errors import availability, is_transient
from licensing.adapters.dynamo.values import StoredItem
from licensing.domain.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        TransactWriteItemTypeDef,
        UniversalAttributeValueTypeDef,
    )

_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
# What a call may take at worst: three attempts of 1 s to connect and 2 s to read.
_RESERVE: Final = 9.0

# What a cancellation may consist of and still be worth another attempt.
_AGAIN: Final = frozenset(
    {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request to DynamoDB is tried again.

    ``remaining`` tells the seconds left for the whole operation, ``jitter`` a number in [0, 1),
    ``sleep`` waits for so many seconds.

    >>> policy = RetryPolicy(remaining=lambda: 60.0, jitter=lambda: 0.5, sleep=print)
    >>> attempts = list(policy.pauses())  # the pauses, in seconds
    0.05
    0.1
    0.2
    0.4
    0.5
    >>> len(attempts)
    6
    """

    remaining: Callable[[], float]
    jitter: Callable[[], float]
    sleep: Callable[[float], None]

    def has_time(self, pause: float = 0.0) -> bool:
        """Whether another call, after ``pause`` seconds, would end in time even if it is slow."""
        return self.remaining() >= pause + _RESERVE

    def pauses(self) -> Iterator[None]:
        """Yield once per attempt, with a growing random pause before all but the first.

        Ends sooner when another attempt might not end in time.
        """
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt) * self.jitter()
                if not self.has_time(pause):
                    return
                self.sleep(pause)
            yield


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that did not hold.

    ``position`` is the action's in the transaction; ``found`` is the item that stood there, empty
    where there was none.
    """

    position: int
    found: StoredItem


@dataclass(frozen=True, slots=True)
class Transactions:
    """Runs transactions on one table."""

    client: DynamoDBClient
    table: str
    retry_policy: RetryPolicy

    def run(
        self, actions: Sequence[TransactWriteItemTypeDef], *, receipt: int, name: str
    ) -> Sequence[Failure]:
        """The conditions of a transaction that did not hold; none means that it was committed.

        ``receipt`` is the position of the put whose key only this operation uses; ``name`` is
        unique to these very actions. Raises :class:`Unavailable` when it cannot be learned in time
        whether it was committed: repeating the operation is then safe (R2).
        """
        # The same for each attempt. DynamoDB takes up to 36 characters.
        token = hashlib.sha256(name.encode()).hexdigest()[:36]
        # Whether an attempt may have been committed without an answer that says so.
        unknown = False
        for _ in self.retry_policy.pauses():
            try:
                self.client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
            except self.client.exceptions.TransactionCanceledException as error:
                failures = _failed_conditions(error)
                if any(failure.position == receipt for failure in failures):
                    return ()  # it stands already: an earlier attempt, whose answer was lost
                if failures:
                    return failures
            except (HTTPClientError, NoConnection):
                unknown = True
            except ClientError as error:
                if not is_transient(error):
                    raise
                unknown = True  # the client may have sent it before, and lost that answer
            else:
                return ()
        if (
            unknown
            and self.retry_policy.has_time()
            and self._is_written(actions[receipt]["Put"]["Item"])
        ):
            return ()
        raise Unavailable("The database is busy. Repeating the request is safe.")

    def _is_written(self, item: Mapping[str, UniversalAttributeValueTypeDef]) -> bool:
        with availability("The database"):
            answer = self.client.get_item(
                TableName=self.table,
                Key={"pk": item["pk"], "sk": item["sk"]},
                ConsistentRead=True,
                ProjectionExpression="pk",
            )
        return "Item" in answer


def _failed_conditions(error: ClientError) -> list[Failure]:
    """The conditions that did not hold; none when it was only a matter of timing."""
    reasons = error.response["CancellationReasons"]
    failures = [
        Failure(position, cast("StoredItem", reason.get("Item", {})))
        for position, reason in enumerate(reasons)
        if reason["Code"] == "ConditionalCheckFailed"
    ]
    if not failures and not {reason["Code"] for reason in reasons} <= _AGAIN:
        raise error
    return failures
