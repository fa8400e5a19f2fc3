"""Counts over time, for charts (R14, R17, R32).

What this module guarantees:

* What is counted at an instant is what a list of the licences would have shown then, at the end of
  that second: worked out backwards, from the states as they are and what has changed since.
* Status is seen through the subscription as it was then, by the rule of lists and single licences.

All of it is pure. Times are integer epoch seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from licensing.domain.license import (
    HOUR,
    LastSeen,
    State,
    Status,
    heard_of_at,
    status_of,
)
from licensing.domain.organization import DAY, Subscription

WEEK_HOURS: Final = 7 * 24
SILENT_DAYS: Final = (7, 30)
"""For how many days agents are counted that were not seen."""


@dataclass(frozen=True, slots=True)
class Move:
    """A licence went from one state to another; ``before`` is ``None`` when it was issued."""

    at: int
    before: State | None
    after: State


@dataclass(frozen=True, slots=True)
class Sighting:
    """A licence, and when its agent was last seen: ``None`` if it never was."""

    state: State
    issued_at: int
    last_seen: LastSeen | None

    @property
    def heard_of_at(self) -> int:
        """When its agent was last heard of."""
        return heard_of_at(self.issued_at, self.last_seen.at if self.last_seen else None)


@dataclass(frozen=True, slots=True)
class BlockedClone:
    """A licence was blocked, since two agents seemed to use it (R37)."""

    at: int
    license_id: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A subscription changed; ``before`` is ``None`` when the organization was registered."""

    at: int
    before: Subscription | None


@dataclass(frozen=True, slots=True)
class Point:
    """How many licences were in each status at one instant."""

    at: int
    counts: Mapping[Status, int]


def first_midnight(now: int, days: int) -> int:
    """When the earliest of so many days (UTC) began, of which today is the last."""
    return (now // DAY - days + 1) * DAY


def complete_from(since: int, left_at: int | None, now: int) -> int:
    """From which full hour on nothing is missing, when the newest left out happened at ``left_at``.

    A full hour, since refusals are folded by hours; ``now``, when not even this hour is complete.
    """
    return since if left_at is None else min((left_at // HOUR + 1) * HOUR, now)


@dataclass(frozen=True, slots=True)
class Past:
    """What changed of an organization since some time, newest first."""

    moves: Sequence[Move] = ()
    turns: Sequence[Turn] = ()


def by_status(
    census: Mapping[State, int], subscription: Subscription, at: int
) -> Mapping[Status, int]:
    """How many licences of each state show in each status at ``at``; none counts as less."""
    seen = dict.fromkeys(Status, 0)
    for state, count in census.items():
        seen[status_of(state, subscription, at)] += max(count, 0)
    return seen


def over_time(
    census: Mapping[State, int], subscription: Subscription, past: Past, *, since: int, now: int
) -> Sequence[Point]:
    """The counts at each midnight from ``since`` on, and at ``now``; oldest first.

    ``census`` and ``subscription`` are as of now; ``past`` is what changed since ``since``. Where
    that was read a moment after the census, a count may be off by what happened in between, and is
    none where it would be less.
    """
    counts, seen_through = Counter(census), subscription
    points = [Point(now, by_status(counts, subscription, now))]
    moves, turns = past.moves, past.turns
    moved = turned = 0
    for at in range(now // DAY * DAY, since - 1, -DAY):
        if at == now:
            continue
        while moved < len(moves) and moves[moved].at > at:
            move = moves[moved]
            counts[move.after] -= 1
            if move.before is not None:
                counts[move.before] += 1
            moved += 1
        while turned < len(turns) and turns[turned].at > at:
            # Before its registration it had no licence, whatever one would be seen through.
            seen_through = turns[turned].before or seen_through
            turned += 1
        points.append(Point(at, by_status(counts, seen_through, at)))
    return points[::-1]


def by_hour(last_seen: Iterable[LastSeen], hour: int) -> Sequence[int]:
    """Of how many licences the agent was seen, for each hour of the week up to ``hour``.

    ``hour`` is in hours since the epoch; the oldest comes first.
    """
    counts = [0] * WEEK_HOURS
    for seen in last_seen:
        bits = seen.hours_until(hour)
        for back in range(WEEK_HOURS):
            counts[-1 - back] += bits >> back & 1
    return counts


def not_seen(
    sightings: Iterable[Sighting], subscription: Subscription, *, until: int, now: int
) -> Mapping[int, int]:
    """How many active licences' agents were not heard of in so many days before ``until``."""
    heard = [
        one.heard_of_at
        for one in sightings
        if status_of(one.state, subscription, now) is Status.ACTIVE
    ]
    return {days: sum(at < until - days * DAY for at in heard) for days in SILENT_DAYS}
