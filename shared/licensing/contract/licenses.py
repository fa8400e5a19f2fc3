"""Licences, as agents and administrators see them, and how administrators change them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypedDict

from pydantic import Field

from licensing.contract.fields import (
    Instant,
    LeasedUntil,
    LicenseId,
    Line,
    Lines,
    OrganizationId,
    Reply,
    Request,
    instant,
    instant_if_any,
)
from licensing.domain.license import AdministeredAction, Kind, License, Status
from licensing.domain.organization import Organization
from licensing.usecases.change_license import Edit


class LastSeen(Reply):
    """When an agent was last seen, with its version and address then."""

    at: Instant
    agent_version: str | None
    source_address: str | None


class LicenseFacts(Reply):
    """What everybody sees of a licence.

    ``valid_until`` is null while the licence is not in force, whatever the subscription.
    """

    id: LicenseId
    kind: Kind
    status: Status
    organization_id: OrganizationId
    environment: str
    primary: bool
    issued_at: Instant
    valid_until: Instant | None
    leased_until: LeasedUntil


class LicenseView(LicenseFacts):
    """A licence, as its agent sees it."""

    @classmethod
    def of(
        cls,
        record: License,
        organization: Organization | None,
        now: int,
        *,
        environment: str | None = None,
    ) -> LicenseView:
        """Show a licence as it stands at ``now``.

        ``organization`` may be missing for a licence whose status does not depend on it.
        ``environment`` is the agent's, which stands for a temporary licence's: that has none.
        """
        fields = _license_fields(record, organization, now)
        if record.term is not None and environment is not None:
            fields["environment"] = environment
        return cls(**fields)


class PendingDeviceKey(Reply):
    """Another device key that a member has logged in with, and that waits."""

    thumbprint: Annotated[str, Field(description="As in device_key.")]
    since: Instant
    replaces_at: Annotated[
        Instant,
        Field(
            description="From then on its next proof puts it in the place of device_key, unless "
            "that is proved before."
        ),
    ]

    @classmethod
    def of(cls, record: License) -> PendingDeviceKey | None:
        """The key that waits, or ``None``."""
        if record.pending_key is None:
            return None
        return cls(
            thumbprint=record.pending_key,
            since=instant(record.lent_at),
            replaces_at=instant(record.leased_until),
        )


class AdministeredLicense(LicenseFacts):
    """A licence, as administrators see it. ``issued_by`` is the subject of the first login.

    ``issued_by_name`` is what the token called that person then, unverified.
    ``actions`` are the transitions that would change it now; each is a route of its own.
    """

    actions: list[AdministeredAction]
    computer_name: str | None
    label: str | None
    device_key: Annotated[
        str | None,
        Field(description="The RFC 7638 thumbprint of the key that the agent proves to hold."),
    ]
    pending_device_key: PendingDeviceKey | None
    agent_version: str | None
    issued_by: str
    issued_by_name: str | None
    last_seen: LastSeen | None

    @classmethod
    def of(
        cls, record: License, organization: Organization | None, now: int
    ) -> AdministeredLicense:
        """Show a licence as it stands at ``now``; see :meth:`LicenseView.of`."""
        seen = record.last_seen
        return cls(
            **_license_fields(record, organization, now),
            actions=list(record.open_actions),
            computer_name=record.computer_name,
            label=record.label,
            device_key=record.device_key,
            pending_device_key=PendingDeviceKey.of(record),
            agent_version=record.agent_version,
            issued_by=record.issued_by,
            issued_by_name=record.issued_by_name,
            last_seen=(
                LastSeen(
                    at=instant(seen.at),
                    agent_version=seen.agent_version,
                    source_address=seen.source_address,
                )
                if seen
                else None
            ),
        )


class _LicenseFields(TypedDict):
    id: str
    kind: Kind
    status: Status
    organization_id: str
    environment: str
    primary: bool
    issued_at: datetime
    valid_until: datetime | None
    leased_until: datetime | None


def _license_fields(record: License, organization: Organization | None, now: int) -> _LicenseFields:
    if organization is None or not record.status_follows_subscription:
        status, valid_until = Status(record.state.value), None
    else:
        status = record.status(organization.subscription, now)
        valid_until = instant(record.valid_until(organization.subscription))
    return {
        "id": record.id,
        "kind": record.kind,
        "status": status,
        "organization_id": record.organization_id,
        "environment": record.environment,
        "primary": record.primary,
        "issued_at": instant(record.issued_at),
        "valid_until": valid_until,
        "leased_until": instant_if_any(record.leased_until),
    }


class LicenseReply(Reply):
    """One licence."""

    license: AdministeredLicense


class LicensesReply(Reply):
    """A page of licences; ask for the next one with ``next_cursor`` until it is null."""

    licenses: list[AdministeredLicense]
    next_cursor: str | None
    total: Annotated[
        int | None,
        Field(description="How many there are on all pages, where the list is sorted."),
    ]


class TransitionRequest(Request):
    """Why an administrator does it; for the history."""

    reason: Annotated[Lines, Field(min_length=1, max_length=500)] | None = None


class EditRequest(Request):
    """How to mark an agent; what is left out stays as it is."""

    primary: bool | None = None
    label: Annotated[
        Annotated[Line, Field(max_length=100)] | None,
        Field(description="A name to show; empty to remove it."),
    ] = None

    def edit(self) -> Edit:
        """What to mark it with."""
        return Edit(self.primary, self.label)
