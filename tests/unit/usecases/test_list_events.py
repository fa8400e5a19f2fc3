"""R28, R32: what of histories and feeds whom is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from licensing.domain.audit import Actor, ActorKind, EventType, OrganizationNote, Origin, Reading
from licensing.domain.caller import Caller, Role
from licensing.domain.license import License
from licensing.domain.organization import Organization
from licensing.domain.refusal import RefusalCode, Refused
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.filters import EventFilters
from licensing.usecases.list_events import ListEvents
from licensing.usecases.pagination import PageRequest
from licensing.usecases.ports import EventPage, RecordedEvent
from licensing.usecases.ports.events import HIDDEN
from tests.unit.samples import NOW, ORIGIN, by, license, organization

LICENSE = "lic_0123456789abcdef"
OTHER = "lic_fedcba9876543210"
ADA = Caller("ada", "acme", frozenset({Role.ORG_ADMIN}))
BEA = Caller("bea", "bolt", frozenset({Role.ORG_ADMIN}))
ALICE = Caller("alice", "acme", frozenset({Role.MEMBER}))
OLIVIA = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))
SOUGHT = EventFilters(type=EventType.LICENSE_ISSUED)
PAGE = PageRequest(9, "on")
STRANGER = Origin(
    actor=Actor(ActorKind.USER, "boris", ("member",)),
    request_id="request-2",
    source_address="198.51.100.9",
    agent_version="4.5.0.0",
)


def entry(revision: int | None, license_id: str | None = LICENSE, **facts: str) -> RecordedEvent:
    """A change of a licence, or of its organization."""
    return RecordedEvent(
        id=f"evt_{revision}",
        type=EventType.LICENSE_UPDATED,
        at=NOW,
        organization_id="acme",
        license_id=license_id,
        revision=revision,
        origin=ORIGIN,
        before=None,
        after=facts,
        reason=None,
        components=(),
        other_address=None,
        confidential=False,
        times=None,
        last_at=None,
    )


def refusal(times: int = 2) -> RecordedEvent:
    return replace(
        entry(None),
        type=EventType.ACCESS_REFUSED,
        origin=STRANGER,
        after=None,
        reason="machine_mismatch",
        times=times,
        last_at=NOW + 5,
    )


# -- R28, R32: who sees what -----------------------------------------------------------------------


@dataclass(frozen=True)
class Shelf:
    """One licence and its organization, with entries to read."""

    record: License
    entries: Sequence[RecordedEvent]

    def license(self, license_id: str) -> License | None:
        return self.record if license_id == self.record.id else None

    def organization(self, organization_id: str) -> Organization | None:
        return organization() if organization_id == "acme" else None

    def license_and_organization(
        self, license_id: str, organization_id: str
    ) -> tuple[License | None, Organization | None]:
        return self.license(license_id), self.organization(organization_id)

    def note_reading(self, note: OrganizationNote, what: Reading, *, interval: int) -> None:
        """What is on record of reads, the integration tests say."""

    def history(
        self, license_id: str, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        assert filters is SOUGHT
        found = [entry for entry in self.entries if entry.license_id == license_id]
        return EventPage(found[:limit], cursor)

    def feed(
        self,
        organization_id: str,
        filters: EventFilters,
        *,
        confidential: bool,
        limit: int,
        cursor: str | None,
    ) -> EventPage:
        assert organization_id == "acme"
        assert filters is SOUGHT
        found = [entry for entry in self.entries if confidential or not entry.confidential]
        return EventPage(found[:limit], cursor)

    def across_organizations(
        self, filters: EventFilters, *, limit: int, cursor: str | None
    ) -> EventPage:
        assert filters is SOUGHT
        return EventPage(self.entries[:limit], cursor)


def of_license(
    caller: Caller, *entries: RecordedEvent, term: Term | None = None, license_id: str = LICENSE
) -> EventPage | Refused:
    shelf = Shelf(license(term=term), entries)
    return ListEvents(shelf).of_license(license_id, SOUGHT, PAGE, by(caller))


def of_organization(
    caller: Caller, *entries: RecordedEvent, organization_id: str = "acme"
) -> EventPage | Refused:
    history = ListEvents(Shelf(license(), entries))
    return history.of_organization(organization_id, SOUGHT, PAGE, by(caller))


def test_r32_events_of_all_organizations_are_for_super_admins_as_they_are() -> None:
    shelf = Shelf(license(), [refusal()])
    assert ListEvents(shelf).of_all(SOUGHT, PAGE, by(OLIVIA)) == EventPage([refusal()], "on")
    for caller in (ADA, BEA, ALICE):
        assert isinstance(ListEvents(shelf).of_all(SOUGHT, PAGE, by(caller)), Refused)


@pytest.mark.parametrize("read", [of_license, of_organization])
def test_r32_whoever_was_refused_is_hidden_from_org_admins_and_nobody_else_is(
    read: Callable[..., EventPage | Refused],
) -> None:
    entries = [entry(2, state="revoked"), refusal(), entry(1, state="active")]

    assert read(OLIVIA, *entries) == EventPage(entries, "on")

    hidden = replace(STRANGER, actor=Actor(ActorKind.USER, HIDDEN))
    shown = [entries[0], replace(entries[1], origin=hidden), entries[2]]
    assert read(ADA, *entries) == EventPage(shown, "on")
    assert HIDDEN == "hidden"


def test_r28_a_temporary_licenses_history_is_for_super_admins() -> None:
    term = Term(TimeToLive.ONE_HOUR, NOW + 3600, holder="pavel")
    used = replace(entry(2, holder="pavel"), confidential=True)
    assert of_license(OLIVIA, used, term=term) == EventPage([used], "on")
    assert _code(of_license(ADA, used, term=term)) == RefusalCode.NOT_FOUND


def test_r28_a_feed_is_without_the_confidential_and_a_trail_is_complete() -> None:
    used = replace(entry(2, holder="pavel"), confidential=True)
    issued = entry(1, state="active")
    assert of_organization(ADA, used, issued) == EventPage([issued], "on")
    assert of_organization(OLIVIA, used, issued) == EventPage([used, issued], "on")


def test_r33_what_is_not_ones_own_is_answered_like_what_does_not_exist() -> None:
    unknown = of_license(OLIVIA, license_id=OTHER)
    assert _code(unknown) == RefusalCode.NOT_FOUND
    assert of_license(BEA) == of_license(ADA, license_id=OTHER) == unknown

    absent = of_organization(OLIVIA, organization_id="crane")
    assert _code(absent) == RefusalCode.NOT_FOUND
    assert of_organization(BEA) == of_organization(ADA, organization_id="bolt") == absent


def test_r33_histories_are_for_administrators() -> None:
    assert _code(of_license(ALICE)) == RefusalCode.FORBIDDEN
    assert _code(of_organization(ALICE)) == RefusalCode.FORBIDDEN


def _code(answer: EventPage | Refused) -> RefusalCode:
    assert isinstance(answer, Refused), answer
    return answer.code
