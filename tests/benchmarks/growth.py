"""How far the service grows: what each of its parts needs at a size, beside its limit.

What this module guarantees: it is arithmetic alone. Each need grows in proportion to one count (all
agents, all organizations, or the agents of the largest one), so that it is known where it meets its
limit. What is assumed or was measured is a constant with its unit; what the template says is looked
at by a test. `python -m tests.benchmarks.growth` writes the table on the page, `GROWTH.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from licensing.usecases.list_licenses import MOST_READ

PAGE: Final = Path(__file__).with_name("GROWTH.md")

# -- what the template says ------------------------------------------------------------------------

BACKGROUND_MEMORY: Final = 512  # MiB, of the sweep and the publisher
LISTS_MEMORY: Final = 1_769  # MiB, of the functions that show lists and count
TIMEOUT: Final = 29  # seconds, of a request
VALIDATIONS: Final = 1_000  # a second, before API Gateway throttles
LOGINS: Final = 100  # a second, before API Gateway throttles
SWEEP_TIMEOUT: Final = 120  # seconds
SWEEP_RESERVE: Final = 15  # seconds, in which the sweep begins nothing more
SWEEP_EVERY: Final = 300  # seconds

# -- what AWS says ---------------------------------------------------------------------------------

WHOLE_PROCESSOR: Final = 1_769  # MiB: at this memory, Lambda gives a whole one
PARTITION_READS: Final = 3_000  # units a second, of a table or an index
PARTITION_WRITES: Final = 1_000
NEW_TABLE_READS: Final = 12_000  # units a second, of an on-demand table that has not grown yet
NEW_TABLE_WRITES: Final = 4_000
API: Final = 10_000  # requests a second, account and region
CONCURRENCY: Final = 1_000  # executions, account and region
RECORD_AGE: Final = 82_800  # seconds that a change waits for the publisher, at most

# -- what is assumed -------------------------------------------------------------------------------

VALIDATES_EVERY: Final = 43_200  # seconds: half of a lease
PEAK: Final = 5  # times the mean, in the busiest minutes
START: Final = 300  # seconds in which all agents of an organization are switched on
ROLL_OUT: Final = 3_600  # seconds in which all agents of an organization log in first
NIGHT: Final = 28_800  # seconds in which nobody should notice that much is done
PAGE_SECONDS: Final = 0.03  # for DynamoDB to answer a megabyte of an index
BUS_SECONDS: Final = 0.02  # for EventBridge to take ten events
TRANSACTION: Final = 0.01  # seconds that a first login holds the seat counter
ENTRY: Final = 300  # bytes of a licence or an organization in `by_organization`

# -- what was measured: 2026-11-30, Python 3.11, ten thousand of each; to within a third -----------

BILLED: Final = 0.045  # seconds of a validation, see the page of figures
VALIDATION_READS: Final = 2  # units: licence and organization
MARK_WRITES: Final = 7  # units, of a licence that the sweep marks: `large_organization.py`
MARKS: Final = 500  # a second, of one organization: its list is one partition of an index
MARK_CPU: Final = 0.00106  # seconds of a whole processor
PUBLISH_CPU: Final = 0.0004  # seconds, for an event's way to the bus
ENTRY_CPU: Final[Mapping[str, float]] = MappingProxyType(
    {"summary": 35e-6, "sorted": 53e-6, "searched": 60e-6, "by activity": 135e-6, "of all": 52e-6}
)
"""Seconds of a whole processor for each entry that a request takes in, by what it does with it."""


def elapsed(cpu: float, memory: int) -> float:
    """Seconds that a function of so many MiB takes for so many seconds of a whole processor."""
    return cpu * max(1.0, WHOLE_PROCESSOR / memory)


def taken_in(what: str) -> float:
    """Seconds in which a request takes in one entry of an index."""
    return elapsed(ENTRY_CPU[what], LISTS_MEMORY) + ENTRY / 1_000_000 * PAGE_SECONDS


def marked() -> float:
    """Seconds in which the schedule gets one licence marked, of many organizations."""
    return elapsed(MARK_CPU, BACKGROUND_MEMORY) * SWEEP_EVERY / (SWEEP_TIMEOUT - SWEEP_RESERVE)


# -- the sizes, and the walls ----------------------------------------------------------------------


class Of(StrEnum):
    """What a need grows with."""

    AGENTS = "agents"
    ORGANIZATIONS = "organizations"
    LARGEST = "agents in one organization"


@dataclass(frozen=True, slots=True)
class Case:
    """A size of the service; ``largest`` is how many agents its largest organization has."""

    name: str
    agents: int
    organizations: int
    largest: int

    def count(self, of: Of) -> int:
        """How many there are."""
        return {
            Of.AGENTS: self.agents,
            Of.ORGANIZATIONS: self.organizations,
            Of.LARGEST: self.largest,
        }[of]


CASES: Final = (
    Case("10⁶ agents, 10⁴ organizations", 1_000_000, 10_000, 10_000),
    Case("one organization of 100,000", 100_000, 1, 100_000),
    Case("10⁸ agents, 10⁶ organizations", 100_000_000, 1_000_000, 1_000_000),
)
"""The largest organization of many has a hundredth of all agents."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A limit, and what one more ``of`` something needs of it; ``then`` is what to do at it."""

    name: str
    of: Of
    each: float
    limit: float
    unit: str
    then: str

    def need(self, case: Case) -> float:
        """What a size needs."""
        return self.each * case.count(self.of)

    def binds(self, case: Case) -> bool:
        """Whether that is more than there is."""
        return self.need(case) > self.limit

    @property
    def stands_at(self) -> float:
        """How many there can be."""
        return self.limit / self.each


