"""Who holds a machine, pair by pair, and who may join (R4, R10, R31).

A machine is held by claims: one for each pair of its components, see
:meth:`Machine.pairs <licensing.domain.machine.Machine.pairs>`.

What this module guarantees: the claim that stands decides who may join it. An older agent may share
a machine with other organizations' older agents. By naming an old version, nobody gets on a machine
that is held exclusively.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from licensing.domain import environment as environments

FIRST_EXCLUSIVE_VERSION: Final = (4, 4, 0, 0)
"""From this agent version on, a machine belongs to one organization (R31)."""


def is_older_agent(version: str | None) -> bool:
    """Whether ``version`` is older than 4.4.0.0, from when on machines are exclusive (R31).

    No version and a malformed one count as new, so that they give nobody an older agent's rights.

    >>> is_older_agent("4.3.0.12"), is_older_agent("4.4"), is_older_agent("old")
    (True, False, False)
    """
    parts = (version or "").split(".")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return False
    numbers = tuple(int(part) for part in parts)
    # "4.4" is 4.4.0.0.
    return numbers + (0,) * (4 - len(numbers)) < FIRST_EXCLUSIVE_VERSION


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds one pair: ``holders`` maps organization id → environment → licence id (R10).

    ``exclusive`` is set when an agent from 4.4 on claims the pair. It stays set for as long as
    anybody holds the pair (R31).

    >>> claim = Claim({"acme": {"production": "lic_0123456789abcdef"}}, exclusive=False)
    >>> claim.is_open_to("bolt", exclusive=False)  # older agents may share
    True
    >>> claim.is_open_to("bolt", exclusive=True)  # an agent from 4.4 on may not
    False
    """

    holders: Mapping[str, Mapping[str, str]]
    exclusive: bool

    def is_open_to(self, organization_id: str, *, exclusive: bool) -> bool:
        """Whether the organization may claim the pair, too (R4, R31).

        ``exclusive`` says that it wants the pair for itself alone.
        """
        others = self.holders.keys() - {organization_id}
        return not others or not (exclusive or self.exclusive)

    def licenses_of(self, organization_id: str) -> Mapping[str, str]:
        """The licence ids of the organization that hold the pair, by environment."""
        return self.holders.get(organization_id, {})


Claims = Mapping[bytes, Claim]
"""Pair → its claim. A pair that nobody holds is not there."""


def license_at(claims: Claims, organization_id: str, environment: str) -> str | None:
    """The id of the organization's licence for ``environment`` on a machine (R2, R9).

    ``claims`` are those on the machine's pairs. ``None`` when no licence holds any of them; the one
    that holds most of them when several do.
    """
    found = Counter(
        license_id
        for claim in claims.values()
        for held_environment, license_id in claim.licenses_of(organization_id).items()
        if environments.is_same(held_environment, environment)
    )
    # Ties are broken by id, so that every login of this machine answers alike.
    return max(found, key=lambda license_id: (found[license_id], license_id), default=None)


def blocker(
    claims: Iterable[Claim], organization_id: str, *, exclusive: bool
) -> tuple[str, str] | None:
    """Another organization that keeps ``organization_id`` from claiming these pairs (R4).

    Its id and the id of one of its licences, or ``None``. ``exclusive`` is as in
    :meth:`Claim.is_open_to`.
    """
    found = {
        holder_id: min(environments.values())
        for claim in claims
        if not claim.is_open_to(organization_id, exclusive=exclusive)
        for holder_id, environments in claim.holders.items()
        if holder_id != organization_id
    }
    # Of several the first by id: a repeated attempt is then on record at the same one.
    return min(found.items(), default=None)


def is_exclusive_to(claims: Iterable[Claim], organization_id: str) -> bool:
    """Whether the organization holds one of these pairs exclusively (R31).

    If so, what its older agents claim on this machine becomes exclusive, too.
    """
    return any(claim.exclusive and organization_id in claim.holders for claim in claims)
