"""Who holds a machine, pair by pair, and who may join (R4, R10, R31).

A machine is held by claims: one for each pair of its components, see
:meth:`Machine.pairs <licensing.domain.machine.Machine.pairs>`.

What this module guarantees:

* Who is on a machine stays on it, whatever their version becomes, until they leave. So an
  organization on a shared machine upgrades freely, with its licences and with new environments, and
  by that closes the machine to newcomers. The others stay.
* Who is not on it gets on only where each pair that they show is free, or held by older agents
  alone while the newcomer's is older, too. First come, first served: an organization that comes
  with an agent from 4.4 on is refused while others are there, however old theirs are. The way out
  is that a super-admin looks the machine up, and the holder's licence there is dissociated.
* The claim that stands decides, pair by pair: to hold one pair of a machine opens no other pair of
  it. By naming an old version, nobody gets on a pair that is closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
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

    ``exclusive`` says that the pair is closed: nobody new gets on it. It is set when an agent from
    4.4 on holds the pair, also where others do so already, and stays set for as long as anybody
    holds it (R31).

    >>> claim = Claim({"acme": {"production": "lic_0123456789abcdef"}}, exclusive=False)
    >>> claim.is_open_to("bolt", exclusive=False)  # older agents may share
    True
    >>> claim.is_open_to("bolt", exclusive=True)  # an agent from 4.4 on may not
    False
    >>> claim.is_open_to("acme", exclusive=True)  # who is there stays there
    True
    """

    holders: Mapping[str, Mapping[str, str]]
    exclusive: bool

    def is_open_to(self, organization_id: str, *, exclusive: bool) -> bool:
        """Whether the organization may claim the pair, too (R4, R31).

        ``exclusive`` says that it would close the pair. Who holds it already may.
        """
        if organization_id in self.holders or not self.holders:
            return True
        return not (exclusive or self.exclusive)

    def is_shared_along(self, kept: Iterable[Claim], organization_id: str) -> bool:
        """Whether all others who hold the pair share one of the ``kept`` ones with it (R11, R31).

        So a licence that keeps those pairs is on one machine with them, and may follow it to this
        pair, closed or not. They are told by their licences: an organization that shares one
        machine does not open its others.
        """
        beside = {
            license_id
            for claim in kept
            if organization_id in claim.holders
            for license_ids in _others(claim, organization_id).values()
            for license_id in license_ids
        }
        return all(
            not beside.isdisjoint(license_ids)
            for license_ids in _others(self, organization_id).values()
        )

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
    return foreign_holder(
        (claim for claim in claims if not claim.is_open_to(organization_id, exclusive=exclusive)),
        organization_id,
    )


def foreign_holder(claims: Iterable[Claim], organization_id: str) -> tuple[str, str] | None:
    """Another organization that holds one of these pairs, shared or not (R26).

    Its id and the id of one of its licences, or ``None``.
    """
    found = {
        holder_id: min(license_ids)
        for claim in claims
        for holder_id, license_ids in _others(claim, organization_id).items()
    }
    # Of several the first by id: a repeated attempt is then on record at the same one.
    return min(found.items(), default=None)


def is_exclusive_to(claims: Iterable[Claim], organization_id: str) -> bool:
    """Whether the organization, and nobody else, holds one of these pairs while it is closed (R31).

    If so, its older agents close what they claim on this machine, too. A closed pair that others
    hold as well says nothing: one of those may have closed it.
    """
    return any(claim.exclusive and claim.holders.keys() == {organization_id} for claim in claims)


def _others(claim: Claim, organization_id: str) -> Mapping[str, Collection[str]]:
    """The ids of the licences by which other organizations hold a pair."""
    return {
        holder_id: licenses.values()
        for holder_id, licenses in claim.holders.items()
        if holder_id != organization_id
    }
