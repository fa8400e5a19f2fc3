"""What became of licences as a whole (:class:`~licensing.usecases.ports.StatisticsReader`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.events import is_of_clone, read_event, read_move
from licensing.adapters.dynamo.licenses import Licenses
from licensing.adapters.dynamo.table import batches, cut, projected
from licensing.adapters.dynamo.values import Item, text
from licensing.domain.license import State
from licensing.domain.organization import is_organization_id
from licensing.domain.statistics import BlockedClone, Move, Sighting
from licensing.usecases.filters import LicenseSummary
from licensing.usecases.ports import LastSeenPage, LicensesPast, OrganizationPast


class Counts(Licenses):
    """Licences and organizations, counted."""

    __slots__ = ()

    def organization_past(
        self, organization_id: str, since: int, *, most: int
    ) -> OrganizationPast | None:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        if not is_organization_id(organization_id):
            return None
        key = schema.organization_key(organization_id)
        found = self._query(
            {
                "TableName": self.table,
                "KeyConditionExpression": "pk = :organization AND sk BETWEEN :since AND :itself",
                "ExpressionAttributeValues": {
                    ":organization": key["pk"],
                    ":since": text(schema.events_from(since)),
                    # It stands behind its events: read backwards, it comes first.
                    ":itself": key["sk"],
                },
                "ConsistentRead": True,
                "ScanIndexForward": False,
                "Limit": most + 2,
            }
        )
        item = next(found, None)
        if item is None:
            return None
        entries = [read_event(item) for item in islice(found, most + 1)]
        return OrganizationPast(
            items.read_organization(item),
            entries[:most],
            entries[most].at if len(entries) > most else None,
        )

    def census(self, organization_id: str) -> Mapping[State, int]:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        query = self._whole(schema.licenses_of(organization_id))
        entries = self._query(projected(query, ("org_sk",)))
        return Counter(schema.state_in_sort_key(schema.sort_key_of(entry)) for entry in entries)

    def all_licenses(self, organization_id: str) -> Iterator[LicenseSummary]:
        """See :class:`licensing.usecases.ports.SummaryReader`."""
        entries = self._query(
            projected(
                self._whole(schema.licenses_of(organization_id)),
                # Names and labels are the most of an entry, and are not counted.
                ("pk", "org_sk", "state", "environment", "primary", "device_key"),
            )
        )
        return map(items.read_license_summary, entries)

    def licenses_past(
        self, organization_id: str, since: int, *, most: int, most_refusals: int
    ) -> LicensesPast:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :partition AND org_sk >= :since",
                "ExpressionAttributeValues": {
                    ":partition": text(schema.events_of(organization_id)),
                    ":since": text(schema.feed_from(since)),
                },
                "ProjectionExpression": "pk, sk, org_sk, moved, #type",
                "ExpressionAttributeNames": {"#type": "type"},
                "ScanIndexForward": False,
            }
        )
        moves: list[Move] = []
        blocked: list[BlockedClone] = []
        refused: list[Item] = []
        left_at = None
        for count, entry in enumerate(entries, 1):
            place = schema.sort_key_of(entry)
            is_refusal = schema.is_refusal_sort_key(place)
            if count > most or (is_refusal and len(refused) == most_refusals):
                left_at = schema.time_in_sort_key(place)
                break
            if is_refusal:
                refused.append({"pk": entry["pk"], "sk": entry["sk"]})
            elif (move := read_move(entry)) is not None:
                moves.append(move)
                if is_of_clone(entry):
                    blocked.append(BlockedClone(move.at, schema.id_of(entry)))
        refusals = [read_event(item) for keys in batches(refused) for item in self._batch_get(keys)]
        return LicensesPast(moves, blocked, refusals, left_at)

    def last_seen(
        self, organization_id: str, *, hour: int, limit: int, cursor: str | None
    ) -> LastSeenPage:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        cursors, after = schema.activity_of(organization_id), None
        if cursor is not None:
            place = schema.read_cursor(cursor, cursors, schema.ACTIVITY_PLACE)
            walked, _, after = place.partition("#")
            hour = int(walked)
        entries = self._entries(organization_id, tuple(State), page_size=limit + 1, after=after)
        found, next_cursor = cut(
            entries, limit, cursors, lambda entry: f"{hour:06d}#{schema.sort_key_of(entry)}"
        )
        # Each once: one that changes between two queries stands in the index at two places.
        places = {schema.id_of(entry): schema.sort_key_of(entry) for entry in found}
        keys = [schema.license_key(id) for id in places]
        seen = {
            schema.id_of(item): items.read_last_seen(item)
            for batch in batches(keys)
            for item in self._batch_get(batch, only=items.LAST_SEEN)
        }
        sightings = [
            Sighting(
                schema.state_in_sort_key(place),
                schema.issued_at_in_sort_key(place),
                seen.get(id),
            )
            for id, place in places.items()
        ]
        return LastSeenPage(sightings, hour, next_cursor)
