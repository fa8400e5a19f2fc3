"""What happens in a month: to the network, the organizations, and each agent. Made from a seed.

Nothing here knows the client or the service; times are epoch seconds as they really are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

HOUR: Final = 3600
DAY: Final = 24 * HOUR
BEGIN: Final = 1_900_000_000
FIRST_LOGINS: Final = 12 * HOUR
"""Over how long a fleet is rolled out."""
PROVES: Final = 5
"""Of so many agents one has a device key."""
RECOVERY: Final = HOUR / 2
"""For how many seconds it is felt that something is over."""


class Way(StrEnum):
    """What is wrong with the way to the service."""

    CUT = "cut"
    """Nothing gets through."""
    BUSY = "busy"
    """A gateway in front of it answers 503, and names a time to wait."""
    THROTTLED = "throttled"
    """A gateway in front of it answers 429, without one."""
    MAINTENANCE = "maintenance"
    """A page in its place answers 503, and asks for a day of patience."""
    PAGE = "page"
    """A page in its place answers 200."""


class Time(StrEnum):
    """When a request is made."""

    OUTAGE = "outage"
    """In an outage, or soon after one."""
    END = "end"
    """About when a subscription ends or is paused, and until it has been good for a while."""
    QUIET = "quiet"
    """At any other time."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the service is out of reach, for all or for those whose place is below."""

    since: float
    until: float
    way: Way
    below: float = 1.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands between one agent and the service, for good.

    ``drops_proof`` is the share of requests that lose their proof, ``replays`` that of requests
    which do not arrive and are answered as the last one to that address was. ``drops_nonce``: no
    answer keeps the header that tells what the next proof needs.
    """

    drops_proof: float = 0.0
    replays: float = 0.0
    drops_nonce: bool = False


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What an organization's subscription is from ``at`` on."""

    at: float
    valid_until: float
    status: str = "active"

    def code(self, at: float) -> str:
        """What a validation says of it."""
        if self.status != "active":
            return "SUSPENDED"
        return "VALID" if at < self.valid_until else "EXPIRED"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization, and how its subscription changes."""

    id: str
    changes: tuple[Subscribed, ...]

    def subscribed(self, at: float) -> Subscribed:
        """The latest change."""
        return next((one for one in reversed(self.changes) if one.at <= at), self.changes[0])

    def turns(self) -> Iterator[float]:
        """When it begins or ceases to be good."""
        for one in self.changes:
            yield from (one.at, one.valid_until)


@dataclass(frozen=True, slots=True)
class Stop:
    """The agent's process ends, killed or in good order, and starts ``seconds`` later."""

    at: float
    seconds: float
    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What happens to one agent.

    ``place`` decides which outages it is in; ``ahead`` is how wrong its clock is, and ``jumps`` are
    when it is set, and by how much. A person is there for its first login and from ``again_at`` on.
    ``proves`` says that it has a device key. ``proxy`` stands before it alone, and in ``outages``
    the service is out of its reach alone. From ``copied_at`` on, another one runs on a copy of
    the whole machine.
    """

    number: int
    organization: Organization
    place: float
    first_login: float
    ahead: float = 0.0
    jumps: tuple[tuple[float, float], ...] = ()
    stops: tuple[Stop, ...] = ()
    revoked_at: float | None = None
    again_at: float | None = None
    blocked: tuple[float, float] | None = None
    proves: bool = False
    proxy: Proxy | None = None
    outages: tuple[Outage, ...] = ()
    copied_at: float | None = None
    is_copy: bool = False

    def copy(self) -> Life:
        """The other one's life, of which nothing else is known."""
        return replace(self, jumps=(), stops=(), copied_at=None, is_copy=True)

    def has_person(self, at: float) -> bool:
        """Whether somebody can log in."""
        is_new = at < self.first_login + DAY
        return is_new or (self.again_at is not None and at >= self.again_at)

    def is_blocked(self, at: float) -> bool:
        """Whether an administrator has blocked it."""
        return self.blocked is not None and self.blocked[0] <= at < self.blocked[1]

    def code(self, at: float, logged_in: float) -> str:
        """What a validation has to answer for the licence of the login at ``logged_in``."""
        if self.revoked_at is not None and logged_in < self.revoked_at <= at:
            return "REVOKED"
        if self.is_blocked(at):
            return "DETACHED"
        return self.organization.subscribed(at).code(at)

    def turns(self) -> Iterator[float]:
        """When anything changes about what it may do."""
        yield from self.organization.turns()
        yield from (at for at in (self.revoked_at, self.again_at) if at is not None)
        yield from self.blocked or ()


