"""The expiry sweep: marks what has ended, reinstates what was renewed, announces ends (R22–R25).

What this module guarantees:

* The cost grows with what is due. Nothing due: one query per shard (R23).
* No step rests on an earlier one of the same run: killed anywhere and run again, the sweep
  reaches the same end, because whatever is due stays due until it has been dealt with.
* Every mark is committed together with the check that the organization is still as it was read,
  so a renewal that races the sweep wins (R24).
* It starts nothing that it might not finish before its deadline, and says how far behind it is.
* What it cannot deal with, a record that is not as it should be, holds up nothing else: it is in
  the report's ``faults``, and stays due.

The marks are for people to read; whether a licence is valid never depends on them (R14).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Any, Final

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action, License, State
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused
from licensing.usecases.ports import Change, Entropy, Outcome, SweepStore

BATCH: Final = 49
"""Licences per transaction: two actions each and one check stay within DynamoDB's 100."""

SETTLING_SECONDS: Final = 60
"""How long after its last turn an organization stays due.

Licences are found by an eventually consistent index. Only a pass that began this much later and
found nothing is the last one, so a licence that the index did not show yet is not left out.
"""

_ATTEMPTS: Final = 5


@dataclass(slots=True)
class SweepReport:
    """What one run did.

    Of what was ``due``, ``unfinished`` is left for the next run, since ``lag_seconds`` at most.
    Some of that may be left because of ``faults``: an operator has to act on those.
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
        """Count what is left for the next run."""
        self.unfinished += 1
        self.lag_seconds = max(self.lag_seconds, lag_seconds)

    def counts(self) -> dict[str, Any]:
        """All of it in numbers."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {"faults": len(self.faults)}

    def raise_faults(self) -> None:
        """Raise all ``faults`` at once, if there are any, as an ``ExceptionGroup``."""
        if self.faults:
            raise ExceptionGroup("records that cannot be swept", self.faults)

    def plus(self, other: SweepReport) -> SweepReport:
        """Both runs as one."""
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
    entropy: Entropy
    workers: int

    def __call__(self, origin: Origin, *, now: int, has_time: Callable[[], bool]) -> SweepReport:
        """Work through what is due at ``now`` while ``has_time()``, ``workers`` shards at once."""

        def sweep(shard: str) -> SweepReport:
            return self._sweep_shard(shard, origin, now, has_time)

        with ThreadPoolExecutor(self.workers) as pool:
            return reduce(SweepReport.plus, pool.map(sweep, self.store.due_shards))

    def _sweep_shard(
        self, shard: str, origin: Origin, now: int, has_time: Callable[[], bool]
    ) -> SweepReport:
        report = SweepReport()
        for due in self.store.due(shard, now):
            report.due += 1
            try:
                done = has_time() and (
                    self._end_temporary(due.id, origin, now, report)
                    if due.kind == "license"
                    else self._bring_up_to_date(due.id, origin, now, has_time, report)
                )
            except Unavailable:
                done = False  # one busy record must not hold up the others
            except Exception as fault:  # noqa: BLE001 - nor one that is broken: told at the end
                fault.add_note(f"in sweeping the {due.kind} {due.id}")
                report.faults.append(fault)
                done = False
            if not done:
                report.left(now - due.since)
        return report

    def _end_temporary(
        self, license_id: str, origin: Origin, now: int, report: SweepReport
    ) -> bool:
        """Mark a temporary licence whose time is over; whether nothing is left to do."""
        record = self.store.license(license_id)
        if record is None or record.due_at is None or now < record.due_at:
            return True  # revoked since the index showed it
        change = self._change(
            record, Action.EXPIRE, EventType.TEMPORARY_LICENSE_EXPIRED, origin, now
        )
        if self.store.commit([change]) is Outcome.CONFLICT:
            return False
        report.temporary_expired += 1
        return True

    def _bring_up_to_date(
        self,
        organization_id: str,
        origin: Origin,
        now: int,
        has_time: Callable[[], bool],
        report: SweepReport,
    ) -> bool:
        """Do all that is due for one organization; whether nothing is left to do now."""
        for _ in range(_ATTEMPTS):
            organization = self.store.organization(organization_id)
            if organization is None:
                return True
            done = self._mark_all(organization, origin, now, has_time, report)
            if done is None:
                continue  # renewed, or changed otherwise: decide anew
            if not done:
                return False
            announced = self._announce(organization, origin, now, report)
            if announced is None:
                continue
            if now < announced.last_turn(now) + SETTLING_SECONDS:
                return True
            if self.store.settle(announced, due_at=announced.next_due(now)) is Outcome.COMMITTED:
                report.settled += 1
                return True
        return False

    def _mark_all(
        self,
        organization: Organization,
        origin: Origin,
        now: int,
        has_time: Callable[[], bool],
        report: SweepReport,
    ) -> bool | None:
        """Mark (or reinstate) all licences: done, out of time, or ``None`` when overtaken."""
        ended = organization.subscription.has_ended(now)
        wrong, action, kind = (
            (State.ACTIVE, Action.EXPIRE, EventType.LICENSE_EXPIRED)
            if ended
            else (State.EXPIRED, Action.REINSTATE, EventType.LICENSE_REINSTATED)
        )
        while has_time():
            records = self.store.some_licenses(organization.id, wrong, limit=BATCH)
            if not records:
                return True
            changes = [self._change(record, action, kind, origin, now) for record in records]
            if self.store.commit(changes, organization=organization) is Outcome.CONFLICT:
                return None
            if ended:
                report.expired += len(changes)
            else:
                report.reinstated += len(changes)
        return False

    def _change(
        self, record: License, action: Action, kind: EventType, origin: Origin, now: int
    ) -> Change:
        changed = record.after(action, now)
        if isinstance(changed, Refused):
            raise TypeError(f"the sweep picked a license that cannot {action}: {changed.message}")
        event = audit.of_license(
            kind, record, changed, id=audit.new_event_id(self.entropy(16)), origin=origin
        )
        return Change(record, changed, event)

    def _announce(
        self, organization: Organization, origin: Origin, now: int, report: SweepReport
    ) -> Organization | None:
        """Announce the subscription's end if that is due; ``None`` when overtaken."""
        days = organization.due_announcement(now)
        if days is None:
            return organization
        announced = replace(organization, announced_days=days)
        event = audit.of_organization(
            EventType.SUBSCRIPTION_ENDING,
            organization,
            announced,
            id=audit.new_event_id(self.entropy(16)),
            at=now,
            origin=origin,
        )
        # Due now still: only settling, which looks at the clock once more, moves that on.
        outcome = self.store.commit_organization(organization, announced, event, due_at=now)
        if outcome is Outcome.CONFLICT:
            return None
        report.announced += 1
        return announced
