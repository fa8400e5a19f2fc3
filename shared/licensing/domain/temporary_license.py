"""Temporary licences: a partner's limited time on a client's agent ("Rolling Window", R25–R28).

Times are integer epoch seconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TimeToLive(StrEnum):
    """How long a temporary licence may live: exactly these seven (R25)."""

    ONE_HOUR = "1h"
    THREE_HOURS = "3h"
    SIX_HOURS = "6h"
    TWELVE_HOURS = "12h"
    ONE_DAY = "1d"
    THREE_DAYS = "3d"
    SEVEN_DAYS = "7d"

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return _SECONDS[self]


_SECONDS: Final = MappingProxyType(
    {
        TimeToLive.ONE_HOUR: 3_600,
        TimeToLive.THREE_HOURS: 10_800,
        TimeToLive.SIX_HOURS: 21_600,
        TimeToLive.TWELVE_HOURS: 43_200,
        TimeToLive.ONE_DAY: 86_400,
        TimeToLive.THREE_DAYS: 259_200,
        TimeToLive.SEVEN_DAYS: 604_800,
    }
)


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
