"""The names of agent installations: which of them are one (R2, R12).

What this module guarantees: names that differ in case, in blanks around them or in a full stop at
the end name one agent. New licences get the normal form. A licence that has another form keeps it,
since its key is derived from it (R3); it is compared, and claims pairs, by its normal form.
"""

from __future__ import annotations


def normal(environment: str) -> str:
    """The normal form of a name.

    >>> normal(" Production. ")
    'production'
    """
    return environment.strip().rstrip(". \t").lower()


def is_same(one: str, other: str) -> bool:
    """Whether two names name one agent."""
    return one == other or normal(one) == normal(other)
