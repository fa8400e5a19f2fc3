"""Cells in which a request is well-formed and means something else than the agent has said.

The service answers what it has been asked, and the agent has to believe it. What is left: no second
seat, and the license comes back by itself or when a person signs in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.agent.ways.cells import Cell
from tests.agent.ways.scene import Act


@dataclass(frozen=True, slots=True)
class Excepted:
    """Cells of one kind, and why they are excepted."""

    act: Act
    part: str
    manners: frozenset[str]
    why: str

    def has(self, cell: Cell) -> bool:
        """Whether a cell is one of them."""
        fault = cell.fault
        return (cell.act, fault.part) == (self.act, self.part) and fault.manner in self.manners


EXCEPTIONS: Final[tuple[Excepted, ...]] = ()


def excepted(cell: Cell) -> Excepted | None:
    """Why a cell is excepted, if it is."""
    return next((one for one in EXCEPTIONS if one.has(cell)), None)
