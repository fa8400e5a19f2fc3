"""The expiry sweep: marks what has ended, reinstates what was renewed, announces ends (R22–R25).

What this module guarantees:

* The cost grows with what is due. Nothing due: one query per shard (R23).
* No step rests on an earlier one of the same run. Killed anywhere and run again, the sweep reaches
  the same end, because what is due stays due until it is done (R23).
* Every mark is committed together with a check that the organization is still as it was read, so a
  renewal that races the sweep wins (R24).
* It starts nothing that it might not finish before its deadline, and reports how far behind it is.
* A faulty record holds up no other: it is in the report's ``faults``, and stays due.

The marks are for people to read; whether a licence is valid never depends on them (R14).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Any, Final

from licensing.domain.audit import EventType
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action, License, State
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused
from licensing.usecases.context import Context
from licensing.usecases.optimistic import Overtaken, demand, retry
from licensing.usecases.ports import Change, Outcome, SweepStore

BATCH: Final = 49
"""Licences per transaction: two actions each and one check stay within DynamoDB's 100."""

SETTLING_SECONDS: Final = 60
"""How long an organization stays due after it ended or changed.

Licences are found by an eventually consistent index, which may not show a new one yet. So the
sweep looks again until a pass that began this much later finds nothing left to mark.
"""


