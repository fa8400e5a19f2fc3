"""What two runs of one function come to, without what chance and the clock decide.

One run takes place in this process, the other one in its own a moment later. Random ids, keys and
leases are replaced, unless they were there before; times by how far they are from now, so roughly
that the moment between the runs makes no difference.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.concurrency import canonical

LEASE = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")

_RANDOM = re.compile(
    r"lic_[0-9a-z]{16}|evt_[0-9a-f]{32}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|(?:[0-9A-Z]{5}-){8}[0-9A-Z]{5}"
)
_SHARD = re.compile(r"DUE#\d+")  # by the licence's id
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EPOCH = re.compile(r"\b[12]\d{9}\b")
_SECONDS_LEFT = re.compile(r'(?<="seconds_left": )\d+')
_ROUGHLY = 500  # no time that the service adds is halfway between two of these


@dataclass(frozen=True)
class Likeness:
    """How the runs of one event are compared."""

    before: str  # all that was there, as text
    now: float

    def of(self, value: Any) -> str:
        """A value as text, alike for both runs."""
        known = set(_RANDOM.findall(self.before))
        text = LEASE.sub("a lease", canonical.text(value, known))
        text = _RANDOM.sub(lambda found: found[0] if found[0] in known else "random", text)
        text = _SHARD.sub("a shard", text)
        text = _INSTANT.sub(self._about(lambda at: datetime.fromisoformat(at).timestamp()), text)
        text = _EPOCH.sub(self._about(int), text)
        return _SECONDS_LEFT.sub(lambda left: str(_rounded(int(left[0]))), text)

    def of_all(self, values: list[Any]) -> list[str]:
        """Values as texts, whatever their order."""
        return sorted(map(self.of, values))

    def _about(self, epoch: Callable[[str], float]) -> Callable[[re.Match[str]], str]:
        return lambda found: f"now{_rounded(epoch(found[0]) - self.now):+}"


def _rounded(seconds: float) -> int:
    return round(seconds / _ROUGHLY) * _ROUGHLY
