"""Organizations, their subscription and their seats (R6, R14, R22, R24).

What this module guarantees:

* Whether a subscription is good at an instant is decided here and nowhere else, from the
  subscription and ``now`` alone; no sweep, mark or index takes part (R14).
* A subscription that ends at second *t* is good up to and excluding *t*.

All times are integer epoch seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypedDict, Unpack

from licensing.domain.facts import Facts

DAY: Final = 86_400

ANNOUNCED_DAYS: Final = (30, 7, 1)
"""How many days ahead the end of a subscription is announced, each once (R22)."""

_ORGANIZATION_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


def is_organization_id(text: str) -> bool:
    """Whether ``text`` has the form of an organization id: 2 to 63 of ``a-z``, ``0-9``, ``-``."""
    return _ORGANIZATION_ID.fullmatch(text) is not None


class SubscriptionStatus(StrEnum):
    """The status of a subscription, as the vendor or its billing has set it (R24)."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Standing(StrEnum):
    """What a subscription means for the organization's agents at one instant (R13)."""

    CURRENT = "current"
    # Paused or cancelled, whether its time is over or not.
    SUSPENDED = "suspended"
    ENDED = "ended"


class SeatUse(StrEnum):
    """How much is left of an organization's seats, where that is little or nothing (R6)."""

    # Nobody gets in any more.
    FULL = "full"
    # Nine tenths are used, or more, and one is free at least.
    NEARLY = "nearly"


def seat_use(seats: int, max_agents: int | None) -> SeatUse | None:
    """What is left of the seats; ``None`` while there are enough, or no limit.

    >>> seat_use(9, 10), seat_use(10, 10), seat_use(8, 10) is seat_use(500, None) is None
    (<SeatUse.NEARLY: 'nearly'>, <SeatUse.FULL: 'full'>, True)
    """
    if max_agents is None or seats * 10 < max_agents * 9:
        return None
    return SeatUse.FULL if seats >= max_agents else SeatUse.NEARLY


@dataclass(frozen=True, slots=True)
class Subscription:
    """Until when an organization's agents may work, in epoch seconds, and whether they may at all.

    >>> subscription = Subscription(1_900_000_000, SubscriptionStatus.ACTIVE)
    >>> subscription.standing(now=1_899_999_999), subscription.standing(now=1_900_000_000)
    (<Standing.CURRENT: 'current'>, <Standing.ENDED: 'ended'>)
    """

    valid_until: int
    status: SubscriptionStatus

    def standing(self, now: int) -> Standing:
        """How it stands at ``now``; one that is suspended and over counts as suspended (R13)."""
        if self.status is not SubscriptionStatus.ACTIVE:
            return Standing.SUSPENDED
        return Standing.ENDED if self.has_ended(now) else Standing.CURRENT

    def has_ended(self, now: int) -> bool:
        """Whether its time is over, paused or not. The sweep marks licences by this (R22)."""
        return now >= self.valid_until


