"""What an operation is told of the request that it serves: who asks, from where, and when.

What this module guarantees:

* The clock is read once for each request; everything that the request leads to happens at ``now``.
* Whatever a request leaves behind in a history names its origin (R32).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain import audit, license_key
from licensing.domain.audit import Event, EventType, Origin, RefusedAttempt
from licensing.domain.caller import Caller
from licensing.domain.license import License
from licensing.domain.organization import Organization
from licensing.usecases.ports import Entropy


@dataclass(frozen=True, slots=True)
class Context:
    """A request of anybody: an agent, a person, billing or the schedule.

    ``now`` is in epoch seconds. ``entropy`` gives so many random bytes, for new ids.
    """

    origin: Origin
    now: int
    entropy: Entropy

    def new_license_id(self) -> str:
        """An id that no licence has."""
        return license_key.new_license_id(self.entropy(10))

    def license_event(
        self,
        kind: EventType,
        before: License | None,
        after: License,
        *,
        reason: str | None = None,
        other_address: str | None = None,
    ) -> Event:
        """The event of a licence's change; ``before`` is ``None`` where it is new."""
        event = audit.of_license(kind, before, after, id=self._event_id(), origin=self.origin)
        return replace(event, reason=reason, other_address=other_address)

    def organization_event(
        self, kind: EventType, before: Organization | None, after: Organization
    ) -> Event:
        """The event of an organization's change; ``before`` is ``None`` where it is new."""
        return audit.of_organization(kind, before, after, id=self._event_id(), origin=self.origin)

    def refused_attempt(
        self,
        record: License,
        reason: str,
        *,
        kind: EventType = EventType.ACCESS_REFUSED,
        other_address: str | None = None,
    ) -> RefusedAttempt:
        """What the history of ``record`` keeps of an attempt to use it wrongly (R28, R32)."""
        return RefusedAttempt(
            license_id=record.id,
            organization_id=record.organization_id,
            reason=reason,
            at=self.now,
            origin=self.origin,
            type=kind,
            other_address=other_address,
            confidential=record.term is not None,
        )

    def _event_id(self) -> str:
        return audit.new_event_id(self.entropy(16))


@dataclass(frozen=True, slots=True)
class UserContext(Context):
    """A request of a person who has signed in: the ``caller``."""

    caller: Caller
