"""The context of a request, which every use case takes: who asks, from where, and when.

What this module guarantees:

* The clock is read once for each request; everything that the request leads to happens at ``now``.
* Every event and refusal that a request leads to names its origin (R32).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from licensing.domain import audit, license_key
from licensing.domain.agent_signs import Sign
from licensing.domain.audit import Event, EventType, Origin, Reason, RefusedAttempt
from licensing.domain.caller import Caller
from licensing.domain.license import License
from licensing.domain.organization import Organization
from licensing.domain.refusal import RefusalCode
from licensing.usecases.ports import Entropy


@dataclass(frozen=True, slots=True)
class Context:
    """The context of a request of anybody: an agent, a person, billing or the schedule.

    ``now`` is in epoch seconds. ``entropy(n)`` returns *n* random bytes, for new ids.
    ``computer_name`` is that of the computer that an agent asks from, to read (R12).

    >>> from licensing.domain.audit import Actor, ActorKind
    >>> origin = Origin(actor=Actor(ActorKind.USER, "alice"), request_id="request-1")
    >>> context = Context(origin, now=1_900_000_000, entropy=bytes)  # zeros, not random
    >>> context.new_license_id()
    'lic_0000000000000000'
    """

    origin: Origin
    now: int
    entropy: Entropy
    computer_name: str | None = field(default=None, kw_only=True)

    def new_license_id(self) -> str:
        """A new licence id: 80 random bits."""
        return license_key.new_license_id(self.entropy(10))

    def new_nonce(self) -> str:
        """A nonce for a question that came with none: 128 random bits."""
        return self.entropy(16).hex()

    def license_event(
        self,
        kind: EventType,
        before: License | None,
        after: License,
        *,
        reason: str | None = None,
        other_address: str | None = None,
    ) -> Event:
        """The event of a licence's change; ``before`` is ``None`` for a new one (R32).

        ``reason`` is what the person who made the change says about it; ``other_address`` is the
        address of a second agent that seems to use the licence.
        """
        event = audit.of_license(kind, before, after, id=self._event_id(), origin=self.origin)
        # A change tells the computer's name itself, of the licence as it is then.
        tried = self.computer_name if kind is EventType.CLONE_SUSPECTED else None
        return replace(event, reason=reason, other_address=other_address, computer_name=tried)

    def organization_event(
        self,
        kind: EventType,
        before: Organization | None,
        after: Organization,
        *,
        at: int | None = None,
    ) -> Event:
        """The event of an organization's change; ``before`` is ``None`` for a new one (R32).

        It happened when the organization says that it was changed, or ``at`` that epoch second: an
        announcement is no change.
        """
        event = audit.of_organization(kind, before, after, id=self._event_id(), origin=self.origin)
        return event if at is None else replace(event, at=at)

    def refused_attempt(
        self,
        record: License,
        reason: str,
        *,
        kind: EventType = EventType.ACCESS_REFUSED,
        other_address: str | None = None,
    ) -> RefusedAttempt:
        """The entry for the history of ``record`` about a use that does not belong there (R32).

        ``reason`` is a refusal's code or a :class:`~licensing.domain.audit.Reason`. The entry is
        confidential when the licence is temporary (R28). It keeps the name of the computer that
        tried, unless a person of another organization was signed in there: it is theirs (R4).
        """
        is_anothers = reason == RefusalCode.ON_BEHALF_DISABLED
        return RefusedAttempt(
            license_id=record.id,
            organization_id=record.organization_id,
            reason=reason,
            at=self.now,
            origin=self.origin,
            type=kind,
            other_address=other_address,
            license_computer_name=record.computer_name,
            computer_name=None if is_anothers else self.computer_name,
            confidential=record.term is not None,
        )

    def sign_on_record(self, record: License, sign: Sign) -> RefusedAttempt:
        """The entry for the history of ``record`` about what its agents have shown (R37).

        It names the address that the current link of the licence's chain was last asked for from.
        """
        return self.refused_attempt(
            record,
            sign.reason,
            kind=sign.type,
            other_address=record.chain.source_address,
        )

    def suspected_clone(self, record: License, reason: Reason) -> RefusedAttempt:
        """The entry for the history of ``record`` about a second machine that seems to use it."""
        return self.sign_on_record(record, Sign(reason, EventType.CLONE_SUSPECTED))

    def _event_id(self) -> str:
        return audit.new_event_id(self.entropy(16))


@dataclass(frozen=True, slots=True)
class UserContext(Context):
    """The context of a request of a person who has signed in: the ``caller`` (R1)."""

    caller: Caller