@dataclass(frozen=True, slots=True)
class Policy:
    """What the organization demands of its agents (R38).

    ``require_device_key``: an agent without a device key, or without a proof of it, is refused.
    ``block_clones``: a licence that two agents seem to use is detached at once, until an
    administrator attaches it; and once its agent has presented a lease, the key alone is refused
    (R37). ``lock_device_keys``: only an administrator, or a proof of the old key, replaces a
    licence's device key (R36). ``agents_per_member``: how many agents a member may add; ``None``
    sets no limit.

    >>> chosen = Policy(block_clones=True, agents_per_member=5)
    >>> chosen.at_least(PolicyFloor(require_device_key=True, agents_per_member=2))
    Policy(require_device_key=True, block_clones=True, lock_device_keys=False, agents_per_member=2)
    """

    require_device_key: bool = False
    block_clones: bool = False
    lock_device_keys: bool = False
    agents_per_member: int | None = None

    def at_least(self, floor: PolicyFloor) -> Policy:
        """The policy that counts: in each point the stricter one of this and ``floor`` (R38)."""
        limits = (self.agents_per_member, floor.agents_per_member)
        return Policy(
            require_device_key=self.require_device_key or floor.require_device_key,
            block_clones=self.block_clones or floor.block_clones,
            lock_device_keys=self.lock_device_keys or floor.lock_device_keys,
            agents_per_member=min((n for n in limits if n is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class PolicyFloor(Policy):
    """What the vendor demands of the agents of every organization, whatever those decide (R38).

    It is the deployment's, not in any record: a raised floor acts at once on all organizations, and
    each has its own decisions back when it is lowered.
    """


class Terms(TypedDict, total=False):
    """What the vendor says of an organization, or a part of it (R24).

    ``valid_until`` is in epoch seconds. ``max_agents`` of ``None`` sets no limit.
    """

    name: str
    valid_until: int
    status: SubscriptionStatus
    max_agents: int | None


def digest_of(terms: Terms) -> str:
    """What tells terms from other ones, in 32 hexadecimal digits.

    >>> digest_of({"name": "Acme"}) == digest_of({"name": "Acme", "max_agents": None})
    False
    """
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()[:32]


class Changes(TypedDict, total=False):
    """The fields that a change may set."""

    name: str
    subscription: Subscription
    max_agents: int | None
    policy: Policy
    billing_version: int
    billing_digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A customer, with its subscription and its seats.

    ``max_agents`` limits the seats; ``None`` sets no limit. ``seats`` counts the bound licences and
    is changed by the store alone, in the transaction that binds or frees one (R6). ``version``
    grows by one with every change of name, subscription, seat limit or policy: clients see it as
    the ETag. ``billing_version`` is the highest version that billing's events have brought, or that
    a super-admin has set; ``billing_digest`` is of the terms that billing named with it, ``None``
    where nobody knows them (R24).
    ``policy`` is what it has decided itself; :meth:`Policy.at_least` says what counts.
    ``announced_days`` is the last announcement of the present ``valid_until``, in days ahead,
    ``None`` before the first (R22). ``updated_at`` is the time of the last change; it never runs
    backwards.
    """

    id: str
    name: str
    subscription: Subscription
    max_agents: int | None
    seats: int = 0
    version: int = 1
    billing_version: int = 0
    billing_digest: str | None = None
    announced_days: int | None = None
    policy: Policy = Policy()
    updated_at: int

    @property
    def facts(self) -> Facts:
        """What its history tells of it as it is (R32)."""
        return {
            "name": self.name,
            "valid_until": self.subscription.valid_until,
            "status": self.subscription.status.value,
            "max_agents": self.max_agents,
            "billing_version": self.billing_version,
            "announced_days": self.announced_days,
            "require_device_key": self.policy.require_device_key,
            "block_clones": self.policy.block_clones,
            "lock_device_keys": self.policy.lock_device_keys,
            "agents_per_member": self.policy.agents_per_member,
        }

    def has_free_seat(self) -> bool:
        """Whether one more licence may be bound (R6)."""
        return self.max_agents is None or self.seats < self.max_agents

    def under(self, terms: Terms) -> Changes:
        """What comes of ``terms``: what they do not name stays as it is."""
        return {
            "name": terms.get("name", self.name),
            "subscription": Subscription(
                terms.get("valid_until", self.subscription.valid_until),
                terms.get("status", self.subscription.status),
            ),
            "max_agents": terms.get("max_agents", self.max_agents),
        }

    def meets(self, terms: Terms) -> bool:
        """Whether all that ``terms`` name is so already."""
        return replace(self, **self.under(terms)) == self

    def changed(self, *, now: int, **changes: Unpack[Changes]) -> Organization:
        """This organization with other fields, one version on; a new end is announced anew: R22."""
        draft = replace(self, **changes)
        same_end = draft.subscription.valid_until == self.subscription.valid_until
        return replace(
            draft,
            version=self.version + 1,
            announced_days=self.announced_days if same_end else None,
            updated_at=max(now, self.updated_at),
        )

    def due_announcement(self, now: int) -> int | None:
        """The announcement to make at ``now``, in days ahead, or ``None`` (R22).

        Only the closest one that has been reached: a subscription of five days is announced as
        ending within seven, not also within thirty.

        >>> subscription = Subscription(1_900_000_000 + 5 * DAY, SubscriptionStatus.ACTIVE)
        >>> organization = Organization(
        ...     id="acme",
        ...     name="Acme",
        ...     subscription=subscription,
        ...     max_agents=10,
        ...     updated_at=1_900_000_000,
        ... )
        >>> organization.due_announcement(now=1_900_000_000)
        7
        >>> announced = replace(organization, announced_days=7)
        >>> announced.due_announcement(now=1_900_000_000) is None
        True
        """
        if self.subscription.standing(now) is not Standing.CURRENT:
            return None
        reached = [
            days for days in ANNOUNCED_DAYS if now >= self.subscription.valid_until - days * DAY
        ]
        # The days are in descending order, so the last one that was reached is the closest.
        if not reached or (self.announced_days is not None and reached[-1] >= self.announced_days):
            return None
        return reached[-1]

    def next_due(self, now: int) -> int | None:
        """When the sweep has to look at this organization after ``now``, ``None`` for never (R23).

        At the next announcement, or at the subscription's end.
        """
        end = self.subscription.valid_until
        moments = [end, *(end - days * DAY for days in ANNOUNCED_DAYS)]
        return min((moment for moment in moments if moment > now), default=None)

    def last_turn(self, now: int) -> int:
        """When the sweep last got a reason to mark or reinstate licences, in epoch seconds.

        That is the organization's last change, or the subscription's end if it came later.
        """
        return (
            max(self.updated_at, self.subscription.valid_until)
            if self.subscription.has_ended(now)
            else self.updated_at
        )
