"""What lists show, and in what order: licences, organizations and events as people look for them.

What this module guarantees: a list goes by what people see. It is decided here alone, for what an
index tells at first sight and for the records themselves alike.

All times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from licensing.domain import environment as environments
from licensing.domain.audit import EventType
from licensing.domain.license import License, State, Status
from licensing.domain.organization import (
    Organization,
    SeatUse,
    Standing,
    Subscription,
    seat_use,
)
from licensing.usecases.pagination import (
    Search,
    Sort,
    Value,
    by_number,
    by_text,
    by_version,
    folded,
)


@dataclass(frozen=True, slots=True)
class OrganizationSummary:
    """An organization at first sight."""

    id: str
    name: str
    subscription: Subscription
    seats: int
    max_agents: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseSummary:
    """A licence at first sight."""

    id: str
    environment: str
    issued_at: int
    computer_name: str | None
    label: str | None
    primary: bool
    state: State
    device_key: str | None


@dataclass(frozen=True, slots=True)
class AgentActivity:
    """What is known of the agent that holds a licence: its version, and when it was last seen."""

    agent_version: str | None
    seen_at: int | None


class OrganizationSort(Sort):
    """What organizations can be sorted by."""

    NAME = "name"
    NAME_DESCENDING = "-name"
    VALID_UNTIL = "valid_until"
    VALID_UNTIL_DESCENDING = "-valid_until"

    def value_of(self, organization: OrganizationSummary) -> Value:
        """What an organization is sorted by."""
        if self.field == "name":
            return by_text(organization.name)
        return by_number(organization.subscription.valid_until)


class LicenseSort(Sort):
    """What licences can be sorted by."""

    COMPUTER_NAME = "computer_name"
    COMPUTER_NAME_DESCENDING = "-computer_name"
    ENVIRONMENT = "environment"
    ENVIRONMENT_DESCENDING = "-environment"
    ISSUED_AT = "issued_at"
    ISSUED_AT_DESCENDING = "-issued_at"
    AGENT_VERSION = "agent_version"
    AGENT_VERSION_DESCENDING = "-agent_version"
    LAST_SEEN = "last_seen"
    LAST_SEEN_DESCENDING = "-last_seen"

    @property
    def goes_by_activity(self) -> bool:
        """Whether licences are sorted by what their records alone tell."""
        return self.field in {"agent_version", "last_seen"}

    def value_of(self, record: LicenseSummary) -> Value:
        """What a licence is sorted by, at first sight."""
        match self.field:
            case "computer_name":
                return by_text(record.computer_name)
            case "environment":
                return by_text(record.environment)
            case _:
                return by_number(record.issued_at)

    def value_of_activity(self, activity: AgentActivity) -> Value:
        """What a licence is sorted by when that :attr:`goes_by_activity`."""
        if self.field == "agent_version":
            return by_version(activity.agent_version)
        return by_number(activity.seen_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFilters:
    """Which organizations to list: those that all of it is true of.

    The subscription ends at ``ends_from`` or later, and before ``ends_before``.
    """

    search: Search | None = None
    standing: Standing | None = None
    seats: SeatUse | None = None
    ends_from: int | None = None
    ends_before: int | None = None

    def asked(self) -> dict[str, str | int | None]:
        """All of it, to tell listings apart by."""
        return {
            "search": self.search.wanted if self.search else None,
            "standing": self.standing,
            "seats": self.seats,
            "ends_from": self.ends_from,
            "ends_before": self.ends_before,
        }

    def fits(self, organization: OrganizationSummary | Organization, now: int) -> bool:
        """Whether an organization is one of them, as things stand at ``now``."""
        subscription = organization.subscription
        return (
            (self.standing is None or subscription.standing(now) is self.standing)
            and (
                self.seats is None
                or seat_use(organization.seats, organization.max_agents) is self.seats
            )
            and (self.ends_from is None or subscription.valid_until >= self.ends_from)
            and (self.ends_before is None or subscription.valid_until < self.ends_before)
            and (self.search is None or self.search.finds(organization.id, organization.name))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseFilters:
    """Which licences of an organization to list: those that all of it is true of.

    ``seen_before`` is of agents that were not seen from then on; one that was never seen counts
    from its licence's issue. Records alone tell it: see :meth:`fits_activity`.
    """

    search: Search | None = None
    environment: str | None = None
    primary: bool | None = None
    device_key: bool | None = None
    seen_before: int | None = None

    def asked(self) -> dict[str, str | int | None]:
        """All of it, to tell listings apart by."""
        return {
            "search": self.search.wanted if self.search else None,
            "environment": self.environment,
            "primary": self.primary,
            "device_key": self.device_key,
            "seen_before": self.seen_before,
        }

    @property
    def passes_over(self) -> bool:
        """Whether there may be licences that are none of them."""
        return self != LicenseFilters()

    def fits(self, record: LicenseSummary | License) -> bool:
        """Whether a licence is one of them, as far as that can be seen at first sight."""
        return (
            (self.primary is None or record.primary is self.primary)
            and (self.device_key is None or (record.device_key is not None) is self.device_key)
            and (
                self.environment is None
                or environments.is_same(record.environment, self.environment)
            )
            and (
                self.search is None
                or self.search.finds(record.computer_name, record.label, record.id)
            )
        )

    def fits_activity(self, heard_of_at: int) -> bool:
        """Whether a licence is one of them, by when its agent was last heard of."""
        return self.seen_before is None or heard_of_at < self.seen_before


def has_name(record: License, beginning: str) -> bool:
    """Whether the name of a licence's computer begins so; ``beginning`` is folded."""
    return record.computer_name is not None and folded(record.computer_name).startswith(beginning)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseQuery:
    """Which licences to list, and in what order: unsorted, by stored state and time of issue."""

    status: Status | None = None
    filters: LicenseFilters = LicenseFilters()
    sort: LicenseSort | None = None

    @property
    def goes_by_activity(self) -> bool:
        """Whether records have to be read to know what is on the list, or in what order."""
        return self.filters.seen_before is not None or (
            self.sort is not None and self.sort.goes_by_activity
        )

    def value_of(self, record: LicenseSummary, activity: AgentActivity | None = None) -> Value:
        """What a licence is sorted by; ``activity`` is there where it :attr:`goes_by_activity`."""
        if self.sort is None:
            return f"{record.state}#{by_number(record.issued_at)}"
        if activity is not None and self.sort.goes_by_activity:
            return self.sort.value_of_activity(activity)
        return self.sort.value_of(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilters:
    """Which events to list: those of a ``type``, from ``since`` on and before ``before``.

    A folded refusal counts as of the beginning of its hour, where it stands in every list.
    """

    type: EventType | None = None
    since: int | None = None
    before: int | None = None
