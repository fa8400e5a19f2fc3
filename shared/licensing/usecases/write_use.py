"""Writes what a use of a licence changes: traces alone, or more, which is on record (R32)."""

from __future__ import annotations

from dataclasses import dataclass, field

from licensing.domain.audit import EventType
from licensing.domain.key_change import event_between
from licensing.domain.license import License
from licensing.domain.machine_claims import Claims
from licensing.usecases.context import Context
from licensing.usecases.optimistic import demand
from licensing.usecases.ports import Change, UseStore


@dataclass(frozen=True, slots=True)
class Followed:
    """A licence that has followed its agent, not yet committed.

    ``event`` is the type of the event that this makes, ``None`` where nothing but traces changes.
    ``claims`` are what was read of the pairs involved.
    """

    record: License
    event: EventType | None = None
    claims: Claims = field(default_factory=dict)


def write_use(store: UseStore, before: License, after: Followed, context: Context) -> License:
    """Write what a use has made of ``before``, in one request or transaction.

    Returns the licence as it is then. Raises ``Overtaken``. A device key that was proved for the
    first time, or once more, is a change of its own (R36): no machine is followed with that.
    """
    record, kind = after.record, after.event
    if kind is None:
        kind = event_between(before, record)
        if kind is None:
            demand(store.record_use(before, record))
            return record
        record = record.changed(context.now)
    event = context.license_event(kind, before, record)
    demand(store.commit([Change(before, record, event)], claims=after.claims))
    return record
