"""The licence and its state machine (R15, R18–R22, R27).

What this module guarantees: :data:`TRANSITIONS` is the whole state machine; nothing else decides a
transition (R21). All times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypedDict, Unpack

from licensing.domain import license_key
from licensing.domain.device_key import Proof
from licensing.domain.errors import StaleProof
from licensing.domain.lease_chain import Chain
from licensing.domain.license_key import KeySubject
from licensing.domain.machine import Machine
from licensing.domain.organization import Standing, Subscription
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.temporary_license import Term


class State(StrEnum):
    """Where a licence is in its life, as stored."""

    ACTIVE = "active"
    DETACHED = "detached"
    DISSOCIATED = "dissociated"
    EXPIRED = "expired"
    REVOKED = "revoked"


BOUND: Final = frozenset({State.ACTIVE, State.DETACHED, State.EXPIRED})
"""The states in which a licence holds its machine and a seat."""


class Action(StrEnum):
    """What can be done to a licence after its issue."""

    REVOKE = "revoke"
    DETACH = "detach"
    ATTACH = "attach"
    DISSOCIATE = "dissociate"
    REASSIGN = "reassign"
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
"""(from, action) → to. A pair that is not here is refused; from = to is a repetition (R18–R21)."""


ADMINISTERED: Final = (Action.DETACH, Action.ATTACH, Action.DISSOCIATE, Action.REVOKE)
"""What administrators do, from the mildest to the gravest; the rest is logins' and the sweep's."""


class Kind(StrEnum):
    """The two kinds of licences."""

    STANDARD = "standard"
    TEMPORARY = "temporary"


class Status(StrEnum):
    """A licence's status as people see it: its state seen through the subscription (R14)."""

    ACTIVE = "active"
    DETACHED = "detached"
    DISSOCIATED = "dissociated"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"


TemporaryStatus = Literal[Status.ACTIVE, Status.EXPIRED, Status.REVOKED]
"""What super-admins see of a temporary licence: its own time and end, whatever its client's are."""


HOUR: Final = 3600

