"""The sweep, killed anywhere, or out of time: run again, it comes to the same end (R22, R23)."""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from licensing.sweep import BATCH, SETTLING_SECONDS
from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.faults.crowd import crowd
from tests.faults.seam import Request, Wire
from tests.faults.stage import Stage
from tests.world import NOON

ENDED = NOON + 1000
AGENTS = {"acme": range(120), "bolt": range(120, 160), "cork": range(160, 200)}
ROUNDS = 5
KILLS = 6
FIRST_CALLS = 30
"""Among so many calls of a run the one is chosen at which it is killed."""


class Killed(BaseException):
    """The process ends here and now: no `except Exception` takes part in it."""


class Executioner:
    """Kills a run at one of its calls, before or after the request is sent: all its threads."""

    def __init__(self, chance: random.Random) -> None:
        self._call = chance.randrange(FIRST_CALLS)
        self._is_sent = chance.random() < 0.5
        self._is_dead = False

    def __call__(self, request: Request) -> AWSResponse | None:
        if request.call >= self._call or self._is_dead:
            if self._is_sent and not self._is_dead:
                self._is_dead = True
                request.send()
            self._is_dead = True
            raise Killed
        return None


@pytest.fixture(scope="module")
def snapshot() -> Sequence[Mapping[str, Any]]:
    """Three organizations with 200 agents, whose subscriptions have ended."""
    return [
        item
        for organization_id, agents in AGENTS.items()
        for item in crowd(organization_id, agents, until=ENDED, now=NOON)
    ]


def run_to_the_end(stage: Stage) -> list[str]:
    """Sweep until nothing is left; the state then."""
    stage.wire(60)
    assert stage.world.sweep()["unfinished"] == 0
    assert stage.world.sweep()["due"] == 0
    items = stage.world.items()
    assert_consistent(items)  # one event for each licence: none is marked twice
    return canonical.state(items)


@pytest.fixture(scope="module")
def end(stage: Stage, snapshot: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a sweep that nobody disturbs leaves."""
    restore(stage.world, snapshot)
    stage.world.clock.time = ENDED + SETTLING_SECONDS
    state = run_to_the_end(stage)
    marked = [item for item in stage.world.items() if item.get("state") == {"S": "expired"}]
    assert len(marked) == 200
    return state


# Powertools warns that a handler which raises has counted nothing.
@pytest.mark.filterwarnings("ignore:No application metrics to publish")
@pytest.mark.parametrize("number", range(ROUNDS))
def test_r23_a_sweep_that_is_killed_anywhere_and_run_again_comes_to_the_same_end(
    stage: Stage, snapshot: Sequence[Mapping[str, Any]], end: list[str], number: int
) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    restore(stage.world, snapshot)
    for _ in range(KILLS):
        stage.wire(60).break_with(Executioner(chance))
        with suppress(Killed):  # a run that finds little to do may be over before
            stage.world.sweep()
    assert run_to_the_end(stage) == end, f"round {number}, seed {seed}"


def test_r23_a_sweep_that_runs_out_of_time_goes_on_in_the_next_run(
    stage: Stage, snapshot: Sequence[Mapping[str, Any]], end: list[str]
) -> None:
    restore(stage.world, snapshot)
    unfinished = []
    for _ in range(len(AGENTS) + 200 // BATCH + 1):
        wire = stage.wire(60)

        def remaining_ms(wire: Wire = wire) -> int:
            """Time for one transaction."""
            return 1_000 if "TransactWriteItems" in wire.calls else 60_000

        unfinished.append(stage.world.sweep(remaining_ms=remaining_ms)["unfinished"])
    assert unfinished[0] > 0
    assert unfinished[-1] == 0
    assert run_to_the_end(stage) == end
