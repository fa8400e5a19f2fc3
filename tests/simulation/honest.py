"""Honest agents: each alone on its machine, whatever is lost, switched off, repaired or restored.

Each is restored once from a backup of a random age, and some a second time; some lose their licence
key, or all that they keep, device key included. Left out are restores that the service cannot tell
from a copy: to the state that a restore has replaced, or to a question that has led there; and,
where the device key was replaced by a new one, from one key to the other a second time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tests.simulation.agent import Agent, Disk, Happening, Storage, Ways, play
from tests.simulation.service import DAY, HOUR, Asks, Service

BEGIN: Final = 1_900_000_000.0
WAYS: Final = Ways(lost=0.05)
OLDEST: Final = 30 * DAY


@dataclass
class Honest:
    """What became of some honest agents."""

    agents: int = 0
    days: float = 0.0
    restored: int = 0
    suspected: list[str] = field(default_factory=list)
    """The names of those, to play them alone."""
    blocked: list[str] = field(default_factory=list)
    returns: int = 0
    most_returns: int = 0
    renewals: int = 0
    broken: set[str] = field(default_factory=set)


class Life:
    """One agent's, drawn from its name."""

    def __init__(self, name: str, *, days: float, service: type[Service]) -> None:
        self.name = name
        self.end = BEGIN + days * DAY
        self.restored = 0
        self.chance = random.Random(name)  # noqa: S311 - reproducible, not secret
        device = "first key" if self.chance.random() < 1 / 2 else None
        self.service = service(blocks=True, device=device)
        storage = Storage(Disk(device=device), [(BEGIN, Disk(device=device))])
        self.agent = Agent(self.service, self.chance, storage, WAYS)

    def play(self) -> None:
        """From its first login on."""
        happenings = [
            *self._hours(),
            *self._restarts(),
            *self._absences(),
            *self._outages(),
            *self._restores(),
            *self._losses(),
        ]
        play([self.agent], happenings, self.end)

    def restore(self, at: float) -> None:
        """The machine is put back to a backup of any age."""
        disk = self.agent.storage.as_of(at - exponential(self.chance, HOUR, OLDEST))
        has_other_key = disk.device != self.agent.disk.device
        if self._was_left_behind(disk) or (has_other_key and self.restored):
            return
        self.restored += 1
        self.agent.put_back(disk, at)

    def _was_left_behind(self, disk: Disk) -> bool:
        """Whether it is the state that a restore has replaced, or a question that led there."""
        asks, left = Asks(disk.link, disk.asked or ""), self.service.chain.left
        ids = {disk.link.id if disk.link else None}
        if disk.asked is not None:
            ids |= {self.service.following(asks), self.service.following(asks, at_login=True)}
        return any(one.id in ids for one in left)

    def _hours(self) -> Iterator[Happening]:
        """Half of the machines are always on, the others at work from Monday to Friday."""
        chance, first = self.chance, BEGIN + self.chance.random() * DAY
        yield first, self.agent.start
        if chance.random() < 1 / 2:
            return
        for day in range(int((self.end - BEGIN) / DAY)):
            begin = BEGIN + day * DAY + (7 + 2 * chance.random()) * HOUR
            if day % 7 < 5:
                yield begin, self._unless_on
            yield begin + (8 + 2 * chance.random()) * HOUR, self.agent.stop

    def _unless_on(self, at: float) -> None:
        if self.agent.due > self.end:
            self.agent.start(at)

    def _restarts(self) -> Iterator[Happening]:
        for _ in range(30):
            yield self._any_time(), self.agent.start

    def _absences(self) -> Iterator[Happening]:
        """Twice it is switched off for hours to weeks."""
        for _ in range(2):
            begin = self._any_time()
            yield begin, self.agent.stop
            yield begin + exponential(self.chance, HOUR, 28 * DAY), self.agent.start

    def _outages(self) -> Iterator[Happening]:
        """Twice its network is away for minutes to days."""
        for _ in range(2):
            begin = self._any_time()
            yield begin, self.agent.cut
            yield begin + exponential(self.chance, HOUR / 4, 3 * DAY), self.agent.connect

    def _restores(self) -> Iterator[Happening]:
        at = self._any_time()
        yield at, self.restore
        if self.chance.random() < 3 / 10:
            yield at + exponential(self.chance, HOUR / 4, 20 * DAY), self.restore

    def _losses(self) -> Iterator[Happening]:
        drawn = self.chance.random()
        if drawn < 1 / 5:
            yield self._any_time(), self._lose_key
        elif drawn < 3 / 10:
            yield self._any_time(), self._lose_all

    def _lose_key(self, at: float) -> None:
        self.agent.put_back(replace(self.agent.disk, has_key=False), at)

    def _lose_all(self, at: float) -> None:
        device = "second key" if self.agent.disk.device else None
        self.agent.put_back(Disk(device=device), at)

    def _any_time(self) -> float:
        return BEGIN + 2 * DAY + self.chance.random() * (self.end - BEGIN - 2 * DAY)


def exponential(chance: random.Random, least: float, most: float) -> float:
    """A length from ``least`` to ``most``, each order of magnitude as likely as another."""
    return float(least * (most / least) ** chance.random())


def lived(names: Iterable[str], *, days: float = 90, service: type[Service] = Service) -> Honest:
    """What becomes of the agents of these names, whose organization blocks clones."""
    total = Honest(days=days)
    for name in names:
        life = Life(name, days=days, service=service)
        life.play()
        played = life.service
        total.agents += 1
        total.restored += life.restored
        total.returns += played.returns
        total.most_returns = max(total.most_returns, played.returns)
        total.renewals += life.agent.renewals
        total.broken |= played.broken
        if played.suspected_at is not None:
            total.suspected.append(name)
        if played.blocked_at is not None:
            total.blocked.append(name)
    return total
