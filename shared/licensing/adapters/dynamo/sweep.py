"""What the sweep has to look at (:class:`~licensing.usecases.ports.SweepStore`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.licenses import Licenses
from licensing.adapters.dynamo.values import number, text
from licensing.domain.license import License, State
from licensing.domain.organization import Organization
from licensing.usecases.ports import Due, Outcome


class DueForSweep(Licenses):
    """What is due."""

    __slots__ = ()

    def some_licenses(self, organization_id: str, state: State, *, limit: int) -> list[License]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        entries = self._entries(organization_id, [state], page_size=limit)
        found: list[License] = []
        # The index may still show licences that have left the state: go on behind them.
        while len(found) < limit and (chunk := list(islice(entries, limit))):
            found += [record for record in self._hydrated(chunk) if record.state is state]
        return found[:limit]

    @property
    def due_shards(self) -> Sequence[str]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        return [schema.due_shard_name(shard) for shard in range(schema.DUE_SHARDS)]

    def due(self, shard: str, now: int) -> Iterator[Due]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_DUE,
                "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
                "ExpressionAttributeValues": {
                    ":shard": text(shard),
                    ":now": number(now),
                },
            }
        )
        return (
            Due(
                "organization" if schema.is_organization(entry) else "license",
                schema.id_of(entry),
                int(entry["due_at"]["N"]),
            )
            for entry in entries
        )

    def settle(self, organization: Organization, *, due_at: int | None) -> Outcome:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        return self._set(
            schema.organization_key(organization.id),
            items.due_attributes(organization.id, due_at),
            condition="version = :seen_version",
            values={":seen_version": number(organization.version)},
        )
