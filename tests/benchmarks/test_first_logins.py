"""The benchmark of first logins at once, at a size that shows whether it measures."""

from dataclasses import replace

import pytest

from tests.benchmarks import first_logins
from tests.benchmarks.crowding import Bucket, Came, Crowd, come
from tests.benchmarks.first_logins import hot_keys
from tests.benchmarks.outcome import Size
from tests.concurrency.consistency import assert_consistent
from tests.world import new_world

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]

CROWD = Crowd("a crowd", agents=40, organizations=1, environments=20)
SEATS = "ORGANIZATION#org-0 ORGANIZATION"


def came(engine: str, crowd: Crowd, seed: int = 7) -> Came:
    """Let a crowd in, and check what it left."""
    with new_world(engine) as world:
        for number in range(crowd.organizations):
            world.register(f"org-{number}")
        found = come(world, crowd, seed, lambda _: None)
        assert_consistent(world.items())
        assert sum(world.seats(f"org-{one}") for one in range(crowd.organizations)) == crowd.agents
    return found


def test_r05_all_who_log_in_at_once_are_in_at_last() -> None:
    told: list[str] = []
    outcome = first_logins.measure(Size.SMALL, told.append)
    figures = {figure.name: figure for figure in outcome.figures}
    assert all(figure.is_met is not False for figure in figures.values()), figures
    assert sum(name.endswith("not in") for name in figures) == 4
    assert any("are in after" in line for line in told)
    assert all(len(row) == len(table.head) for table in outcome.tables for row in table.rows)


def test_r06_the_seat_counter_is_the_one_item_that_overlapping_logins_meet_at(engine: str) -> None:
    found = came(engine, CROWD)
    assert found.created == CROWD.agents
    assert hot_keys(found.writes)[0] == (SEATS, CROWD.agents)
    assert hot_keys(found.writes)[1][1] == 1
    assert found.conflicts.keys() == {SEATS}
    assert found.conflicts.total() > CROWD.agents
    # One after the other, since each holds the counter for at least three fifths of the usual.
    assert found.seconds > CROWD.agents * CROWD.hold * 0.6


def test_r06_logins_that_do_not_overlap_do_not_conflict(engine: str) -> None:
    alone = came(engine, replace(CROWD, environments=1))
    assert not alone.conflicts
    assert (alone.unavailable, alone.transactions) == (0, CROWD.agents)
    apart = came(engine, replace(CROWD, organizations=CROWD.agents))
    assert not apart.conflicts
    assert apart.transactions == CROWD.agents


def test_the_same_crowd_comes_in_the_same_way(engine: str) -> None:
    one, other = (came(engine, CROWD, seed=11) for _ in range(2))
    assert (one.seconds, one.transactions, one.tries) == (
        other.seconds,
        other.transactions,
        other.tries,
    )


def test_a_bucket_gives_what_is_in_it_and_then_what_comes() -> None:
    bucket = Bucket(rate=2, size=2)
    assert [bucket.take(0), bucket.take(0), bucket.take(0.4), bucket.take(0.5)] == [
        True,
        True,
        False,
        True,
    ]
    assert [bucket.take_as_soon_as_there_is(0.5) for _ in range(2)] == [1.0, 1.5]
    assert bucket.take_as_soon_as_there_is(9) == 9
