"""The sweep, killed anywhere, or out of time: run again, it comes to the same end (R22, R23)."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from licensing.usecases.sweep_expired import BATCH, SETTLING_SECONDS
from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.faults.crowd import crowd
from tests.faults.seam import Request, Wire
from tests.faults.stage import Stage
from tests.proof import Proof
from tests.world import NOON

ENDED = NOON + 1000
AGENTS = {"acme": range(120), "bolt": range(120, 160), "cork": range(160, 200)}
MANY_AGENTS = {"acme": range(6000), "bolt": range(6000, 8000), "cork": range(8000, 10_000)}
FIRST_CALLS = 30
"""Among so many calls of a run the one is chosen at which it is killed."""

Snapshot = Sequence[Mapping[str, Any]]


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


def ended(agents: Mapping[str, range]) -> Snapshot:
    """Organizations with so many agents, whose subscriptions have ended."""
    return [
        item
        for organization_id, numbers in agents.items()
        for item in crowd(organization_id, numbers, until=ENDED, now=NOON)
    ]


def run_to_the_end(stage: Stage) -> list[str]:
    """Sweep until nothing is left; the state then."""
    stage.wire(60)
    assert stage.world.sweep()["unfinished"] == 0
    assert stage.world.sweep()["due"] == 0
    items = stage.world.items()
    assert_consistent(items)  # one event for each licence: none is marked twice
    return canonical.state(items)


def undisturbed_end(stage: Stage, snapshot: Snapshot) -> list[str]:
    """What a sweep that nobody disturbs leaves."""
    restore(stage.world, snapshot)
    stage.world.clock.time = ENDED + SETTLING_SECONDS
    state = run_to_the_end(stage)
    marked = [item for item in stage.world.items() if item.get("state") == {"S": "expired"}]
    assert len(marked) == sum(item["sk"] == {"S": "LICENSE"} for item in snapshot)
    return state


def killed(stage: Stage, chance: random.Random) -> bool:
    """Sweep, and kill that somewhere, unless it finds so little to do that it is over before."""
    stage.wire(60).break_with(Executioner(chance))
    try:
        stage.world.sweep()
    except Killed:
        return True
    return False


@pytest.mark.proof
def test_r23_a_sweep_that_is_killed_anywhere_and_run_again_comes_to_the_same_end(
    stage: Stage, proof: Proof
) -> None:
    agents = proof.of(test=AGENTS, test_all=AGENTS, prove=MANY_AGENTS)
    kills = proof.of(test=6, test_all=6, prove=50)
    snapshot = ended(agents)
    end = undisturbed_end(stage, snapshot)
    count = 0
    for seed in proof.seeds(proof.of(test=1, test_all=2, prove=4)):
        chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        restore(stage.world, snapshot)
        count += sum(killed(stage, chance) for _ in range(kills))
        assert run_to_the_end(stage) == end
    proof.found(
        f"{count} kills of sweeps over {sum(map(len, agents.values())):,} licences, "
        "each time the end of the sweep that nobody disturbs"
    )


def test_r23_a_sweep_that_runs_out_of_time_goes_on_in_the_next_run(stage: Stage) -> None:
    snapshot = ended(AGENTS)
    end = undisturbed_end(stage, snapshot)
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
