"""One table, and the requests that it is asked by: each is tried again while that may help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from licensing.adapters.aws_errors import availability
from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.transaction import RetryPolicy, Transactions
from licensing.adapters.dynamo.values import Item, StoredItem, Value, text
from licensing.adapters.dynamo.writes import Write, update_expression
from licensing.domain.audit import EventType
from licensing.domain.errors import Unavailable
from licensing.domain.machine_claims import Claim
from licensing.usecases.pagination import write_cursor
from licensing.usecases.ports import LoginView, Outcome

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        QueryInputTypeDef,
        UpdateItemInputTypeDef,
    )

BATCH: Final = 100
"""What DynamoDB reads in one batch."""
FILTERED: Final = 1_000
"""Entries that are read at a time to find the fitting ones: a page often needs no more."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Made once per execution environment; safe to use from several threads."""

    client: DynamoDBClient
    table: str
    retry_policy: RetryPolicy

    def _run(self, writes: Sequence[Write], *, name: str) -> list[tuple[Write, StoredItem]]:
        failures = Transactions(self.client, self.table, self.retry_policy).run(
            [write.action for write in writes],
            receipt=next(position for position, write in enumerate(writes) if write.is_receipt),
            name=name,
        )
        return [(writes[failure.position], failure.found) for failure in failures]

    def _view(self, keys: Sequence[Item]) -> LoginView:
        """Claims, an organization, a licence and a count, read together in one request."""
        claims: dict[bytes, Claim] = {}
        organization, record, added = None, None, 0
        for item in self._batch_get(keys):
            if schema.is_organization(item):
                organization = items.read_organization(item)
            elif schema.is_license(item):
                record = items.read_license(item)
            elif schema.is_member(item):
                added = items.read_agents(item)
            else:
                claims[schema.read_pair(item)] = items.read_claim(item)
        return LoginView(claims, organization, record, added)

    def _get(self, key: Item) -> StoredItem | None:
        with availability("The database"):
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _batch_get(self, keys: Sequence[Item], *, only: Sequence[str] = ()) -> list[StoredItem]:
        """Up to a hundred items, consistently: whole, or some attributes only."""
        if not keys:
            return []  # DynamoDB takes no empty batch
        found: list[StoredItem] = []
        wanted: KeysAndAttributesTypeDef = {"Keys": keys, "ConsistentRead": True}
        if only:
            wanted["ProjectionExpression"] = ", ".join(only)
        for _ in self.retry_policy.pauses():
            with availability("The database"):
                answer = self.client.batch_get_item(RequestItems={self.table: wanted})
            found += answer["Responses"].get(self.table, [])
            left = answer["UnprocessedKeys"].get(self.table, {"Keys": []})["Keys"]
            if not left:
                return found
            wanted = {**wanted, "Keys": left}
        raise Unavailable("The database is busy. Try again.")

    def _whole(self, partition: str) -> QueryInputTypeDef:
        """A query of a whole partition of ``by_organization``."""
        return {
            "TableName": self.table,
            "IndexName": schema.BY_ORGANIZATION,
            "KeyConditionExpression": "org_pk = :partition",
            "ExpressionAttributeValues": {":partition": text(partition)},
        }

    def _newest_first(self, partition: str, *, page_size: int) -> QueryInputTypeDef:
        """A query of a whole partition of ``by_organization``, backwards."""
        return {**self._whole(partition), "ScanIndexForward": False, "Limit": page_size}

    def _query(self, query: QueryInputTypeDef) -> Iterator[StoredItem]:
        """Everything that a query finds, page by page as it is asked for."""
        while True:
            with availability("The database"):
                answer = self.client.query(**query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query = {**query, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _set(
        self,
        key: Item,
        attributes: Mapping[str, Value | None],
        *,
        values: Mapping[str, Value],
        condition: str,
        clause: str = "",
    ) -> Outcome:
        """Set attributes of one item, and do what ``clause`` says, if ``condition`` holds."""
        expression, names, set_values = update_expression(attributes)
        update: UpdateItemInputTypeDef = {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": f"{expression} {clause}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**set_values, **values},
        }
        for _ in self.retry_policy.pauses():
            try:
                with availability("The database"):
                    self.client.update_item(**update)
            except self.client.exceptions.ConditionalCheckFailedException:
                return Outcome.CONFLICT
            except self.client.exceptions.TransactionConflictException:
                continue  # a transaction holds the item for a moment
            return Outcome.COMMITTED
        raise Unavailable("The database is busy. Try again.")


def of_type(query: QueryInputTypeDef, wanted: EventType) -> QueryInputTypeDef:
    """A query of events, for those of one type alone; many are read at a time to find them."""
    others = [query["FilterExpression"]] if "FilterExpression" in query else []
    return {
        **query,
        "FilterExpression": " AND ".join([*others, "#type = :type"]),
        "ExpressionAttributeNames": {"#type": "type"},
        "ExpressionAttributeValues": {
            **query["ExpressionAttributeValues"],
            ":type": text(wanted),
        },
        "Limit": FILTERED,
    }


def projected(query: QueryInputTypeDef, only: Sequence[str]) -> QueryInputTypeDef:
    """A query that brings some attributes only: each one of a long list takes time to take in.

    DynamoDB counts as many units as for all of them.
    """
    names = {f"#{name}": name for name in only}
    return {
        **query,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
    }


def batches(keys: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as DynamoDB reads in one batch."""
    return (keys[first : first + BATCH] for first in range(0, len(keys), BATCH))


def cut(
    entries: Iterator[StoredItem], limit: int, partition: str, place: Callable[[StoredItem], str]
) -> tuple[list[StoredItem], str | None]:
    """Up to ``limit`` entries, and the cursor to the next page if there is one."""
    found = list(islice(entries, limit + 1))
    page = found[:limit]
    return page, write_cursor(partition, place(page[-1])) if len(found) > limit else None
