"""Read, decide, commit, and do it again when another change came first (R5).

Nothing is locked: each commit repeats, as a condition, what its decision rested on. When the
condition fails, the decision is out of date and is taken anew.

>>> outcomes = iter([Outcome.CONFLICT, Outcome.COMMITTED])  # of two commits
>>> def decide() -> str:
...     demand(next(outcomes))
...     return "committed"
>>> retry(decide)
'committed'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from licensing.domain.errors import Unavailable
from licensing.usecases.ports import Outcome

ATTEMPTS: Final = 8
"""How often a decision is taken before it is given up, so that a request ends in time."""

Answer = TypeVar("Answer")


class Overtaken(Exception):
    """Another change came first, so the decision is out of date. :func:`retry` catches it."""


def demand(outcome: Outcome) -> None:
    """Check that a commit was done. Raises :class:`Overtaken` when it was not."""
    if outcome is Outcome.CONFLICT:
        raise Overtaken


def retry(decide: Callable[[], Answer]) -> Answer:
    """The answer of ``decide``, which reads, decides and commits.

    Calls ``decide`` again when it raises :class:`Overtaken`, up to :data:`ATTEMPTS` times in all;
    then raises that itself.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return decide()
        except Overtaken:
            continue
    # The last attempt: what it raises is for the caller.
    return decide()


def retry_or_give_up(decide: Callable[[], Answer], busy: str) -> Answer:
    """As :func:`retry`, but raises :class:`Unavailable` in the end.

    ``busy`` begins its message, as in ``"This license is in use"``.
    """
    try:
        return retry(decide)
    except Overtaken:
        raise Unavailable(f"{busy} from several places at once. Try again.") from None
