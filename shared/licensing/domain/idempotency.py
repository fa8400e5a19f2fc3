"""Requests that count once, however often they are sent: those with an idempotency key (R25).

What this module guarantees: keys of two organizations, or of two people, never meet, whatever they
are. Times are integer epoch seconds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Self

KEY_SECONDS: Final = 86_400
"""How long a key stands for its request: 24 hours. Then it may stand for another one."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key, and what came of it: the licence ``license_id``.

    ``id`` stands for organization, person and key. ``content`` is the digest of what was asked for.
    The key is free for another request from ``ends_at`` on.
    """

    id: str
    content: bytes
    license_id: str
    ends_at: int

    @classmethod
    def of(cls, id: str, asked: str, *, license_id: str, now: int) -> Self:
        """A request for ``asked``, made at ``now``."""
        return cls(id, _digest(asked), license_id, now + KEY_SECONDS)

    def has_ended(self, now: int) -> bool:
        """Whether its key is free for another request at ``now``."""
        return now >= self.ends_at

    def asks_for(self, asked: str) -> bool:
        """Whether it asked for just this."""
        return self.content == _digest(asked)


def request_id(organization_id: str, subject: str, key: str) -> str:
    """What the request of one person with ``key``, about one organization, is kept under.

    >>> request_id("acme", "olivia", "order-17")
    '3aa2835873598496fc4241f79528e624'
    """
    # As a list, so that no two requests have one name.
    return _digest(json.dumps([organization_id, subject, key]))[:16].hex()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
