"""The chain of a licence's leases once more, case by case, as its rules tell them (R37).

Links have names of the reference's own. A question is the lease that is presented and a nonce.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

REMEMBERED = 30 * 86_400
RETURNS_OF_TWO = 4


@dataclass(frozen=True)
class Lease:
    """A lease as an agent has it; `link` is None where it is outside the chain."""

    license_id: str
    link: str | None
    since: int
    until: int

    def is_early(self, now: int) -> bool:
        """Whether it is in the first half of its time."""
        return now - self.since < (self.until - self.since) // 2

    def is_current(self, now: int) -> bool:
        """Whether it is in its time."""
        return self.since <= now < self.until


@dataclass(frozen=True)
class Asked:
    """What an agent asks for its next lease with."""

    lease: Lease | None
    nonce: str


@dataclass(frozen=True)
class Left:
    """A link that a return has left behind."""

    link: str
    at: int
    by_login: bool


@dataclass(frozen=True)
class Chained:
    """Where a chain stands: its head, as it was granted, and what it remembers of returns.

    `gained` are the instants of those that gained time, `repeats` the name that the question of the
    last one leads to, until the head moves on.
    """

    head: Lease | None = None
    was_presented: bool = False
    left: tuple[Left, ...] = ()
    gained: tuple[int, ...] = ()
    repeats: str | None = None


UNCHAINED = Chained()


@dataclass(frozen=True)
class Question:
    """A question beside a chain: `last` is a lease of it, `leads_to` what follows from both."""

    last: Lease | None
    leads_to: str
    is_fresh: bool = False
    is_login: bool = False


@dataclass(frozen=True)
class Moment:
    """When a question is asked, and until when a lease of then is good."""

    now: int
    until: int


@dataclass(frozen=True)
class Met:
    """What a question comes to: which case it is, the chain after it, and what is on record."""

    case: str
    chain: Chained
    sign: str | None = None

    @property
    def is_fork(self) -> bool:
        """Whether two agents use the licence."""
        return self.sign == "clone_suspected"


def case_of(chain: Chained, asked: Question) -> str:
    """The first case that it is."""
    last, head = asked.last, chain.head
    has_nothing = last is None and not asked.is_login
    if head is None and not (has_nothing and not asked.is_fresh):
        return "begins"
    if has_nothing and not chain.was_presented:
        return "never"
    if head is None or (has_nothing and not asked.is_fresh):
        return "nothing"
    if asked.leads_to == (chain.repeats or head.link):
        return "repeats"
    if last is not None and last.link == head.link:
        return "current"
    for left in chain.left:
        if last is not None and last.link == left.link:
            return "left behind"
        if asked.leads_to == left.link and not left.by_login:
            return "left behind"
    return "newer" if last is not None and last.since > head.since else "older"


def meet(
    chain: Chained, asked: Question, moment: Moment, name: Callable[[str, str | None], str]
) -> Met:
    """What becomes of a chain; `name` calls a link by its question and the one before."""
    case, head, now = case_of(chain, asked), chain.head, moment.now
    if case in ("never", "repeats"):
        return Met(case, chain)
    if case == "nothing":
        return Met(case, chain, "without_lease")
    after = replace(chain, was_presented=chain.was_presented or asked.last is not None)
    if case == "current" and head is not None and head.is_early(now):
        return Met(case, after)
    if case == "current":
        return Met(case, led_on(after, asked.leads_to, moment))
    if head is None or case in ("begins", "newer"):
        sign = "newer_lease" if case == "newer" else None
        return Met(case, _begun(after, asked, moment, name), sign)
    # Nobody has presented a lease: a login that lost its answer is made once more.
    if not after.was_presented:
        moved = after if head.is_early(now) and case == "older" else None
        return Met(case, moved or _begun(after, asked, moment, name))
    return _return(after, case, asked, moment, name)


def _begun(
    chain: Chained, asked: Question, moment: Moment, name: Callable[[str, str | None], str]
) -> Chained:
    """A chain that goes on with what follows from no link: the same question may do so twice."""
    before = chain.head.link if chain.head is not None else f"nothing at {moment.now}"
    link = name(asked.leads_to, before)
    return replace(led_on(chain, link, moment), repeats=asked.leads_to)


def _return(
    chain: Chained,
    case: str,
    asked: Question,
    moment: Moment,
    name: Callable[[str, str | None], str],
) -> Met:
    head, now = chain.head, moment.now
    assert head is not None
    left = [one for one in chain.left if one.at > now - REMEMBERED]
    gained = [at for at in chain.gained if at > now - REMEMBERED]
    is_fork = case == "left behind"
    is_often = len(left) + 1 >= RETURNS_OF_TWO
    if not head.is_early(now) and not asked.is_login and not is_fork:
        gained.append(now)
        is_fork = len(gained) >= RETURNS_OF_TWO
    if head.link is not None and len(left) < RETURNS_OF_TWO:
        left.append(Left(head.link, now, asked.is_login))
    times = (head.since, head.until) if head.is_early(now) else (now, moment.until)
    link = Lease(head.license_id, name(asked.leads_to, head.link), *times)
    after = Chained(
        link, chain.was_presented, tuple(left), tuple(gained[-RETURNS_OF_TWO:]), asked.leads_to
    )
    if is_fork:
        return Met(case, after, "clone_suspected")
    sign = "older_lease" if case == "older" else None
    return Met(case, after, "returned_often" if is_often else sign)


def led_on(chain: Chained, name: str, moment: Moment) -> Chained:
    """A chain whose head is another link, of now."""
    head = Lease("", name, moment.now, moment.until)
    return replace(chain, head=head, repeats=None)
