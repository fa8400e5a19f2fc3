"""Temporary licences: a partner's limited time on a client's agent ("Rolling Window", R25–R28).

Times are integer epoch seconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class TimeToLive(StrEnum):
    """How long a temporary licence may live: exactly these seven (R25)."""

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
        """A member, of its word and its length; whoever looks one up has the word alone."""
        ttl = str.__new__(cls, word)
        ttl._value_ = word
        (ttl.seconds,) = row
        return ttl


@dataclass(frozen=True, slots=True)
class Term:
    """What makes a licence temporary.

    It is good up to and excluding ``expires_at`` (R27). ``holder`` is the subject of the person
    that its first use has tied it to, ``None`` before (R26).
    """

    ttl: TimeToLive
    expires_at: int
    holder: str | None = None

    def has_ended(self, now: int) -> bool:
        """Whether its time is over."""
        return now >= self.expires_at


def id_entropy(organization_id: str, idempotency_key: str) -> bytes:
    """Ten bytes for the id of the licence that an idempotency key stands for.

    The same request thus asks for the same licence, however often it is sent.
    """
    name = f"{organization_id}\0{idempotency_key}".encode()
    return hashlib.sha256(b"temporary-license\0" + name).digest()[:10]
