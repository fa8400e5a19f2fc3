"""R6: seat counters that are wrong are found, and none that is right is called wrong."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest

from licensing.adapters.dynamo import DynamoStore
from licensing.usecases.check_seats import AT_ONCE, INTERVAL_SECONDS, CheckSeats, SeatReport
from tests.concurrency.table import copied, restore
from tests.integration.many import bind
from tests.integration.partner import generated
from tests.integration.seats import counted_wrong
from tests.integration.spoken import Spoken
from tests.world import ALICE, MACHINE_B, World

CHECK = "CheckSeatsFunction"


def check(
    world: World, pause: Callable[[], None] = lambda: None, kind: type[CheckSeats] = CheckSeats
) -> SeatReport:
    """One run of the use case."""
    return kind(world.runtime.store, pause)(now=world.runtime.now(), has_time=lambda: True)


def in_every_state(world: World) -> None:
    """Acme with a licence in every state, and a temporary one; four of them are bound."""
    world.register("acme", seconds=100)
    ids = {
        name: world.login(environment=name).json["license"]["id"]
        for name in ("active", "detached", "dissociated", "revoked")
    }
    world.login(machine=MACHINE_B)
    generated(world)
    for action in ("detach", "dissociate", "revoke"):
        (name,) = [name for name in ids if name.startswith(action)]
        assert world.act(action, ids[name]).status == 200
    world.clock.advance(100)
    world.sweep()


def test_r06_counters_that_are_right_are_looked_at_once_and_change_nothing(world: World) -> None:
    in_every_state(world)
    world.register("bolt")
    assert world.seats("acme") == 3
    before = world.items()
    with world.counting() as calls:
        assert check(world) == SeatReport(2, [])
    # All organizations from a place and from the beginning on; then each counter and three states.
    assert calls == {"Query": 2 + 2 * 3, "GetItem": 2}
    assert world.items() == before


@pytest.mark.parametrize("wrong", [-1, 30])
def test_r06_a_counter_that_is_wrong_is_named_counted_and_left_as_it_is(
    world: World, spoken: Spoken, wrong: int
) -> None:
    in_every_state(world)
    world.register("bolt")
    store = world.runtime.store
    paused: list[float] = []
    world.runtime.store = replace(
        store, retry_policy=replace(store.retry_policy, sleep=paused.append)
    )
    with counted_wrong(world, "acme", wrong):
        before = world.items()
        spoken.taken()
        assert world.invoke(CHECK, {}) == {"checked": 2, "drifts": 1}
        assert world.items() == before

    line, metric = spoken.documents()
    assert line["level"] == "ERROR"
    assert line["message"] == "the seat counter is wrong"
    assert (line["organization_id"], line["seats"], line["bound"]) == ("acme", 3 + wrong, 3)
    assert (metric["SeatDrift"], metric["SeatsChecked"]) == ([1.0], [2.0])
    assert paused == [10.0]


def test_r06_a_license_that_is_lost_is_found_among_many(large_world: World) -> None:
    large_world.register("acme")
    bind(large_world, "acme", 230)
    assert check(large_world).drifts == []
    (victim, *_) = [item for item in large_world.items() if item["sk"]["S"] == "LICENSE"]
    large_world.runtime.dynamodb.delete_item(
        TableName=large_world.runtime.settings.table_name,
        Key={"pk": victim["pk"], "sk": victim["sk"]},
    )
    (drift,) = check(large_world).drifts
    assert (drift.organization_id, drift.seats, drift.bound) == ("acme", 230, 229)


class Hasty(CheckSeats):
    """The bug: it believes the first look."""

    def _confirmed(self, suspects: Any, _has_time: Any) -> Any:
        return list(suspects)


@contextmanager
def interrupted(world: World, change: Callable[[int], None]) -> Iterator[list[int]]:
    """Do something else before each call of the check: `change` is told its number."""
    busy, calls = [False], [0]

    def before(**_: Any) -> None:
        if not busy[0]:
            busy[0] = True
            change(calls[0])
            calls[0] += 1
            busy[0] = False

    events = world.runtime.dynamodb.meta.events
    events.register("provide-client-params.dynamodb", before)
    try:
        yield calls
    finally:
        events.unregister("provide-client-params.dynamodb", before)


@dataclass
class Traffic:
    """Agents that come and go: one is bound, one is freed, or one takes the other's place."""

    world: World
    chance: random.Random
    bound: list[str] = field(default_factory=list)
    turns: int = 0

    def turn(self, _: int = 0) -> None:
        """Something happens."""
        self.turns += 1
        what = self.chance.choice(("come", "go", "swap"))
        if what != "come" and self.bound:
            victim = self.bound.pop(self.chance.randrange(len(self.bound)))
            assert self.world.revoke(victim).status == 200
        if what != "go":
            issued = self.world.login(ALICE, environment=f"e{self.turns}")
            assert issued.status == 201
            self.bound.append(issued.json["license"]["id"])


