"""The chain that a licence's leases form, and how it shows that two agents use one licence (R37).

It does for leases what the rotation of refresh tokens, with detection of their reuse, does for
tokens (RFC 9700, 4.14.2): an agent presents its last lease when it asks for the next one. A copy of
the agent sooner or later presents one that another has followed already. A machine that was
restored from a backup does that, too, but once.

What this module guarantees:

* The same question, which is a lease and a nonce, leads to the same link, however often and
  whenever it is asked, and that link keeps the times that it was granted with.
* In the first half of its time the current link is only validated. In the second half it is
  renewed.
* Any older link is a *return*: the agent goes on from there by a link that is new each time, and
  the head of the chain is left behind. While the current link is in its first half, a return gains
  no time.
* A head that was left behind and is presented shows two agents: a *fork*. So does the fourth return
  in :data:`REMEMBERED` that gained time. Hence copies that go on are found within two renewals of
  both, and copies that are put back at the fourth return; who restores a machine once is not.
* A login moves the chain like a validation, and never is a fork by its number.
* A lease outside the chain has no id: to present it is to present nothing.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from licensing.domain.jws import encoded

Derive = Callable[[str], str]
"""From a link's id to the next one's, for one licence and one nonce.

See :meth:`Keyring.next_link <licensing.domain.keyring.Keyring.next_link>`.
"""

REMEMBERED: Final = 30 * 86_400
"""For how long a chain remembers returns and the heads that they left behind, in seconds."""

MOST_RETURNS: Final = 4
"""As many returns as show two agents."""

_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Link:
    """A lease: its id, and its times as granted; without an id it is outside the chain."""

    id: str | None
    issued_at: int
    expires_at: int

    def is_early(self, now: int, limit: int) -> bool:
        """Whether ``now`` is in the first half of its time, which ends at ``limit`` if sooner."""
        return now < halfway(self.issued_at, min(self.expires_at, limit))

    def is_in_time(self, now: int) -> bool:
        """Whether it has begun and is not over."""
        return self.issued_at <= now < self.expires_at


@dataclass(frozen=True, slots=True)
class Left:
    """The id of a head of the chain that a return left behind, and when that was.

    ``by_login``: a login did so.
    """

    id: str
    at: int
    by_login: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a licence's chain stands.

    ``link`` is the current one, its head; ``None`` before the first, and after a block was lifted.
    ``source_address`` is where that was asked for from: a suspected clone is reported with both
    agents' addresses. ``is_presented``: some agent of the licence has presented a lease.

    ``left`` are the first four heads that were left behind in :data:`REMEMBERED`, the oldest first:
    of many copies, those whose agents come back first. ``returned_at`` are the last four instants
    of returns that gained time. ``question`` is what would follow from the question that led to the
    current link, where that is not the link itself: then it did not follow from the one before.
    """

    link: Link | None = None
    source_address: str | None = None
    is_presented: bool = False
    left: tuple[Left, ...] = ()
    returned_at: tuple[int, ...] = ()
    question: str | None = None

    @property
    def was_presented(self) -> bool:
        """``is_presented``, also where an earlier build wrote the record.

        That began a chain with the first lease that was presented, and kept no end of its links.
        """
        return self.is_presented or (self.link is not None and not self.link.expires_at)

    def begun_anew(self) -> Chain:
        """This chain without its past, for the agent that goes on alone."""
        return Chain(is_presented=self.was_presented)

    def has_left(self, question: Question) -> bool:
        """Whether a question presents a head that was left behind, or has led to one.

        To what a login has left behind, the agent that logged in may have led itself: its answer
        was lost, a person logged in, and it asks again.
        """
        last = question.presented.id if question.presented is not None else None
        return any(
            one.id == last or (one.id == question.following and not one.by_login)
            for one in self.left
        )


NO_CHAIN: Final = Chain()


