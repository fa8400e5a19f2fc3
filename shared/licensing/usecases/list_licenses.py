"""What administrators see: licences and organizations (R8, R14).

What this module guarantees:

* A status is derived from the subscription as it is now, whatever the sweep has marked (R14).
* Another organization's things are answered like things that do not exist.
* What super-admins see of one organization is on record, see
  :mod:`licensing.usecases.note_reading`; the list of all organizations is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from licensing.domain.audit import Reading
from licensing.domain.errors import InvalidInput, Misconfigured
from licensing.domain.license import License, State, Status, heard_of_at
from licensing.domain.organization import Organization, Standing
from licensing.domain.refusal import (
    Refused,
    license_not_found,
    only_administrators,
    only_super_admins,
    organization_not_found,
)
from licensing.usecases.context import UserContext
from licensing.usecases.filters import (
    LicenseQuery,
    LicenseSummary,
    OrganizationFilters,
    OrganizationSort,
)
from licensing.usecases.note_reading import note_reading
from licensing.usecases.pagination import PageRequest, Value, name_of, sorted_page
from licensing.usecases.ports import LicenseLister, LicensePage, OrganizationLister, Witness

# A subscription colours all licences of its organization alike, so a filter by status is a filter
# by stored state: one of these, or nothing at all.
_COLOURED: Final = MappingProxyType(
    {
        Status.ACTIVE: Standing.CURRENT,
        Status.SUSPENDED: Standing.SUSPENDED,
        Status.EXPIRED: Standing.ENDED,
    }
)


MOST_READ: Final = 50_000
"""Licences whose records are read to filter or sort them by what those alone tell."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of an organization's licences; ``total`` is ``None`` where nobody has counted."""

    organization: Organization
    licenses: Sequence[License]
    next_cursor: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class OrganizationListing:
    """A page of organizations; ``total`` is how many there are on all pages."""

    organizations: Sequence[Organization]
    next_cursor: str | None
    total: int


class Reader(LicenseLister, OrganizationLister, Witness, Protocol):
    """What it takes to read all of it."""


