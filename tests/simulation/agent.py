"""Agents as the reference client behaves, and their machines: switched off, restored, copied.

An agent presents its last lease. It asks at a start, and after halfway through a lease; a question
that is not answered is asked again with its nonce. Without a licence key it waits for a person, who
logs in. What it keeps is its :class:`Disk`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import inf
from operator import attrgetter
from typing import Final

from licensing.domain.lease_chain import Link, halfway
from tests.simulation.service import HOUR, Asks, No, Service

FIRST_RETRY: Final = 2.0
LONGEST_RETRY: Final = 600.0
REFUSED_AGAIN: Final = 900.0
ROUND_TRIP: Final = 0.1

Happening = tuple[float, Callable[[float], None]]


@dataclass(frozen=True, slots=True)
class Disk:
    """What an agent keeps.

    That is whether it has a licence key, its last lease, the nonce of a question that is open, and
    its device key.
    """

    has_key: bool = False
    link: Link | None = None
    asked: str | None = None
    device: str | None = None


@dataclass(slots=True)
class Storage:
    """Where it keeps that. ``past`` is all that was kept, with its time, for backups."""

    disk: Disk
    past: list[tuple[float, Disk]]

    def keep(self, disk: Disk, at: float) -> None:
        """Write."""
        self.disk = disk
        self.past.append((at, disk))

    def as_of(self, at: float) -> Disk:
        """What was kept then."""
        return next((disk for then, disk in reversed(self.past) if then <= at), self.past[0][1])


@dataclass(frozen=True, slots=True)
class Ways:
    """How an agent goes about it.

    ``lost`` is the share of answers that do not arrive. ``patience``: within how many seconds a
    person logs in. ``presents``: agents up to 4.3 do not. ``always_logs_in``: it never validates.
    """

    lost: float = 0.0
    patience: float = 8 * HOUR
    presents: bool = True
    by_administrator: bool = False
    always_logs_in: bool = False


USUAL: Final = Ways()


class Agent:
    """One agent on one machine. ``due``: when it asks next, never while it is switched off."""

    def __init__(
        self, service: Service, chance: random.Random, storage: Storage, ways: Ways = USUAL
    ) -> None:
        self.service = service
        self.chance = chance
        self.storage = storage
        self.ways = ways
        self.due = inf
        self.leases = 0
        """Answers with a lease."""
        self.renewals = 0
        """Those with another lease than the last one."""
        self.is_cut = False
        """Whether its network is away."""
        self._failures = 0
        self._needs_person = False

    @property
    def disk(self) -> Disk:
        """What it keeps now."""
        return self.storage.disk

    def start(self, at: float) -> None:
        """The machine is switched on: the agent asks at once."""
        self._failures = 0
        self._needs_person = not self.disk.has_key
        self.due = at + (self._person() if self._needs_person else 0)

    def stop(self, at: float) -> None:  # noqa: ARG002 - a happening
        """The machine is switched off."""
        self.due = inf

    def cut(self, at: float) -> None:  # noqa: ARG002 - a happening
        """Its network goes away."""
        self.is_cut = True

    def connect(self, at: float) -> None:  # noqa: ARG002 - a happening
        """Its network is back; the agent notices at its next attempt."""
        self.is_cut = False

    def put_back(self, disk: Disk, at: float) -> None:
        """The machine is restored, and starts."""
        self.storage.keep(disk, at)
        self.start(at)

    def ask(self, at: float) -> None:
        """Ask the service; the answer may be lost."""
        disk = self.disk
        if disk.asked is None:
            disk = replace(disk, asked=f"{self.chance.getrandbits(48):012x}")
            self.storage.keep(disk, at)
        if self.is_cut:
            self._failed(at)
            return
        is_login = self._needs_person or self.ways.always_logs_in
        asks = Asks(
            disk.link if self.ways.presents else None,
            disk.asked or "",
            disk.device,
            by_administrator=self.ways.by_administrator,
        )
        ask = self.service.login if is_login else self.service.validate
        answer = ask(asks, at)
        if answer is No.NEEDS_NONCE:
            # With the nonce of that answer, unless that is lost.
            made_ms = int(at * 1000)
            at += ROUND_TRIP
            if self.chance.random() >= self.ways.lost:
                answer = ask(replace(asks, over_ms=made_ms), at)
        if answer is No.NEEDS_NONCE or self.chance.random() < self.ways.lost:
            self._failed(at)
        elif isinstance(answer, Link):
            self._take(answer, at)
        else:
            self._refuse(answer, at)

    def _take(self, link: Link, at: float) -> None:
        self.leases += 1
        self.renewals += self.disk.link != link
        self.storage.keep(replace(self.disk, has_key=True, link=link, asked=None), at)
        self._failures, self._needs_person = 0, False
        renew_after = halfway(link.issued_at, link.expires_at)
        spread = (link.expires_at - renew_after) / 4
        self.due = max(at + FIRST_RETRY, renew_after + self.chance.random() * spread)

    def _failed(self, at: float) -> None:
        longest = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self.due = at + ROUND_TRIP + self.chance.random() * longest

    def _refuse(self, answer: No, at: float) -> None:
        """No lease: the question is answered; where a login may help, a person comes."""
        self.storage.keep(replace(self.disk, asked=None), at)
        if answer is No.OTHER_KEY:
            self._needs_person = True
            self.due = at + FIRST_RETRY + self._person()
        else:
            self.due = at + REFUSED_AGAIN * (0.5 + self.chance.random())

    def _person(self) -> float:
        return self.chance.random() * self.ways.patience


def play(agents: Iterable[Agent], happenings: Iterable[Happening], end: float) -> None:
    """All that happens, in its order, until ``end`` or until all is found.

    That is a block where the organization blocks clones, else the first suspicion.
    """
    agents = list(agents)
    service = agents[0].service
    queue = sorted(happenings, key=lambda happening: happening[0], reverse=True)
    is_due = attrgetter("due")
    while (service.blocked_at if service.blocks else service.suspected_at) is None:
        agent = min(agents, key=is_due)
        if queue and queue[-1][0] <= agent.due:
            at, happen = queue.pop()
            if at > end:
                break
            happen(at)
        elif agent.due > end:
            break
        else:
            agent.ask(agent.due)
