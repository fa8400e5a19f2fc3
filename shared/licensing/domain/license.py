"""The licence and its state machine (R15, R18–R22, R27).

What this module guarantees: :data:`TRANSITIONS` is the whole state machine; nothing else decides a
transition (R21). What people see is derived from the state and the subscription (:class:`Status`).

All times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypedDict, TypeGuard, Unpack, get_args

from licensing.domain import environment as environments
from licensing.domain import license_key
from licensing.domain.device_key import InvalidProof, Proof, already_used
from licensing.domain.drift import NO_PAST, Past
from licensing.domain.facts import Fact, Facts
from licensing.domain.key_history import NO_KEYS, KeyHistory
from licensing.domain.lease_chain import NO_CHAIN, Chain
from licensing.domain.license_key import KeySubject
from licensing.domain.machine import Machine
from licensing.domain.organization import Standing, Subscription
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.temporary_license import Term


class State(StrEnum):
    """The stored state of a licence. :data:`TRANSITIONS` says how it changes."""

    ACTIVE = "active"
    DETACHED = "detached"
    DISSOCIATED = "dissociated"
    EXPIRED = "expired"
    REVOKED = "revoked"


BOUND: Final = frozenset({State.ACTIVE, State.DETACHED, State.EXPIRED})
"""The states in which a licence holds its machine and a seat (R4, R6)."""


class Action(StrEnum):
    """What can be done to a licence after its issue."""

    # What administrators do.
    REVOKE = "revoke"
    DETACH = "detach"
    ATTACH = "attach"
    DISSOCIATE = "dissociate"
    # What a login does, with the key of a dissociated licence.
    REASSIGN = "reassign"
    # What the sweep does.
    EXPIRE = "expire"
    REINSTATE = "reinstate"


TRANSITIONS: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        # Ends it for good.
        (State.ACTIVE, Action.REVOKE): State.REVOKED,
        (State.DETACHED, Action.REVOKE): State.REVOKED,
        (State.DISSOCIATED, Action.REVOKE): State.REVOKED,
        (State.EXPIRED, Action.REVOKE): State.REVOKED,
        (State.REVOKED, Action.REVOKE): State.REVOKED,
        # Blocks the agent on its machine, and lifts that.
        (State.ACTIVE, Action.DETACH): State.DETACHED,
        (State.EXPIRED, Action.DETACH): State.DETACHED,
        (State.DETACHED, Action.DETACH): State.DETACHED,
        (State.DETACHED, Action.ATTACH): State.ACTIVE,
        (State.ACTIVE, Action.ATTACH): State.ACTIVE,
        (State.EXPIRED, Action.ATTACH): State.EXPIRED,
        # Separates the key from its machine, and binds it to another one.
        (State.ACTIVE, Action.DISSOCIATE): State.DISSOCIATED,
        (State.DETACHED, Action.DISSOCIATE): State.DISSOCIATED,
        (State.EXPIRED, Action.DISSOCIATE): State.DISSOCIATED,
        (State.DISSOCIATED, Action.DISSOCIATE): State.DISSOCIATED,
        (State.DISSOCIATED, Action.REASSIGN): State.ACTIVE,
        # The sweep's marks.
        (State.ACTIVE, Action.EXPIRE): State.EXPIRED,
        (State.EXPIRED, Action.EXPIRE): State.EXPIRED,
        (State.EXPIRED, Action.REINSTATE): State.ACTIVE,
        (State.ACTIVE, Action.REINSTATE): State.ACTIVE,
    }
)
"""(state, action) → the state afterwards (R18–R22).

