"""What a benchmark finds, as values: figures beside their targets, tables and plots.

A benchmark is a module of this folder with a ``TITLE`` and a function ``measure(size, tell)`` that
makes an :class:`Outcome`. It compares within one run and tells what it is at, so that a person who
waits sees it move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

Tell = Callable[[str], None]
"""Says one line of progress."""


class LeftOutError(Exception):
    """This machine has not what the benchmark compares with; the message says how to get it."""


class Size(Enum):
    """How much to do: all of it, or just enough to see that the benchmark works."""

    FULL = "full"
    SMALL = "small"

    def of(self, full: int, small: int) -> int:
        """A length that depends on it."""
        return full if self is Size.FULL else small


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, in its unit, beside the most that it may be, if there is a target."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; ``None`` where there is none."""
        return None if self.at_most is None else self.value <= self.at_most


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text that a reader compares."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture. ``name`` is its file's; ``series`` are named points (x, y)."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    is_logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one benchmark found."""

    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
