"""Copies of agents, kind by kind: when the service suspects them, and when it blocks them.

In each kind, an agent works for ten days before it is copied. Then all go on until the licence is
suspected or, where the organization blocks clones, blocked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from licensing.domain.audit import EventType
from tests.simulation.agent import USUAL, Agent, Disk, Happening, Storage, Ways, play
from tests.simulation.honest import BEGIN
from tests.simulation.service import DAY, HOUR, Service

SILENT: Final = Ways(presents=False)
LOGS_IN: Final = Ways(always_logs_in=True)
ADMINISTERED: Final = Ways(patience=4 * HOUR, by_administrator=True)

_COPIED_AT: Final = BEGIN + 10 * DAY
_DAYS: Final = 60
_ON_RECORD: Final = (
    EventType.AGENT_RETURNED,
    EventType.CLONE_SUSPECTED,
    EventType.DEVICE_KEY_PENDING,
)


class Scene:
    """An agent, ``first``, and its copies; ``working`` are those who go on without being put back.

    ``renewals`` of those count from when they parted.
    """

    def __init__(
        self, name: str, service: Service, *, device: str | None = None, ways: Ways = USUAL
    ) -> None:
        self.chance = random.Random(name)  # noqa: S311 - reproducible, not secret
        self.service = service
        disk = Disk(device=device)
        self.first = Agent(service, self.chance, Storage(disk, [(BEGIN, disk)]), ways)
        play(
            [self.first],
            [(BEGIN + self.chance.random() * DAY, self.first.start)],
            _COPIED_AT,
        )
        self.begin = _COPIED_AT
        self.working = [self.first]
        self.copies: list[Agent] = []
        self._happenings: list[Happening] = []
        self._repeated = 0

    def ask_in_vain(self) -> None:
        """The next answer is lost: whoever is copied now repeats the question."""
        first = self.first
        self.begin = first.due
        first.ways = replace(first.ways, lost=1)
        first.ask(self.begin)
        first.ways = replace(first.ways, lost=0)
        self._repeated = 1

    def end_first(self) -> None:
        """The first agent is switched off for good."""
        self.first.stop(self.begin)
        self.working = []

    def copy(self, count: int = 1, *, disk: Disk | None = None, ways: Ways = USUAL) -> None:
        """So many copies start within an hour, and go on."""
        for _ in range(count):
            copy = self._copied(Storage(disk or self.first.disk, []), ways)
            self._happenings.append((self._soon(self.begin), copy.start))

    def share(self) -> None:
        """A copy starts on the same live disk."""
        copy = self._copied(self.first.storage, USUAL)
        self._happenings.append((self._soon(self.begin), copy.start))

    def put_back_daily(self, count: int, *, hours: float, ways: Ways = USUAL) -> None:
        """So many copies are put back to one image each morning, and work for so many hours."""
        self.begin += self.chance.random() * DAY
        image = self.first.disk
        for _ in range(count):
            copy = self._copied(Storage(image, []), ways)
            self.working.remove(copy)
            for day in range(_DAYS):
                morning = self._soon(self.begin + day * DAY)
                self._happenings.append((morning, partial(copy.put_back, image)))
                if hours < 24:
                    self._happenings.append((morning + hours * HOUR, copy.stop))

    def play(self) -> None:
        """Go on."""
        for agent in (self.first, *self.copies):
            agent.renewals = -self._repeated
        play({self.first, *self.copies}, self._happenings, self.begin + _DAYS * DAY)

    def _copied(self, storage: Storage, ways: Ways) -> Agent:
        copy = Agent(self.service, self.chance, storage, ways)
        self.copies.append(copy)
        self.working.append(copy)
        return copy

    def _soon(self, at: float) -> float:
        return at + self.chance.random() * HOUR


@dataclass(frozen=True, slots=True)
class Kind:
    """``device`` and ``ways`` are the first agent's; ``happens`` makes the copies."""

    happens: Callable[[Scene], None]
    device: str | None = None
    ways: Ways = USUAL


def _beside(scene: Scene, count: int) -> None:
    scene.copy(count)


def _pool(scene: Scene, count: int, hours: float) -> None:
    scene.end_first()
    scene.put_back_daily(count, hours=hours)


def _pool_beside(scene: Scene, count: int, hours: float) -> None:
    scene.put_back_daily(count, hours=hours)


def _asked(scene: Scene) -> None:
    scene.ask_in_vain()
    scene.copy()


def _pool_asked(scene: Scene, count: int) -> None:
    scene.ask_in_vain()
    _pool(scene, count, hours=8)


def _weeks_later(scene: Scene) -> None:
    scene.begin += (1 + 5 * scene.chance.random()) * 7 * DAY
    scene.copy()


