"""The benchmarks, by name, in the order that they run in."""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, cast

from tests.benchmarks.outcome import Outcome, Size, Tell

NAMES: Final = (
    "cold",
    "restored",
    "warm",
    "throughput",
    "peer",
    "capacity",
    "sweep",
    "large_organization",
    "first_logins",
    "cost",
)


class Benchmark(Protocol):
    """What a module of a benchmark has."""

    TITLE: str

    def measure(self, size: Size, tell: Tell) -> Outcome:
        """Run it."""


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name."""
    return cast("Benchmark", import_module(f"tests.benchmarks.{name}"))
