"""What the use cases need from the outside, as Protocols.

The promises that a store makes:

* Every read that a decision rests on is strongly consistent.
* A commit is one transaction: all of it or nothing, only if everything that it rests on is still
  as it was read, and with exactly one audit event per change (R5, R32).
* A commit whose answer is lost is looked up and repeated until it is known to have happened or
  not; when neither can be learned in time, :class:`~licensing.domain.errors.Unavailable` is raised
  and repeating the whole operation is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

from licensing.domain.audit import Event, EventType, Facts, Origin, RefusedAttempt
from licensing.domain.license import LastSeen, License, State
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization
from licensing.domain.statistics import Move
from licensing.usecases.filters import (
    AgentActivity,
    EventFilter,
    LicenseFilter,
    LicenseSummary,
    OrganizationSummary,
)

if TYPE_CHECKING:
    # For its type alone: it brings in the cryptography that most functions do without.
    from licensing.domain.keyring import Keyring

Entropy = Callable[[int], bytes]
"""So many bytes from a cryptographic source."""


class Outcome(Enum):
    """How a commit went."""

    COMMITTED = "committed"
    CONFLICT = "conflict"
    """Something that the decision rested on has changed: read again and decide anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """One licence's change, with its event. ``before`` is ``None`` for a new licence.

    What follows from it for machine claims and seats is the store's to work out: claims are those
    of ``after`` instead of ``before``, and the seat follows ``is_bound`` (R6, R10).
    ``untaken`` are pairs that no other organization may hold when the change is committed (R26).
    """

    before: License | None
    after: License
    event: Event
    untaken: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class LoginView:
    """What a login starts from. ``presented`` is the licence whose key came along, if any."""

    claims: Claims
    organization: Organization | None
    presented: License | None


