"""The service's part, by the pure rules alone: one licence, and what each question does to it.

The rules are called as the use cases do (``usecases.record_use``, ``usecases.login``), without
HTTP, signatures or a table. Each lease that is granted is checked against what may be promised of
it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from licensing.domain.agent_signs import Sign, of_keys, of_leases
from licensing.domain.audit import EventType
from licensing.domain.device_key import Proof
from licensing.domain.errors import StaleProof
from licensing.domain.key_change import ProvedLogin, after_login, event_between
from licensing.domain.lease_chain import (
    AT_HEAD,
    Asked,
    Chain,
    Link,
    Question,
    Shown,
    Step,
    shown,
    step,
)
from licensing.domain.license import Action, License
from licensing.domain.refusal import Refused
from tests.unit.samples import license

HOUR: Final = 3600
DAY: Final = 24 * HOUR

_OUTSIDE: Final = frozenset({Shown.NOTHING, Shown.NEVER})
_BACK: Final = frozenset({Shown.OLDER, Shown.LEFT_BEHIND})


class No(Enum):
    """An answer without a lease."""

    BLOCKED = auto()
    NEEDS_NONCE = auto()
    """The proof has to be made anew, over the service's nonce; nothing was written."""
    NEEDS_LEASE = auto()
    """It has shown neither its device key nor its last lease."""
    OTHER_KEY = auto()
    """The licence is bound to another device key."""


Answer = Link | No


@dataclass(frozen=True, slots=True)
class Asks:
    """A request.

    ``device`` is the device key that it proves: over the presented lease, unless ``over_ms`` says
    when the service made the nonce that the proof is over.
    """

    presented: Link | None
    nonce: str
    device: str | None = None
    over_ms: int | None = None
    by_administrator: bool = False

    @property
    def link(self) -> Link | None:
        """The presented lease, if it is in the chain."""
        return self.presented if self.presented is not None and self.presented.id else None

    @property
    def proof(self) -> Proof | None:
        """That of the device key."""
        if self.device is None:
            return None
        last = self.presented.id if self.presented is not None else None
        return Proof(self.device, self.over_ms, id="", nonce=last or "")


