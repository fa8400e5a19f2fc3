"""Plays steps that are drawn at random, and finds the fewest that still fail.

Each step is a method that :func:`rule` marks, with what its arguments are drawn from. Hypothesis
plays the same few steps again and again where each takes a request; here each has its share.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from tests.world import World

Step = tuple[str, dict[str, Any]]
_Method = TypeVar("_Method", bound=Callable[..., None])

BEGIN = "begin"


def rule(*, weight: int = 1, **drawn: Sequence[Any]) -> Callable[[_Method], _Method]:
    """Mark a step; it is played `weight` times as often as others."""

    def mark(method: _Method) -> _Method:
        vars(method).update(weight=weight, drawn=drawn)
        return method

    return mark


def precondition(holds: Callable[[Any], object]) -> Callable[[_Method], _Method]:
    """Mark when a step can be played."""

    def mark(method: _Method) -> _Method:
        vars(method).update(holds=holds)
        return method

    return mark


class Player(Protocol):
    """Something whose steps are played. The first one is its ``begin``."""

    def end(self) -> None:
        """Check what has to hold in the end."""


class Failed(AssertionError):
    """The fewest steps that were found to fail, one a line, and how they do."""


def run(
    kind: Callable[[World], Player], world: World, *, examples: int, steps: int, seed: int
) -> None:
    """Play so many examples of so many steps. Raises :class:`Failed`."""
    for number in range(examples):
        chance = random.Random(f"{seed} {number}")  # noqa: S311 - reproducible, not secret
        played: list[Step] = []
        try:
            _play(kind(world), _drawn(chance, steps), played)
        except AssertionError:
            raise _fewest(kind, world, played) from None


def _drawn(chance: random.Random, count: int) -> Iterable[Callable[[Player], Step | None]]:
    """The steps of an example, each drawn when it is to be played."""

    def draw(player: Player, names: Sequence[str]) -> Step:
        method = getattr(player, chance.choice(names))
        return method.__name__, {
            name: chance.choice(values) for name, values in method.drawn.items()
        }

    yield lambda player: draw(player, [BEGIN])
    for _ in range(count):
        yield lambda player: draw(
            player,
            [
                name
                for name in dir(type(player))
                for _ in range(getattr(getattr(player, name), "weight", 0))
                if name != BEGIN and _can(player, name)
            ],
        )


def _can(player: Player, name: str) -> bool:
    holds = getattr(getattr(player, name), "holds", None)
    return holds is None or bool(holds(player))


def _play(
    player: Player, steps: Iterable[Callable[[Player], Step | None]], played: list[Step]
) -> None:
    for choose in steps:
        step = choose(player)
        if step is None:
            continue
        played.append(step)
        getattr(player, step[0])(**step[1])
    player.end()


def _fewest(kind: Callable[[World], Player], world: World, played: Sequence[Step]) -> Failed:
    """What is left when each step is left out that the failure does without."""
    kept, error = list(played), _failure(kind, world, played)
    for at in range(len(played) - 1, 0, -1):
        fewer = kept[:at] + kept[at + 1 :]
        failure = _failure(kind, world, fewer)
        if failure is not None:
            kept, error = fewer, failure
    lines = [f"{name}({', '.join(f'{k}={v!r}' for k, v in with_.items())})" for name, with_ in kept]
    return Failed("\n".join([*lines, str(error)]))


def _failure(
    kind: Callable[[World], Player], world: World, steps: Sequence[Step]
) -> AssertionError | None:
    def again(step: Step) -> Callable[[Player], Step | None]:
        return lambda player: step if _can(player, step[0]) else None

    try:
        _play(kind(world), map(again, steps), [])
    except AssertionError as error:
        return error
    return None
