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

from dataclasses import dataclass, replace

from licensing.domain.audit import EventType, Reason
from licensing.domain.device_key import Proof
from licensing.domain.errors import Unavailable
from licensing.domain.lease_chain import Derive, Link, followed
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused
from licensing.usecases.context import Context
from licensing.usecases.optimistic import Overtaken, demand
from licensing.usecases.ports import Change, ValidationStore


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """The licence after this use. ``kept`` is the link that was validated and not renewed."""

    record: License
    kept: Link | None
    last_seen_deferred: bool


@dataclass(frozen=True, slots=True)
class Use:
    """What an agent presents when it uses its licence, as far as that was found good.

    ``link`` is its last lease, as a link of the licence's chain; ``derive`` makes the next one.
    ``proof`` is of the licence's device key, ``None`` where it has none.
    """

    link: Link | None
    derive: Derive
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class RecordUse:
    """The use case, part of every validation.

    It is written at most once in ``last_seen_seconds`` that the agent was seen (R17).
    """

    store: ValidationStore
    last_seen_seconds: int

    def __call__(
        self, record: License, organization: Organization, use: Use, context: Context
    ) -> RecordedUse | License:
        """Use a licence that was found valid; the licence alone where it was blocked for this.

        Raises ``Overtaken``, :class:`Unavailable` when what counts once cannot be written, and
        ``StaleProof`` for a proof that has counted before.
        """
        proved = record.proved(use.proof) if use.proof is not None else record
        step = followed(
            record.chain,
            use.link,
            derive=use.derive,
            source_address=context.origin.source_address,
            now=context.now,
        )
        if step is not None and step.fork:
            if organization.policy.block_clones and record.term is None:
                return self._blocked(record, proved, context)
            self._report(record, context)
        used = replace(proved, chain=step.chain if step else None)
        kept = step.kept if step else None
        if (used.chain, used.proved_ms) == (record.chain, record.proved_ms):
            is_noted = self._record_last_seen(record, context)
            return RecordedUse(record, kept, last_seen_deferred=not is_noted)
        if self._is_last_seen_due(record, context.now):
            used = replace(used, last_seen=_seen_now(record, context))
        demand(self.store.record_use(record, used))
        return RecordedUse(used, kept, last_seen_deferred=False)

    def _report(self, record: License, context: Context) -> None:
        """Put on record that two agents seem to live on a licence."""
        self.store.record_refusal(
            context.refused_attempt(
                record,
                Reason.CLONE_SUSPECTED,
                kind=EventType.CLONE_SUSPECTED,
                other_address=_other_address(record),
            )
        )

    def _blocked(self, record: License, proved: License, context: Context) -> License:
        """The licence, blocked for that.

        Not a partner's: that one ends by itself, and nobody could lift its block.
        """
        blocked = proved.after(Action.DETACH, context.now)
        if isinstance(blocked, Refused):
            raise Overtaken  # it is not what was found valid
        event = context.license_event(
            EventType.CLONE_SUSPECTED, record, blocked, other_address=_other_address(record)
        )
        demand(self.store.commit([Change(record, blocked, event)]))
        return blocked

    def _is_last_seen_due(self, record: License, now: int) -> bool:
        seen = record.last_seen
        return seen is None or now >= seen.at + self.last_seen_seconds

    def _record_last_seen(self, record: License, context: Context) -> bool:
        if not self._is_last_seen_due(record, context.now):
            return True
        try:
            self.store.record_last_seen(
                record.id, _seen_now(record, context), interval=self.last_seen_seconds
            )
        except Unavailable:
            return False
        return True


def _seen_now(record: License, context: Context) -> LastSeen:
    origin = context.origin
    return record.sighted(context.now, origin.agent_version, origin.source_address)


def _other_address(record: License) -> str | None:
    return record.chain.source_address if record.chain else None
