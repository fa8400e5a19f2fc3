"""What the simulations come to: words, and a table.

``PYTHONPATH=shared .venv/bin/python -m tests.simulation`` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Final

from tests.simulation.copied import BY_LOGIN, GO_ON, OUT_OF_REACH, PUT_BACK, Found, Kind, found
from tests.simulation.honest import Honest

PLAYED: Final = 200
"""So many copies of each kind, for the page."""

_GROUPS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "go on": GO_ON,
    "put back": PUT_BACK,
    "logged in": BY_LOGIN,
    "out of reach": OUT_OF_REACH,
}


def table(played: int = PLAYED) -> str:
    """The copies, kind by kind."""
    lines = [
        "| copies | on record | suspected | blocked, by policy |",
        "|---|---|---|---|",
        *(
            f"| {group}: {name} | {_line(found(name, range(played)))} |"
            for group, kinds in _GROUPS.items()
            for name in kinds
        ),
    ]
    return "\n".join(lines) + "\n"


def _line(what: Found) -> str:
    shut_out = " (gets no lease)" if what.leaseless == what.played else ""
    return " | ".join(
        [
            _share(what.on_record, what.played),
            _when(what.suspected, what.played),
            _when(what.blocked, what.played) + shut_out,
        ]
    )


def _share(count: int, played: int) -> str:
    return f"{100 * count / played:.0f} %" if count else "no"


def _when(hours: list[float], played: int) -> str:
    """How many of those that were played, the median, and the latest."""
    if not hours:
        return "no"
    share = "" if len(hours) == played else f"{_share(len(hours), played)}, "
    return f"{share}{median(hours):.0f} h, {max(hours):.0f} h at most"


def words_of_copies(kinds: Iterable[Found]) -> str:
    """For the page of figures."""
    kinds = list(kinds)
    played = sum(kind.played for kind in kinds)
    latest = max(max(kind.suspected) for kind in kinds)
    return (
        f"{sum(len(kind.suspected) for kind in kinds):,} of {played:,} copied agents of "
        f"{len(kinds)} kinds suspected, the last one after {latest:.0f} h"
    )


def words_of_honest(honest: Honest) -> str:
    """For the page of figures."""
    return (
        f"{honest.agents:,} agents, {honest.days:.0f} days, {honest.restored:,} restores, "
        f"{honest.renewals:,} renewals: {len(honest.suspected)} suspected, {len(honest.blocked)} "
        f"blocked, {honest.returns:,} returns on record, of one agent {honest.most_returns} at most"
    )
