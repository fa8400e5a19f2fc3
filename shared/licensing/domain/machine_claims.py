"""Who holds a machine, pair by pair, and who may join (R4, R10, R31).

What this module guarantees: whether an organization may claim a pair depends on the claim alone,
never on what an agent says of itself beyond asking for *more*. An older agent may share a machine
with other organizations' older agents; it never gets at a machine that is held exclusively.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

FIRST_EXCLUSIVE_VERSION: Final = (4, 4, 0, 0)
"""From this agent version on, a machine belongs to one organization (R31)."""


def is_older_agent(version: str | None) -> bool:
    """Whether ``version`` names an agent from before machines were exclusive (R31).

    Only a well-formed older version does; no version and nonsense count as the newest.
    """
    parts = (version or "").split(".")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return False
    numbers = tuple(int(part) for part in parts)
    return numbers + (0,) * (4 - len(numbers)) < FIRST_EXCLUSIVE_VERSION


@dataclass(frozen=True, slots=True)
class Claim:
    """One pair's holders: organization id → environment → licence id.

    ``exclusive`` is set once an agent from 4.4 on has claimed the pair, and stays (R31).
    """

    holders: Mapping[str, Mapping[str, str]]
    exclusive: bool

    def is_open_to(self, organization_id: str, *, exclusive: bool) -> bool:
        """Whether the organization may claim it, too; ``exclusive`` says that it wants it alone."""
        others = self.holders.keys() - {organization_id}
        return not others or not (exclusive or self.exclusive)

    def licenses_of(self, organization_id: str) -> Mapping[str, str]:
        """The organization's licences by environment."""
        return self.holders.get(organization_id, {})


Claims = Mapping[bytes, Claim]
"""The claim on each pair that somebody holds."""


def license_at(claims: Claims, organization_id: str, environment: str) -> str | None:
    """The organization's licence that holds most of the pairs, if any holds one (R2, R9)."""
    found = Counter(
        license_id
        for claim in claims.values()
        for held_environment, license_id in claim.licenses_of(organization_id).items()
        if held_environment == environment
    )
    # Ties are broken by id, so that every login of this machine answers alike.
    return max(found, key=lambda license_id: (found[license_id], license_id), default=None)


def blocker(
    claims: Iterable[Claim], organization_id: str, *, exclusive: bool
) -> tuple[str, str] | None:
    """The organization that keeps another one out, with one of its licences (R4)."""
    found = {
        holder_id: min(environments.values())
        for claim in claims
        if not claim.is_open_to(organization_id, exclusive=exclusive)
        for holder_id, environments in claim.holders.items()
        if holder_id != organization_id
    }
    return min(found.items(), default=None)


def is_exclusive_to(claims: Iterable[Claim], organization_id: str) -> bool:
    """Whether an agent from 4.4 on has made the machine the organization's alone (R31).

    What its older agents on that machine claim anew is then exclusive, too.
    """
    return any(claim.exclusive and organization_id in claim.holders for claim in claims)
