"""What an organization's licences did as a whole, for charts (R14, R17, R28, R32).

What this module guarantees:

* One request reads a bounded part of the past, and says from when on it is complete.
* An organization's administrators see nothing of refusals of temporary licences (R28).
* All pages of one walk through the licences tell of the same hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from licensing.domain.audit import Reading, Reason, is_refusal, subscription_in
from licensing.domain.caller import Caller
from licensing.domain.license import HOUR
from licensing.domain.refusal import Refused, only_administrators, organization_not_found
from licensing.domain.statistics import (
    WEEK_HOURS,
    BlockedClone,
    Past,
    Point,
    Turn,
    by_hour,
    complete_from,
    first_midnight,
    not_seen,
    over_time,
)
from licensing.usecases.context import UserContext
from licensing.usecases.note_reading import note_reading
from licensing.usecases.ports import RecordedEvent, StatisticsReader

MOST_EVENTS: Final = 20_000
MOST_REFUSALS: Final = 2_000
MOST_TURNS: Final = 2_000
PAGE: Final = 2_000
"""Licences whose hours are read in one request."""


@dataclass(frozen=True, slots=True)
class RefusalTotal:
    """How often something was refused for one reason, and for how many licences."""

    reason: str
    times: int
    licenses: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """An organization over time; nothing is told from before ``complete_from``."""

    organization_id: str
    since: int
    until: int
    complete_from: int
    points: Sequence[Point]
    refusals: Sequence[RefusalTotal]


@dataclass(frozen=True, slots=True)
class Activity:
    """In how many of the ``counted`` licences' case an agent was noted as seen, hour by hour.

    The oldest of the ``hours`` comes first; the last one ends at ``until``. ``not_seen`` counts the
    active licences whose agents were not heard of, by the days before ``until``.
    """

    organization_id: str
    until: int
    hours: Sequence[int]
    not_seen: Mapping[int, int]
    counted: int
    next_cursor: str | None

    @property
    def since(self) -> int:
        """When the first of the hours begins."""
        return self.until - WEEK_HOURS * HOUR


@dataclass(frozen=True, slots=True)
class ShowStatistics:
    """The use cases."""

    store: StatisticsReader

    def statistics(
        self, organization_id: str, context: UserContext, *, days: int
    ) -> Statistics | Refused:
        """The licences at each midnight of so many days, today's among them, and now."""
        caller, now = context.caller, context.now
        refused = _not_allowed(organization_id, caller)
        if refused is not None:
            return refused
        since = first_midnight(now, days)
        itself = self.store.organization_past(organization_id, since, most=MOST_TURNS)
        if itself is None:
            return organization_not_found()
        note_reading(self.store, Reading.STATISTICS, organization_id, context)
        census = self.store.census(organization_id)
        past = self.store.licenses_past(
            organization_id, since, most=MOST_EVENTS, most_refusals=MOST_REFUSALS
        )
        left = [at for at in (itself.left_at, past.left_at) if at is not None]
        complete = complete_from(since, max(left, default=None), now)
        return Statistics(
            organization_id,
            since,
            now,
            complete,
            over_time(
                census,
                itself.organization.subscription,
                Past(past.moves, _turns(itself.events)),
                since=complete,
                now=now,
            ),
            _totals(
                [
                    entry
                    for entry in past.refusals
                    if entry.at >= complete and (caller.is_super_admin or not entry.confidential)
                ],
                [clone for clone in past.blocked if clone.at >= complete],
            ),
        )

    def activity(
        self, organization_id: str, context: UserContext, *, cursor: str | None
    ) -> Activity | Refused:
        """The hours of a week in which agents were seen: for the licences of one page.

        A licence that changes while the pages are read may be on two of them, or on none. Raises
        ``InvalidInput`` for a cursor that this listing did not hand out.
        """
        refused = _not_allowed(organization_id, context.caller)
        if refused is not None:
            return refused
        organization = self.store.organization(organization_id)
        if organization is None:
            return organization_not_found()
        note_reading(self.store, Reading.ACTIVITY, organization_id, context)
        hour = context.now // HOUR
        page = self.store.last_seen(organization_id, hour=hour, limit=PAGE, cursor=cursor)
        until = (page.hour + 1) * HOUR
        return Activity(
            organization_id,
            until,
            by_hour([one.last_seen for one in page.sightings if one.last_seen], page.hour),
            not_seen(page.sightings, organization.subscription, until=until, now=context.now),
            len(page.sightings),
            page.next_cursor,
        )


def _not_allowed(organization_id: str, caller: Caller) -> Refused | None:
    if not caller.is_administrator:
        return only_administrators()
    return None if caller.administers(organization_id) else organization_not_found()


def _turns(entries: Sequence[RecordedEvent]) -> Sequence[Turn]:
    """When the subscription changed; an announcement, or another name, is no such change."""
    found: list[Turn] = []
    for entry in entries:
        before = subscription_in(entry.before) if entry.before is not None else None
        if entry.after is not None and before != subscription_in(entry.after):
            found.append(Turn(entry.at, before))
    return found


def _totals(
    entries: Sequence[RecordedEvent], blocked: Sequence[BlockedClone]
) -> Sequence[RefusalTotal]:
    """The refusals by reason, most first, without what was let go on.

    A clone that was blocked is one of them: the validation that showed it was refused.
    """
    refused = [
        (entry.reason, entry.license_id, entry.times or 0)
        for entry in entries
        if entry.reason is not None and is_refusal(entry.reason)
    ]
    refused += [(Reason.CLONE_SUSPECTED, clone.license_id, 1) for clone in blocked]
    times, licenses = Counter[str](), dict[str, set[str | None]]()
    for reason, license_id, count in refused:
        times[reason] += count
        licenses.setdefault(reason, set()).add(license_id)
    return [
        RefusalTotal(reason, count, len(licenses[reason]))
        for reason, count in sorted(times.items(), key=lambda found: (-found[1], found[0]))
    ]
