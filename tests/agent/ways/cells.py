"""The matrix: each part of each exchange of each act, in each manner, for each duration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from tests.agent.ways.parts import (
    Exchange,
    Fault,
    Others,
    of_answer,
    of_exchange,
    of_request,
)
from tests.agent.ways.scene import PATHS, Act, Scene
from tests.local.events import Response


class Duration(StrEnum):
    """For how long something is amiss."""

    GOOD = "for good"
    HOUR = "for an hour"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Cell:
    """One of them. ``skipped``: so many exchanges go well before."""

    act: Act
    fault: Fault
    duration: Duration
    skipped: int = 0

    @property
    def name(self) -> str:
        """What is amiss."""
        second = " (second)" if self.skipped else ""
        return f"{self.fault.name}{second}"

    @property
    def id(self) -> str:
        """What it is called."""
        return f"{self.act}: {self.name}: {self.duration}"


def cells(scene: Scene) -> Iterator[Cell]:
    """All of an act."""
    return chain.from_iterable(rows(scene))


def rows(scene: Scene) -> Iterator[tuple[Cell, ...]]:
    """All of an act: those of each fault, the one for good first."""
    # What is like a renewal is looked at where it is not.
    is_as_usual = scene.act not in {Act.BARE, Act.OVER, Act.PAUSED}
    durations = tuple(Duration) if is_as_usual else (Duration.GOOD, Duration.ONCE)
    for index, own in enumerate(scene.own):
        others = Others(_like(own, scene.before), _like(own, scene.elsewhere))
        paths = sorted(set(PATHS.values()))
        for fault in _but_same(of_request(own, others, paths)):
            # What befalls all requests befalls the first.
            lasts = durations if index == 0 else (Duration.ONCE,)
            if is_as_usual or (scene.act is Act.BARE and fault.part.startswith("request body")):
                yield tuple(Cell(scene.act, fault, duration, index) for duration in lasts)
        for fault in _but_same(of_answer(own, others)):
            if is_as_usual or scene.act is Act.PAUSED or own.is_challenge:
                yield tuple(Cell(scene.act, fault, duration) for duration in durations)
    for fault in of_exchange(list(_cached(scene))):
        yield tuple(Cell(scene.act, fault, duration) for duration in durations)


def _but_same(faults: Iterator[Fault]) -> Iterator[Fault]:
    seen: set[str] = set()
    for fault in faults:
        if fault.name not in seen:
            seen.add(fault.name)
            yield fault


def _like(own: Exchange, others: Sequence[Exchange]) -> Exchange | None:
    """The latest one of others that went as this one did."""
    return next((one for one in reversed(others) if _kind(one) == _kind(own)), None)


def _kind(exchange: Exchange) -> tuple[str, bool, object]:
    told = json.loads(exchange.answer.body)
    return exchange.request.target, exchange.is_challenge, told.get("valid")


def _cached(scene: Scene) -> Iterator[tuple[str, Response]]:
    """What a cache has kept of each kind: of this agent, and of another."""
    named: dict[str, Response] = {}
    own = ((_named(one), one) for one in scene.before)
    elsewhere = ((f"another agent's {_named(one)}", one) for one in scene.elsewhere)
    for name, one in chain(own, elsewhere):
        if one.request.target == scene.act.path:
            named[name] = one.answer
    yield from named.items()


def _named(exchange: Exchange) -> str:
    told = json.loads(exchange.answer.body)
    return f"{exchange.answer.status} {told.get('code', '')}".strip()
