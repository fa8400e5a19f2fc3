"""Organizations: listed, changed and swept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from licensing.domain.audit import Event, OrganizationNote
from licensing.domain.license import License, State
from licensing.domain.organization import Organization
from licensing.usecases.filters import OrganizationSummary
from licensing.usecases.ports.licenses import (
    Committer,
    Outcome,
)


class OrganizationLister(Protocol):
    """All organizations."""

    def organization_summaries(self) -> Iterator[OrganizationSummary]:
        """Each at first sight, in no order. From an index: one may be missing that is new."""

    def organizations(self, ids: Sequence[str]) -> list[Organization]:
        """Up to a hundred organizations by their ids, in that order."""


class OrganizationStore(Protocol):
    """Changes of organizations."""

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or ``None``."""

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        """Put ``after`` in the place of ``before`` and make it due for the sweep at ``due_at``."""


class NotingStore(OrganizationStore, Protocol):
    """Changes of organizations, and what is put on record about them where nothing changes."""

    def note(self, note: OrganizationNote) -> None:
        """Count it in the entry of its hour; of one request it counts once (R32)."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that the sweep has to look at, and since when it should have."""

    kind: Literal["license", "organization"]
    id: str
    since: int


class SweepStore(Committer, OrganizationStore, Protocol):
    """What the sweep needs."""

    @property
    def due_shards(self) -> Sequence[str]:
        """The parts that what is due is kept in."""

    def due(self, shard: str, now: int) -> Iterator[Due]:
        """What is due at ``now``, oldest first.

        One query when nothing is due (R23). From an index: a hint, to be read again.
        """

    def some_licenses(self, organization_id: str, state: State, *, limit: int) -> list[License]:
        """Up to ``limit`` licences of an organization that are in ``state``."""

    def settle(self, organization: Organization, *, due_at: int | None) -> Outcome:
        """Make the organization due at ``due_at`` (never, if ``None``) unless it has changed."""