SEEN_HOURS: Final = 176
"""How many hours back it is known when an agent was seen: a week, and time to read its pages."""


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When, from where and with which version an agent was last seen (R17).

    ``hours`` says in which hours it was: bit *i* is set when it was noted as seen in the hour that
    lies *i* hours before that of ``at``, for *i* below :data:`SEEN_HOURS`.
    """

    at: int
    agent_version: str | None
    source_address: str | None
    hours: int = 1

    def again(self, at: int, agent_version: str | None, source_address: str | None) -> LastSeen:
        """What follows when it is seen again."""
        return LastSeen(at, agent_version, source_address, self.hours_until(at // HOUR) | 1)

    def hours_until(self, hour: int) -> int:
        """``hours`` as seen from ``hour``, in hours since the epoch; what is later is not there."""
        passed = hour - self.at // HOUR
        moved = self.hours << min(passed, SEEN_HOURS) if passed > 0 else self.hours >> -passed
        return moved & _ALL_HOURS


_ALL_HOURS: Final = (1 << SEEN_HOURS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """The record that binds a licence key to (organization, machine, environment).

    ``identity`` and ``secret_version`` are what the key was derived from at issue and never
    change (R3). ``revision`` grows by one with every change and orders the licence's history;
    ``updated_at`` never runs backwards, whatever the clocks of two servers say. ``issued_by`` is
    the subject of the user who logged in first, or who generated it. ``exclusive`` says that its
    machine is its organization's alone (R31). ``term`` is there when the licence is temporary:
    such a licence holds no machine and no seat (R26). ``device_key`` is the thumbprint of the key
    that its agent has to prove to hold, if there is one.

    ``last_seen``, ``chain`` and ``proved_ms`` are traces of its use: they move without a revision.
    ``chain`` is where the chain of its leases stands, ``None`` until an agent presents one;
    ``proved_ms`` is how new the last proof was that has counted, in epoch milliseconds.
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
    issued_at: int
    issued_by: str
    agent_version: str | None
    revision: int = 1
    updated_at: int
    last_seen: LastSeen | None = None
    chain: Chain | None = None
    proved_ms: int = 0

    @property
    def kind(self) -> Kind:
        """Whether it is one of the organization's own or a partner's."""
        return Kind.STANDARD if self.term is None else Kind.TEMPORARY

    @property
    def is_bound(self) -> bool:
        """Whether it holds its machine and a seat (R6)."""
        return self.state in BOUND and self.term is None

    @property
    def claims(self) -> frozenset[bytes]:
        """The pairs that it holds: its machine's while bound, none otherwise (R10)."""
        return self.machine.pairs() if self.is_bound else frozenset()

    @property
    def due_at(self) -> int | None:
        """When the sweep has to look at it by itself: a temporary licence's end (R22)."""
        return self.term.expires_at if self.term and self.state is State.ACTIVE else None

    @property
    def status_follows_subscription(self) -> bool:
        """Whether people see the subscription's standing in it: not while blocked or gone."""
        return self.state in _COLOURED

    def key(self, secret: bytes) -> license_key.LicenseKey:
        """This licence's key; ``secret`` is that of its own ``secret_version`` (R2, R3)."""
        subject = KeySubject(self.id, self.organization_id, self.identity, self.environment)
        return license_key.derive(secret, self.secret_version, subject)

    def status(self, subscription: Subscription, now: int) -> Status:
        """What people see: blocked, gone, or as good as the subscription is (R14)."""
        return status_of(self.state, subscription, now)

    @property
    def open_actions(self) -> Sequence[Action]:
        """What an administrator can do to it now that would change it (R21)."""
        return [
            action
            for action in ADMINISTERED
            if TRANSITIONS.get((self.state, action), self.state) is not self.state
        ]

    def valid_until(self, subscription: Subscription) -> int:
        """When it ends, as things are: with the subscription or its own term (R14, R27)."""
        if self.term is None:
            return subscription.valid_until
        return min(subscription.valid_until, self.term.expires_at)

    def after(self, action: Action, now: int) -> License | Refused:
        """This licence after ``action``, itself when the action is a repetition (R21)."""
        target = TRANSITIONS.get((self.state, action))
        if target is None:
            return Refused(
                RefusalCode.INVALID_TRANSITION,
                f"Cannot {action} a license that is {self.state}.",
            )
        if target is self.state:
            return self
        changed = self.changed(now, state=target)
        # Who works on after a block or on another machine, works on alone: a new chain.
        return replace(changed, chain=None) if action in _BEGINNINGS else changed

    def proved(self, proof: Proof) -> License:
        """This licence after a proof, which counts once.

        Raises :class:`StaleProof` for one that is not newer than the last.
        """
        if proof.made_ms <= self.proved_ms:
            raise StaleProof("The proof has been used. Make another with this answer's nonce.")
        return replace(self, proved_ms=proof.made_ms)

    def sighted(self, now: int, agent_version: str | None, source_address: str | None) -> LastSeen:
        """How this licence's agent was last seen, when it is seen at ``now`` (R17)."""
        if self.last_seen is None:
            return LastSeen(now, agent_version, source_address)
        return self.last_seen.again(now, agent_version, source_address)

    def changed(self, now: int, **changes: Unpack[Changes]) -> License:
        """This licence after a change, one revision on."""
        return replace(
            self, revision=self.revision + 1, updated_at=max(now, self.updated_at), **changes
        )


class Changes(TypedDict, total=False):
    """What may change of a licence; its state only through :meth:`License.after`."""

    state: State
    machine: Machine
    computer_name: str | None
    primary: bool
    label: str | None
    exclusive: bool
    term: Term
    device_key: str | None
    agent_version: str | None


_BEGINNINGS: Final = frozenset({Action.ATTACH, Action.REASSIGN})

_COLOURED: Final = frozenset({State.ACTIVE, State.EXPIRED})

_STATUS_BY_STANDING: Final = MappingProxyType(
    {
        Standing.CURRENT: Status.ACTIVE,
        Standing.SUSPENDED: Status.SUSPENDED,
        Standing.ENDED: Status.EXPIRED,
    }
)


def status_of(state: State, subscription: Subscription, now: int) -> Status:
    """What people see of a licence in that state (R14)."""
    if state not in _COLOURED:
        return Status(state.value)
    return _STATUS_BY_STANDING[subscription.standing(now)]
