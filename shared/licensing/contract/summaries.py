"""What there is now, counted: an organization's licences, and all organizations."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from licensing.contract.fields import OrganizationId, Reply, instant
from licensing.domain.license import Status
from licensing.domain.organization import SeatUse, Standing
from licensing.usecases.show_summary import (
    MOST_ENVIRONMENTS,
    RECENT_DAYS,
    LicensesNow,
    OrganizationsNow,
)


class StatusCounts(Reply):
    """How many licenses are in each status now."""

    active: int
    suspended: int
    detached: int
    dissociated: int
    expired: int
    revoked: int


class EnvironmentCount(Reply):
    """How many bound licenses are in one environment."""

    name: str
    licenses: int


class DeviceKeyCounts(Reply):
    """How many bound licenses have a device key, and how many have none."""

    bound: int
    none: int


class OrganizationSummaryReply(Reply):
    """An organization's licenses as they are now. Temporary ones are not among them.

    ``environments`` and ``device_keys`` are about the licenses that hold a seat.
    """

    organization_id: OrganizationId
    licenses: StatusCounts
    environments: Annotated[list[EnvironmentCount], Field(max_length=MOST_ENVIRONMENTS)]
    device_keys: DeviceKeyCounts

    @classmethod
    def of(cls, found: LicensesNow) -> OrganizationSummaryReply:
        """Show what was counted."""
        return cls(
            organization_id=found.organization_id,
            licenses=StatusCounts(**{status.value: found.licenses[status] for status in Status}),
            environments=[
                EnvironmentCount(name=name, licenses=count) for name, count in found.environments
            ],
            device_keys=DeviceKeyCounts(
                bound=found.device_keys.get(True, 0), none=found.device_keys.get(False, 0)
            ),
        )


class StandingCounts(Reply):
    """How many subscriptions stand how."""

    current: int
    suspended: int
    ended: int


class EndCount(Reply):
    """How many subscriptions end on one day (UTC)."""

    date: date
    organizations: int


class RecentlyEnded(Reply):
    """How many subscriptions have ended today (UTC) or in so many days before."""

    days: int
    organizations: int


class SeatCounts(Reply):
    """How many organizations have no seat left, or few."""

    full: int
    nearly: int


class SummaryReply(Reply):
    """All organizations as they are now.

    ``ends`` has each of the next 90 days (UTC), today first, and counts current subscriptions;
    ``recently_ended`` counts those that were not renewed since.
    """

    organizations: int
    standings: StandingCounts
    ends: list[EndCount]
    recently_ended: RecentlyEnded
    seats: SeatCounts

    @classmethod
    def of(cls, found: OrganizationsNow) -> SummaryReply:
        """Show what was counted."""
        return cls(
            organizations=found.organizations,
            standings=StandingCounts(
                **{standing.value: found.standings.get(standing, 0) for standing in Standing}
            ),
            ends=[
                EndCount(date=instant(begins_at).date(), organizations=count)
                for begins_at, count in found.ends
            ],
            recently_ended=RecentlyEnded(days=RECENT_DAYS, organizations=found.recently_ended),
            seats=SeatCounts(**{use.value: found.seats.get(use, 0) for use in SeatUse}),
        )