def _logs_in(scene: Scene, ways: Ways) -> None:
    scene.put_back_daily(1, hours=24, ways=ways)


def _own_key(scene: Scene, ways: Ways) -> None:
    scene.copy(disk=Disk(device="the second's"), ways=ways)


def _silent(scene: Scene) -> None:
    scene.copy(ways=SILENT)


GO_ON: Final = MappingProxyType(
    {
        "one copy beside the original": Kind(partial(_beside, count=1)),
        "one copy, device key and all": Kind(partial(_beside, count=1), device="copied along"),
        "ten copies beside the original": Kind(partial(_beside, count=10)),
        "one copy that starts weeks later": Kind(_weeks_later),
        "one copy, made while a question was open": Kind(_asked),
    }
)
"""Copies that go on, as the original does."""

PUT_BACK: Final = MappingProxyType(
    {
        **{
            f"{count} put back daily, {hours} hours a day": Kind(
                partial(_pool, count=count, hours=hours)
            )
            for hours in (8, 24)
            for count in (1, 2, 5, 10)
        },
        "2 put back daily, 8 hours, device key and all": Kind(
            partial(_pool, count=2, hours=8), device="copied along"
        ),
        "5 put back daily, 8 hours, beside the original": Kind(
            partial(_pool_beside, count=5, hours=8)
        ),
        **{
            f"{count} put back daily, 8 hours, to an open question": Kind(
                partial(_pool_asked, count=count)
            )
            for count in (1, 2, 10)
        },
    }
)
"""Copies that are put back to the same image again and again."""

BY_LOGIN: Final = MappingProxyType(
    {
        "one that logs in daily, with its image's lease": Kind(partial(_logs_in, ways=LOGS_IN)),
        "one that logs in daily, without a lease": Kind(
            partial(_logs_in, ways=replace(LOGS_IN, presents=False))
        ),
        "one with a device key of its own, by an administrator": Kind(
            partial(_own_key, ways=ADMINISTERED), device="the first's", ways=ADMINISTERED
        ),
        "one with a device key of its own, by a member": Kind(
            partial(_own_key, ways=USUAL), device="the first's"
        ),
    }
)
"""Copies that a person logs in."""

OUT_OF_REACH: Final = MappingProxyType(
    {
        "one with the licence key alone": Kind(_silent),
        "one on the same live disk": Kind(Scene.share),
        "one of an agent up to 4.3, which presents no lease": Kind(_silent, ways=SILENT),
    }
)
"""Copies that no chain can show."""

KINDS: Final = MappingProxyType({**GO_ON, **PUT_BACK, **BY_LOGIN, **OUT_OF_REACH})


@dataclass
class Found:
    """What became of the copies of one kind. Times are in hours since they began.

    ``on_record`` and ``suspected`` are without the policy, ``blocked`` and ``leaseless`` with it:
    those are the plays in which no copy got a lease.
    """

    played: int = 0
    on_record: int = 0
    suspected: list[float] = field(default_factory=list)
    blocked: list[float] = field(default_factory=list)
    leaseless: int = 0
    most_renewals: int = 0
    """That each of two had made when they were suspected."""
    most_returns: int = 0
    """That were on record when they were suspected."""
    broken: set[str] = field(default_factory=set)


def found(name: str, seeds: range, service: type[Service] = Service) -> Found:
    """Play a kind so many times, without the policy and with it."""
    total = Found(played=len(seeds))
    for seed in seeds:
        _suspect(total, _played(name, seed, service, blocks=False))
        _block(total, _played(name, seed, service, blocks=True))
    return total


def _played(name: str, seed: int, service: type[Service], *, blocks: bool) -> Scene:
    kind = KINDS[name]
    scene = Scene(
        f"{name} {seed}",
        service(blocks=blocks, device=kind.device),
        device=kind.device,
        ways=kind.ways,
    )
    assert not any(scene.service.entries[one] for one in _ON_RECORD)
    kind.happens(scene)
    scene.play()
    return scene


def _suspect(total: Found, scene: Scene) -> None:
    service = scene.service
    total.broken |= service.broken
    total.on_record += any(service.entries[one] for one in _ON_RECORD)
    if service.suspected_at is not None:
        total.suspected.append((service.suspected_at - scene.begin) / HOUR)
        renewals = min((agent.renewals for agent in scene.working), default=0)
        total.most_renewals = max(total.most_renewals, renewals)
        total.most_returns = max(total.most_returns, service.returns)


def _block(total: Found, scene: Scene) -> None:
    service = scene.service
    total.broken |= service.broken
    total.leaseless += all(copy.leases == 0 for copy in scene.copies)
    if service.blocked_at is not None:
        total.blocked.append((service.blocked_at - scene.begin) / HOUR)
