"""Audit events: who changed what, when, from where (R32).

What this module guarantees:

* An event holds only what administrators may read: no licence key, no token, no MAC address and no
  machine id, but a keyed digest that tells machines apart (R35).
* Refusals are folded: one entry per licence, reason and hour, with a count. So are notes about an
  organization, and refused logins among them: one per machine, reason and hour.

Times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from licensing.domain.errors import Misconfigured
from licensing.domain.facts import Facts
from licensing.domain.license import License
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus

FOLD_SECONDS: Final = 3600
"""How long a time one entry of refusals stands for: an hour (R32)."""


class _Labelled(StrEnum):
    """Words, each with a label for people."""

    label: str

    def __new__(cls, word: str, *row: str) -> Self:
        """Make a member from its word and its label. A lookup is typed by this, too."""
        member = str.__new__(cls, word)
        member._value_ = word
        (member.label,) = row
        return member


class EventType(_Labelled):
    """The types of events, by the names that they have on the bus (R34)."""

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
    DEVICE_KEY_RESET = "DeviceKeyReset", "Device key reset by an administrator"
    DEVICE_KEY_PENDING = "DeviceKeyPending", "Login with another device key, which waits"
    DEVICE_KEY_KEPT = "DeviceKeyKept", "Device key proved again, so the other one is refused"
    MACHINE_DRIFTED = "MachineDrifted", "Machine has changed"
    TEMPORARY_LICENSE_GENERATED = "TemporaryLicenseGenerated", "Temporary license generated"
    TEMPORARY_LICENSE_USED = "TemporaryLicenseUsed", "Temporary license used"
    TEMPORARY_LICENSE_EXPIRED = "TemporaryLicenseExpired", "Temporary license expired"
    TEMPORARY_LICENSE_REVOKED = "TemporaryLicenseRevoked", "Temporary license revoked"
    ORGANIZATION_CREATED = "OrganizationCreated", "Organization created"
    ORGANIZATION_UPDATED = "OrganizationUpdated", "Rules for agents changed"
    SUBSCRIPTION_CHANGED = "SubscriptionChanged", "Subscription changed"
    SUBSCRIPTION_ENDING = "SubscriptionEnding", "Subscription ends soon"
    ORGANIZATION_READ = "OrganizationRead", "Read by a super-admin"
    BILLING_EVENT_IGNORED = "BillingEventIgnored", "Event of billing ignored"
    AGENT_RETURNED = "AgentReturned", "Agent has come back, as after a restore"
    CLONE_SUSPECTED = "CloneSuspected", "Clone suspected"
    ACCESS_REFUSED = "AccessRefused", "Access refused"


class AcrossType(StrEnum):
    """The types of events that can be listed over all organizations at once."""

    CLONE_SUSPECTED = EventType.CLONE_SUSPECTED.value
    ACCESS_REFUSED = EventType.ACCESS_REFUSED.value


class Reason(_Labelled):
    """Why a history has an entry about a request that was not refused.

    The entry about one that was refused has the refusal's code instead, in small letters; but for
    :attr:`DEVICE_KEY_ELSEWHERE`, which tells more than the code.
    """

    OLDER_LEASE = "older_lease", "Came back with an older lease, or with none"
    NEWER_LEASE = "newer_lease", "Came back with a lease that the service has forgotten"
    WITHOUT_LEASE = "without_lease", "Used with the key alone, without its last lease"
    DEVICE_KEY_CAME_BACK = "device_key_came_back", "A device key that was replaced is bound again"
    CLONE_SUSPECTED = "clone_suspected", "Two agents seem to use one license"
    RETURNED_OFTEN = "returned_often", "Came back four times in thirty days"
    DEVICE_KEYS_ALTERNATE = "device_keys_alternate", "Two device keys take turns on one license"
    MACHINE_CAME_BACK = "machine_came_back", "A machine that the license has left is still in use"
    DEVICE_KEY_ELSEWHERE = "device_key_elsewhere", "Device key proved on another machine"
    DRIFT_REFUSED = "drift_refused", "Machine has changed into one that another license holds"
    DRIFT_WITHHELD = "drift_withheld", "Machine has changed again, too soon to follow"
    READ_FROM_OUTSIDE = "read_from_outside", "Something of another organization was shown"
    BILLING_STALE = "billing_stale", "Older than what billing has said since"
    BILLING_CONTRADICTING = "billing_contradicting", "Says something else under the same version"


def is_refusal(reason: str) -> bool:
    """Whether what has an entry for this reason was refused, and not let go on.

    >>> is_refusal("machine_mismatch"), is_refusal("older_lease")
    (True, False)
    """
    return reason == Reason.DEVICE_KEY_ELSEWHERE or reason not in _REASONS


_REASONS: Final = frozenset(Reason)


class Reading(StrEnum):
    """What super-admins can read of an organization, in one request."""

    ORGANIZATION = "organization"
    LICENSES = "licenses"
    LICENSE = "license"
    HISTORY = "history"
    FEED = "feed"
    STATISTICS = "statistics"
    ACTIVITY = "activity"
    TEMPORARY_LICENSES = "temporary_licenses"
    MACHINE = "machine"


class ActorKind(StrEnum):
    """Who can act."""

    USER = "user"
    AGENT = "agent"
    SCHEDULE = "schedule"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted. ``subject`` is a user's subject, an agent's licence id, or a system's name.

    ``name`` is what the token called the person then, unverified: see :attr:`Caller.name
    <licensing.domain.caller.Caller>`. Agents and systems have none.
    """

    kind: ActorKind
    subject: str
    roles: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who caused an operation, and from where; the same in every event that it writes (R32)."""

    actor: Actor
    request_id: str
    source_address: str | None = None
    agent_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One committed change of a licence or an organization (R32).

    ``id`` is unique: it shows that the operation's own transaction was committed (R5), and
    consumers of the bus deduplicate by it (R34). ``at`` is in epoch seconds. ``license_id`` is
    ``None`` for a change of the organization itself. ``revision`` is the licence's after the
    change, or the organization's version. ``before`` is ``None`` for what is new. ``reason`` is
    what the person who made the change wrote about it. ``components`` are those of the machine
    that changed (R11). For ``CloneSuspected``, ``other_address`` is the address of the second
    agent, and ``computer_name`` that of the computer that has shown it, to read. A
    ``confidential`` event is in the audit trail, but not in the feed (R28).
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
    computer_name: str | None = None
    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAttempt:
    """A use of a licence where it does not belong, or a sign of a second agent (R32).

    ``reason`` is a refusal's code or a :class:`Reason`. ``other_address`` is the address of the
    second agent, for ``CloneSuspected``. ``license_computer_name`` is that of the licence then, and
    ``computer_name`` that of the computer that tried, both to read.

    >>> attempt = RefusedAttempt(
    ...     license_id="lic_0123456789abcdef",
    ...     organization_id="acme",
    ...     reason="revoked",
    ...     at=1_900_000_000,
    ...     origin=Origin(
    ...         actor=Actor(ActorKind.AGENT, "lic_0123456789abcdef"), request_id="request-1"
    ...     ),
    ... )
    >>> attempt.at - attempt.hour  # seconds into the hour whose entry counts it
    2800
    """

    license_id: str
    organization_id: str
    reason: str
    at: int
    origin: Origin
    type: EventType = EventType.ACCESS_REFUSED
    other_address: str | None = None
    license_computer_name: str | None = None
    computer_name: str | None = None
    confidential: bool = False

    @property
    def hour(self) -> int:
        """When the hour began that this is folded into, in epoch seconds: its entry's time."""
        return _hour_of(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationNote:
    """Something about an organization that changes nothing and may come often (R32).

    Those of one organization, type, reason and hour are one entry, with a count. Where ``about`` is
    given, there is one for each of its values: whoever makes the notes bounds how many values there
    are. ``reason`` is a refusal's code or a :class:`Reason`. ``computer_name`` is that of the
    computer that it is about, to read. A ``confidential`` one is in the audit trail, but not in the
    feed.
    """

    type: EventType
    organization_id: str
    reason: str
    at: int
    origin: Origin
    about: str | None = None
    computer_name: str | None = None
    confidential: bool = False

    @property
    def hour(self) -> int:
        """When the hour began that this is folded into, in epoch seconds: its entry's time."""
        return _hour_of(self.at)


def _hour_of(at: int) -> int:
    return at - at % FOLD_SECONDS


def new_event_id(entropy: bytes) -> str:
    """An event id, ``evt_`` and hexadecimal digits, from sixteen random bytes."""
    return f"evt_{entropy.hex()}"


def of_license(
    kind: EventType,
    before: License | None,
    after: License,
    *,
    id: str,
    origin: Origin,
) -> Event:
    """The event of a licence's change; ``before`` is ``None`` for a new one (R32).

    It is confidential when the licence is temporary (R28).
    """
    return Event(
        id=id,
        type=kind,
        at=after.updated_at,
        organization_id=after.organization_id,
        license_id=after.id,
        revision=after.revision,
        origin=origin,
        before=before.facts if before else None,
        after=after.facts,
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
    """The event of an organization's change; ``before`` is ``None`` for a new one (R32)."""
    return Event(
        id=id,
        type=kind,
        at=after.updated_at,
        organization_id=after.id,
        license_id=None,
        revision=after.version,
        origin=origin,
        before=before.facts if before else None,
        after=after.facts,
    )


def subscription_in(facts: Facts) -> Subscription:
    """The subscription in the facts of an organization's event.

    Raises :class:`Misconfigured` where there is none.

    >>> subscription_in({"name": "Acme", "valid_until": 1_900_000_000, "status": "paused"})
    Subscription(valid_until=1900000000, status=<SubscriptionStatus.PAUSED: 'paused'>)
    """
    match facts:
        case {"valid_until": int(end), "status": str(status)}:
            return Subscription(end, SubscriptionStatus(status))
    raise Misconfigured("an event of an organization without its subscription")
