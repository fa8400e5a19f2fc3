"""Organizations in the table (:class:`~licensing.usecases.ports.OrganizationStore`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.table import Table, projected
from licensing.adapters.dynamo.writes import organization_writes
from licensing.domain.audit import Event
from licensing.domain.organization import Organization, is_organization_id
from licensing.usecases.filters import OrganizationSummary
from licensing.usecases.ports import Outcome


class Organizations(Table):
    """Organizations, read and changed."""

    __slots__ = ()

    def organization(self, organization_id: str) -> Organization | None:
        """See :class:`licensing.usecases.ports.LicenseReader`."""
        if not is_organization_id(organization_id):
            return None
        item = self._get(schema.organization_key(organization_id))
        return items.read_organization(item) if item else None

    def organization_summaries(self) -> Iterator[OrganizationSummary]:
        """See :class:`licensing.usecases.ports.OrganizationLister`."""
        query = projected(self._whole(schema.ORGANIZATIONS), items.ORGANIZATION_SUMMARY)
        entries = self._query(query)
        return map(items.read_organization_summary, entries)

    def organizations(self, ids: Sequence[str]) -> list[Organization]:
        """See :class:`licensing.usecases.ports.OrganizationLister`."""
        stored = self._batch_get([schema.organization_key(id) for id in ids])
        found = {schema.id_of(item): items.read_organization(item) for item in stored}
        return [found[id] for id in ids if id in found]

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        """See :class:`licensing.usecases.ports.OrganizationStore`."""
        writes = organization_writes(before, after, event, due_at=due_at, table=self.table)
        failed = self._run(writes, name=event.id)
        return Outcome.CONFLICT if failed else Outcome.COMMITTED