A pair that is not here is refused. Where the state stays, the action is a repetition: it succeeds
and changes nothing.
"""


AdministeredAction = Literal[Action.DETACH, Action.ATTACH, Action.DISSOCIATE, Action.REVOKE]
"""What administrators can do, from the mildest to the gravest."""

ADMINISTERED: Final[tuple[AdministeredAction, ...]] = get_args(AdministeredAction)
"""The actions of administrators, in that order."""


class Kind(StrEnum):
    """Whose a licence is: the organization's own, or a partner's for a limited time (R25)."""

    STANDARD = "standard"
    TEMPORARY = "temporary"


class Status(StrEnum):
    """What people see of a licence: its state, or how its subscription stands (R14)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    DETACHED = "detached"
    DISSOCIATED = "dissociated"
    REVOKED = "revoked"


TemporaryStatus = Literal[Status.ACTIVE, Status.EXPIRED, Status.REVOKED]
"""What super-admins see of a temporary licence: the organization's subscription plays no part."""


HOUR: Final = 3600

SEEN_HOURS: Final = 176
"""For how many hours a licence keeps when its agent was seen: a week, and 8 hours to read it in."""


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When an agent was last seen, in which version and from which address (R17).

    ``at`` is in epoch seconds. ``hours`` is a set of bits: bit *i* says that the agent was seen in
    the hour that lies *i* hours before that of ``at``, for *i* below :data:`SEEN_HOURS`.

    >>> seen = LastSeen(at=10 * HOUR, agent_version="4.5.0.0", source_address="192.0.2.1")
    >>> bin(seen.again(12 * HOUR, "4.5.0.0", "192.0.2.1").hours)  # now, and two hours ago
    '0b101'
    """

    at: int
    agent_version: str | None
    source_address: str | None
    hours: int = 1

    def again(self, at: int, agent_version: str | None, source_address: str | None) -> LastSeen:
        """The record that replaces this one when the agent is seen at ``at``."""
        return LastSeen(at, agent_version, source_address, self.hours_until(at // HOUR) | 1)

    def hours_until(self, hour: int) -> int:
        """``hours`` with bit 0 for ``hour``, in hours since the epoch; later ones are left out."""
        # Negative where the clock of another server is ahead.
        passed = hour - self.at // HOUR
        # Bounded: after years of silence, the number would have tens of thousands of bits.
        moved = self.hours << min(passed, SEEN_HOURS) if passed > 0 else self.hours >> -passed
        return moved & _ALL_HOURS


_ALL_HOURS: Final = (1 << SEEN_HOURS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """The record that binds a licence key to (organization, machine, environment) (R2).

    ``identity`` and ``secret_version``: what the key was derived from at issue. They never change
    (R3). ``exclusive``: it closes the machine to newcomers (R31). ``term``: there when the
    licence is temporary; such a licence holds no machine and no seat (R26). ``device_key``: the
    thumbprint (RFC 7638) of the key that the agent has to prove, ``None`` without one.
    ``issued_by``: the subject of the user who logged in first, or who generated the licence, and
    ``issued_by_name`` what their token called them then, see :attr:`Caller.name
    <licensing.domain.caller.Caller>`; ``None`` where it told no name, and in records from before
    this was kept.
    ``added_by``: the member who has bound it, see :attr:`Caller.member
    <licensing.domain.caller.Caller.member>`; ``None`` where that was an administrator or it is not
    bound, and in records from before this was kept (R38).

    ``pending_key``: the thumbprint of another key that a member has logged in with; it waits until
    ``leased_until`` to take the place of ``device_key``. ``lent_at`` is when a pending key was last
    given a lease (R36), 0 if none ever was.

    ``revision`` grows by one with every change and orders the licence's history. ``updated_at``
    never runs backwards, even when the clocks of two servers disagree.

    ``last_seen``, ``chain``, ``proved_ms``, ``leased_until`` and ``past`` are traces of the agent's
    use of the licence, and change without a revision. ``chain`` is that of its leases (R37). No
    proof counts whose nonce was made until ``proved_ms``, in epoch milliseconds. ``leased_until``
    is the end of the longest lease that was granted; it never decreases, and is 0 on records from
    before it was kept: :meth:`LeaseTerms.leased_until
    <licensing.domain.lease.LeaseTerms.leased_until>`. ``past`` is what it remembers of how its
    machine has changed (R11), ``keys`` of its device keys.

    >>> from licensing.domain.machine import NO_MACHINE
    >>> now = 1_900_000_000
    >>> record = License(
    ...     id="lic_0123456789abcdef",
    ...     organization_id="acme",
    ...     environment="production",
    ...     state=State.ACTIVE,
    ...     machine=NO_MACHINE,
    ...     computer_name="ACME-PC-01",
    ...     identity=bytes(16),
    ...     secret_version=1,
    ...     issued_at=now,
    ...     issued_by="alice",
    ...     agent_version="4.5.0.0",
    ...     updated_at=now,
    ... )
    >>> revoked = record.after(Action.REVOKE, now + 60)
    >>> revoked.state, revoked.revision, revoked.is_bound
    (<State.REVOKED: 'revoked'>, 2, False)
    >>> revoked.after(Action.REVOKE, now + 120) is revoked  # a repetition
    True
    >>> revoked.after(Action.ATTACH, now + 120).message
    'Cannot attach a license that is revoked.'
    """

    id: str
    organization_id: str
    environment: str
    state: State
    machine: Machine
    computer_name: str | None
    identity: bytes
    secret_version: int
    primary: bool = False
    label: str | None = None
    exclusive: bool = True
    term: Term | None = None
    device_key: str | None = None
    pending_key: str | None = None
    lent_at: int = 0
    issued_at: int
    issued_by: str
    issued_by_name: str | None = None
    added_by: bytes | None = None
    agent_version: str | None
    revision: int = 1
    updated_at: int
    last_seen: LastSeen | None = None
    chain: Chain = NO_CHAIN
    proved_ms: int = 0
    leased_until: int = 0
    past: Past = NO_PAST
    keys: KeyHistory = NO_KEYS

    @property
    def kind(self) -> Kind:
        """Temporary when it has a ``term``, else standard."""
        return Kind.STANDARD if self.term is None else Kind.TEMPORARY

    @property
    def is_bound(self) -> bool:
        """Whether it holds its machine and a seat (R6)."""
        return self.state in BOUND and self.term is None

    def is_on(self, machine: Machine, *, by_key: bool = False) -> bool:
        """Whether a machine that an agent shows is the licence's own (R9).

        ``by_key``: the agent has named the licence by its key and proved the bound device key, and
        may be known by that and one component.
        """
        return self.machine.is_same_as(machine) or (
            by_key and self.term is None and self.machine.agrees_in_one(machine)
        )

    @property
    def waits_for_partner(self) -> bool:
        """Whether it is temporary, and nobody has used it yet (R26)."""
        return self.term is not None and self.term.holder is None

    def is_bound_to(self, proof: Proof | InvalidProof | None) -> TypeGuard[Proof]:
        """Whether it has a device key, and ``proof`` is of that."""
        return isinstance(proof, Proof) and proof.thumbprint == self.device_key

    def is_for(self, environment: str) -> bool:
        """Whether it is the licence of the agent of this name (R12)."""
        return environments.is_same(self.environment, environment)

    @property
    def counted_for(self) -> bytes | None:
        """The member whose agents it is one of: who added it, while it is bound (R38)."""
        return self.added_by if self.is_bound else None

    @property
    def heard_of_at(self) -> int:
        """When its agent was last heard of."""
        return heard_of_at(self.issued_at, self.last_seen.at if self.last_seen else None)

    @property
    def claims(self) -> frozenset[bytes]:
        """The pairs that it holds: those of its machine while it is bound, else none (R10)."""
        return self.machine.pairs() if self.is_bound else frozenset()

    @property
    def due_at(self) -> int | None:
        """When the sweep has to mark it by itself: the end of an active temporary licence (R22).

        ``None`` for every other one: those are found by their organization.
        """
        return self.term.expires_at if self.term and self.state is State.ACTIVE else None

    @property
    def status_follows_subscription(self) -> bool:
        """Whether its :class:`Status` depends on the subscription: only while active or expired."""
        return self.state in _COLOURED

    @property
    def facts(self) -> Facts:
        """What its history tells of it as it is now, from which that can be rebuilt (R33)."""
        facts: dict[str, Fact] = {
            "kind": self.kind.value,
            "state": self.state.value,
            "environment": self.environment,
            "computer_name": self.computer_name,
            # A digest of keyed digests: it tells machines apart and gives no component away (R35).
            "machine": self.machine.identity().hex(),
            "exclusive": self.exclusive,
            "primary": self.primary,
            "label": self.label,
            "device_key": self.device_key,
        }
        if self.pending_key is not None:
            facts["pending_device_key"] = self.pending_key
        if self.term is not None:
            facts |= {"expires_at": self.term.expires_at, "holder": self.term.holder}
            if self.term.note is not None:
                facts["note"] = self.term.note
        return facts

    def key(self, secret: bytes) -> license_key.LicenseKey:
        """This licence's key; ``secret`` is the one of its own ``secret_version`` (R2, R3)."""
        subject = KeySubject(self.id, self.organization_id, self.identity, self.environment)
        return license_key.derive(secret, self.secret_version, subject)

    def status(self, subscription: Subscription, now: int) -> Status:
        """What people see at ``now``, see :func:`status_of` (R14)."""
        return status_of(self.state, subscription, now)

    @property
    def open_actions(self) -> Sequence[AdministeredAction]:
        """The administrators' actions that would change its state (R21)."""
        return [
            action
            for action in ADMINISTERED
            if TRANSITIONS.get((self.state, action), self.state) is not self.state
        ]

    def valid_until(self, subscription: Subscription) -> int:
        """When it ends: with the subscription, or with its own term if sooner (R14, R27)."""
        if self.term is None:
            return subscription.valid_until
        return min(subscription.valid_until, self.term.expires_at)

    def after(self, action: Action, now: int) -> License | Refused:
        """This licence after ``action``, or why :data:`TRANSITIONS` refuses it (R21).

        The same object when the action is a repetition: then there is nothing to write.
        """
        target = TRANSITIONS.get((self.state, action))
        if target is None:
            return Refused(
                RefusalCode.INVALID_TRANSITION,
                f"Cannot {action} a license that is {self.state}.",
            )
        if target is self.state:
            return self
        added_by = self.added_by if target in BOUND else None
        changed = self.changed(now, state=target, added_by=added_by)
        if action in _BEGINNINGS:
            # After a block one agent alone goes on: none of its older leases shall count as a
            # clone's.
            return replace(changed, chain=self.chain.begun_anew())
        # No key waits for a machine that is given up.
        return replace(changed, pending_key=None) if action in _SEPARATIONS else changed

    def key_to_prove(
        self, proof: Proof | InvalidProof | None, now: int, *, locked: bool
    ) -> str | None:
        """The device key that a validation with ``proof`` has to prove at ``now`` (R36).

        That is the bound one. From ``leased_until`` on it is the pending one, when that is proved,
        unless only administrators replace keys (``locked``).
        """
        if (
            isinstance(proof, Proof)
            and proof.thumbprint == self.pending_key
            and now >= self.leased_until
            and not locked
        ):
            return self.pending_key
        return self.device_key

    def proved(self, proof: Proof, now: int) -> License:
        """This licence after a validation has proved :meth:`key_to_prove` at ``now`` (R36).

        The bound key's proof ends a pending one; a pending key's puts that in the place of the
        bound one. A proof over a nonce of the service counts once. Raises
        :class:`~licensing.domain.errors.StaleProof` when such a one is not newer than what has
        counted.
        """
        self.demand_newer(proof)
        proved = replace(self, proved_ms=proof.made_ms or self.proved_ms, pending_key=None)
        if proof.thumbprint == self.device_key:
            return proved
        # Another agent goes on, whose lease was none of the chain's.
        return replace(
            proved,
            device_key=proof.thumbprint,
            keys=self.keys.after(self.device_key, proof.thumbprint, now),
            chain=NO_CHAIN,
        )

    def demand_newer(self, proof: Proof) -> None:
        """Check that ``proof`` is newer than what has counted, or over a lease (R36).

        Raises :class:`~licensing.domain.errors.StaleProof`.
        """
        if proof.made_ms is not None and proof.made_ms <= self.proved_ms:
            raise already_used()

    def noted(self, proof: Proof) -> License:
        """This licence after a login with ``proof``, whose id counts once (R36).

        No validation's proof that is older counts from then on.
        """
        return replace(self, proved_ms=max(self.proved_ms, proof.made_ms or 0))

    def moved_at(self, now: int) -> License:
        """This licence after its chain has moved: no proof counts that was made before ``now``."""
        if self.device_key is None:
            return self
        return replace(self, proved_ms=max(self.proved_ms, now * 1000))

    def leased(self, until: int) -> License:
        """This licence after a lease that ends at ``until`` was granted."""
        return replace(self, leased_until=max(self.leased_until, until))

    def sighted(self, now: int, agent_version: str | None, source_address: str | None) -> LastSeen:
        """The ``last_seen`` of this licence when its agent is seen at ``now`` (R17)."""
        if self.last_seen is None:
            return LastSeen(now, agent_version, source_address)
        return self.last_seen.again(now, agent_version, source_address)

    def changed(self, now: int, **changes: Unpack[Changes]) -> License:
        """This licence with other fields, one revision on."""
        return replace(
            self, revision=self.revision + 1, updated_at=max(now, self.updated_at), **changes
        )


