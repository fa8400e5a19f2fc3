"""Requests that take effect late, and days on which everything goes wrong.

A connection that breaks says nothing about what was sent on it. That may still arrive, after other
attempts of the same operation or after its repetition. Whenever it does, it does nothing twice.
"""

import random
from functools import partial

import pytest
from botocore.awsrequest import AWSResponse

from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.faults.operation import Operation, Told
from tests.faults.operations import AT_LENGTH
from tests.faults.seam import FAULTS, WRITES, Fault, Request, Wire, held_up
from tests.faults.stage import UNCOUNTED, Stage, Undisturbed
from tests.proof import Proof

pytestmark = pytest.mark.sampled(4)

BAD_DAYS = 3


def held_up_from(call: int, *, requests: int | None = None) -> Fault:
    """Hold up so many requests that write, all of them by default, from a call on."""
    left = iter(range(requests)) if requests is not None else None

    def happen(request: Request) -> AWSResponse | None:
        hits = request.call >= call and request.operation in WRITES
        if not hits or (left is not None and next(left, None) is None):
            return None
        return held_up(request)

    return happen


def begin(stage: Stage, right: Undisturbed, fault: Fault) -> tuple[Told, Wire]:
    wire = stage.begin(right, 60)
    wire.break_with(fault)
    return right.operation.act(stage.world, right.scene), wire


def assert_same_end(stage: Stage, right: Undisturbed) -> None:
    items = stage.world.items()
    assert_consistent(items)
    assert right.ends_in(canonical.state(items, without=UNCOUNTED))


@pytest.mark.proof
@pytest.mark.parametrize("operation", AT_LENGTH, ids=lambda operation: operation.name)
def test_r05_a_request_that_arrives_late_does_nothing_twice(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    for call in (call for call, name in enumerate(right.calls) if name in WRITES):
        first, wire = begin(stage, right, held_up_from(call, requests=1))
        wire.deliver_held()
        assert first == right.first  # botocore sent it again
        assert_same_end(stage, right)

        for delivered_first in (True, False):
            first, wire = begin(stage, right, held_up_from(call))
            assert first.is_unavailable or operation.defers
            wire.mend()
            if delivered_first:
                wire.deliver_held()
            assert operation.act(stage.world, right.scene) in (right.first, right.again)
            wire.deliver_held()
            assert_same_end(stage, right)


@pytest.mark.proof
@pytest.mark.parametrize("operation", AT_LENGTH, ids=lambda operation: operation.name)
def test_r05_on_a_bad_day_repetition_still_comes_to_the_same_end(
    stage: Stage, operation: Operation, proof: Proof
) -> None:
    right = stage.undisturbed(operation)
    for seed in proof.seeds(BAD_DAYS):
        chance = random.Random(seed)  # noqa: S311 - reproducible, not secret

        told, wire = begin(stage, right, partial(go_wrong, chance, 0.7))
        for odds in (0.7, 0.5, 0.3, 0.1, 0):
            assert told.is_unavailable or told in (right.first, right.again), f"seed {seed}"
            if chance.random() < 0.5:
                wire.deliver_held()
            wire.break_with(partial(go_wrong, chance, odds))
            told = operation.act(stage.world, right.scene)
        assert told in (right.first, right.again), f"seed {seed}: {told}"
        wire.deliver_held()
        assert_same_end(stage, right)


def go_wrong(chance: random.Random, odds: float, request: Request) -> AWSResponse | None:
    """Anything may happen, at these odds."""
    faults = [*FAULTS[request.operation], *[held_up] * (request.operation in WRITES)]
    return chance.choice(faults)(request) if chance.random() < odds else None
