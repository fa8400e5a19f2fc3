"""What administrators see: licences and organizations (R8, R14).

What this module guarantees:

* A status is derived from the subscription as it is now, whatever the sweep has marked (R14).
* Another organization's things are answered like things that do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from licensing.access import Caller
from licensing.errors import Misconfigured
from licensing.license import License, State, Status
from licensing.organization import Organization, Standing
from licensing.ports import LicenseLister, LicensePage
from licensing.refusal import (
    Refused,
    license_not_found,
    only_administrators,
    only_super_admins,
    organization_not_found,
)

# A subscription colours all licences of its organization alike, so a filter by status is a filter
# by stored state: one of these, or nothing at all.
_COLOURED: Final = MappingProxyType(
    {
        Status.ACTIVE: Standing.CURRENT,
        Status.SUSPENDED: Standing.SUSPENDED,
        Status.EXPIRED: Standing.ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of an organization's licences."""

    organization: Organization
    licenses: Sequence[License]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ReadLicenses:
    """The use cases that change nothing."""

    store: LicenseLister

    def one(self, license_id: str, caller: Caller) -> tuple[License, Organization] | Refused:
        """One licence and its organization."""
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
        return record, organization

    def organization(self, organization_id: str, caller: Caller) -> Organization | Refused:
        """One organization."""
        if not caller.is_administrator:
            return only_administrators()
        if not caller.administers(organization_id):
            return organization_not_found()
        return self.store.organization(organization_id) or organization_not_found()

    def listing(
        self,
        organization_id: str,
        caller: Caller,
        *,
        status: Status | None,
        environment: str | None,
        limit: int,
        cursor: str | None,
        now: int,
    ) -> Listing | Refused:
        """A page of an organization's licences, filtered by what people see.

        Ordered by stored state, then by time of issue. Raises ``InvalidInput`` for a cursor that
        this listing did not hand out.
        """
        organization = self.organization(organization_id, caller)
        if isinstance(organization, Refused):
            return organization
        page = self.store.licenses(
            organization_id,
            states=_states(status, organization.subscription.standing(now)),
            environment=environment,
            limit=limit,
            cursor=cursor,
        )
        return Listing(organization, page.licenses, page.next_cursor)

    def temporary(
        self, organization_id: str, caller: Caller, *, limit: int, cursor: str | None
    ) -> LicensePage | Refused:
        """A page of an organization's temporary licences: active ones first, then ended (R25)."""
        if not caller.is_super_admin:
            return only_super_admins()
        if self.store.organization(organization_id) is None:
            return organization_not_found()
        return self.store.temporary_licenses(organization_id, limit=limit, cursor=cursor)


def _states(status: Status | None, standing: Standing) -> Sequence[State]:
    """The stored states that show as ``status`` under a subscription of that standing."""
    if status is None:
        return tuple(State)
    if status not in _COLOURED:
        return (State(status.value),)
    return (State.ACTIVE, State.EXPIRED) if _COLOURED[status] is standing else ()
