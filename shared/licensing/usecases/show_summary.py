"""What there is now, counted: an organization's licences, and all organizations (R6, R14).

What this module guarantees:

* A number is that of the list which the same filter shows: statuses and standings by the same
  rules, as things stand now.
* Each answer is one query of one partition of an index, which may be a moment behind. Beside it,
  nothing is read but the organization itself.
* What super-admins are told of one organization is on record; the counts of all of them are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from licensing.domain import environment as environments
from licensing.domain.audit import Reading
from licensing.domain.license import BOUND, Status
from licensing.domain.organization import DAY, SeatUse, Standing, seat_use
from licensing.domain.refusal import (
    Refused,
    only_administrators,
    only_super_admins,
    organization_not_found,
)
from licensing.domain.statistics import by_status
from licensing.usecases.context import UserContext
from licensing.usecases.filters import LicenseSummary
from licensing.usecases.note_reading import note_reading
from licensing.usecases.ports import SummaryReader

MOST_ENVIRONMENTS: Final = 100
END_DAYS: Final = 90
"""For how many days (UTC), today's among them, it is told which subscriptions end."""
RECENT_DAYS: Final = 30
"""For how many days (UTC) before today's it is told how many subscriptions have ended."""


@dataclass(frozen=True, slots=True)
class LicensesNow:
    """An organization's own licences.

    ``environments`` and ``device_keys`` are of the bound ones: how many are in each environment,
    and how many have a device key or none.
    """

    organization_id: str
    licenses: Mapping[Status, int]
    environments: Sequence[tuple[str, int]]
    device_keys: Mapping[bool, int]


@dataclass(frozen=True, slots=True)
class OrganizationsNow:
    """All organizations.

    ``ends`` has, for each day by its beginning, how many current subscriptions end on it;
    ``recently_ended`` counts those that have ended today or in the :data:`RECENT_DAYS` before.
    """

    organizations: int
    standings: Mapping[Standing, int]
    ends: Sequence[tuple[int, int]]
    recently_ended: int
    seats: Mapping[SeatUse, int]


@dataclass(frozen=True, slots=True)
class ShowSummary:
    """The use cases."""

    store: SummaryReader

    def of_organization(self, organization_id: str, context: UserContext) -> LicensesNow | Refused:
        """An organization's licences, counted."""
        caller = context.caller
        if not caller.is_administrator:
            return only_administrators()
        if not caller.administers(organization_id):
            return organization_not_found()
        organization = self.store.organization(organization_id)
        if organization is None:
            return organization_not_found()
        note_reading(self.store, Reading.STATISTICS, organization_id, context)
        # Each once: one that changes between two pages stands in the index at two places.
        found = {one.id: one for one in self.store.all_licenses(organization_id)}.values()
        bound = [one for one in found if one.state in BOUND]
        return LicensesNow(
            organization_id,
            by_status(Counter(one.state for one in found), organization.subscription, context.now),
            _environments(bound),
            Counter(one.device_key is not None for one in bound),
        )

    def of_all(self, context: UserContext) -> OrganizationsNow | Refused:
        """All organizations, counted."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        standings, seats, ends = Counter[Standing](), Counter[SeatUse](), Counter[int]()
        today, recently_ended = context.now // DAY, 0
        for one in self.store.organization_summaries():
            standing = one.subscription.standing(context.now)
            day = one.subscription.valid_until // DAY
            standings[standing] += 1
            if standing is Standing.CURRENT:
                ends[day] += 1
            elif standing is Standing.ENDED and day >= today - RECENT_DAYS:
                recently_ended += 1
            if (use := seat_use(one.seats, one.max_agents)) is not None:
                seats[use] += 1
        return OrganizationsNow(
            standings.total(),
            standings,
            [(day * DAY, ends[day]) for day in range(today, today + END_DAYS)],
            recently_ended,
            seats,
        )


def _environments(bound: Iterable[LicenseSummary]) -> Sequence[tuple[str, int]]:
    """How many are in each environment, most first; each under the name that most of them have."""
    names: dict[str, Counter[str]] = {}
    for one in bound:
        names.setdefault(environments.normal(one.environment), Counter())[one.environment] += 1
    counted = [
        (min(of_one, key=lambda name: (-of_one[name], name)), of_one.total())
        for of_one in names.values()
    ]
    return sorted(counted, key=lambda found: (-found[1], found[0]))[:MOST_ENVIRONMENTS]