@dataclass(frozen=True, slots=True)
class Due:
    """Something that the sweep has to look at, and since when it should have."""

    kind: Literal["license", "organization"]
    id: str
    since: int


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A committed event or a folded refusal, as it is read back.

    ``times`` counts the refusals folded into it; ``None`` for a change.
    """

    id: str
    type: EventType
    at: int
    organization_id: str
    license_id: str | None
    revision: int | None
    origin: Origin
    before: Facts | None
    after: Facts | None
    reason: str | None
    components: tuple[str, ...]
    other_address: str | None
    confidential: bool
    times: int | None
    last_at: int | None

    @property
    def happened_at(self) -> int:
        """When it happened, of a folded refusal the latest time; ``at`` is then its hour's."""
        return self.at if self.last_at is None else self.last_at


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of entries, newest first; ``next_cursor`` is ``None`` on the last one."""

    entries: Sequence[RecordedEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LicensePage:
    """A page of licences; ``next_cursor`` is ``None`` on the last one."""

    licenses: Sequence[License]
    next_cursor: str | None


class Keyrings(Protocol):
    """Where the server secret comes from."""

    def keyring(self, at_least: int = 1) -> Keyring:
        """The current keyring, fetched anew if it does not know version ``at_least`` yet.

        The same one as before where that has just been looked for.
        """


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
    ) -> Outcome:
        """Commit ``changes`` in one transaction.

        ``organization`` is the version that the decision rests on; ``claims`` is what was read of
        the pairs involved, a hint that saves a round trip and proves nothing.
        """


class MachineStore(Committer, Protocol):
    """What it takes to let a licence follow its machine."""

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """Who holds these pairs."""

    def record_refusal(self, refusal: RefusedAttempt) -> None:
        """Record a refusal, folded (R32)."""


class UseStore(MachineStore, Protocol):
    """What it takes to let a proof and a lease count once."""

    def record_use(self, before: License, after: License) -> Outcome:
        """Put chain, last proof and ``last_seen`` of ``after`` in the place of those of ``before``.

        Lost when the licence or its chain is not as it was, or a proof as new as this one has
        counted.
        """


class LoginStore(UseStore, Protocol):
    """What the login needs."""

    def login_view(
        self, pairs: Collection[bytes], organization_id: str, license_id: str | None
    ) -> LoginView:
        """Who holds these pairs, the organization and a licence, in one request."""


class ValidationStore(UseStore, Protocol):
    """What the validation needs."""

    def record_last_seen(self, license_id: str, last_seen: LastSeen, *, interval: int) -> None:
        """Record when the agent was seen, at most once per ``interval`` seconds (R17)."""


class LicenseLister(LicenseReader, Protocol):
    """Pages of licences."""

    def licenses(
        self,
        organization_id: str,
        *,
        states: Collection[State],
        sought: LicenseFilter,
        limit: int,
        cursor: str | None,
    ) -> LicensePage:
        """A page of an organization's licences. Raises ``InvalidInput`` for a foreign cursor."""

    def license_summaries(
        self, organization_id: str, *, states: Collection[State], environment: str | None
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


class OrganizationLister(Protocol):
    """All organizations."""

    def organization_summaries(self) -> Iterator[OrganizationSummary]:
        """Each at first sight, in no order. From an index: one may be missing that is new."""

    def organizations(self, ids: Sequence[str]) -> list[Organization]:
        """Up to a hundred organizations by their ids, in that order."""


class MachineReader(LicenseReader, Protocol):
    """Machines and who holds them."""

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """Who holds these pairs."""


class EventReader(LicenseReader, Protocol):
    """Histories, newest first (R33)."""

    def history(
        self, license_id: str, sought: EventFilter, *, limit: int, cursor: str | None
    ) -> EventPage:
        """A page of one licence's entries. Raises ``InvalidInput`` for a foreign cursor."""

    def feed(
        self,
        organization_id: str,
        sought: EventFilter,
        *,
        confidential: bool,
        limit: int,
        cursor: str | None,
    ) -> EventPage:
        """A page of an organization's entries, with or without the confidential ones (R28)."""


@dataclass(frozen=True, slots=True)
class OrganizationPast:
    """An organization and what changed of itself since some time, newest first.

    ``left_at`` is when the newest happened that was left out, ``None`` when nothing was.
    """

    organization: Organization
    entries: Sequence[RecordedEvent]
    left_at: int | None


@dataclass(frozen=True, slots=True)
class LicensesPast:
    """What has happened to an organization's licences since some time, newest first.

    ``moves`` are the changes of its own licences' states. ``left_at`` is when the newest happened
    that was left out, ``None`` when nothing was.
    """

    moves: Sequence[Move]
    refusals: Sequence[RecordedEvent]
    left_at: int | None


@dataclass(frozen=True, slots=True)
class LastSeenPage:
    """When the agents of some licences were seen; ``next_cursor`` is ``None`` on the last page.

    ``counted`` is how many licences were looked at, ``hour`` the one that the first page began in.
    """

    last_seen: Sequence[LastSeen]
    counted: int
    hour: int
    next_cursor: str | None


class StatisticsReader(LicenseReader, Protocol):
    """An organization's licences as a whole, now and in the past: from an index, for charts."""

    def organization_past(
        self, organization_id: str, since: int, *, most: int
    ) -> OrganizationPast | None:
        """The organization, or ``None``, with up to ``most`` of its own events since a time."""

    def census(self, organization_id: str) -> Mapping[State, int]:
        """How many of its own licences are in each state."""

    def licenses_past(
        self, organization_id: str, since: int, *, most: int, most_refusals: int
    ) -> LicensesPast:
        """What happened since a time: up to ``most`` entries, with so many refusals at most."""

    def last_seen(
        self, organization_id: str, *, hour: int, limit: int, cursor: str | None
    ) -> LastSeenPage:
        """When the agents of up to ``limit`` licences were seen.

        A walk that begins in ``hour``, in hours since the epoch, stays at it on all of its pages.
        Raises ``InvalidInput`` for a foreign cursor.
        """


class OrganizationStore(Protocol):
    """Changes of organizations."""

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or ``None``."""

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        """Put ``after`` in the place of ``before`` and make it due for the sweep at ``due_at``."""


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


class SeatStore(Protocol):
    """What the seat check needs: all of it reads."""

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or ``None``."""

    def organizations_from(self, place: int, *, limit: int) -> list[str]:
        """Up to ``limit`` organizations from a place on, beginning anew behind the last one.

        Places are numbers below 2**32, which ids are spread over evenly.
        """

    def bound_at_first_sight(self, organization_id: str) -> int:
        """How many licences an organization has bound. From an index: a hint."""

    def bound(self, organization_id: str) -> frozenset[tuple[str, int]]:
        """The bound licences, each with its revision, as they are.

        From an index which they are, each then read by itself: one may be missing that has been
        bound a moment ago.
        """