@dataclass(frozen=True, slots=True)
class ListLicenses:
    """The use cases that show licences, temporary ones among them, and organizations."""

    store: Reader

    def one(self, license_id: str, context: UserContext) -> tuple[License, Organization] | Refused:
        """One licence and its organization."""
        caller = context.caller
        if not caller.is_administrator:
            return only_administrators()
        record = self.store.license(license_id)
        if (
            record is None
            or record.term is not None
            or not caller.administers(record.organization_id)
        ):
            return license_not_found()
        organization = self.store.organization(record.organization_id)
        if organization is None:
            raise Misconfigured(f"organization {record.organization_id} has licenses but no record")
        note_reading(self.store, Reading.LICENSE, organization.id, context)
        return record, organization

    def organization(self, organization_id: str, context: UserContext) -> Organization | Refused:
        """One organization."""
        return self._organization(organization_id, Reading.ORGANIZATION, context)

    def _organization(
        self, organization_id: str, what: Reading, context: UserContext
    ) -> Organization | Refused:
        """An organization of which something is going to be read."""
        if not context.caller.is_administrator:
            return only_administrators()
        if not context.caller.administers(organization_id):
            return organization_not_found()
        found = self.store.organization(organization_id)
        if found is None:
            return organization_not_found()
        note_reading(self.store, what, organization_id, context)
        return found

    def organizations(
        self,
        filters: OrganizationFilters,
        sort: OrganizationSort,
        page: PageRequest,
        context: UserContext,
    ) -> OrganizationListing | Refused:
        """A page of all organizations. Raises ``InvalidInput`` for another listing's cursor.

        The order and the total are an index's, which may be a moment behind; whether an
        organization fits is looked at anew in its record.
        """
        if not context.caller.is_super_admin:
            return only_super_admins()
        now = context.now
        entries = [one for one in self.store.organization_summaries() if filters.fits(one, now)]
        found = sorted_page(
            name_of("organizations", sort=sort, **filters.asked()),
            [(sort.value_of(one), one.id) for one in entries],
            page,
            is_descending=sort.is_descending,
        )
        records = [one for one in self.store.organizations(found.ids) if filters.fits(one, now)]
        return OrganizationListing(records, found.next_cursor, found.total)

    def listing(
        self, organization_id: str, query: LicenseQuery, page: PageRequest, context: UserContext
    ) -> Listing | Refused:
        """A page of an organization's licences, filtered by what people see.

        Ordered by stored state, then by time of issue, if no ``sort`` is asked for; then each page
        costs what is on it or passed over. A sorted one costs a look at all of them, and one that
        goes by when agents were seen, a look at all their records. Raises ``InvalidInput`` for a
        cursor that this listing did not hand out.
        """
        organization = self._organization(organization_id, Reading.LICENSES, context)
        if isinstance(organization, Refused):
            return organization
        filters, sort = query.filters, query.sort
        states = _states(query.status, organization.subscription.standing(context.now))
        if sort is None and not query.goes_by_activity:
            if page.skip:
                raise InvalidInput(
                    "A page of an unsorted list is reached by next_cursor alone. Send a sort.",
                    pointer="/query/skip",
                )
            unsorted = self.store.licenses(
                organization_id,
                states=states,
                filters=filters,
                limit=page.limit,
                cursor=page.cursor,
            )
            return Listing(organization, unsorted.licenses, unsorted.next_cursor, None)
        entries = self.store.license_summaries(organization_id, states=states)
        found = {one.id: one for one in entries if filters.fits(one)}
        sorted_ids = sorted_page(
            name_of(
                f"licenses/{organization_id}", status=query.status, sort=sort, **filters.asked()
            ),
            self._values(found, query),
            page,
            is_descending=sort is not None and sort.is_descending,
        )
        records = [
            one
            for one in self.store.licenses_by_id(sorted_ids.ids)
            if one.state in states and filters.fits(one) and filters.fits_activity(one.heard_of_at)
        ]
        return Listing(organization, records, sorted_ids.next_cursor, sorted_ids.total)

    def _values(
        self, found: Mapping[str, LicenseSummary], query: LicenseQuery
    ) -> Iterable[tuple[Value, str]]:
        """What to sort by, with the id of each licence that is on the list."""
        if not query.goes_by_activity:
            return [(query.value_of(one), one.id) for one in found.values()]
        filters = query.filters
        if len(found) > MOST_READ:
            by = "sort" if filters.seen_before is None else "seen_before"
            raise InvalidInput(
                f"At most {MOST_READ} licenses can be listed by {by}, and this list has "
                f"{len(found)}. Narrow it by status, environment, primary, device_key or search.",
                pointer=f"/query/{by}",
            )
        return [
            (query.value_of(found[id], of_one), id)
            for id, of_one in self.store.agent_activity(list(found)).items()
            if filters.fits_activity(heard_of_at(found[id].issued_at, of_one.seen_at))
        ]

    def temporary(
        self, organization_id: str, page: PageRequest, context: UserContext
    ) -> LicensePage | Refused:
        """A page of an organization's temporary licences: active ones first, then ended (R25)."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        if self.store.organization(organization_id) is None:
            return organization_not_found()
        note_reading(self.store, Reading.TEMPORARY_LICENSES, organization_id, context)
        return self.store.temporary_licenses(organization_id, limit=page.limit, cursor=page.cursor)


def _states(status: Status | None, standing: Standing) -> Sequence[State]:
    """The stored states that show as ``status`` under a subscription of that standing."""
    if status is None:
        return tuple(State)
    if status not in _COLOURED:
        return (State(status.value),)
    return (State.ACTIVE, State.EXPIRED) if _COLOURED[status] is standing else ()