@dataclass(frozen=True, slots=True)
class Story:
    """All of it. ``rotations`` are when the server secret gets another version."""

    end: float
    outages: tuple[Outage, ...]
    organizations: tuple[Organization, ...]
    lives: tuple[Life, ...]
    rotations: tuple[float, ...]
    lost: float = 0.005
    """The share of requests, and of answers, that are lost without any outage."""
    seed: int = 0

    def outage(self, life: Life, at: float) -> Outage | None:
        """What keeps an agent from the service."""
        for one in (*self.outages, *life.outages):
            if one.since <= at < one.until and life.place < one.below:
                return one
        return None

    def time(self, life: Life, at: float) -> Time:
        """What is special about a moment for an agent's organization."""
        if any(one.since <= at < one.until + RECOVERY for one in self.outages):
            return Time.OUTAGE
        around = (at - RECOVERY, at, at + RECOVERY)
        is_good = all(life.organization.subscribed(one).code(one) == "VALID" for one in around)
        return Time.QUIET if is_good else Time.END


OUTAGES: Final = (
    # (day, hours, what, for which part of the fleet)
    (2.0, 4 / 60, Way.CUT, 1.0),
    (3.0, 0.75, Way.CUT, 1.0),
    (5.0, 3.0, Way.CUT, 1.0),
    (7.0, 6.0, Way.BUSY, 1.0),
    (9.0, 5.0, Way.THROTTLED, 1.0),
    (11.0, 20.0, Way.CUT, 1.0),  # more than half a lease, less than a lease
    (15.0, 40.0, Way.CUT, 0.2),  # more than a lease
    (21.0, 6.0, Way.CUT, 0.5),
)
_ROTATED: Final = 18.0
_LONG: Final = 11.0  # when the outage of 20 hours begins


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of it: so many organizations of so many agents, for so many days.

    Of each ``copied`` agents one is copied; of each ``proxied``, one is behind a proxy of its own.
    """

    organizations: range
    agents: int
    days: float = 30.0
    proxied: int = 10
    copied: int | None = None


def told(extent: Extent, seed: int) -> Story:
    """The story of a part of the fleet."""
    chance = random.Random(f"{seed}/{extent.organizations.start}")  # noqa: S311 - reproducible
    end = BEGIN + extent.days * DAY
    organizations = tuple(_organization(number) for number in extent.organizations)
    return Story(
        end=end,
        outages=tuple(
            Outage(BEGIN + day * DAY, BEGIN + day * DAY + hours * HOUR, way, below)
            for day, hours, way, below in OUTAGES
            if day < extent.days
        ),
        organizations=organizations,
        lives=tuple(
            _perhaps_proxied(life, extent.proxied, end)
            for at, organization in zip(extent.organizations, organizations, strict=True)
            for number in range(at * extent.agents, (at + 1) * extent.agents)
            for life in (
                _perhaps_copied(
                    _life(number, organization, end, chance), extent.copied, end, chance
                ),
            )
        ),
        rotations=(BEGIN + _ROTATED * DAY,),
        seed=chance.getrandbits(32),
    )


def _organization(number: int) -> Organization:
    """Most of them are good all the time; of the first of each twenty, some are not."""
    year = BEGIN + 365 * DAY
    ended, paused, in_outage = (int(BEGIN + day * DAY) for day in (13.3, 19.2, _LONG + 0.25))
    changes = {
        0: (Subscribed(BEGIN, ended), Subscribed(ended + DAY, year)),
        1: (
            Subscribed(BEGIN, year),
            Subscribed(paused, year, "paused"),
            Subscribed(paused + 15 * HOUR, year),
        ),
        # It ends while nobody can be told, and is renewed while nobody can be told.
        2: (Subscribed(BEGIN, in_outage), Subscribed(in_outage + 6 * HOUR, year)),
        # It is renewed in time, after leases have been granted that end with it.
        3: (Subscribed(BEGIN, ended), Subscribed(ended - HOUR, year)),
    }
    return Organization(
        f"organization-{number}", changes.get(number % 20, (Subscribed(BEGIN, year),))
    )


def _life(number: int, organization: Organization, end: float, chance: random.Random) -> Life:
    first_login = BEGIN + chance.uniform(1, FIRST_LOGINS)
    kind, clock = chance.random(), chance.random()
    revoked_at = chance.uniform(BEGIN + DAY, end) if kind < 0.02 else None
    blocked_at = chance.uniform(BEGIN + DAY, end) if 0.02 <= kind < 0.03 else None
    return Life(
        number=number,
        organization=organization,
        place=chance.random(),
        first_login=first_login,
        ahead=chance.uniform(-10 * DAY, 10 * DAY) if clock < 0.1 else chance.uniform(-30, 30),
        jumps=tuple(sorted(_jumps(end, chance))) if 0.1 <= clock < 0.15 else (),
        stops=tuple(_stops(first_login, end, chance)),
        revoked_at=revoked_at,
        again_at=revoked_at + chance.uniform(HOUR, DAY) if revoked_at and kind < 0.01 else None,
        blocked=(blocked_at, blocked_at + chance.uniform(HOUR, 2 * DAY)) if blocked_at else None,
        proves=number % PROVES == 0,
    )


def _perhaps_copied(life: Life, each: int | None, end: float, chance: random.Random) -> Life:
    """With time enough left to find that, and nothing else that would keep it from being found."""
    if each is None or life.number % each or life.revoked_at or life.blocked:
        return life
    return replace(life, copied_at=chance.uniform(BEGIN + DAY, end - 5 * DAY))


def _perhaps_proxied(life: Life, each: int, end: float) -> Life:
    """With one of five things between it and the service; all of them have a device key."""
    if life.number % each != each // 2 or life.copied_at is not None:
        return life
    # By the number, so that all else is as it would be without.
    kind, day = life.number // each % 5, 1 + life.number % 7
    begin = BEGIN + day * DAY + life.place * DAY
    nothing: tuple[Outage, ...] = ()
    proxy, outages = (
        (Proxy(replays=0.3), nothing),
        (Proxy(drops_proof=0.2), nothing),
        (Proxy(drops_nonce=True), nothing),
        (Proxy(), tuple(_outages(Way.MAINTENANCE, begin, end, 1.0))),
        (Proxy(), tuple(_outages(Way.PAGE, begin, end, 10.0))),
    )[kind]
    return replace(life, proves=True, proxy=proxy, outages=outages)


def _outages(way: Way, begin: float, end: float, hours: float) -> Iterator[Outage]:
    """Every week."""
    at = begin
    while at < end:
        yield Outage(at, at + hours * HOUR, way)
        at += 7 * DAY


def _jumps(end: float, chance: random.Random) -> Iterator[tuple[float, float]]:
    for _ in range(chance.randint(1, 4)):
        yield chance.uniform(BEGIN, end), chance.uniform(-3 * DAY, 3 * DAY)


def _stops(since: float, end: float, chance: random.Random) -> Iterator[Stop]:
    """Every five days or so, for a minute or a night."""
    at = since
    while (at := at + chance.expovariate(1 / (5 * DAY))) < end:
        seconds = chance.choice((5.0, 60.0, chance.uniform(60, 10 * HOUR)))
        yield Stop(at, seconds, killed=chance.random() < 0.5)
        at += seconds
