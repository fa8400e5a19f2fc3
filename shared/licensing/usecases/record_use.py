"""What a valid use of a licence writes: the last proof, the chain's link, when it was seen (R17).

What this module guarantees:

* A lease is granted only when the end of the longest one is written with what else is (R36).
* A proof counts once, and a link of the chain is followed once: both are written before the agent
  is answered, on the condition that no other request was first.
* When two agents go on with one chain, that is on record with both of their addresses, and the
  licence is blocked if its organization wants that.
* When the time of the use cannot be written, the agent is answered all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain.audit import EventType, Reason
from licensing.domain.device_key import Proof
from licensing.domain.errors import Unavailable
from licensing.domain.key_change import event_between
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import Derive, Link, followed
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.organization import Organization, PolicyFloor
from licensing.domain.refusal import Refused
from licensing.usecases.context import Context
from licensing.usecases.optimistic import Overtaken, demand
from licensing.usecases.ports import Change, UseStore, ValidationStore


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """The licence after this use.

    ``kept`` is the presented link when it was only validated, not renewed. ``last_seen_deferred``:
    the time of this use could not be written.
    """

    record: License
    kept: Link | None
    last_seen_deferred: bool


@dataclass(frozen=True, slots=True)
class Use:
    """What an agent presents when it uses its licence, verified.

    ``link`` is its last lease, ``None`` without a genuine one. ``derive`` gives the id of the next
    link. ``proof`` is of the licence's device key, ``None`` where the licence has none.
    """

    link: Link | None
    derive: Derive
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class RecordUse:
    """The use case: a step of every validation.

    At most once in ``last_seen_seconds`` is it written that the agent was seen (R17).
    ``policy_floor`` is what the vendor demands of all organizations' agents (R38).
    """

    store: ValidationStore
    lease_terms: LeaseTerms
    last_seen_seconds: int
    policy_floor: PolicyFloor

    def __call__(
        self, record: License, organization: Organization, use: Use, context: Context
    ) -> RecordedUse | License:
        """Record a use of ``record``, which was found valid.

        A ``License`` instead of a :class:`RecordedUse` is the licence after it was blocked as a
        suspected clone. Raises ``Overtaken`` when another use came first, :class:`Unavailable` when
        proof or link cannot be written, and ``StaleProof`` for a proof that has counted before.
        """
        policy = organization.policy.at_least(self.policy_floor)
        expected = record.key_to_prove(use.proof, context.now, locked=policy.lock_device_keys)
        if expected != (use.proof.thumbprint if use.proof is not None else None):
            raise Overtaken  # another key has come first while the licence followed its machine
        proved = record.proved(use.proof) if use.proof is not None else record
        step = followed(
            proved.chain,
            use.link,
            derive=use.derive,
            source_address=context.origin.source_address,
            now=context.now,
        )
        if step is not None and step.fork:
            if policy.block_clones and record.term is None:
                return self._blocked(record, proved, context)
            self._report(record, context)
        used = replace(proved, chain=step.chain if step else None)
        kept = step.kept if step else None
        # Nothing that counts once: only the time of the use is left to write, and that may fail.
        if (used.chain, used.proved_ms) == (record.chain, record.proved_ms):
            is_noted = self._record_last_seen(record, context)
            return RecordedUse(record, kept, last_seen_deferred=not is_noted)
        # There is a write in any case: the time goes along at no cost.
        if self._is_last_seen_due(record, context.now):
            used = replace(used, last_seen=_seen_now(record, context))
        end = self.lease_terms.end(record, organization, kept=kept, now=context.now)
        used = write_use(self.store, record, used.leased(end), context)
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


def write_use(store: UseStore, before: License, after: License, context: Context) -> License:
    """Write what a use changes: traces alone, or a device key, too, which is on record (R36).

    Returns the licence as it is then. Raises ``Overtaken``.
    """
    kind = event_between(before, after)
    if kind is None:
        demand(store.record_use(before, after))
        return after
    changed = after.changed(context.now)
    demand(store.commit([Change(before, changed, context.license_event(kind, before, changed))]))
    return changed


def _seen_now(record: License, context: Context) -> LastSeen:
    origin = context.origin
    return record.sighted(context.now, origin.agent_version, origin.source_address)


def _other_address(record: License) -> str | None:
    return record.chain.source_address if record.chain else None
