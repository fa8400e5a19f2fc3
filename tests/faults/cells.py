"""The cells: an operation, one of its calls, what can go wrong there, for how long.

They are made from the calls that an undisturbed run has made, so none can be forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import count

from botocore.awsrequest import AWSResponse

from tests.faults.seam import (
    ENDINGS,
    FAULTS,
    NOT_TRIED_AGAIN,
    WRITES,
    Fault,
    Request,
    Stale,
    reads_index,
    time_over,
)
from tests.faults.stage import Undisturbed


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
        what = getattr(self.fault, "__name__", self.fault)
        return f"{what} at {self.name} (call {self.call + 1}), {self.extent.value}"

    @property
    def is_tried_again(self) -> bool:
        """Whether the operation itself gets over it."""
        return self.extent is Extent.REQUEST and self.fault not in ENDINGS

    def __call__(self, request: Request) -> AWSResponse | None:
        """Let the fault happen to the requests that meet it."""
        match self.extent:
            case Extent.REQUEST:
                hits = (request.call, request.attempt) == (self.call, 0)
            case Extent.CALL:
                hits = request.call == self.call
            case Extent.FOR_GOOD:
                hits = request.call >= self.call and self._can_hit(request)
        if hits and request.call > self.call and self.fault in ENDINGS:
            return time_over(request)
        return self.fault(request) if hits else None

    def _can_hit(self, request: Request) -> bool:
        if isinstance(self.fault, Stale):
            return b'"IndexName"' in request.text
        return self.fault in ENDINGS or self.fault in FAULTS[request.operation]


def cells(right: Undisturbed, *, full: bool, writes_full: bool) -> Iterator[Cell]:
    """All of an operation's cells but those of stale indexes.

    Each fault at each call: in a `full` run for each extent, else for one, by turns; at calls that
    write it may be for each extent all the same.
    """
    turn = count()
    for call, name in enumerate(right.calls):
        for fault in FAULTS[name]:
            extents = [extent for extent in Extent if _makes_sense(name, fault, extent)]
            if not full and not (writes_full and name in WRITES):
                extents = [extents[next(turn) % len(extents)]]
            yield from (Cell(call, name, fault, extent) for extent in extents)
        for fault in ENDINGS if name in WRITES else ENDINGS[:1]:
            yield Cell(call, name, fault, Extent.FOR_GOOD)


def _makes_sense(name: str, fault: Fault, extent: Extent) -> bool:
    match extent:
        case Extent.REQUEST:
            return fault not in NOT_TRIED_AGAIN
        case Extent.CALL:  # Nothing comes of a call that reads: when it fails, the rest may as well
            return name in WRITES
        case Extent.FOR_GOOD:
            return True


def stale_cells(right: Undisturbed, table: str) -> Iterator[Cell]:
    """Those in which an index answers as `table` does: once, and from then on."""
    for call, parameters in enumerate(right.parameters):
        if reads_index(parameters):
            for extent in (Extent.REQUEST, Extent.FOR_GOOD):
                yield Cell(call, right.calls[call], Stale(table), extent)
