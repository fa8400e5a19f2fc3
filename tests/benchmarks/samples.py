"""What is made of measured numbers: percentiles, ratios within one run, and how sure they are.

Two things that are compared are measured in turns, a block of the one and a block of the other:
what slows the machine down for a while slows both. The ratio is the median of the pairs' ratios.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_RESAMPLED: Final = 1000
_SEED: Final = 20


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio's median, and between what its resampled medians lie in 95 of 100 cases."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} (95 %: {self.low:.2f} to {self.high:.2f})"


def ratio(measured: Sequence[float], bare: Sequence[float]) -> Ratio:
    """How many times as much ``measured`` took as ``bare``, pair by pair."""
    ratios = [one / other for one, other in zip(measured, bare, strict=True)]
    chance = random.Random(_SEED)  # noqa: S311 - reproducible, not secret
    medians = [median(chance.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLED)]
    return Ratio(median(ratios), percentile(medians, 0.025), percentile(medians, 0.975))