class Shown(Enum):
    """What a question shows of the agent that asks it; the first that applies."""

    BEGINNING = auto()
    """There is no link yet."""
    REPETITION = auto()
    """It is the question that led to the current link."""
    CURRENT = auto()
    """It presents the current link."""
    LEFT_BEHIND = auto()
    """It presents a head that was left behind, or led to one: two agents use the licence."""
    NEWER = auto()
    """It presents a link that was granted and then lost, when the table was restored."""
    OLDER = auto()
    """It presents another genuine lease, or is known without one: a return."""
    NOTHING = auto()
    """It presents nothing, though an agent of this licence has presented a lease before."""
    NEVER = auto()
    """It presents nothing, and no agent of this licence ever has: those up to 4.3 do not."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks for its next lease with.

    ``presented`` is its last lease, ``None`` without one that is genuine and has an id.
    ``following`` is the id of the link that follows from that and the request's nonce.
    ``is_proved``: a fresh proof of the licence's device key came along. ``at_login``: a user logs
    in with it.
    """

    presented: Link | None
    following: str
    is_proved: bool = False
    at_login: bool = False


def shown(chain: Chain, question: Question) -> Shown:
    """What ``question`` shows of the agent, beside the chain of its licence.

    >>> chain = Chain(Link("b", 100, 200), is_presented=True, left=(Left("a", 90),))
    >>> shown(chain, Question(Link("b", 100, 200), following="c"))
    <Shown.CURRENT: 3>
    >>> shown(chain, Question(Link("0", 0, 100), following="b"))
    <Shown.REPETITION: 2>
    >>> shown(chain, Question(Link("a", 50, 150), following="c"))
    <Shown.LEFT_BEHIND: 4>
    >>> shown(chain, Question(None, following="c"))
    <Shown.NOTHING: 7>
    """
    presented, head = question.presented, chain.link
    is_known = presented is not None or question.at_login or question.is_proved
    if head is None and is_known:
        return Shown.BEGINNING
    if presented is None and not question.at_login and not chain.was_presented:
        return Shown.NEVER
    if head is None or not is_known:
        return Shown.NOTHING
    if question.following == (chain.question or head.id):
        return Shown.REPETITION
    if presented is not None and presented.id == head.id:
        return Shown.CURRENT
    if chain.has_left(question):
        return Shown.LEFT_BEHIND
    if presented is not None and presented.issued_at > head.issued_at:
        return Shown.NEWER
    return Shown.OLDER


