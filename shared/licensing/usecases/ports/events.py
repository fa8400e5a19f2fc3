"""What happened: histories, and counts over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from licensing.domain.audit import Actor, EventType, OrganizationNote, Origin, Reading
from licensing.domain.caller import Role
from licensing.domain.facts import Facts
from licensing.domain.license import State
from licensing.domain.organization import Organization
from licensing.domain.refusal import RefusalCode
from licensing.domain.statistics import BlockedClone, Move, Sighting
from licensing.usecases.filters import EventFilters, LicenseSummary, OrganizationSummary
from licensing.usecases.ports.licenses import LicenseReader

HIDDEN: Final = "hidden"
"""What stands for a person, or a request, that the reader may not know of."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A committed event or a folded refusal, as it is read back.

    ``times`` counts what is folded into it; ``None`` for a change. ``readings`` are the kinds of
    what was read. A ``confidential`` one is not for its organization (R28); of the others, that may
    read :attr:`for_organization`. ``computer_name`` is that of the computer that tried, where
    something was refused or a clone is suspected; ``license_computer_name`` that of the licence
    which it tried to use, see :attr:`computer_of_license`.
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
    readings: tuple[Reading, ...] = ()
    license_computer_name: str | None = None
    computer_name: str | None = None

    @property
    def happened_at(self) -> int:
        """When it happened, of a folded refusal the latest time; ``at`` is then its hour's."""
        return self.at if self.last_at is None else self.last_at

    @property
    def computer_of_license(self) -> str | None:
        """The name of the licence's computer then: after a change, as that tells."""
        told = self.after.get("computer_name") if self.after else None
        return told if isinstance(told, str) else self.license_computer_name

    @property
    def unnamed(self) -> RecordedEvent:
        """The same without what names people: who acted, and whom a temporary licence is for."""
        nobody = replace(self.origin.actor, name=None)
        return replace(
            self,
            origin=replace(self.origin, actor=nobody),
            before=_without_note(self.before),
            after=_without_note(self.after),
        )

    @property
    def for_organization(self) -> RecordedEvent:
        """What its organization may read of it, if it is not confidential (R4, R28, R32).

        Nobody learns there who was refused the use of a licence: it may be a partner, or somebody
        of another organization. Of one who tried to take the machine nothing is left but the time:
        the other organization has an entry of its own, with the same address, agent and request. An
        entry about no licence is that one: it tells of the organization's own people.

        The computer that tried is told, since the organization's own key is on it: by that it is
        found. Of the vendor's people it learns the subject, as everybody's, and not the name.
        """
        if self.type is not EventType.ACCESS_REFUSED or self.license_id is None:
            return self.unnamed if Role.SUPER_ADMIN in self.origin.actor.roles else self
        hidden = Actor(self.origin.actor.kind, HIDDEN)
        if self.reason == RefusalCode.MACHINE_REGISTERED:
            return replace(self, origin=Origin(actor=hidden, request_id=HIDDEN))
        return replace(self, origin=replace(self.origin, actor=hidden))


def _without_note(facts: Facts | None) -> Facts | None:
    return facts and {name: fact for name, fact in facts.items() if name != "note"}


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, newest first; ``next_cursor`` is ``None`` on the last one."""

    events: Sequence[RecordedEvent]
    next_cursor: str | None


class Witness(Protocol):
    """Who sees to it that reads are on record."""

    def note_reading(self, note: OrganizationNote, what: Reading, *, interval: int) -> None:
        """Count a read in the entry of its hour, if none of that kind is there yet (R32).

        Else only if the last one that was counted lies so many seconds back, or more.
        """


class EventReader(LicenseReader, Witness, Protocol):
    """Histories, newest first (R33)."""

    def history(
        self, license_id: str, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        """A page of one licence's events. Raises ``InvalidInput`` for a foreign cursor."""

    def feed(
        self,
        organization_id: str,
        filters: EventFilters,
        *,
        confidential: bool,
        limit: int,
        cursor: str | None,
    ) -> EventPage:
        """A page of an organization's events, with or without the confidential ones (R28)."""

    def across_organizations(
        self, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        """A page of the events of all organizations of a type of ``AcrossType``, or of all such.

        Confidential ones are among them. From an index: one that is new may be missing.
        """


@dataclass(frozen=True, slots=True)
class OrganizationPast:
    """An organization and what changed of itself since some time, newest first.

    ``left_at`` is when the newest happened that was left out, ``None`` when nothing was.
    """

    organization: Organization
    events: Sequence[RecordedEvent]
    left_at: int | None


@dataclass(frozen=True, slots=True)
class LicensesPast:
    """What has happened to an organization's licences since some time, newest first.

    ``moves`` are the changes of its own licences' states, and ``blocked`` those that blocked a
    clone. ``left_at`` is when the newest happened that was left out, ``None`` when nothing was.
    """

    moves: Sequence[Move]
    blocked: Sequence[BlockedClone]
    refusals: Sequence[RecordedEvent]
    left_at: int | None


@dataclass(frozen=True, slots=True)
class LastSeenPage:
    """When the agents of some licences were seen; ``next_cursor`` is ``None`` on the last page.

    ``hour`` is the one that the first page began in.
    """

    sightings: Sequence[Sighting]
    hour: int
    next_cursor: str | None


class StatisticsReader(LicenseReader, Witness, Protocol):
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


class SummaryReader(LicenseReader, Witness, Protocol):
    """What there is now, at first sight: from an index, each in one query of one partition."""

    def all_licenses(self, organization_id: str) -> Iterator[LicenseSummary]:
        """An organization's own licences. One that changes its state meanwhile may come twice."""

    def organization_summaries(self) -> Iterator[OrganizationSummary]:
        """All organizations, in no order. One may be missing that is new."""
