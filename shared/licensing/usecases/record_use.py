"""What a valid use of a licence writes: the last proof, the chain's link, when it was seen (R17).

What this module guarantees:

* A lease is granted only when the end of the longest one is written with what else is (R36).
* A proof counts once, and a link of the chain is followed once: both are written before the agent
  is answered, on the condition that no other request was first.
* When two agents go on with one chain, that is on record with both of their addresses, and the
  licence is blocked if its organization wants that.
* The licence follows its machine in the same transaction (R9, R11).
* When the time of the use cannot be written, the agent is answered all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain.audit import EventType, Reason
from licensing.domain.device_key import Proof
from licensing.domain.errors import Unavailable
from licensing.domain.key_change import event_between
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import Derive, Link, followed, moved_on
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.organization import Organization, PolicyFloor
from licensing.domain.refusal import Refused
from licensing.domain.validation import Code
from licensing.usecases.context import Context
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.optimistic import Overtaken, demand
from licensing.usecases.ports import Change, ValidationStore
from licensing.usecases.write_use import Followed


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
class RefusedUse:
    """The licence when this use has turned out to be none, and the code that says why."""

    record: License
    code: Code


@dataclass(frozen=True, slots=True)
class Use:
    """What an agent presents when it uses its licence, verified.

    ``link`` is its last lease, ``None`` without a genuine one. ``derive`` gives the id of the next
    link. ``proof`` is of the licence's device key, ``None`` where the licence has none.
    """

    observed: ObservedAgent
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
    ) -> RecordedUse | RefusedUse:
        """Record a use of ``record``, which was found valid.

        Refused when two agents seem to use the licence and the organization blocks that (R37), and
        when the machine was known by the device key but is another licence's (R9). Raises
        ``Overtaken`` when another use came first, :class:`Unavailable` when it cannot be written,
        and ``StaleProof`` for a proof that has counted before.
        """
        proved = record.proved(use.proof) if use.proof is not None else record
        is_known_by_key = not record.is_on(use.observed.machine)
        # 1. The link shows whether a second agent uses the licence.
        address = context.origin.source_address
        step = followed(
            proved.chain, use.link, derive=use.derive, source_address=address, now=context.now
        )
        if step is not None and is_known_by_key:
            step = moved_on(step, derive=use.derive, source_address=address, now=context.now)
        if step is not None and step.fork:
            policy = organization.policy.at_least(self.policy_floor)
            if policy.block_clones and record.term is None:
                return self._blocked(record, proved, context)
            self.store.record_refusal(context.suspected_clone(record, Reason.CLONE_SUSPECTED))
        used = replace(proved, chain=step.chain if step else None)
        if step is not None and step.fork:
            used = replace(used, past=used.past.shown_by_two(context.now))
        kept = step.kept if step else None
        # 2. The licence follows its machine (R11): not along with another device key, whose agent
        #    shows the machine once more soon. One that is known by the bound key has to, now; that
        #    no other one waits any more is told by the same event.
        following = FollowMachine(self.store)
        changes_key = event_between(record, used) is not None and not is_known_by_key
        moved = Followed(used) if changes_key else following.followed(used, use.observed, context)
        if is_known_by_key and moved.record.machine is record.machine:
            return RefusedUse(record, Code.MACHINE_MISMATCH)
        # 3. Nothing but the time of the use is left to write, and that may fail.
        if moved.record == record:
            is_noted = self._record_last_seen(record, context)
            return RecordedUse(record, kept, last_seen_deferred=not is_noted)
        # 4. There is a write in any case: the time goes along at no cost.
        used = moved.record
        if self._is_last_seen_due(record, context.now):
            used = replace(used, last_seen=_seen_now(record, context))
        if (used.chain, used.proved_ms) != (record.chain, record.proved_ms):
            used = used.leased(
                self.lease_terms.end(record, organization, kept=kept, now=context.now)
            )
        written = following.committed(record, replace(moved, record=used), context)
        return RecordedUse(written, kept, last_seen_deferred=False)

    def _blocked(self, record: License, proved: License, context: Context) -> RefusedUse:
        """The licence, blocked for that.

        Not a partner's: that one ends by itself, and nobody could lift its block.
        """
        blocked = proved.after(Action.DETACH, context.now)
        if isinstance(blocked, Refused):
            raise Overtaken  # it is not what was found valid
        event = context.license_event(
            EventType.CLONE_SUSPECTED,
            record,
            blocked,
            other_address=record.chain.source_address if record.chain else None,
        )
        demand(self.store.commit([Change(record, blocked, event)]))
        return RefusedUse(blocked, Code.DETACHED)

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
