"""Counts over time: which instants, which standing, and what a week's hours add up to."""

import pytest

from licensing.domain.license import HOUR, LastSeen, State, Status
from licensing.domain.organization import DAY, Subscription, SubscriptionStatus
from licensing.domain.statistics import (
    WEEK_HOURS,
    Move,
    Past,
    Turn,
    by_hour,
    complete_from,
    first_midnight,
    over_time,
)

TODAY = 21_990 * DAY
NOON = TODAY + DAY // 2
GOOD = Subscription(NOON + DAY, SubscriptionStatus.ACTIVE)


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        (NOON, 1, TODAY),
        (NOON, 30, TODAY - 29 * DAY),
        (TODAY, 1, TODAY),
        (TODAY - 1, 2, TODAY - 2 * DAY),
    ],
)
def test_today_is_the_last_of_the_days(now: int, days: int, expected: int) -> None:
    assert first_midnight(now, days) == expected


@pytest.mark.parametrize(
    ("left_at", "expected"),
    [
        (None, TODAY - DAY),
        (TODAY - HOUR, TODAY),
        (TODAY - 1, TODAY),
        (TODAY, TODAY + HOUR),
        (NOON - 1, NOON),
        (NOON, NOON),
    ],
)
def test_everything_is_told_from_the_first_full_hour_behind_what_was_left_out(
    left_at: int | None, expected: int
) -> None:
    assert complete_from(TODAY - DAY, left_at, NOON) == expected


def test_there_is_a_point_for_each_midnight_and_for_now() -> None:
    def points(since: int, now: int) -> list[int]:
        return [point.at for point in over_time({}, GOOD, Past(), since=since, now=now)]

    assert points(TODAY - DAY, NOON) == [TODAY - DAY, TODAY, NOON]
    assert points(TODAY - DAY, TODAY) == [TODAY - DAY, TODAY]
    assert points(TODAY - DAY + 1, NOON) == [TODAY, NOON]
    assert points(TODAY + 1, NOON) == [NOON]


def test_what_happened_in_the_second_of_a_midnight_counts_at_it() -> None:
    moves = [Move(TODAY + 1, State.ACTIVE, State.DETACHED), Move(TODAY, None, State.ACTIVE)]
    before, midnight, now = over_time(
        {State.DETACHED: 1}, GOOD, Past(moves), since=TODAY - DAY, now=NOON
    )
    assert set(before.counts.values()) == {0}
    assert (midnight.counts[Status.ACTIVE], midnight.counts[Status.DETACHED]) == (1, 0)
    assert (now.counts[Status.ACTIVE], now.counts[Status.DETACHED]) == (0, 1)


def test_r14_a_status_is_seen_through_the_subscription_as_it_was() -> None:
    ended = Subscription(TODAY - DAY, SubscriptionStatus.ACTIVE)
    paused = Subscription(NOON + DAY, SubscriptionStatus.PAUSED)
    turns = [Turn(NOON - 1, paused), Turn(TODAY - 1, ended), Turn(TODAY - 2, None)]
    census = {State.ACTIVE: 2, State.EXPIRED: 1, State.DETACHED: 1}

    def at(since: int, turns: list[Turn]) -> dict[Status, int]:
        first = over_time(census, GOOD, Past(turns=turns), since=since, now=NOON)[0]
        assert first.counts[Status.DETACHED] == 1
        return {status: n for status, n in first.counts.items() if n and status != "detached"}

    assert at(NOON, turns) == {Status.ACTIVE: 3}
    assert at(TODAY, turns) == {Status.SUSPENDED: 3}
    assert at(TODAY - DAY, turns[:2]) == {Status.EXPIRED: 3}, "it ends at its last second"
    assert at(TODAY - 2 * DAY, turns[:2]) == {Status.ACTIVE: 3}


def test_an_index_that_lags_makes_no_count_less_than_none() -> None:
    move = Move(NOON, None, State.ACTIVE)
    assert over_time({}, GOOD, Past([move]), since=TODAY, now=NOON)[0].counts[Status.ACTIVE] == 0


def test_r17_hours_add_up_over_licenses_oldest_first() -> None:
    hour = NOON // HOUR
    seen = [
        LastSeen(NOON, None, None, 0b101),
        LastSeen(NOON - HOUR, None, None, 1 << 166 | 1 << 167),
        LastSeen(NOON + HOUR, None, None, 0b11),
    ]
    counts = by_hour(seen, hour)
    assert len(counts) == WEEK_HOURS
    assert {place: count for place, count in enumerate(counts) if count} == {0: 1, 165: 1, 167: 2}
