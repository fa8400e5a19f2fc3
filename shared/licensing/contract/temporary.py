"""Temporary licences, as super-admins see them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from licensing.contract.fields import (
    Instant,
    LeasedUntil,
    LicenseId,
    Line,
    OrganizationId,
    Reply,
    Request,
    instant,
    instant_if_any,
)
from licensing.domain.license import License, State, Status, TemporaryStatus
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.generate_temporary import Asked


class TemporaryRequest(Request):
    """A temporary license for a partner."""

    ttl: Annotated[TimeToLive, Field(description="How long it is valid.")]
    note: Annotated[
        Annotated[Line, Field(max_length=200)] | None,
        Field(description="For whom and why, to be read by super-admins; empty for none."),
    ] = None

    def asked(self) -> Asked:
        """What is asked for."""
        return Asked(self.ttl, (self.note or "").strip() or None)


class TemporaryLicense(Reply):
    """A temporary license. ``holder`` is the subject of the person who used it first.

    Names are what the tokens called people then, unverified.
    """

    id: LicenseId
    organization_id: OrganizationId
    status: TemporaryStatus
    ttl: TimeToLive
    issued_at: Instant
    issued_by: str
    issued_by_name: str | None
    expires_at: Instant
    leased_until: LeasedUntil
    seconds_left: int
    holder: str | None
    holder_name: str | None
    computer_name: str | None
    note: str | None

    @classmethod
    def of(cls, record: License, term: Term, now: int) -> TemporaryLicense:
        """Show a temporary licence as it stands at ``now``."""
        status = _temporary_status(record, term, now)
        return cls(
            id=record.id,
            organization_id=record.organization_id,
            status=status,
            ttl=term.ttl,
            issued_at=instant(record.issued_at),
            issued_by=record.issued_by,
            issued_by_name=record.issued_by_name,
            expires_at=instant(term.expires_at),
            leased_until=instant_if_any(record.leased_until),
            seconds_left=term.expires_at - now if status is Status.ACTIVE else 0,
            holder=term.holder,
            holder_name=term.holder_name,
            computer_name=record.computer_name,
            note=term.note,
        )


def _temporary_status(record: License, term: Term, now: int) -> TemporaryStatus:
    if record.state is State.REVOKED:
        return Status.REVOKED
    return Status.EXPIRED if term.has_ended(now) else Status.ACTIVE


class GeneratedReply(Reply):
    """A temporary license with its key, which is shown here only."""

    license: TemporaryLicense
    license_key: str


class TemporaryReply(Reply):
    """One temporary license."""

    license: TemporaryLicense


class TemporaryListReply(Reply):
    """A page of temporary licenses: active ones first, then ended ones, newest first."""

    licenses: list[TemporaryLicense]
    next_cursor: str | None
