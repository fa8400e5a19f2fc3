"""Which state of a record a change was made on: what ``If-Match`` names (RFC 9110, 13.1.1).

What this module guarantees: a change that was made on another version than the present one is
never merged into it. The commit repeats the version as its condition (R5), so a change that comes
in between is never overwritten either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of a record that a change may be made on; ``None`` stands for any.

    >>> Versions(frozenset({6, 7})).allow(7), Versions(frozenset()).allow(7), Versions().allow(7)
    (True, False, True)
    """

    numbers: frozenset[int] | None = None

    def allow(self, version: int) -> bool:
        """Whether the change may be made on this version."""
        return self.numbers is None or version in self.numbers

    def led_to(self, version: int) -> bool:
        """Whether a change of one of these versions may have made this one."""
        return self.allow(version - 1)


ANY_VERSION: Final = Versions()
"""Whatever the version is."""
