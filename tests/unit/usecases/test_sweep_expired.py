"""The sweep where it is overtaken, or finds what should not be there, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.license import License, State
from licensing.domain.organization import DAY, Organization
from licensing.usecases.context import Context
from licensing.usecases.optimistic import ATTEMPTS
from licensing.usecases.ports import Due, Outcome
from licensing.usecases.sweep_expired import SweepExpired, SweepReport
from tests.unit.samples import NOW, license, organization, subscription

ORIGIN = Origin(actor=Actor(ActorKind.SCHEDULE, "expiry-sweep"), request_id="sweep")
CONFLICT, COMMITTED = Outcome.CONFLICT, Outcome.COMMITTED


@dataclass
class Scripted:
    """A store in which one organization is due; its outcomes are given, one by one."""

    found: Organization | None
    outcomes: Iterator[Outcome] = field(default_factory=lambda: iter(()))
    active: Sequence[License] = ()
    due_shards: Sequence[str] = ("one shard",)

    def due(self, _shard: str, now: int) -> Iterator[Due]:
        yield Due("organization", "acme", now - 60)

    def organization(self, _id: str) -> Organization | None:
        return self.found

    def license(self, _id: str) -> License | None:
        raise AssertionError("no licence is due")

    def license_and_organization(self, *_: Any) -> tuple[License | None, Organization | None]:
        raise AssertionError("no licence is due")

    def some_licenses(self, _id: str, state: State, *, limit: int) -> list[License]:
        return list(self.active)[:limit] if state is State.ACTIVE else []

    def commit(self, *_: Any, **__: Any) -> Outcome:
        return next(self.outcomes)

    def commit_organization(self, *_: Any, **__: Any) -> Outcome:
        return next(self.outcomes)

    def settle(self, *_: Any, **__: Any) -> Outcome:
        return next(self.outcomes)


def sweep(store: Scripted, now: int = NOW) -> SweepReport:
    return SweepExpired(store)(Context(ORIGIN, now, bytes), workers=1, has_time=lambda: True)


ENDING = organization(subscription=subscription(5 * DAY), updated_at=NOW - DAY)


def test_r22_what_is_due_without_a_record_is_done_with() -> None:
    report = sweep(Scripted(None))
    assert (report.due, report.unfinished, report.faults) == (1, 0, [])


def test_r22_an_announcement_that_is_overtaken_is_decided_anew() -> None:
    report = sweep(Scripted(ENDING, iter([CONFLICT, COMMITTED, COMMITTED])))
    assert (report.announced, report.settled, report.unfinished) == (1, 1, 0)
    assert report.faults == []


def test_r23_an_organization_that_keeps_changing_is_left_for_the_next_run() -> None:
    report = sweep(Scripted(ENDING, iter([CONFLICT] * ATTEMPTS)))
    assert (report.announced, report.unfinished, report.lag_seconds) == (0, 1, 60)
    assert report.faults == []


def test_r21_the_sweep_forces_no_transition_that_the_table_does_not_have() -> None:
    ended = organization(subscription=subscription(-DAY))
    report = sweep(Scripted(ended, active=[license(state=State.REVOKED)]))
    (fault,) = report.faults
    assert isinstance(fault, TypeError)
    assert "cannot expire" in str(fault)
    assert (report.expired, report.unfinished) == (0, 1)
