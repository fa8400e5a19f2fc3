"""Times in answers and events are RFC 3339, wherever they stand."""

from collections.abc import Iterator
from typing import Any

from tests.integration import pages
from tests.integration.partner import generated, used
from tests.integration.trail import events
from tests.world import NOON, World, instant

YEAR = 365 * 86_400


def numbers(value: Any) -> Iterator[int]:
    """All whole numbers in an answer."""
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int):
        yield value


def test_r32_what_changed_is_told_with_times_that_people_and_programs_read(world: World) -> None:
    world.register("acme", seconds=YEAR)
    world.change("acme", seconds=YEAR + 60, status="paused")
    world.change("acme", seconds=YEAR + 60, status="active")
    used(world, generated(world))

    told = pages.feed(world)

    (first,) = (one for one in told if one["type"] == "OrganizationCreated")
    assert first["after"]["valid_until"] == instant(NOON + YEAR)
    (change, *_) = (one for one in told[::-1] if one["type"] == "SubscriptionChanged")
    assert change["before"]["valid_until"] == instant(NOON + YEAR)
    assert change["after"]["valid_until"] == instant(NOON + YEAR + 60)
    (key,) = (one for one in told if one["type"] == "TemporaryLicenseGenerated")
    assert key["after"]["expires_at"] == instant(NOON + 3600)
    assert max(numbers(told)) < NOON - YEAR
    # What is stored stays as it was: earlier builds read it, too.
    (stored,) = events(world, "TemporaryLicenseGenerated")
    assert stored["after"]["expires_at"] == NOON + 3600
