"""Licences: read, listed, and changed in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from licensing.domain.audit import Event
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.license import License, State
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization
from licensing.usecases.filters import (
    AgentActivity,
    LicenseFilters,
    LicenseSummary,
)


class Outcome(Enum):
    """How a commit went."""

    COMMITTED = "committed"
    CONFLICT = "conflict"
    """Something that the decision rested on has changed: read again and decide anew."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a temporary licence goes beside on a machine, where it claims nothing itself (R26).

    The change is committed only if no other organization holds one of ``pairs``, and the client's
    own licence for ``environment`` there is still ``standing`` as it was read: still none, where
    that is ``None`` (R19).
    """

    pairs: frozenset[bytes]
    environment: str
    standing: License | None


@dataclass(frozen=True, slots=True)
class Change:
    """One licence's change, with its event. ``before`` is ``None`` for a new licence.

    What follows from it for machine claims, seats and the counts of members' agents is the store's
    to work out: claims are those of ``after`` instead of ``before``, the seat follows ``is_bound``
    and the count ``counted_for`` (R6, R10, R38).
    ``beside`` is there when a temporary licence is tied to a machine.
    ``member_limit`` is how many agents the member may have added who adds this one; ``None`` sets
    no limit (R38).
    ``request`` is kept along with it, and its key must be free then: it counts once (R25).
    """

    before: License | None
    after: License
    event: Event
    beside: Beside | None = None
    member_limit: int | None = None
    request: KeyedRequest | None = None


@dataclass(frozen=True, slots=True)
class ProofUse:
    """The use of a login's proofs by one operation (R36).

    ``ids`` are the proofs'; ``operation`` is random and names the operation in all of its
    attempts. ``at`` is its time, in epoch seconds.
    """

    ids: Sequence[str]
    operation: str
    at: int


@dataclass(frozen=True, slots=True)
class LicensePage:
    """A page of licences; ``next_cursor`` is ``None`` on the last one."""

    licenses: Sequence[License]
    next_cursor: str | None


class LicenseReader(Protocol):
    """Single licences and organizations."""

    def license(self, license_id: str) -> License | None:
        """The licence, or ``None``."""

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or ``None``."""

    def license_and_organization(
        self, license_id: str, organization_id: str
    ) -> tuple[License | None, Organization | None]:
        """Both in one request."""


class Committer(LicenseReader, Protocol):
    """Changes of licences."""

    def commit(
        self,
        changes: Sequence[Change],
        *,
        organization: Organization | None = None,
        claims: Claims | None = None,
        proofs: ProofUse | None = None,
    ) -> Outcome:
        """Commit ``changes`` in one transaction.

        ``organization`` is the version that the decision rests on; ``claims`` is what was read of
        the pairs involved. Where a pair that is taken is not so any more, the outcome is
        ``CONFLICT``; those that are given up need not be known. ``proofs`` count along with the
        changes, once: raises ``StaleProof`` when one has counted for another operation.
        """


class RequestStore(Committer, Protocol):
    """Changes of licences by requests that count once."""

    def organization_and_request(
        self, organization_id: str, request_id: str
    ) -> tuple[Organization | None, KeyedRequest | None]:
        """The organization, and the request that is kept under ``request_id``, in one request.

        The request may have ended.
        """


class LicenseFinder(LicenseReader, Protocol):
    """Licences of all organizations."""

    def licenses_named(self, beginning: str, *, limit: int, cursor: str | None) -> LicensePage:
        """A page of the licences whose computer's name begins so, by name.

        ``beginning`` is folded, and not empty. Temporary ones are not among them. From an index:
        one that is new may be missing. Raises ``InvalidInput`` for a foreign cursor.
        """


class LicenseLister(LicenseReader, Protocol):
    """Pages of licences."""

    def licenses(
        self,
        organization_id: str,
        *,
        states: Collection[State],
        filters: LicenseFilters,
        limit: int,
        cursor: str | None,
    ) -> LicensePage:
        """A page of an organization's licences. Raises ``InvalidInput`` for a foreign cursor."""

    def license_summaries(
        self, organization_id: str, *, states: Collection[State]
    ) -> Iterator[LicenseSummary]:
        """An organization's licences at first sight. From an index: a hint.

        One that changes its state meanwhile may come twice.
        """

    def agent_activity(self, ids: Sequence[str]) -> Mapping[str, AgentActivity]:
        """What the records of so many licences tell of their agents."""

    def licenses_by_id(self, ids: Sequence[str]) -> list[License]:
        """Up to a hundred licences by their ids, in that order."""

    def temporary_licenses(
        self, organization_id: str, *, limit: int, cursor: str | None
    ) -> LicensePage:
        """A page of its temporary licences: those that end last come first (R25)."""