@pytest.mark.parametrize("seed", range(3))
def test_r06_agents_that_come_and_go_raise_no_alarm(large_world: World, seed: int) -> None:
    large_world.register("acme")
    traffic = Traffic(large_world, random.Random(seed))  # noqa: S311 - reproducible, not secret
    for _ in range(4):
        traffic.turn()
    with interrupted(large_world, traffic.turn):
        assert check(large_world).drifts == []
    assert traffic.turns > 4 + 5
    assert check(large_world).drifts == []


def test_r06_changes_at_any_two_moments_raise_no_alarm(large_world: World) -> None:
    for second in range(4, 20):
        restore(large_world)
        large_world.register("acme")
        issued = large_world.login().json

        def change(number: int, second: int = second, issued: Any = issued) -> None:
            if number == 3:  # the counter has just been read, and nothing of the index
                assert large_world.login(environment="staging").status == 201
            if number == second:
                large_world.act("dissociate", issued["license"]["id"])

        with interrupted(large_world, change) as calls:
            assert check(large_world).drifts == []
        assert calls[0] > 6, "it was looked at again"


@pytest.mark.parametrize(
    ("kind", "alarms"), [(CheckSeats, 0), pytest.param(Hasty, 1, id="a planted bug")]
)
def test_r06_an_index_that_lags_raises_no_alarm(
    world: World, kind: type[CheckSeats], alarms: int
) -> None:
    world.register("acme")
    world.login()
    with copied(world, world.items()) as old:
        world.login(environment="staging")
        lags = [True]

        def stale(params: dict[str, Any], **_: Any) -> None:
            if lags[0] and "IndexName" in params:
                params["TableName"] = old

        client = boto3.session.Session().client(
            "dynamodb", endpoint_url=world.runtime.dynamodb.meta.endpoint_url
        )
        client.meta.events.register("provide-client-params.dynamodb.Query", stale)
        store = world.runtime.store
        world.runtime.store = DynamoStore(client, store.table, store.retry_policy)
        drifts = check(world, lambda: lags.insert(0, False), kind).drifts
        assert len(drifts) == alarms


def test_r06_without_time_nothing_is_looked_at(world: World) -> None:
    world.register("acme")
    with world.counting() as calls:
        assert world.invoke(CHECK, {}, remaining_ms=29_000) == {"checked": 0, "drifts": 0}
    assert calls == {"Query": 2}


def test_r06_a_run_takes_the_next_organizations_and_goes_round(large_world: World) -> None:
    names = [f"org-{number}" for number in range(7)]
    for name in names:
        large_world.register(name)
    all_of_them = large_world.runtime.store.organizations_from(0, limit=50)
    assert sorted(all_of_them) == names
    assert all_of_them != names, "they are spread"
    for limit in (3, 7, 8):
        rounds = {
            tuple(large_world.runtime.store.organizations_from(place, limit=limit))
            for place in range(0, 2**32, 2**28)
        }
        assert {name for found in rounds for name in found} == set(names)
        for found in rounds:
            start = all_of_them.index(found[0])
            assert [*found] == [*all_of_them[start:], *all_of_them[:start]][:limit]


@dataclass
class Large:
    """A store of very many organizations, none of which has anything; it remembers the visits."""

    places: list[int]
    visited: set[int] = field(default_factory=set)

    def organizations_from(self, place: int, *, limit: int) -> list[str]:
        """As the adapter does."""
        behind = [one for one in self.places if one >= place]
        return [str(one) for one in [*behind, *self.places][:limit]]

    def organization(self, organization_id: str) -> None:
        """Visit it."""
        self.visited.add(int(organization_id))

    def bound_at_first_sight(self, _: str) -> int:
        """Not asked for."""
        raise AssertionError

    def bound(self, _: str) -> frozenset[tuple[str, int]]:
        """Not asked for."""
        raise AssertionError


@pytest.mark.parametrize("count", [1, 50, 1000, 5000])
def test_r06_runs_go_through_all_organizations_before_long(count: int) -> None:
    chance = random.Random(count)  # noqa: S311 - reproducible, not secret
    store = Large(sorted(chance.sample(range(2**32), count)))
    runs = 0
    while len(store.visited) < count:
        report = CheckSeats(store, lambda: None)(
            now=1_900_000_000 + runs * INTERVAL_SECONDS, has_time=lambda: True
        )
        assert report.checked <= AT_ONCE
        runs += 1
    assert runs <= 1 + 4 * count / AT_ONCE
