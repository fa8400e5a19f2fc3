"""R33: histories and feeds, of one type of events alone and of a time alone."""

from collections.abc import Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

import pytest

from licensing.adapters.dynamo import table
from tests.integration import pages
from tests.integration.answers import assert_problem
from tests.integration.partner import generated, used
from tests.world import ADA, ALICE, MACHINE_B, NOON, OLIVIA, Person, World, instant

pytestmark = pytest.mark.sampled(2)

HOUR = 3600
FEED = "/v1/organizations/acme/events"


def listed(
    world: World,
    path: str,
    asked: Mapping[str, object] = MappingProxyType({}),
    person: Person = ADA,
    *,
    limit: int = 100,
) -> list[Any]:
    """All pages of a list; every one but the last is full."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        answer = pages.page(world, path, person, limit=limit, cursor=cursor, asked=asked)
        assert answer.status == 200, answer
        found += answer.json["events"]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return found
        assert len(answer.json["events"]) == limit


def eventful(world: World) -> str:
    """A licence that is blocked and let go again, an hour each, and refused now and then."""
    world.register("acme")
    issued = world.login(ALICE).json
    license_id: str = issued["license"]["id"]
    for number in range(12):
        world.clock.advance(HOUR)
        world.act("attach" if number % 2 else "detach", license_id)
        if number % 4 == 3:
            world.validate(issued["license_key"], MACHINE_B)
    return license_id


@pytest.mark.sampled(2)
@pytest.mark.parametrize("read_at_a_time", [3, 1_000])
def test_r33_a_list_of_one_type_or_time_is_that_part_of_the_whole_in_full_pages(
    world: World, monkeypatch: pytest.MonkeyPatch, read_at_a_time: int
) -> None:
    monkeypatch.setattr(table, "FILTERED", read_at_a_time)
    license_id = eventful(world)
    since, before = NOON + 3 * HOUR, NOON + 9 * HOUR
    for path in (f"/v1/licenses/{license_id}/events", FEED):
        whole = listed(world, path)
        assert len(whole) >= 16
        for type_, start, end in product(
            (None, "LicenseDetached", "AccessRefused", "LicenseRevoked"),
            (None, instant(since)),
            (None, instant(before)),
        ):
            expected = [
                event
                for event in whole
                if (type_ is None or event["type"] == type_)
                and (start is None or event["at"] >= start)
                and (end is None or event["at"] < end)
            ]
            asked = {"type": type_, "from": start, "before": end}
            for limit in (1, 2, 100):
                assert listed(world, path, asked, limit=limit) == expected, asked


def test_r32_a_folded_refusal_counts_as_of_the_beginning_of_its_hour(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    hour = NOON - NOON % HOUR + HOUR
    world.clock.time = hour + 1800
    world.validate(key, MACHINE_B)
    refused = {"type": "AccessRefused"}
    assert len(listed(world, FEED, refused | {"from": instant(hour)})) == 1
    assert listed(world, FEED, refused | {"from": instant(hour + 1)}) == []
    assert len(listed(world, FEED, refused | {"before": instant(hour + 1)})) == 1


def test_r33_a_time_that_is_none_or_far_away_has_no_events(world: World) -> None:
    license_id = eventful(world)
    for path in (f"/v1/licenses/{license_id}/events", FEED):
        for start, end in (
            (instant(NOON + HOUR), instant(NOON + HOUR)),
            (instant(NOON + HOUR), instant(NOON)),
            ("9999-01-01T00:00:00Z", None),
            (None, "1970-01-01T00:00:00Z"),
        ):
            for type_ in (None, "LicenseDetached"):
                assert listed(world, path, {"type": type_, "from": start, "before": end}) == []
        everything = {"from": "1970-01-01T00:00:00Z", "before": "9999-12-31T23:59:59Z"}
        assert listed(world, path, everything) == listed(world, path)


def test_r28_a_type_shows_nobody_more_than_the_feed_does(world: World) -> None:
    world.register("acme")
    world.login(ALICE)
    used(world, generated(world))
    for type_ in ("TemporaryLicenseGenerated", "TemporaryLicenseUsed"):
        assert listed(world, FEED, {"type": type_}, ADA) == []
        assert len(listed(world, FEED, {"type": type_}, OLIVIA)) == 1


def test_r33_a_cursor_from_beyond_the_time_that_is_asked_for_is_refused(world: World) -> None:
    license_id = eventful(world)
    for path in (f"/v1/licenses/{license_id}/events", FEED):
        cursor = pages.page(world, path, ADA, limit=2).json["next_cursor"]
        earlier = pages.page(
            world, path, ADA, cursor=cursor, asked={"before": instant(NOON + 2 * HOUR)}
        )
        assert_problem(earlier, 400, "invalid_request", "/query/cursor")
        nothing = {"from": instant(NOON + 2 * HOUR), "before": instant(NOON)}
        beyond = pages.page(world, path, ADA, cursor=cursor, asked=nothing)
        assert_problem(beyond, 400, "invalid_request", "/query/cursor")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("type", ["", "licenseissued", "LicenseLost", "LicenseIssued,LicenseRevoked"]),
        ("from", ["", "yesterday", "2030-03-17", "1900000000", "2030-03-17T17:46:40"]),
        ("before", ["", "now", "20300317", "1969-12-31T23:59:59Z"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    world: World, subtests: pytest.Subtests, name: str, values: list[str]
) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    for path, value in product((FEED, f"/v1/licenses/{license_id}/events"), values):
        with subtests.test(value):
            answer = pages.page(world, path, ADA, asked={name: value})
            assert_problem(answer, 400, "invalid_request", f"/query/{name}")