_A_VALIDATION: Final = PEAK / VALIDATES_EVERY
_COUNTS: Final = "counts that are kept, and not made anew for each answer"

WALLS: Final = (
    Wall(
        "validations, throttle of the template",
        Of.AGENTS,
        _A_VALIDATION,
        VALIDATIONS,
        "requests/s",
        "raise the route's two limits",
    ),
    Wall(
        "validations, API Gateway",
        Of.AGENTS,
        _A_VALIDATION,
        API,
        "requests/s",
        "have it raised, or divide the organizations among several stacks",
    ),
    Wall(
        "validations, Lambda",
        Of.AGENTS,
        _A_VALIDATION * BILLED,
        CONCURRENCY,
        "executions",
        "have it raised",
    ),
    Wall(
        "validations, reads of a table that is new",
        Of.AGENTS,
        _A_VALIDATION * VALIDATION_READS,
        NEW_TABLE_READS,
        "units/s",
        "warm its throughput before; it grows by itself, to twice its last peak in half an hour",
    ),
    Wall(
        "validations, writes of a table that is new",
        Of.AGENTS,
        _A_VALIDATION,
        NEW_TABLE_WRITES,
        "units/s",
        "the same",
    ),
    Wall(
        "an organization is switched on in five minutes, throttle of the template",
        Of.LARGEST,
        1 / START,
        VALIDATIONS,
        "requests/s",
        "raise it; agents ask again by themselves, and work on their leases meanwhile",
    ),
    Wall(
        "an organization is switched on in five minutes, reads of its record",
        Of.LARGEST,
        1 / START,
        PARTITION_READS,
        "units/s",
        "copies of the record, all changed in one transaction; each licence reads its own",
    ),
    Wall(
        "an organization logs in first within an hour, its seat counter",
        Of.LARGEST,
        TRANSACTION,
        ROLL_OUT,
        "s",
        "roll out more slowly: agents that are told to wait come again",
    ),
    Wall(
        "the same, throttle of the template",
        Of.LARGEST,
        1 / ROLL_OUT,
        LOGINS,
        "requests/s",
        "raise it, or roll out more slowly",
    ),
    Wall(
        "an organization ends or is renewed, marks within a night, its part of the index",
        Of.LARGEST,
        1 / MARKS,
        NIGHT,
        "s",
        "nothing: validations do not wait for marks",
    ),
    Wall(
        "all organizations end at once, marks within a night",
        Of.AGENTS,
        marked(),
        NIGHT,
        "s",
        "the sweep's time limit up to its interval, and more memory; validations do not wait",
    ),
    Wall(
        "the same, writes of a table that is new",
        Of.AGENTS,
        MARK_WRITES / NEW_TABLE_WRITES,
        NIGHT,
        "s",
        "nothing: it grows meanwhile",
    ),
    Wall(
        "the same, events on their way to the bus, over one shard",
        Of.AGENTS,
        elapsed(PUBLISH_CPU, BACKGROUND_MEMORY) + BUS_SECONDS / 10,
        RECORD_AGE,
        "s",
        "a ParallelizationFactor: order within a licence is kept. A larger table has more shards",
    ),
    Wall(
        "overview and list of all organizations",
        Of.ORGANIZATIONS,
        taken_in("of all"),
        TIMEOUT,
        "s",
        _COUNTS,
    ),
    Wall(
        "overview of an organization",
        Of.LARGEST,
        taken_in("summary"),
        TIMEOUT,
        "s",
        _COUNTS,
    ),
    Wall(
        "its list, sorted by name, environment or time of issue",
        Of.LARGEST,
        taken_in("sorted"),
        TIMEOUT,
        "s",
        "the unsorted list, which costs what a page shows",
    ),
    Wall(
        "its list, searched for what nobody has",
        Of.LARGEST,
        taken_in("searched"),
        TIMEOUT,
        "s",
        "the search by the beginning of a name across organizations",
    ),
    Wall(
        "its list, by version or by when agents were seen: a refusal that says how to narrow it",
        Of.LARGEST,
        1,
        MOST_READ,
        "licences",
        "narrow it by status, environment or search; or an index by hour, for one write more with "
        "each renewal",
    ),
    Wall(
        "the same, time",
        Of.LARGEST,
        taken_in("by activity"),
        TIMEOUT,
        "s",
        "nothing: the limit above binds before",
    ),
)

# -- the page --------------------------------------------------------------------------------------

_MARKED: Final = re.compile(r"(?s)(<!-- made of growth\.py -->\n).*?(<!-- end of it -->)")


def quoted(page: str) -> str:
    """The page with the table between its marks."""
    head = ("what", "limit", *(case.name for case in CASES), "stands at", "then")
    rows = [head, ("---",) * len(head), *map(_row, WALLS)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return _MARKED.sub(lambda marked: f"{marked[1]}\n{table}\n\n{marked[2]}", page)


def _row(wall: Wall) -> tuple[str, ...]:
    needs = (
        f"**{_number(wall.need(case))}**" if wall.binds(case) else _number(wall.need(case))
        for case in CASES
    )
    stands = f"{_number(wall.stands_at)} {wall.of}"
    return wall.name, f"{_number(wall.limit)} {wall.unit}", *needs, stands, wall.then


def _number(value: float) -> str:
    """With two digits that mean something, or whole."""
    if value >= 1_000_000:
        return f"{float(f'{value / 1_000_000:.2g}'):,.12g} million"
    if value == int(value):
        return f"{int(value):,}"
    return f"{float(f'{value:.2g}'):,.12g}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(quoted(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