@dataclass(frozen=True, slots=True)
class Asked:
    """When and from where a question is asked.

    ``until`` is when a lease that is granted ``now`` ends. ``limit`` is when all leases end: with
    the subscription or the temporary licence.
    """

    now: int
    until: int
    limit: int
    source_address: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """The chain afterwards, and what is to be told of it.

    ``is_fork``: two agents use the licence. ``returns`` is how many returns of any kind there were
    in :data:`REMEMBERED` with this one; 0 where it is none.
    """

    chain: Chain
    is_fork: bool = False
    returns: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether the agent has come back as often as two would."""
        return self.returns >= MOST_RETURNS


def step(chain: Chain, question: Question, asked: Asked) -> Step:
    """What follows from ``question``.

    Where the agent presents nothing and is not known otherwise, the chain stays as it is: its lease
    is outside.

    >>> def ask(chain: Chain, presented: Link, now: int) -> Step:
    ...     question = Question(presented, following=f"next of {presented.id}")
    ...     return step(chain, question, Asked(now, now + 100, limit=9999, source_address=None))
    >>> first, second = Link("a", 0, 100), Link("b", 50, 150)
    >>> chain = Chain(second, is_presented=True)
    >>> ask(chain, second, now=99).chain == chain  # in its first half
    True
    >>> ask(chain, second, now=100).chain.link
    Link(id='next of b', issued_at=100, expires_at=200)
    >>> returned = ask(chain, first, now=99)
    >>> returned.chain.link  # which gains no time
    Link(id='...', issued_at=50, expires_at=150)
    >>> ask(returned.chain, second, now=99).is_fork
    True
    """
    what, head = shown(chain, question), chain.link
    is_presented = chain.was_presented or question.presented is not None
    after = replace(chain, is_presented=is_presented)
    if what is Shown.REPETITION and head is not None and not head.expires_at:
        return Step(_begun(after, question, asked))  # an earlier build kept no times to repeat
    if what in _UNMOVED:
        return Step(chain)
    # Until somebody presents the head, a login that presents nothing is like the one before.
    goes_on = what in _LED_ON or not is_presented
    is_early = head is not None and head.is_early(asked.now, asked.limit)
    if goes_on and is_early and what in _AGAIN:
        return Step(after)
    if what is Shown.CURRENT:
        link = Link(question.following, asked.now, asked.until)
        return Step(_led(after, link, asked))
    if goes_on or head is None:
        return Step(_begun(after, question, asked))
    return _returned(after, head, question, asked, is_fork=what is Shown.LEFT_BEHIND)


AT_HEAD: Final = frozenset({Shown.REPETITION, Shown.CURRENT})
"""What only an agent shows that has the current link, or has asked for it."""

_UNMOVED: Final = frozenset({Shown.REPETITION, Shown.NOTHING, Shown.NEVER})
_LED_ON: Final = frozenset({Shown.BEGINNING, Shown.CURRENT, Shown.NEWER})
_AGAIN: Final = frozenset({Shown.CURRENT, Shown.OLDER})


def moved_on(chain: Chain, question: Question, derive: Derive, asked: Asked) -> Chain:
    """The chain, led on from its current link by ``question``, its first half included.

    For a licence whose machine changes along: a copy that stays behind has an older link then, and
    a request that is sent once more changes nothing.
    """
    head = chain.link
    id = derive(head.id or "" if head is not None else "")
    return _led(chain, Link(id, asked.now, asked.until), asked, question.following)


def _begun(chain: Chain, question: Question, asked: Asked) -> Chain:
    """The chain with a link that does not follow from the one before."""
    id = _id_after(question.following, chain.link.id if chain.link else str(asked.now))
    return _led(chain, Link(id, asked.now, asked.until), asked, question.following)


def _led(chain: Chain, link: Link, asked: Asked, question: str | None = None) -> Chain:
    return replace(chain, link=link, question=question, source_address=asked.source_address)


def _returned(chain: Chain, head: Link, question: Question, asked: Asked, *, is_fork: bool) -> Step:
    """The agent goes on from elsewhere than ``head``, which is left behind."""
    now, since = asked.now, asked.now - REMEMBERED
    gains = not head.is_early(now, asked.limit)
    left = [one for one in chain.left if one.at > since]
    returns = len(left) + 1
    if head.id is not None:
        left = [*left, Left(head.id, now, question.at_login)][:MOST_RETURNS]
    instants = [at for at in chain.returned_at if at > since]
    # What a login gains, somebody has signed in for.
    if gains and not question.at_login and not is_fork:
        instants.append(now)
        is_fork = len(instants) >= MOST_RETURNS
    id = _id_after(question.following, head.id)
    link = Link(id, now, asked.until) if gains else replace(head, id=id)
    returned = _led(chain, link, asked, question.following)
    returned = replace(returned, left=tuple(left), returned_at=tuple(instants[-MOST_RETURNS:]))
    return Step(returned, is_fork=is_fork, returns=returns)


def _id_after(following: str, before: str | None) -> str:
    """The id of a link after ``before``: a new one, also for a question that was followed before.

    So no two leases of different times have one id, and no proof over an older one is good again.
    """
    return encoded(hashlib.sha256(f"{following}.{before}".encode()).digest()[:_ID_BYTES])


def halfway(issued_at: int, expires_at: int) -> int:
    """From when on a lease is renewed, in epoch seconds: halfway through its time."""
    return issued_at + (expires_at - issued_at) // 2
