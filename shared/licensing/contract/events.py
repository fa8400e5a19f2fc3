"""What happened, in histories and on the bus."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, cast

from pydantic import (
    ConfigDict,
    SerializeAsAny,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    with_config,
)
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from licensing.contract.fields import Instant, LicenseId, OrganizationId, Reply, instant
from licensing.domain.audit import ActorKind, EventType, Reading
from licensing.domain.facts import Fact
from licensing.domain.facts import Facts as Told
from licensing.domain.license import Kind, State
from licensing.domain.organization import SubscriptionStatus
from licensing.usecases.ports import RecordedEvent

_TIMES: Final = frozenset({"expires_at", "valid_until"})
"""Facts that are stored in epoch seconds."""


@with_config(ConfigDict(extra="allow"))
class Facts(TypedDict, total=False):
    """How a licence or an organization was. Only what is told of it is there.

    Of a licence: ``kind``, ``state``, ``environment``, ``computer_name``, ``machine`` (a digest),
    ``exclusive``, ``primary``, ``label``, ``device_key``, ``pending_device_key``; of a temporary
    one ``expires_at``, ``holder`` and ``note``. Of an organization: the others. Events of other
    builds may have more.
    """

    kind: Kind
    state: State
    environment: str
    computer_name: str | None
    machine: str
    exclusive: bool
    primary: bool
    label: str | None
    device_key: str | None
    pending_device_key: str
    expires_at: Instant
    holder: str | None
    note: str
    name: str
    valid_until: Instant
    status: SubscriptionStatus
    max_agents: int | None
    billing_version: int
    announced_days: int | None
    require_device_key: bool
    block_clones: bool
    lock_device_keys: bool
    agents_per_member: int | None


def _as_told(told: object, check: ValidatorFunctionWrapHandler) -> object:
    """Facts, also where another build has told one in another form: no event waits for that."""
    try:
        return check(told)
    except ValidationError:
        return told


_Told = Annotated[Facts | None, WrapValidator(_as_told), SerializeAsAny()]


class ActorView(Reply):
    """Who acted; the subject is ``hidden`` from readers who may not know it.

    ``name`` is what the token called the person then, unverified. It is null for agents and
    systems, for who is hidden, and on the bus.
    """

    kind: ActorKind
    subject: str
    name: str | None
    roles: list[str]


class EventView(Reply):
    """What happened. Refusals of one hour are one event: ``times`` counts them.

    ``last_at`` is the time of the latest. ``other_address`` is where a second agent, if
    there is one, has got the last lease from.
    ``readings`` are what a super-admin has read. ``license_computer_name`` is that of the licence
    then. ``computer_name`` is that of the computer that tried: in refusals, and where an agent has
    come back or a clone is suspected. What is ``confidential`` is for super-admins alone: no
    organization's feed has it.
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
    before: _Told
    after: _Told
    reason: str | None
    components: list[str]
    other_address: str | None
    times: int | None
    last_at: Instant | None
    readings: list[Reading]
    license_computer_name: str | None
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
                name=entry.origin.actor.name,
                roles=list(entry.origin.actor.roles),
            ),
            source_address=entry.origin.source_address,
            agent_version=entry.origin.agent_version,
            request_id=entry.origin.request_id,
            before=_facts(entry.before),
            after=_facts(entry.after),
            reason=entry.reason,
            components=list(entry.components),
            other_address=entry.other_address,
            times=entry.times,
            last_at=instant(entry.last_at) if entry.last_at is not None else None,
            readings=list(entry.readings),
            license_computer_name=entry.computer_of_license,
            computer_name=entry.computer_name,
            confidential=entry.confidential,
        )


def _facts(told: Told | None) -> Facts | None:
    """Facts as they are shown, times as everywhere."""
    if told is None:
        return None
    return cast("Facts", {name: _shown(name, fact) for name, fact in told.items()})


def _shown(name: str, fact: Fact) -> Fact | datetime:
    return instant(fact) if name in _TIMES and isinstance(fact, int) else fact


class EventsReply(Reply):
    """A page of events, newest first; ask for the next one until ``next_cursor`` is null."""

    events: list[EventView]
    next_cursor: str | None
