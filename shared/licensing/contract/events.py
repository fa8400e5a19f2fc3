"""What happened, in histories and on the bus."""

from __future__ import annotations

from licensing.contract.fields import Instant, LicenseId, OrganizationId, Reply, instant
from licensing.domain.audit import ActorKind, EventType, Reading
from licensing.usecases.ports import RecordedEvent


class ActorView(Reply):
    """Who acted; the subject is ``hidden`` from readers who may not know it."""

    kind: ActorKind
    subject: str
    roles: list[str]


class EventView(Reply):
    """What happened. Refusals of one hour are one event: ``times`` counts them.

    ``last_at`` is the time of the latest. ``other_address`` is where a second agent, if
    there is one, has got the last lease from.
    ``readings`` are what a super-admin has read. ``computer_name`` is that of the computer on which
    somebody of the organization could not log in. What is ``confidential`` is for super-admins
    alone: no organization's feed has it.
    """

    id: str
    type: EventType
    at: Instant
    organization_id: OrganizationId
    license_id: LicenseId | None
    revision: int | None
    actor: ActorView
    source_address: str | None
    agent_version: str | None
    request_id: str
    before: dict[str, str | int | bool | None] | None
    after: dict[str, str | int | bool | None] | None
    reason: str | None
    components: list[str]
    other_address: str | None
    times: int | None
    last_at: Instant | None
    readings: list[Reading]
    computer_name: str | None
    confidential: bool

    @classmethod
    def of(cls, entry: RecordedEvent) -> EventView:
        """Show an event, all of it."""
        return cls(
            id=entry.id,
            type=entry.type,
            at=instant(entry.at),
            organization_id=entry.organization_id,
            license_id=entry.license_id,
            revision=entry.revision,
            actor=ActorView(
                kind=entry.origin.actor.kind,
                subject=entry.origin.actor.subject,
                roles=list(entry.origin.actor.roles),
            ),
            source_address=entry.origin.source_address,
            agent_version=entry.origin.agent_version,
            request_id=entry.origin.request_id,
            before=dict(entry.before) if entry.before is not None else None,
            after=dict(entry.after) if entry.after is not None else None,
            reason=entry.reason,
            components=list(entry.components),
            other_address=entry.other_address,
            times=entry.times,
            last_at=instant(entry.last_at) if entry.last_at is not None else None,
            readings=list(entry.readings),
            computer_name=entry.computer_name,
            confidential=entry.confidential,
        )


class EventsReply(Reply):
    """A page of events, newest first; ask for the next one until ``next_cursor`` is null."""

    events: list[EventView]
    next_cursor: str | None
