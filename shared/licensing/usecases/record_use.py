"""What an agent's use of its licence leaves behind: its last proof and link (R17).

What this module guarantees:

* A proof counts once, and a link of the chain is followed once: both are written, under the
  condition that nobody else was first, before anything is answered.
* Where two agents go on with one chain, that is on record with both of their addresses, and the
  licence is blocked if its organization wants that.
* That an agent was seen is, by itself, never waited for: what it is answered does not depend on
  it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from licensing.domain import audit, lease_chain
from licensing.domain.audit import EventType, Origin, RefusedAttempt
from licensing.domain.device_key import Proof
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.organization import Organization
from licensing.usecases.ports import Change, Entropy, Outcome, ValidationStore

CLONE_SUSPECTED: Final = "clone_suspected"
"""The reason of the folded entry that tells of two agents on one licence."""


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """The licence after this use. ``kept`` is the link that was validated and not renewed."""

    record: License
    kept: lease_chain.Link | None
    last_seen_deferred: bool


@dataclass(frozen=True, slots=True)
class RecordUse:
    """The use case, part of every validation. ``last_seen_interval`` is in seconds (R17)."""

    store: ValidationStore
    entropy: Entropy
    last_seen_interval: int

    def __call__(
        self,
        record: License,
        organization: Organization,
        presented: lease_chain.Link | None,
        proof: Proof | None,
        *,
        derive: Callable[[str], str],
        origin: Origin,
        now: int,
    ) -> RecordedUse | License | None:
        """Use a licence that was found valid, with ``proof`` of its device key if it has one.

        The licence alone where it was blocked for this; ``None`` when another use came first.
        Raises :class:`Unavailable` when what counts once cannot be written, and ``StaleProof`` for
        a proof that has counted before.
        """
        proved = record.proved(proof) if proof is not None else record
        step = lease_chain.followed(
            record.chain, presented, derive=derive, source_address=origin.source_address, now=now
        )
        if step is not None and step.fork:
            if organization.policy.block_clones and record.term is None:
                return self._blocked(record, proved, origin, now)
            self._report(record, origin, now)
        used = replace(proved, chain=step.chain if step else None)
        kept = step.kept if step else None
        if (used.chain, used.proved_ms) == (record.chain, record.proved_ms):
            is_noted = self._record_last_seen(record, origin, now)
            return RecordedUse(record, kept, last_seen_deferred=not is_noted)
        if self._is_last_seen_due(record, now):
            used = replace(used, last_seen=_seen_now(record, origin, now))
        if self.store.record_use(record, used) is Outcome.CONFLICT:
            return None
        return RecordedUse(used, kept, last_seen_deferred=False)

    def _report(self, record: License, origin: Origin, now: int) -> None:
        """Put on record that two agents seem to live on a licence."""
        self.store.record_refusal(
            RefusedAttempt(
                type=EventType.CLONE_SUSPECTED,
                license_id=record.id,
                organization_id=record.organization_id,
                reason=CLONE_SUSPECTED,
                at=now,
                origin=origin,
                other_address=_other_address(record),
                confidential=record.term is not None,
            )
        )

    def _blocked(
        self, record: License, proved: License, origin: Origin, now: int
    ) -> License | None:
        """The licence, blocked for that; ``None`` when another change came first.

        Not a partner's: that one ends by itself, and nobody could lift its block.
        """
        blocked = proved.after(Action.DETACH, now)
        if not isinstance(blocked, License):
            return None
        event = audit.of_license(
            EventType.CLONE_SUSPECTED,
            record,
            blocked,
            id=audit.new_event_id(self.entropy(16)),
            origin=origin,
            other_address=_other_address(record),
        )
        outcome = self.store.commit([Change(record, blocked, event)])
        return blocked if outcome is Outcome.COMMITTED else None

    def _is_last_seen_due(self, record: License, now: int) -> bool:
        seen = record.last_seen
        return seen is None or now >= seen.at + self.last_seen_interval

    def _record_last_seen(self, record: License, origin: Origin, now: int) -> bool:
        if not self._is_last_seen_due(record, now):
            return True
        try:
            self.store.record_last_seen(
                record.id, _seen_now(record, origin, now), interval=self.last_seen_interval
            )
        except Unavailable:
            return False
        return True


def _seen_now(record: License, origin: Origin, now: int) -> LastSeen:
    return record.sighted(now, origin.agent_version, origin.source_address)


def _other_address(record: License) -> str | None:
    return record.chain.source_address if record.chain else None