class Service:
    """One licence. ``blocks``: its organization blocks clones."""

    def __init__(self, *, blocks: bool, device: str | None = None) -> None:
        self.blocks = blocks
        self.record: License = license(device_key=device)
        self.entries: Counter[EventType] = Counter()
        """What is on record of its agents, by type."""
        self.suspected_at: float | None = None
        self.blocked_at: float | None = None
        self.broken: set[str] = set()
        """Promises that a lease has not kept; none is right."""
        self._granted: dict[tuple[str | None, str], Link] = {}

    @property
    def chain(self) -> Chain:
        """Where the leases stand."""
        return self.record.chain

    @property
    def returns(self) -> int:
        """Entries that an agent has come back."""
        return self.entries[EventType.AGENT_RETURNED]

    def step(self, chain: Chain, question: Question, asked: Asked) -> Step:
        """The rule; a planted one is another."""
        return step(chain, question, asked)

    def following(self, asks: Asks, *, at_login: bool = False) -> str:
        """The id of the lease that a question leads to."""
        last = asks.link.id if asks.link is not None else ""
        kind = "login " if at_login else ""
        return hashlib.sha256(f"{last}/{kind}{asks.nonce}".encode()).hexdigest()[:22]

    def validate(self, asks: Asks, at: float) -> Answer:
        """A validation."""
        record, now = self.record, int(at)
        if self.blocked_at is not None:
            return No.BLOCKED
        proof = asks.proof if record.device_key is not None else None
        is_proved = proof is not None and proof.made_ms is not None
        question = Question(asks.link, self.following(asks), is_proved=is_proved)
        proved = _proved(record, proof, question, now)
        if isinstance(proved, No):
            return proved
        what = shown(proved.chain, question)
        taken = self.step(proved.chain, question, _asked(now))
        signs = (*of_leases(what, taken), *of_keys(record, proved))
        if self.blocks:
            if what is Shown.NOTHING:
                return No.NEEDS_LEASE
            if any(sign.is_fork for sign in signs):
                blocked = proved.after(Action.DETACH, now)
                assert isinstance(blocked, License)
                self.record, self.blocked_at = blocked, at
                self._note(signs, at)
                return No.BLOCKED
        self._note(signs, at)
        if what in _OUTSIDE:
            until = now + DAY
            self.record = proved.leased(until)
            return Link(None, now, until)
        used = replace(proved, chain=taken.chain)
        if taken.chain.link != record.chain.link:
            used = used.leased(_link(taken).expires_at).moved_at(now)
        elif event_between(record, used) is None:
            used = replace(used, proved_ms=record.proved_ms)
        self._check(record.chain, what, question, asks, _link(taken), now)
        self.record = used
        return _link(taken)

    def login(self, asks: Asks, at: float) -> Answer:
        """A login by a person."""
        record, now, proof = self.record, int(at), asks.proof
        if self.blocked_at is not None:
            return No.BLOCKED
        if proof is None and record.device_key is not None:
            return No.OTHER_KEY
        after = record
        if proof is not None:
            if proof.made_ms is None:
                return No.NEEDS_NONCE
            login = ProvedLogin(proof, by_administrator=asks.by_administrator)
            held = after_login(
                record, login, leased_until=record.leased_until, locked=False, now=now
            )
            if isinstance(held, Refused):
                return No.OTHER_KEY
            after = held.record
            if held.event is not None:
                self.entries[held.event] += 1
            if held.is_lent:
                self._note(of_keys(record, after), at)
                self.record = after
                return Link(None, after.lent_at, after.leased_until)
        question = Question(asks.link, self.following(asks, at_login=True), at_login=True)
        what = shown(after.chain, question)
        taken = self.step(after.chain, question, _asked(now))
        moved = replace(after, chain=taken.chain)
        if taken.chain.link != after.chain.link:
            moved = moved.leased(_link(taken).expires_at).moved_at(now)
        self._note((*of_leases(what, taken), *of_keys(record, moved)), at)
        self._check(record.chain, what, question, asks, _link(taken), now)
        self.record = moved
        return _link(taken)

    def _note(self, signs: Iterable[Sign], at: float) -> None:
        for sign in signs:
            self.entries[sign.type] += 1
            if sign.type is EventType.CLONE_SUSPECTED and self.suspected_at is None:
                self.suspected_at = at

    def _check(
        self, before: Chain, what: Shown, question: Question, asks: Asks, link: Link, now: int
    ) -> None:
        head = before.link
        if link.expires_at - link.issued_at > DAY or link.expires_at > now + DAY:
            self.broken.add("a lease is longer than a day")
        is_early = what in _BACK and head is not None and head.is_early(now, head.expires_at)
        if is_early and head is not None and link.expires_at > head.expires_at:
            self.broken.add("an early return gains time")
        asked = (asks.link.id if asks.link else None, f"{question.at_login} {asks.nonce}")
        if what is Shown.REPETITION and self._granted.get(asked, link) != link:
            self.broken.add("the same question leads to another lease")
        if what is not Shown.CURRENT:
            self._granted[asked] = link


def _asked(now: int) -> Asked:
    return Asked(now, until=now + DAY, limit=now + 365 * DAY, source_address=None)


def _link(taken: Step) -> Link:
    link = taken.chain.link
    assert link is not None
    return link


def _proved(record: License, proof: Proof | None, question: Question, now: int) -> License | No:
    """The licence after a validation's proof has counted, where it has a device key."""
    if record.device_key is None:
        return record
    if proof is None or proof.thumbprint != record.key_to_prove(proof, now, locked=False):
        return No.OTHER_KEY
    link, is_at_head = question.presented, shown(record.chain, question) in AT_HEAD
    if proof.made_ms is None and not (link and link.is_in_time(now) and is_at_head):
        return No.NEEDS_NONCE
    try:
        return record.proved(proof, now)
    except StaleProof:
        return No.NEEDS_NONCE
