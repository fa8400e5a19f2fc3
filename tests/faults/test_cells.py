"""Each operation, with each fault at each of its calls: right in the end, whatever goes wrong.

The cells are made by recording an undisturbed run: operation, call, what can go wrong with such a
call, for how long. In each, the caller is told what it would have been told without the fault, or
that the service is unavailable; then the same request, sent again, comes to the same end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import pytest
from botocore.awsrequest import AWSResponse

from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.seam import FAULTS, Fault, Request
from tests.faults.stage import UNCOUNTED, Stage, Undisturbed


class Extent(Enum):
    """How long a fault lasts."""

    REQUEST = "one request"
    CALL = "one call, with all requests that botocore makes for it"
    FOR_GOOD = "for good"


@dataclass(frozen=True)
class Cell:
    """A fault at an operation's call."""

    call: int
    name: str
    fault: Fault
    extent: Extent

    def __str__(self) -> str:
        return f"{self.fault.__name__} at {self.name} (call {self.call + 1}), {self.extent.value}"

    def __call__(self, request: Request) -> AWSResponse | None:
        """Let the fault happen to the requests that meet it."""
        match self.extent:
            case Extent.REQUEST:
                hits = (request.call, request.attempt) == (self.call, 0)
            case Extent.CALL:
                hits = request.call == self.call
            case Extent.FOR_GOOD:
                hits = request.call >= self.call and self.fault in FAULTS[request.operation]
        return self.fault(request) if hits else None


def cells(right: Undisturbed) -> Iterator[Cell]:
    """All of an operation's cells."""
    for call, name in enumerate(right.calls):
        for fault in FAULTS[name]:
            for extent in Extent:
                # Nothing comes of a call that reads: when it fails, the rest may as well.
                if extent is not Extent.CALL or name in ("TransactWriteItems", "UpdateItem"):
                    yield Cell(call, name, fault, extent)


def play(stage: Stage, right: Undisturbed, cell: Cell) -> None:
    """Let the fault happen; once told that the service is unavailable, mend it and repeat."""
    world, act = stage.world, right.operation.act
    restore(world, right.snapshot)
    limit = stage.limit(right.operation)
    wire = stage.wire(limit)
    wire.break_with(cell)
    first = act(world, right.scene)
    assert wire.stopwatch.elapsed < limit, f"takes {wire.stopwatch.elapsed:.1f} s"
    wire.mend()
    state = canonical.state(world.items())
    if first == right.first and (state == right.state or not right.operation.defers):
        assert state == right.state, "told so, but the state is another"
        return
    if first != right.first:
        assert first.is_unavailable, f"told {first}"
        assert cell.extent is not Extent.REQUEST, "not tried again"
        assert first.retry_after is not None
        assert int(first.retry_after) >= 1
    second = act(world, right.scene)
    assert second in (right.first, right.again), f"told {second} in the end"
    items = world.items()
    assert_consistent(items)
    # How often a person was refused is counted by request, and there were two.
    assert canonical.state(items, without=UNCOUNTED) == right.uncounted, "another end"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_r05_r32_whatever_goes_wrong_the_end_is_the_same(
    stage: Stage, operation: Operation
) -> None:
    right = stage.undisturbed(operation)
    assert not right.first.is_unavailable
    assert right.calls
    wrong: list[str] = []
    for cell in cells(right):
        try:
            play(stage, right, cell)
        except AssertionError as error:
            wrong.append(f"{cell}: {str(error).splitlines()[0]}")
    assert not wrong, "\n".join(wrong)
