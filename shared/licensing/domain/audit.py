"""Audit events: who changed what, when, from where (R32).

What this module guarantees:

* An event is a value made of facts that may be read by administrators: no licence key, no token,
  no MAC address and no machine id, only a keyed digest that tells machines apart (R35).
* A refusal is folded: one entry per licence, reason and hour, with a count.

Times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from licensing.domain.errors import Misconfigured
from licensing.domain.license import License
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus

Fact = str | int | bool | None
Facts = Mapping[str, Fact]
"""One state of a licence or organization, as far as the trail shows it."""

FOLD_SECONDS: Final = 3600


class _Labelled(StrEnum):
    """Words, each with a label for people."""

    label: str

    def __new__(cls, word: str, *row: str) -> Self:
        """A member, of its word and its label; whoever looks one up has the word alone."""
        member = str.__new__(cls, word)
        member._value_ = word
        (member.label,) = row
        return member


class EventType(_Labelled):
    """What can happen, by the names that leave the service on its bus."""

    LICENSE_ISSUED = "LicenseIssued", "License issued"
    LICENSE_REVOKED = "LicenseRevoked", "License revoked"
    LICENSE_DETACHED = "LicenseDetached", "Agent blocked"
    LICENSE_ATTACHED = "LicenseAttached", "Agent unblocked"
    LICENSE_DISSOCIATED = "LicenseDissociated", "Key dissociated from its machine"
    LICENSE_REASSIGNED = "LicenseReassigned", "Key bound to another machine"
    LICENSE_UPDATED = "LicenseUpdated", "Agent marked or labelled"
    LICENSE_EXPIRED = "LicenseExpired", "License expired"
    LICENSE_REINSTATED = "LicenseReinstated", "License reinstated by a renewal"
    DEVICE_KEY_CHANGED = "DeviceKeyChanged", "Device key changed"
    MACHINE_DRIFTED = "MachineDrifted", "Machine has changed"
    TEMPORARY_LICENSE_GENERATED = "TemporaryLicenseGenerated", "Temporary license generated"
    TEMPORARY_LICENSE_USED = "TemporaryLicenseUsed", "Temporary license used"
    TEMPORARY_LICENSE_EXPIRED = "TemporaryLicenseExpired", "Temporary license expired"
    TEMPORARY_LICENSE_REVOKED = "TemporaryLicenseRevoked", "Temporary license revoked"
    ORGANIZATION_UPDATED = "OrganizationUpdated", "Rules for agents changed"
    SUBSCRIPTION_CHANGED = "SubscriptionChanged", "Subscription changed"
    SUBSCRIPTION_ENDING = "SubscriptionEnding", "Subscription ends soon"
    CLONE_SUSPECTED = "CloneSuspected", "Clone suspected"
    ACCESS_REFUSED = "AccessRefused", "Access refused"


class Reason(_Labelled):
    """Why an entry is in a history where no answer has refused anything.

    The entry of a use that was refused has the refusal's code as its reason, in small letters.
    """

    CLONE_SUSPECTED = "clone_suspected", "Two agents seem to use one license"
    DRIFT_REFUSED = "drift_refused", "Machine has changed into one that another license holds"


class ActorKind(StrEnum):
    """Who can act."""

    USER = "user"
    AGENT = "agent"
    SCHEDULE = "schedule"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: a user's subject, an agent's licence id, a schedule's or system's name."""

    kind: ActorKind
    subject: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an operation came from; the same for every event that it writes."""

    actor: Actor
    request_id: str
    source_address: str | None = None
    agent_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One committed change. ``id`` is unique: it marks the operation's own write (R5, R34).

    ``license_id`` is ``None`` for a change of the organization itself. ``revision`` is that of
    the licence (or the version of the organization) after the change. ``reason`` is what the
    person who made the change wrote about it; ``components`` are those of the machine that have
    changed; ``other_address`` is where a second agent of the licence works from. A
    ``confidential`` event is for the audit trail, not for the feed (R28).
    """

    id: str
    type: EventType
    at: int
    organization_id: str
    license_id: str | None
    revision: int
    origin: Origin
    before: Facts | None
    after: Facts
    reason: str | None = None
    components: tuple[str, ...] = ()
    other_address: str | None = None
    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAttempt:
    """An attempt to use a licence where it does not belong (R32), or a sign of a second agent.

    ``other_address`` is where that one works from, for the type ``CloneSuspected``.
    """

    license_id: str
    organization_id: str
    reason: str
    at: int
    origin: Origin
    type: EventType = EventType.ACCESS_REFUSED
    other_address: str | None = None
    confidential: bool = False

    @property
    def hour(self) -> int:
        """The hour that this refusal is folded into: the time of its entry."""
        return self.at - self.at % FOLD_SECONDS


def new_event_id(entropy: bytes) -> str:
    """An event id from sixteen random bytes."""
    return f"evt_{entropy.hex()}"


def of_license(
    kind: EventType,
    before: License | None,
    after: License,
    *,
    id: str,
    origin: Origin,
) -> Event:
    """The event of a licence's change from ``before`` to ``after``."""
    return Event(
        id=id,
        type=kind,
        at=after.updated_at,
        organization_id=after.organization_id,
        license_id=after.id,
        revision=after.revision,
        origin=origin,
        before=_license_facts(before) if before else None,
        after=_license_facts(after),
        components=before.machine.differences(after.machine) if before else (),
        confidential=after.term is not None,
    )


def of_organization(
    kind: EventType,
    before: Organization | None,
    after: Organization,
    *,
    id: str,
    origin: Origin,
) -> Event:
    """The event of an organization's change from ``before`` to ``after``."""
    return Event(
        id=id,
        type=kind,
        at=after.updated_at,
        organization_id=after.id,
        license_id=None,
        revision=after.version,
        origin=origin,
        before=_organization_facts(before) if before else None,
        after=_organization_facts(after),
    )


def subscription_in(facts: Facts) -> Subscription:
    """The subscription in one of an organization's events. Raises :class:`Misconfigured`."""
    match facts:
        case {"valid_until": int(end), "status": str(status)}:
            return Subscription(end, SubscriptionStatus(status))
    raise Misconfigured("an event of an organization without its subscription")


def _license_facts(record: License) -> Facts:
    facts: dict[str, Fact] = {
        "kind": record.kind.value,
        "state": record.state.value,
        "environment": record.environment,
        "computer_name": record.computer_name,
        "machine": record.machine.identity().hex(),
        "exclusive": record.exclusive,
        "primary": record.primary,
        "label": record.label,
        "device_key": record.device_key,
    }
    if record.term is not None:
        facts |= {"expires_at": record.term.expires_at, "holder": record.term.holder}
    return facts


def _organization_facts(organization: Organization) -> Facts:
    return {
        "name": organization.name,
        "valid_until": organization.subscription.valid_until,
        "status": organization.subscription.status.value,
        "max_agents": organization.max_agents,
        "billing_version": organization.billing_version,
        "announced_days": organization.announced_days,
        "require_device_key": organization.policy.require_device_key,
        "block_clones": organization.policy.block_clones,
    }
