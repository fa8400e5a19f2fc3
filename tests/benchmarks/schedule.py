"""The sweep as the schedule runs it: the real handler in a fresh process, until nothing is due.

The time between two runs is made up, the time within one is not: a run that comes to its limit
stops, and the next one goes on.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from expiry_sweep import handler as function
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.benchmarks.meter import Spent, metered
from tests.benchmarks.workers import workers
from tests.concurrency.racers import Ground
from tests.local.deployment import Function
from tests.world import Clock, Context, World

MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the sweep: what it reported, and what it took."""

    report: Mapping[str, int]
    spent: Spent
    seconds: float

    @property
    def marked(self) -> int:
        """How many licences it changed."""
        return sum(self.report[name] for name in ("expired", "reinstated", "temporary_expired"))


@dataclass(frozen=True, slots=True)
class Sweep:
    """All runs until nothing was due, and the process's memory before them and at its highest."""

    runs: tuple[Run, ...]
    every: int
    mib_before: float
    mib_at_most: float

    @property
    def spent(self) -> Spent:
        """What all runs took, but for the last, which found nothing."""
        total = Spent()
        for run in self.runs[:-1]:
            total = total.plus(run.spent)
        return total

    @property
    def idle(self) -> Spent:
        """What a run takes that finds nothing due."""
        return self.runs[-1].spent

    @property
    def seconds(self) -> float:
        """How long they took together."""
        return sum(run.seconds for run in self.runs[:-1])

    @property
    def marked(self) -> int:
        """How many licences they marked."""
        return sum(run.marked for run in self.runs)

    @property
    def marking_runs(self) -> int:
        """How many runs it took until the last mark was there."""
        return max((at for at, run in enumerate(self.runs, 1) if run.marked), default=0)

    @property
    def seconds_to_last_mark(self) -> float:
        """How long that is on the schedule, from the beginning of the first run."""
        last = self.marking_runs
        return (last - 1) * self.every + self.runs[last - 1].seconds if last else 0.0


@contextmanager
def sweeping(world: World) -> Iterator[Future[Sweep]]:
    """Sweep a world's table from now on, beside whatever the block does."""
    deployed = world.deployed.functions["ExpirySweepFunction"]
    (every,) = (one.seconds for one in world.deployed.schedules if one.function == deployed.name)
    with workers(1, Ground.of(world).environment) as process:
        yield process.submit(_until_done, deployed, every, world.clock())


def _until_done(deployed: Function, every: int, start: float) -> Sweep:
    clock = Clock(start)
    service = Deployment.from_environ(os.environ, clock=clock)
    install_deployment(service)
    runs: list[Run] = []
    before = _mib_at_most()
    while not runs or runs[-1].report["due"]:
        if len(runs) == MOST_RUNS:
            raise TimeoutError(f"something is still due after {MOST_RUNS} runs")
        began = time.monotonic()

        def remaining_ms(deadline: float = began + deployed.timeout) -> int:
            return int(1000 * (deadline - time.monotonic()))

        with metered(service.dynamodb) as spent:
            context: Any = Context(deployed, "sweep", remaining_ms=remaining_ms)
            report = function.handler({}, context)
        runs.append(Run(report, spent, time.monotonic() - began))
        clock.advance(every)
    return Sweep(tuple(runs), every, before, _mib_at_most())


def _mib_at_most() -> float:
    """The most memory that this process has held so far; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
