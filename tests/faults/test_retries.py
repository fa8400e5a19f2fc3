"""What is tried again, how often, how long; and what is not, because it is nobody's bad luck."""

from collections.abc import Iterator
from functools import partial

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.faults.operation import Operation, Told
from tests.faults.operations import AT_LENGTH, SPINE
from tests.faults.seam import (
    FAULTS,
    Fault,
    Request,
    Wire,
    cancelled,
    error,
    item_in_transaction,
    keys_unprocessed,
    transaction_conflict,
    transaction_over_capacity,
    transaction_throttled,
)
from tests.faults.stage import Stage, Undisturbed

pytestmark = pytest.mark.sampled(6)

LONGEST = (0.1, 0.2, 0.4, 0.8, 1.0)
"""The pauses between six attempts last anything up to so many seconds, and never quite as long."""
MOST_ATTEMPTS = len(LONGEST) + 1
WORST_CALL = 9.0
"""Three attempts by botocore, each 1 s to connect and 2 s to read."""

REQUESTS = [operation for operation in SPINE if operation.function != "ExpirySweepFunction"]

AGAIN: tuple[Fault, ...] = (
    transaction_conflict,
    transaction_throttled,
    transaction_over_capacity,
    keys_unprocessed,
    item_in_transaction,
)
"""What botocore does not try again by itself."""


def moments(right: Undisturbed, faults: tuple[Fault, ...]) -> Iterator[tuple[int, Fault]]:
    """Where these can happen in an operation: at which call, and what."""
    for call, name in enumerate(right.calls):
        for fault in faults:
            if fault in FAULTS[name]:
                yield call, fault


def play(stage: Stage, right: Undisturbed, limit: float, fault: Fault) -> tuple[Told, Wire]:
    """The operation with a fault and so much time."""
    wire = stage.begin(right, limit)
    wire.break_with(fault)
    return right.operation.act(stage.world, right.scene), wire


def at(call: int, fault: Fault, times: int) -> Fault:
    """A fault at the first requests of the calls from one on that can have it."""
    left = iter(range(times))

    def happen(request: Request) -> AWSResponse | None:
        hits = request.call >= call and fault in FAULTS[request.operation]
        return fault(request) if hits and next(left, None) is not None else None

    return happen


@pytest.mark.proof
@pytest.mark.parametrize("operation", AT_LENGTH, ids=lambda operation: operation.name)
def test_r05_conflicts_are_tried_again_with_jitter_and_within_bounds(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    for call, fault in moments(right, AGAIN):
        first, wire = play(stage, right, 60, at(call, fault, MOST_ATTEMPTS - 1))
        assert first == right.first, f"{fault.__name__} at call {call + 1}"
        assert len(wire.stopwatch.pauses) == MOST_ATTEMPTS - 1

        first, wire = play(stage, right, 60, at(call, fault, MOST_ATTEMPTS))
        pauses = wire.stopwatch.pauses
        assert first.is_unavailable or operation.defers, f"{fault.__name__} at call {call + 1}"
        assert len(pauses) == MOST_ATTEMPTS - 1
        assert all(0 <= pause < bound for pause, bound in zip(pauses, LONGEST, strict=True))


@pytest.mark.proof
@pytest.mark.parametrize("operation", AT_LENGTH, ids=lambda operation: operation.name)
def test_r05_nothing_is_tried_again_that_might_not_end_in_time(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    for call, fault in moments(right, AGAIN):
        first, wire = play(stage, right, WORST_CALL, at(call, fault, 1))
        assert first.is_unavailable or operation.defers, f"{fault.__name__} at call {call + 1}"
        assert not wire.stopwatch.pauses


@pytest.mark.parametrize("operation", REQUESTS, ids=lambda operation: operation.name)
def test_r05_the_slowest_database_still_leaves_time_to_answer(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    limit = stage.limit(operation)
    for dead_from in range(len(right.calls) + 1):
        first, wire = play(stage, right, limit, partial(slow, dead_from))
        assert wire.stopwatch.elapsed < limit, f"calls from {dead_from + 1} on fail"
        assert first == right.first or first.is_unavailable


def slow(dead_from: int, request: Request) -> None:
    """Each attempt takes as long as it may, and the last one works, but for the later calls."""
    config = request.wire.config
    request.wire.stopwatch.pass_by(config.connect_timeout + config.read_timeout)
    is_last = request.attempt + 1 == config.retries["total_max_attempts"]
    if request.call >= dead_from or not is_last:
        raise ReadTimeoutError(endpoint_url=request.prepared.url)


@pytest.mark.proof
@pytest.mark.parametrize("operation", AT_LENGTH, ids=lambda operation: operation.name)
def test_a_request_that_is_wrong_is_a_fault_and_not_tried_again(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    for call, name in enumerate(right.calls):
        for fault in (*WRONG, *(WRONG_TRANSACTION if name == "TransactWriteItems" else ())):
            sent: list[int] = []
            wire = stage.begin(right, 60)
            wire.break_with(partial(_happen, call, fault, sent))
            with pytest.raises((ClientError, ExceptionGroup)) as told:
                operation.act(stage.world, right.scene)
            # The sweep goes around what it cannot deal with, and tells of all of it at its end.
            faults = getattr(told.value, "exceptions", [told.value])
            assert all(isinstance(one, ClientError) for one in faults)
            assert len(sent) == 1, f"{fault} at call {call + 1}"


WRONG: tuple[Fault, ...] = (
    partial(error, code="ValidationException"),
    partial(error, code="AccessDeniedException"),
    partial(error, code="ResourceNotFoundException"),
)
WRONG_TRANSACTION: tuple[Fault, ...] = (
    partial(cancelled, last="ValidationError"),
    partial(cancelled, last="ItemCollectionSizeLimitExceeded"),
    partial(error, code="IdempotentParameterMismatchException"),
)


def _happen(call: int, fault: Fault, sent: list[int], request: Request) -> AWSResponse | None:
    if request.call != call:
        return None
    sent.append(request.attempt)
    return fault(request)
