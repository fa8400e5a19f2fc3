"""Temporary licences: a partner's limited time on a client's agent ("Rolling Window", R25–R28).

Times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class TimeToLive(StrEnum):
    """How long a temporary licence lasts: exactly one of these seven (R25)."""

    seconds: int
    """Its length in seconds."""

    ONE_HOUR = "1h", 3_600
    THREE_HOURS = "3h", 10_800
    SIX_HOURS = "6h", 21_600
    TWELVE_HOURS = "12h", 43_200
    ONE_DAY = "1d", 86_400
    THREE_DAYS = "3d", 259_200
    SEVEN_DAYS = "7d", 604_800

    def __new__(cls, word: str, *row: int) -> Self:
        """Make a member from its word and its length. A lookup is typed by this, too."""
        ttl = str.__new__(cls, word)
        ttl._value_ = word
        (ttl.seconds,) = row
        return ttl


@dataclass(frozen=True, slots=True)
class Term:
    """What makes a licence temporary: when it ends, and whose it is.

    It is good up to and excluding ``expires_at`` (R27). ``holder`` is the subject of the person who
    used it first and whom it is tied to since, ``None`` before (R26); ``holder_name`` is what their
    token called them then, unverified. ``note`` is what who generated it has written about it.

    >>> ttl = TimeToLive("1h")
    >>> term = Term(ttl, expires_at=1_900_000_000 + ttl.seconds)
    >>> term.has_ended(now=1_900_003_599), term.has_ended(now=1_900_003_600)
    (False, True)
    """

    ttl: TimeToLive
    expires_at: int
    holder: str | None = None
    holder_name: str | None = None
    note: str | None = None

    def has_ended(self, now: int) -> bool:
        """Whether its time is over at ``now`` (R27)."""
        return now >= self.expires_at
