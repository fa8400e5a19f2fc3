"""The device keys that a licence was bound to, and how they show two agents (R37).

A device key is replaced when its computer is: the old one does not come back. One that does come
back was replaced by mistake, or belongs to a second agent, such as a virtual machine that was made
from the same image: those two take the licence from each other, again and again.

What this module guarantees: a key that was bound before and is bound again has *come back*; where
that happens for the second time within :data:`~licensing.domain.lease_chain.REMEMBERED`, the keys
*alternate*.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from licensing.domain.lease_chain import REMEMBERED

_KEPT: Final = 2


class KeyReturn(Enum):
    """What it shows that a key which was bound before is bound again."""

    CAME_BACK = auto()
    ALTERNATES = auto()


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """Thumbprints of the two keys before the bound one, the newest first.

    ``came_back_at`` are the last two instants at which one of those was bound again.
    """

    former: tuple[str, ...] = ()
    came_back_at: tuple[int, ...] = ()

    def after(self, replaced: str | None, bound: str | None, now: int) -> KeyHistory:
        """The history once the key ``bound`` has taken the place of ``replaced`` at ``now``.

        Each of them may be ``None``: no key is bound then.

        >>> history = NO_KEYS.after("A", "B", now=1000).after("B", "A", now=2000)
        >>> history
        KeyHistory(former=('B',), came_back_at=(2000,))
        >>> history.after("A", "B", now=3000).shows(history)
        <KeyReturn.ALTERNATES: 2>
        """
        known = self.former if replaced is None else (replaced, *self.former)
        former = tuple(dict.fromkeys(key for key in known if key != bound))[:_KEPT]
        # One that was forgotten and is bound again, with no other in between, was never replaced.
        replaced_before = self.former[1:] if replaced is None else self.former
        came_back = (now,) if bound in replaced_before else ()
        return KeyHistory(former, (*self.came_back_at, *came_back)[-_KEPT:])

    def shows(self, before: KeyHistory) -> KeyReturn | None:
        """What this history shows that ``before`` did not."""
        if self.came_back_at == before.came_back_at:
            return None
        first, last = self.came_back_at[0], self.came_back_at[-1]
        is_second = len(self.came_back_at) == _KEPT and last < first + REMEMBERED
        return KeyReturn.ALTERNATES if is_second else KeyReturn.CAME_BACK


NO_KEYS: Final = KeyHistory()
