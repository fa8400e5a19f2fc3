"""Who has a seat (:class:`~licensing.usecases.ports.SeatStore`)."""

from __future__ import annotations

from itertools import islice

from licensing.adapters.dynamo import schema
from licensing.adapters.dynamo.licenses import Licenses
from licensing.adapters.dynamo.table import BATCH
from licensing.adapters.dynamo.values import text
from licensing.domain.license import BOUND, State


class Seats(Licenses):
    """Bound licences, counted."""

    __slots__ = ()

    def organizations_from(self, place: int, *, limit: int) -> list[str]:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        border = schema.organizations_sort_key(place)
        behind = self._organizations(">=", border, limit)
        before = self._organizations("<", border, limit - len(behind))
        return [*behind, *before]

    def bound_at_first_sight(self, organization_id: str) -> int:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        return sum(1 for _ in self._entries(organization_id, BOUND))

    def bound(self, organization_id: str) -> frozenset[tuple[str, int]]:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        # The index may show one as dissociated that has just been bound again. None that has been
        # revoked ever is.
        entries = self._entries(organization_id, set(State) - {State.REVOKED})
        found: set[tuple[str, int]] = set()
        while chunk := list(islice(entries, BATCH)):
            records = self._hydrated(chunk)
            found |= {(record.id, record.revision) for record in records if record.is_bound}
        return frozenset(found)

    def _organizations(self, compares: str, border: str, limit: int) -> list[str]:
        """Up to ``limit`` organizations on one side of a place, in order."""
        if limit == 0:
            return []
        found = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": f"org_pk = :partition AND org_sk {compares} :border",
                "ExpressionAttributeValues": {
                    ":partition": text(schema.ORGANIZATIONS),
                    ":border": text(border),
                },
                "Limit": limit,
            }
        )
        return [schema.id_of(entry) for entry in islice(found, limit)]