@dataclass(slots=True)
class SweepReport:
    """What one run did, in numbers of licences and organizations.

    ``due``: what it found. ``unfinished``: what is left of that for the next run; the oldest has
    been due for ``lag_seconds``. ``expired``, ``reinstated``, ``temporary_expired``: licences that
    it marked. ``announced``: ends of subscriptions. ``settled``: organizations that are done for
    now. ``faults``: what went wrong with single records; an operator has to act.

    >>> shards = [SweepReport(due=3, unfinished=1, lag_seconds=90), SweepReport(due=2)]
    >>> both = shards[0].plus(shards[1])
    >>> both.due, both.unfinished, both.lag_seconds
    (5, 1, 90)
    """

    due: int = 0
    unfinished: int = 0
    expired: int = 0
    reinstated: int = 0
    temporary_expired: int = 0
    announced: int = 0
    settled: int = 0
    lag_seconds: int = 0
    faults: list[Exception] = field(default_factory=list)

    def left(self, lag_seconds: int) -> None:
        """Count one record that is left for the next run, and since when it has been due."""
        self.unfinished += 1
        self.lag_seconds = max(self.lag_seconds, lag_seconds)

    def counts(self) -> dict[str, Any]:
        """The report as numbers, for metrics and logs: of ``faults`` how many."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {"faults": len(self.faults)}

    def raise_faults(self) -> None:
        """Raise an ``ExceptionGroup`` of all ``faults`` if there are any, for the alarm."""
        if self.faults:
            raise ExceptionGroup("records that cannot be swept", self.faults)

    def plus(self, other: SweepReport) -> SweepReport:
        """The report on this shard and another one together."""
        return SweepReport(
            due=self.due + other.due,
            unfinished=self.unfinished + other.unfinished,
            expired=self.expired + other.expired,
            reinstated=self.reinstated + other.reinstated,
            temporary_expired=self.temporary_expired + other.temporary_expired,
            announced=self.announced + other.announced,
            settled=self.settled + other.settled,
            lag_seconds=max(self.lag_seconds, other.lag_seconds),
            faults=self.faults + other.faults,
        )


@dataclass(frozen=True, slots=True)
class SweepExpired:
    """The use case."""

    store: SweepStore

    def __call__(
        self, context: Context, *, workers: int, has_time: Callable[[], bool]
    ) -> SweepReport:
        """Work through what is due, ``workers`` shards at a time, and report it (R22, R23).

        ``has_time()`` is asked before each step; once it says no, the rest is left for the next
        run.
        """

        def sweep(shard: str) -> SweepReport:
            return _ShardSweep(self.store, shard, context, has_time).run()

        with ThreadPoolExecutor(workers) as pool:
            return reduce(SweepReport.plus, pool.map(sweep, self.store.due_shards))


@dataclass(slots=True)
class _ShardSweep:
    """One run through what is due in a shard."""

    store: SweepStore
    shard: str
    context: Context
    has_time: Callable[[], bool]
    report: SweepReport = field(default_factory=SweepReport)

    def run(self) -> SweepReport:
        """Do it."""
        for due in self.store.due(self.shard, self.context.now):
            self.report.due += 1
            try:
                done = self.has_time() and (
                    self._end_temporary(due.id)
                    if due.kind == "license"
                    else self._bring_up_to_date(due.id)
                )
            except Unavailable:
                done = False  # one busy record must not hold up the others
            except Exception as fault:  # noqa: BLE001 - nor one that is broken: told at the end
                fault.add_note(f"in sweeping the {due.kind} {due.id}")
                self.report.faults.append(fault)
                done = False
            if not done:
                self.report.left(self.context.now - due.since)
        return self.report

    def _end_temporary(self, license_id: str) -> bool:
        """Mark a temporary licence whose time is over; whether nothing is left to do."""
        record = self.store.license(license_id)
        if record is None or record.due_at is None or self.context.now < record.due_at:
            return True  # revoked since the index showed it
        change = self._change(record, Action.EXPIRE, EventType.TEMPORARY_LICENSE_EXPIRED)
        if self.store.commit([change]) is Outcome.CONFLICT:
            return False
        self.report.temporary_expired += 1
        return True

    def _bring_up_to_date(self, organization_id: str) -> bool:
        """Do all that is due for one organization; whether nothing is left to do now."""
        try:
            return retry(lambda: self._bring_up_once(organization_id))
        except Overtaken:
            return False

    def _bring_up_once(self, organization_id: str) -> bool:
        """Raises :class:`Overtaken` when it was renewed, or changed otherwise, meanwhile."""
        organization = self.store.organization(organization_id)
        if organization is None:
            return True
        if not self._mark_all(organization):
            return False
        announced = self._announce(organization)
        # It stays due meanwhile: the index may not show all of its licences yet.
        if self.context.now < announced.last_turn(self.context.now) + SETTLING_SECONDS:
            return True
        next_due = announced.next_due(self.context.now)
        demand(self.store.settle(announced, due_at=next_due))
        self.report.settled += 1
        return True

    def _mark_all(self, organization: Organization) -> bool:
        """Mark (or reinstate) all licences; whether there was time for it. Raises ``Overtaken``."""
        ended = organization.subscription.has_ended(self.context.now)
        wrong, action, kind = (
            (State.ACTIVE, Action.EXPIRE, EventType.LICENSE_EXPIRED)
            if ended
            else (State.EXPIRED, Action.REINSTATE, EventType.LICENSE_REINSTATED)
        )
        while self.has_time():
            records = self.store.some_licenses(organization.id, wrong, limit=BATCH)
            if not records:
                return True
            changes = [self._change(record, action, kind) for record in records]
            demand(self.store.commit(changes, organization=organization))
            if ended:
                self.report.expired += len(changes)
            else:
                self.report.reinstated += len(changes)
        return False

    def _change(self, record: License, action: Action, kind: EventType) -> Change:
        changed = record.after(action, self.context.now)
        if isinstance(changed, Refused):
            raise TypeError(f"the sweep picked a license that cannot {action}: {changed.message}")
        return Change(record, changed, self.context.license_event(kind, record, changed))

    def _announce(self, organization: Organization) -> Organization:
        """Announce the subscription's end if that is due. Raises ``Overtaken``."""
        now = self.context.now
        days = organization.due_announcement(now)
        if days is None:
            return organization
        announced = replace(organization, announced_days=days)
        event = self.context.organization_event(
            EventType.SUBSCRIPTION_ENDING, organization, announced, at=now
        )
        # Due now still: only settling, which looks at the clock once more, moves that on.
        demand(self.store.commit_organization(organization, announced, event, due_at=now))
        self.report.announced += 1
        return announced
