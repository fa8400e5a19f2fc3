"""Histories and feeds: what happened, newest first (R28, R32, R33).

What this module guarantees: an organization's administrators see neither what a partner did with
a temporary licence nor who of another organization tried to use their machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain.audit import Reading
from licensing.domain.caller import Caller
from licensing.domain.refusal import (
    Refused,
    license_not_found,
    only_administrators,
    only_super_admins,
    organization_not_found,
)
from licensing.usecases.context import UserContext
from licensing.usecases.filters import EventFilters
from licensing.usecases.note_reading import note_reading
from licensing.usecases.pagination import PageRequest
from licensing.usecases.ports import EventPage, EventReader


@dataclass(frozen=True, slots=True)
class ListEvents:
    """The use cases."""

    store: EventReader

    def of_license(
        self, license_id: str, filters: EventFilters, page: PageRequest, context: UserContext
    ) -> EventPage | Refused:
        """A licence's whole history; a temporary licence's is for super-admins."""
        caller = context.caller
        if not caller.is_administrator:
            return only_administrators()
        record = self.store.license(license_id)
        if (
            record is None
            or not caller.administers(record.organization_id)
            or (record.term is not None and not caller.is_super_admin)
        ):
            return license_not_found()
        note_reading(self.store, Reading.HISTORY, record.organization_id, context)
        found = self.store.history(license_id, filters, limit=page.limit, cursor=page.cursor)
        return _as_seen_by(caller, found)

    def of_organization(
        self, organization_id: str, filters: EventFilters, page: PageRequest, context: UserContext
    ) -> EventPage | Refused:
        """An organization's feed; for super-admins, the complete trail."""
        caller = context.caller
        if not caller.is_administrator:
            return only_administrators()
        if (
            not caller.administers(organization_id)
            or self.store.organization(organization_id) is None
        ):
            return organization_not_found()
        note_reading(self.store, Reading.FEED, organization_id, context)
        found = self.store.feed(
            organization_id,
            filters,
            confidential=caller.is_super_admin,
            limit=page.limit,
            cursor=page.cursor,
        )
        return _as_seen_by(caller, found)

    def of_all(
        self, filters: EventFilters, page: PageRequest, context: UserContext
    ) -> EventPage | Refused:
        """What happened anywhere; each organization that it shows something of has it on record."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        found = self.store.across_organizations(filters, limit=page.limit, cursor=page.cursor)
        for organization_id in sorted({entry.organization_id for entry in found.events}):
            note_reading(self.store, Reading.FEED, organization_id, context)
        return found


def _as_seen_by(caller: Caller, page: EventPage) -> EventPage:
    if caller.is_super_admin:
        return page
    return replace(page, events=[entry.for_organization for entry in page.events])
