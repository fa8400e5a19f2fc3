"""Histories and feeds, newest first, and what is put on record beside changes.

See :class:`~licensing.usecases.ports.EventReader` and :class:`~licensing.usecases.ports.Witness`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from licensing.adapters.dynamo import schema
from licensing.adapters.dynamo.events import (
    note_attributes,
    noted_attributes,
    read_event,
    refusal_attributes,
)
from licensing.adapters.dynamo.table import Table, cut, of_type
from licensing.adapters.dynamo.values import Item, StoredItem, Value, number, text
from licensing.domain.audit import AcrossType, OrganizationNote, Reading, RefusedAttempt
from licensing.domain.errors import Unavailable
from licensing.usecases.filters import EventFilters
from licensing.usecases.ports import EventPage, Outcome, RecordedEvent

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef


class Histories(Table):
    """Events, read, and refusals and notes, put on record."""

    __slots__ = ()

    def history(
        self, license_id: str, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        """See :class:`licensing.usecases.ports.EventReader`."""
        partition = schema.license_partition(license_id)
        first, last = span = schema.span_of_times(filters.since, filters.before)
        query: QueryInputTypeDef = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :license AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":license": text(partition),
                ":first": text(f"EVENT#{first}"),
                ":last": text(f"EVENT#{last}"),
            },
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": limit + 1,
        }
        if filters.type is not None:
            query = of_type(query, filters.type)
        if cursor is not None:
            place = schema.read_cursor_within(cursor, partition, schema.HISTORY_PLACE, span)
            query["ExclusiveStartKey"] = schema.history_start(license_id, place)
        if first >= last:
            return EventPage([], None)  # DynamoDB takes no such span
        found, next_cursor = cut(self._query(query), limit, partition, schema.history_sort_key)
        return EventPage([read_event(item) for item in found], next_cursor)

    def feed(
        self,
        organization_id: str,
        filters: EventFilters,
        *,
        confidential: bool,
        limit: int,
        cursor: str | None,
    ) -> EventPage:
        """See :class:`licensing.usecases.ports.EventReader`."""
        partition = schema.events_of(organization_id)
        first, last = span = schema.span_of_times(filters.since, filters.before)
        query = self._newest_first(partition, page_size=limit + 1)
        query["KeyConditionExpression"] = "org_pk = :partition AND org_sk BETWEEN :first AND :last"
        query["ExpressionAttributeValues"] = {
            ":partition": text(partition),
            ":first": text(first),
            ":last": text(last),
        }
        if not confidential:
            query["FilterExpression"] = "attribute_not_exists(confidential)"
        if filters.type is not None:
            query = of_type(query, filters.type)
        if cursor is not None:
            place = schema.read_cursor_within(cursor, partition, schema.FEED_PLACE, span)
            query["ExclusiveStartKey"] = schema.feed_start(organization_id, place)
        if first >= last:
            return EventPage([], None)  # DynamoDB takes no such span
        found, next_cursor = cut(self._query(query), limit, partition, schema.sort_key_of)
        return EventPage(self._recorded(found), next_cursor)

    def across_organizations(
        self, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        """See :class:`licensing.usecases.ports.EventReader`."""
        first, last = span = schema.span_of_times(filters.since, filters.before)
        behind = None
        if cursor is not None:
            behind = schema.read_cursor_within(cursor, schema.ACROSS, schema.FEED_PLACE, span)
            last = behind
        if first >= last:
            return EventPage([], None)  # DynamoDB takes no such span
        kinds = AcrossType if filters.type is None else [filters.type]
        shards = [
            self._query(
                {
                    "TableName": self.table,
                    "IndexName": schema.ACROSS_ORGANIZATIONS,
                    "KeyConditionExpression": "across_pk = :shard"
                    " AND across_sk BETWEEN :first AND :last",
                    "ExpressionAttributeValues": {
                        ":shard": text(schema.across_shard_name(kind, shard)),
                        ":first": text(first),
                        ":last": text(last),
                    },
                    "ScanIndexForward": False,
                    # Twice a shard's part of the page: more of it is read where there is more.
                    "Limit": 2 * limit // schema.ACROSS_SHARDS + 2,
                }
            )
            for kind in kinds
            for shard in range(schema.ACROSS_SHARDS)
        ]
        merged = heapq.merge(*shards, key=schema.across_sort_key, reverse=True)
        rest = (entry for entry in merged if schema.across_sort_key(entry) != behind)
        found, next_cursor = cut(rest, limit, schema.ACROSS, schema.across_sort_key)
        return EventPage(self._recorded(found), next_cursor)

    def _recorded(self, entries: Sequence[StoredItem]) -> list[RecordedEvent]:
        """The events behind entries of an index, in their order."""
        keys = [{"pk": entry["pk"], "sk": entry["sk"]} for entry in entries]
        whole = {schema.feed_sort_key(item): item for item in self._batch_get(keys)}
        places = [schema.feed_sort_key(entry) for entry in entries]
        return [read_event(whole[place]) for place in places if place in whole]

    def record_refusal(self, refusal: RefusedAttempt) -> None:
        """See :class:`licensing.usecases.ports.MachineStore`."""
        self._fold(schema.refusal_key(refusal), refusal_attributes(refusal))

    def note(self, note: OrganizationNote) -> None:
        """See :class:`licensing.usecases.ports.NotingStore`."""
        self._fold(schema.note_key(note), note_attributes(note))

    def note_each(self, note: OrganizationNote, *, most: int) -> None:
        """See :class:`licensing.usecases.ports.LoginStore`."""
        if note.about is not None:
            self._demand_time()
            about = schema.about_digest(note.about)
            outcome = self._set(
                schema.noted_key(note),
                noted_attributes(note),
                clause="ADD noted :these",
                # The item's own: of any number of notes at once, so many and no more get through.
                condition="attribute_not_exists(pk) OR size(noted) < :most"
                " OR contains(noted, :this)",
                values={":these": {"SS": [about]}, ":this": text(about), ":most": number(most)},
            )
            if outcome is Outcome.CONFLICT:
                note = replace(note, about=None, computer_name=None)
        self._demand_time()
        self.note(note)

    def note_reading(self, note: OrganizationNote, what: Reading, *, interval: int) -> None:
        """See :class:`licensing.usecases.ports.Witness`."""
        self._demand_time()
        self._set(
            schema.note_key(note),
            note_attributes(note),
            clause="ADD times :once, readings :these",
            condition="attribute_not_exists(pk) OR last_at <= :before"
            " OR NOT contains(readings, :this)",
            values={
                ":once": number(1),
                ":these": {"SS": [what]},
                ":this": text(what),
                ":before": number(note.at - interval),
            },
        )

    def _demand_time(self) -> None:
        """Check that there is time for one more request, however slow it is.

        What is noted comes after all that a request has asked already. Raises :class:`Unavailable`.
        """
        if not self.retry_policy.has_time():
            raise Unavailable("The database is slow. Repeating the request is safe.")

    def _fold(self, key: Item, attributes: Mapping[str, Value | None]) -> None:
        """Count something in the entry of its hour."""
        self._set(
            key,
            attributes,
            clause="ADD times :once",
            # Sent twice, when the first answer is lost, it still counts once.
            condition="attribute_not_exists(request_id) OR request_id <> :request_id",
            values={":once": number(1)},
        )
