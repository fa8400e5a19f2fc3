"""How far a licence follows its machine when that shows itself otherwise (R11).

A machine *drifts* when one of its components changes while the other two agree: a new network card,
a renamed computer. Who holds a copy of the key could use that to walk the licence to another
machine, one component at a time.

What this module guarantees:

* Where neither a user logs in nor the device key is proved, one component moves in
  :data:`MOVES_ONCE_IN`, and only for an agent that presents the current link of the lease chain,
  where that is in use.
* An id or a name that shows again within :data:`PUT_BACK_WITHIN` of its move is put back: the
  machine that it belonged to is still there. Nothing moves from then on until a user logs in. So
  does a machine that shows itself without a component again which it has got only lately.
* Of new addresses, :data:`MAX_NEW_ADDRESSES` are added at a time; one that others have pushed out
  counts as an id that shows again.
* When two agents have shown in the chain of leases, nothing moves for :data:`MOVES_ONCE_IN`: the
  one that has the current link now may be the copy.
* What is not followed is reported once for each value, and of these :data:`MAX_REPORTED` at most
  until the next move. So no agent makes entries without end.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from licensing.domain.machine import MAX_MAC_ADDRESSES, Machine
from licensing.domain.organization import DAY

MOVES_ONCE_IN: Final = 7 * DAY
"""How long after a move that nobody vouched for no other such move is made, in seconds."""

PUT_BACK_WITHIN: Final = 30 * DAY
"""For how long after its move an id or a name is known as one that was, in seconds."""

MAX_NEW_ADDRESSES: Final = 4
"""How many addresses are added at a time where nobody vouches for them: half of those kept."""

MAX_REPORTED: Final = 4
"""How many values that were not followed a licence remembers: each was reported once."""

# More than can move in that time, unless somebody vouches for it.
_MAX_FORMER: Final = 12


class Evidence(Enum):
    """What shows that the agent who asks is the licence's own, from the weakest on."""

    NOTHING = auto()
    """The key alone, though the licence's agent has presented leases before."""
    LEASE = auto()
    """A genuine lease of the licence, but not the current link of its chain."""
    LINK = auto()
    """The current link, or the question that led to it; or no chain is in use yet."""
    PROOF = auto()
    """A proof of the bound device key."""
    LOGIN = auto()
    """A user of the licence's organization logs in."""


_VOUCHED: Final = frozenset({Evidence.PROOF, Evidence.LOGIN})


@dataclass(frozen=True, slots=True)
class Former:
    """The hash of a component that a licence's machine had, and when it moved on from it.

    That is an id, a name, or an address that others have pushed out. Of a component that the
    machine lacked, ``component`` is the name.
    """

    component: bytes
    left_at: int


@dataclass(frozen=True, slots=True)
class Past:
    """What a licence remembers of how its machine has changed.

    ``moved_at`` is when a component last moved that nobody vouched for, or two agents have shown
    in the chain of leases; 0 if neither ever was.
    ``former`` are components that were, the newest first. ``is_held``: one of them has come
    back, so nothing moves until a user logs in. ``reported`` are digests of what was not followed,
    the newest first.
    """

    moved_at: int = 0
    former: tuple[Former, ...] = ()
    is_held: bool = False
    reported: tuple[bytes, ...] = ()

    def knows(self, seen: Machine, now: int, *, but: Machine) -> bool:
        """Whether ``seen`` has a component that was moved on from lately, and that ``but`` has not.

        "Lately" is within :data:`PUT_BACK_WITHIN`.
        """
        shown = _components(seen) - _components(but)
        return any(
            one.component in shown for one in self.former if now < one.left_at + PUT_BACK_WITHIN
        )

    def got(self, machine: Machine, seen: Machine, now: int) -> frozenset[str]:
        """The components that ``machine`` has got lately, on nobody's word, and ``seen`` lacks."""
        lately = {one.component for one in self.former if now < one.left_at + PUT_BACK_WITHIN}
        absent = seen.lacking - machine.lacking
        return frozenset(name for name in absent if name.encode() in lately)

    def leaving(self, before: Machine, after: Machine, now: int, *, is_vouched: bool) -> Past:
        """This past after the machine went from ``before`` to ``after``."""
        present = _components(after)
        left = {before.machine_id, before.computer_name} - present - {None}
        got = {name.encode() for name in before.lacking - after.lacking}
        if not is_vouched:
            left |= (set(before.mac_addresses) - present) | got
        over = left | present | got | {name.encode() for name in after.lacking}
        kept = [
            one
            for one in self.former
            if one.component not in over and now < one.left_at + PUT_BACK_WITHIN
        ]
        gone = [Former(component, now) for component in sorted(filter(None, left))]
        return replace(self, former=(*gone, *kept)[:_MAX_FORMER], reported=())

    def shown_by_two(self, now: int) -> Past:
        """This past after two agents have shown in the chain of leases."""
        return replace(self, moved_at=max(self.moved_at, now))