class Changes(TypedDict, total=False):
    """The fields that a change may set; ``state`` only through :meth:`License.after` (R21)."""

    state: State
    machine: Machine
    computer_name: str | None
    primary: bool
    label: str | None
    exclusive: bool
    term: Term
    device_key: str | None
    keys: KeyHistory
    added_by: bytes | None
    pending_key: str | None
    lent_at: int
    agent_version: str | None


# Actions after which the chain of leases begins anew.
_BEGINNINGS: Final = frozenset({Action.ATTACH})

# Actions after which the licence has no machine any more.
_SEPARATIONS: Final = frozenset({Action.DISSOCIATE, Action.REVOKE})

# Between these two only the sweep decides, and it comes late: people see the subscription instead.
_COLOURED: Final = frozenset({State.ACTIVE, State.EXPIRED})

_STATUS_BY_STANDING: Final = MappingProxyType(
    {
        Standing.CURRENT: Status.ACTIVE,
        Standing.SUSPENDED: Status.SUSPENDED,
        Standing.ENDED: Status.EXPIRED,
    }
)


def heard_of_at(issued_at: int, seen_at: int | None) -> int:
    """When an agent was last heard of: when it was seen, or else when its licence was issued.

    >>> heard_of_at(1_900_000_000, None), heard_of_at(1_900_000_000, 1_900_000_060)
    (1900000000, 1900000060)
    """
    return issued_at if seen_at is None else seen_at


def status_of(state: State, subscription: Subscription, now: int) -> Status:
    """What people see at ``now`` of a licence in ``state`` (R14).

    Detached, dissociated and revoked show as they are. In the other states the subscription
    decides, so that an end shows at once, before the sweep has marked it.

    >>> from licensing.domain.organization import Subscription, SubscriptionStatus
    >>> subscription = Subscription(1_900_000_000, SubscriptionStatus.ACTIVE)
    >>> status_of(State.ACTIVE, subscription, now=1_900_000_000)
    <Status.EXPIRED: 'expired'>
    """
    if state not in _COLOURED:
        return Status(state.value)
    return _STATUS_BY_STANDING[subscription.standing(now)]
