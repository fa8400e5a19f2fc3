"""Cells in which a request is well-formed and means something else than the agent has said.

An agent that proves a device key signs its requests' bodies, and what has been changed is not
believed. One that proves none is believed: the service answers what it has been asked, and the
agent has to believe that. What is left: no second seat, no suspicion, and the license comes back
when nothing is amiss any more, by itself or by a person who signs in. Elsewhere no more than a note
in the history is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.agent.ways.cells import Cell
from tests.agent.ways.played import Played
from tests.agent.ways.scene import Act

NOTE: Final = "on record: AgentReturned"


class Allowed(StrEnum):
    """What is not wrong in an excepted cell."""

    REFUSED = "it is refused, and a person may have to sign in"
    NOTED = "the history notes that it has come back, as after a restore"


@dataclass(frozen=True, slots=True)
class Excepted:
    """Cells of one kind, and why they are excepted; ``None`` is any part, and any manner."""

    act: Act
    part: str | None
    manners: frozenset[str] | None
    allowed: Allowed
    why: str

    def has(self, cell: Cell) -> bool:
        """Whether a cell is one of them."""
        fault = cell.fault
        is_part = cell.act is self.act and self.part in {None, fault.part}
        return is_part and (self.manners is None or fault.manner in self.manners)


_ANOTHERS: Final = frozenset({"another agent's"})
_CHANGED: Final = frozenset({"changed"})

EXCEPTIONS: Final = (
    Excepted(
        Act.BARE,
        "request body /license_key",
        _ANOTHERS,
        Allowed.REFUSED,
        "it is a good key, and not of the organization that the request names",
    ),
    Excepted(
        Act.BARE,
        "request body /organization_id",
        _CHANGED | _ANOTHERS,
        Allowed.REFUSED,
        "the key is not of that organization",
    ),
    Excepted(
        Act.BARE,
        "request body /environment",
        _CHANGED,
        Allowed.REFUSED,
        "the key is not for that environment",
    ),
    Excepted(
        Act.BARE,
        "request body /machine",
        _ANOTHERS,
        Allowed.REFUSED,
        "the key is presented by another machine: that of these components",
    ),
    Excepted(
        Act.BARE,
        "request body /nonce",
        None,
        Allowed.NOTED,
        "it is another question, which leads to a link that the agent cannot take for its own",
    ),
    Excepted(
        Act.BARE,
        "request body /lease",
        None,
        Allowed.NOTED,
        "it does not present its last lease, as an agent that was restored does not",
    ),
    Excepted(
        Act.BARE,
        "request body",
        frozenset({"the one before"}),
        Allowed.NOTED,
        "it is the question before this one, with the lease before the last",
    ),
    Excepted(
        Act.RETURN,
        None,
        None,
        Allowed.NOTED,
        "the answer to its login has not come, and when nobody signs in any more, it validates "
        "with the lease from before: a login's question is none of a validation's",
    ),
)


def excepted(cell: Cell) -> Excepted | None:
    """Why a cell is excepted, if it is."""
    return next((one for one in EXCEPTIONS if one.has(cell)), None)


def wrong(seen: Played) -> list[str]:
    """What is wrong in a cell, beside what is allowed there."""
    exception = excepted(seen.cell)
    if exception is None:
        return seen.wrong
    if exception.allowed is Allowed.NOTED:
        return [fault for fault in seen.wrong if fault != NOTE]
    return seen.lost
