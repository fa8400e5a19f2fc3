"""What a valid use of a licence writes: the last proof, the chain's link, when it was seen (R17).

What this module guarantees:

* A lease is granted only when its end is written, with what else is (R36, R37).
* A proof counts once, and a link of the chain is followed once: both are written before the agent
  is answered, on the condition that no other request was first. What grants nothing new writes
  nothing.
* When two agents go on with one chain, that is on record with both of their addresses, and the
  licence is blocked if its organization wants that.
* The licence follows its machine in the same transaction, and the link moves along (R9, R11).
* When nothing but the time of the use is to be written, and cannot be, the agent is answered all
  the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from licensing.domain.agent_signs import of_keys, of_leases
from licensing.domain.audit import EventType
from licensing.domain.device_key import Proof
from licensing.domain.errors import Unavailable
from licensing.domain.key_change import event_between
from licensing.domain.lease import LeaseTerms
from licensing.domain.lease_chain import (
    AT_HEAD,
    Derive,
    Link,
    Question,
    Shown,
    moved_on,
    shown,
    step,
)
from licensing.domain.license import Action, LastSeen, License
from licensing.domain.organization import Organization, PolicyFloor
from licensing.domain.refusal import Refused
from licensing.domain.validation import Code
from licensing.usecases.context import Context
from licensing.usecases.follow_machine import FollowMachine, ObservedAgent
from licensing.usecases.optimistic import Overtaken, demand
from licensing.usecases.ports import Change, ValidationStore
from licensing.usecases.write_use import Followed

_BY_ANOTHER: Final = frozenset({Shown.LEFT_BEHIND, Shown.OLDER})
"""What another agent than the one that has the current link can show: a copy, or one put back."""

_OUTSIDE: Final = frozenset({Shown.NOTHING, Shown.NEVER})
"""What no link of the chain follows from."""


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """The licence after this use, and the link to grant.

    ``last_seen_deferred``: the time of this use could not be written.
    """

    record: License
    link: Link
    last_seen_deferred: bool = False


@dataclass(frozen=True, slots=True)
class RefusedUse:
    """The licence when this use has turned out to be none, and the code that says why."""

    record: License
    code: Code


@dataclass(frozen=True, slots=True)
class Use:
    """What an agent presents when it uses its licence, verified.

    ``derive`` gives the id of the link that follows from another one. ``proof`` is of the licence's
    device key, ``None`` where the licence has none.
    """

    observed: ObservedAgent
    question: Question
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

        Refused when two agents seem to use the licence, or one that shows nothing but its key, and
        the organization blocks that (R37); and when the machine was known by the device key but is
        another licence's (R9). Raises ``Overtaken`` when another use came first,
        :class:`Unavailable` when it cannot be written, and ``StaleProof`` for a proof that has
        counted before.
        """
        proved = record.proved(use.proof, context.now) if use.proof is not None else record
        asked = self.lease_terms.asked(record, organization, context.now, context.origin)
        # 1. Question and device key show whether a second agent uses the licence.
        what = shown(proved.chain, use.question)
        taken = step(proved.chain, use.question, asked)
        signs = (*of_leases(what, taken), *of_keys(record, proved))
        if organization.policy.at_least(self.policy_floor).block_clones:
            if what is Shown.NOTHING:
                return RefusedUse(record, Code.PROOF_REQUIRED)
            # Not a partner's: that one ends by itself, and nobody could lift its block.
            if record.term is None and any(sign.is_fork for sign in signs):
                return self._blocked(record, proved, context)
        for sign in signs:
            self.store.record_refusal(context.sign_on_record(record, sign))
        used = replace(proved, chain=taken.chain)
        if what in _BY_ANOTHER:
            used = replace(used, past=used.past.shown_by_two(context.now))
        # 2. The licence follows its machine (R11). One that is known by the bound key has to, now.
        moved = self._moved(record, used, use, what, context)
        if not record.is_on(use.observed.machine) and moved.record.machine is record.machine:
            return RefusedUse(record, Code.MACHINE_MISMATCH)
        # The link moves along: whoever sends an overheard request again moves nothing back.
        if moved.event is not None and what in AT_HEAD and taken.chain.link == record.chain.link:
            chain = moved_on(taken.chain, use.question, use.derive, asked)
            moved = replace(moved, record=replace(moved.record, chain=chain))
        # 3. The grant is written first.
        if what in _OUTSIDE:
            return self._granted_outside(record, organization, moved, context)
        return self._granted(record, moved, context)

    def _moved(
        self, record: License, used: License, use: Use, what: Shown, context: Context
    ) -> Followed:
        """The licence after it has followed its machine.

        Not along with another device key, whose agent shows the machine once more soon, nor with a
        question that was answered before. Where it is known by the bound key, that no other one
        waits any more is told by the same event.
        """
        stays = what is Shown.REPETITION or event_between(record, used) is not None
        if stays and record.is_on(use.observed.machine):
            return Followed(used)
        return FollowMachine(self.store).followed(used, use.observed, context)

    def _granted(self, record: License, moved: Followed, context: Context) -> RecordedUse:
        """The current link of the chain, once it is written, and the proof that counts for it."""
        used, link = moved.record, moved.record.chain.link
        if link is None:
            raise AssertionError("what is not outside the chain has a link")
        if link != record.chain.link:
            used = used.leased(link.expires_at).moved_at(context.now)
        elif moved.event is None and event_between(record, used) is None:
            used = replace(used, proved_ms=record.proved_ms)  # it counts for a write, and for none
        if used == record:
            is_noted = self._record_last_seen(record, context)
            return RecordedUse(record, link, last_seen_deferred=not is_noted)
        if self._is_last_seen_due(record, context.now):
            # There is a write in any case: the time goes along at no cost.
            used = replace(used, last_seen=_seen_now(record, context))
        following = FollowMachine(self.store)
        return RecordedUse(following.committed(record, replace(moved, record=used), context), link)

    def _granted_outside(
        self, record: License, organization: Organization, moved: Followed, context: Context
    ) -> RecordedUse:
        """A lease outside the chain, which moves no link.

        The end of the longest one is written ahead, to be good for all that are granted until the
        agent is next noted as seen. Where it cannot be written, the lease ends with the one that
        stands there.
        """
        now = context.now
        until = self.lease_terms.end(record, organization, now=now)
        link = Link(None, now, until)
        is_due = self._is_last_seen_due(record, now)
        if moved.record == record and until <= record.leased_until and not is_due:
            return RecordedUse(record, link)
        ahead = self.lease_terms.end(record, organization, now=now + self.last_seen_seconds)
        seen = moved.record.leased(ahead)
        if is_due:
            seen = replace(seen, last_seen=_seen_now(record, context))
        is_trace = moved.record == record
        try:
            written = FollowMachine(self.store).committed(
                record, replace(moved, record=seen), context
            )
        except Unavailable:
            if not is_trace or record.leased_until <= now:
                raise
            shorter = Link(None, now, min(until, record.leased_until))
            return RecordedUse(record, shorter, last_seen_deferred=True)
        return RecordedUse(written, link)

    def _blocked(self, record: License, proved: License, context: Context) -> RefusedUse:
        """The licence, blocked because two agents use it."""
        blocked = proved.after(Action.DETACH, context.now)
        if isinstance(blocked, Refused):
            raise Overtaken  # it is not what was found valid
        event = context.license_event(
            EventType.CLONE_SUSPECTED,
            record,
            blocked,
            other_address=record.chain.source_address,
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
