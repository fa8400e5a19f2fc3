"""The seat check: looks for seat counters that are not the number of bound licences (R6).

Counter and binding change in one transaction, so a difference is a defect, or a hand in the table.

What this module guarantees:

* It changes nothing: people have to find out what has happened.
* Each run looks at a bounded number of organizations, from a place that follows from the time
  alone; the runs of a while go through all of them.
* It raises no false alarm while agents come and go. What the index counts is a hint. A difference
  is one only if two whole looks, some seconds apart, find the same bound licences at the same
  revisions, and the counter stands at another number before, between and after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from licensing.usecases.ports import SeatStore

INTERVAL_SECONDS: Final = 900
"""How often the schedule runs the check: each time it goes on from another place."""

AT_ONCE: Final = 50
"""Organizations per run."""

_PLACES: Final = 2**32
_STRIDE: Final = 0x9E3779B1
"""Nearly the golden section of all places: further and further runs begin in the widest gap."""


@dataclass(frozen=True, slots=True)
class SeatMismatch:
    """A counter that is not what it should be."""

    organization_id: str
    seats: int
    bound: int


@dataclass(frozen=True, slots=True)
class SeatReport:
    """What one run found; ``checked`` organizations have been looked at."""

    checked: int
    drifts: Sequence[SeatMismatch]


@dataclass(frozen=True, slots=True)
class _Look:
    seats: int
    bound: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class CheckSeats:
    """The use case. ``pause`` lets the seconds pass after which a difference is looked at again."""

    store: SeatStore
    pause: Callable[[], None]

    def __call__(self, *, now: int, has_time: Callable[[], bool]) -> SeatReport:
        """Check some organizations while ``has_time()``."""
        place = now // INTERVAL_SECONDS * _STRIDE % _PLACES
        checked = 0
        suspects: dict[str, _Look] = {}
        for organization_id in self.store.organizations_from(place, limit=AT_ONCE):
            if not has_time():
                break
            checked += 1
            organization = self.store.organization(organization_id)
            if organization is None or organization.seats == self.store.bound_at_first_sight(
                organization_id
            ):
                continue
            look = self._look(organization_id)
            if look is not None:
                suspects[organization_id] = look
        return SeatReport(checked, self._confirmed(suspects, has_time))

    def _confirmed(
        self, suspects: dict[str, _Look], has_time: Callable[[], bool]
    ) -> Sequence[SeatMismatch]:
        """Those of the suspects that look the same after a while."""
        if suspects:
            self.pause()
        return [
            SeatMismatch(organization_id, look.seats, len(look.bound))
            for organization_id, look in suspects.items()
            if has_time() and self._look(organization_id) == look
        ]

    def _look(self, organization_id: str) -> _Look | None:
        """Counter and bound licences, if they differ and the counter stood still meanwhile."""
        before = self._seats(organization_id)
        bound = self.store.bound(organization_id)
        if before is None or before == len(bound) or self._seats(organization_id) != before:
            return None
        return _Look(before, bound)

    def _seats(self, organization_id: str) -> int | None:
        organization = self.store.organization(organization_id)
        return organization.seats if organization else None