NO_PAST: Final = Past()


def _components(machine: Machine) -> set[bytes | None]:
    return {machine.machine_id, machine.computer_name, *machine.mac_addresses}


class Move(Enum):
    """What has become of a change."""

    FOLLOWED = auto()
    PUT_BACK = auto()
    """Followed to what was before: two machines seem to use the licence."""
    WITHHELD = auto()
    """Not followed, and not yet reported."""


@dataclass(frozen=True, slots=True)
class Step:
    """The machine and its past afterwards; ``move`` is ``None`` where there is nothing to tell."""

    machine: Machine
    past: Past
    move: Move | None = None


def step(machine: Machine, past: Past, seen: Machine, *, evidence: Evidence, now: int) -> Step:
    """What follows when the agent of ``machine`` shows itself as ``seen`` (R11).

    ``seen`` was found to be the same machine (R9).

    >>> from licensing.domain.machine import Credentials
    >>> def called(name: str) -> Machine:
    ...     credentials = Credentials.of(
    ...         machine_id="4c4c4544-0042", mac_addresses=["3c:52:82:0a:1b:2c"], computer_name=name
    ...     )
    ...     return Machine.of(credentials, hashing_key=b"a key of the server")
    >>> now = 1_900_000_000
    >>> renamed = step(called("pc-1"), NO_PAST, called("pc-2"), evidence=Evidence.LINK, now=now)
    >>> renamed.move
    <Move.FOLLOWED: 1>
    >>> again = (renamed.machine, renamed.past, called("pc-3"))
    >>> step(*again, evidence=Evidence.LINK, now=now + DAY).move
    <Move.WITHHELD: 3>
    >>> step(*again, evidence=Evidence.LOGIN, now=now + DAY).move
    <Move.FOLLOWED: 1>
    >>> back = (renamed.machine, renamed.past, called("pc-1"))
    >>> step(*back, evidence=Evidence.LINK, now=now + DAY).move
    <Move.PUT_BACK: 2>
    """
    stays = stayed(machine, past, evidence=evidence)
    past = stays.past
    is_vouched = evidence in _VOUCHED
    most_new = MAX_MAC_ADDRESSES if is_vouched else MAX_NEW_ADDRESSES
    moved = machine.followed(seen, most_new=most_new)
    got = frozenset() if is_vouched else past.got(moved, seen, now)
    moved = moved.without(got)
    if moved is machine:
        return stays
    is_back = bool(got) or past.knows(moved, now, but=machine)
    if past.is_held:
        may_move = False
    elif is_vouched:
        may_move = True
    elif is_back:
        may_move = evidence is not Evidence.NOTHING
    else:
        may_move = evidence is Evidence.LINK and now >= past.moved_at + MOVES_ONCE_IN
    if not may_move:
        return _withheld(machine, past, moved)
    after = past.leaving(machine, moved, now, is_vouched=is_vouched)
    if not is_vouched:
        after = replace(after, moved_at=now)
    if not is_back:
        return Step(moved, after, Move.FOLLOWED)
    return Step(moved, replace(after, is_held=evidence is not Evidence.LOGIN), Move.PUT_BACK)


def stayed(machine: Machine, past: Past, *, evidence: Evidence) -> Step:
    """The step of a machine that has not changed, or cannot: a login ends the hold on it."""
    if evidence is Evidence.LOGIN and past.is_held:
        past = replace(past, is_held=False, reported=())
    return Step(machine, past)


def _withheld(machine: Machine, past: Past, moved: Machine) -> Step:
    """The step of a machine that does not become ``moved``: reported once for each value."""
    value = moved.identity()
    if value in past.reported or len(past.reported) >= MAX_REPORTED:
        return Step(machine, past)
    return Step(machine, replace(past, reported=(value, *past.reported)), Move.WITHHELD)
