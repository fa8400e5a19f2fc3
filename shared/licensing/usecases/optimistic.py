"""Decide, commit, and decide anew where another change came first (R5).

Nothing is locked: each commit repeats, as a condition, what its decision rested on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from licensing.domain.errors import Unavailable
from licensing.usecases.ports import Outcome

ATTEMPTS: Final = 8
"""How often others may come first: that they always do is not chance, and time runs out."""

Answer = TypeVar("Answer")


class Overtaken(Exception):
    """Another change came first: what was decided on is not so any more. For :func:`retry`."""


def demand(outcome: Outcome) -> None:
    """Go on after a commit that was done. Raises :class:`Overtaken` after one that was not."""
    if outcome is Outcome.CONFLICT:
        raise Overtaken


def retry(decide: Callable[[], Answer]) -> Answer:
    """The answer of ``decide``, which reads, decides and commits.

    It is called anew while it raises :class:`Overtaken`. Raises that, too, where it happened
    :data:`ATTEMPTS` times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return decide()
        except Overtaken:
            continue
    return decide()


def retry_or_give_up(decide: Callable[[], Answer], busy: str) -> Answer:
    """As :func:`retry`, but raises ``Unavailable`` in the end, where ``busy`` says what is busy."""
    try:
        return retry(decide)
    except Overtaken:
        raise Unavailable(f"{busy} from several places at once. Try again.") from None
