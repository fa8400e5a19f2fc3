"""An organization's licences as a whole, over time."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from licensing.contract.fields import Instant, OrganizationId, Reply, instant
from licensing.domain.license import HOUR
from licensing.domain.statistics import Point
from licensing.usecases.show_statistics import Activity, Statistics


class LicenseCounts(Reply):
    """How many licenses were in each status at one instant."""

    at: Instant
    active: int
    suspended: int
    detached: int
    dissociated: int
    expired: int
    revoked: int

    @classmethod
    def of(cls, point: Point) -> LicenseCounts:
        """Show a point."""
        counts = {status.value: count for status, count in point.counts.items()}
        return cls(at=instant(point.at), **counts)


class RefusalCount(Reply):
    """How often uses were refused for one reason, and of how many licenses."""

    reason: str
    times: int
    licenses: int


class StatisticsReply(Reply):
    """An organization from ``from`` until now, in UTC.

    ``licenses`` are counted at each midnight and now, oldest first; temporary ones are not among
    them. ``refusals`` come with the most frequent reason first. Where more happened than one
    request can read, the figures are complete from ``complete_from`` on; else that is ``from``.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    organization_id: OrganizationId
    from_: Annotated[Instant, Field(serialization_alias="from")]
    until: Instant
    complete_from: Instant
    licenses: list[LicenseCounts]
    refusals: list[RefusalCount]

    @classmethod
    def of(cls, found: Statistics) -> StatisticsReply:
        """Show what was found."""
        return cls(
            organization_id=found.organization_id,
            from_=instant(found.since),
            until=instant(found.until),
            complete_from=instant(found.complete_from),
            licenses=[LicenseCounts.of(point) for point in found.points],
            refusals=[
                RefusalCount(reason=total.reason, times=total.times, licenses=total.licenses)
                for total in found.refusals
            ],
        )


class ActiveHour(Reply):
    """How many licenses have an agent that was recorded as seen in the hour from ``at`` on."""

    at: Instant
    licenses: int


class SilentCount(Reply):
    """How many active licenses have an agent that was not seen in so many days before ``until``."""

    days: int
    licenses: int


class ActivityReply(Reply):
    """The week until ``until``, when the current hour ends: full hours of UTC, oldest first.

    A page is about ``counted`` of the licenses. Ask for the next one until ``next_cursor`` is null,
    and add the pages up: all of them are about the same hours. An agent that was never seen counts
    in ``not_seen`` from the issue of its license.
    """

    organization_id: OrganizationId
    until: Instant
    hours: list[ActiveHour]
    not_seen: list[SilentCount]
    counted: int
    next_cursor: str | None

    @classmethod
    def of(cls, found: Activity, *, next_cursor: str | None) -> ActivityReply:
        """Show what was found."""
        return cls(
            organization_id=found.organization_id,
            until=instant(found.until),
            hours=[
                ActiveHour(at=instant(found.since + number * HOUR), licenses=licenses)
                for number, licenses in enumerate(found.hours)
            ],
            not_seen=[
                SilentCount(days=days, licenses=licenses)
                for days, licenses in found.not_seen.items()
            ],
            counted=found.counted,
            next_cursor=next_cursor,
        )
