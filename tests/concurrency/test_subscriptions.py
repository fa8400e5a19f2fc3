"""Races about subscriptions: renewal against sweep, sweep against sweep, change against change."""

import random
from collections.abc import Callable, Iterable

import pytest

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.license import State
from licensing.domain.organization import DAY
from licensing.domain.refusal import RefusalCode, Refused
from licensing.usecases.change_subscription import Registered
from licensing.usecases.sweep_expired import SETTLING_SECONDS
from tests.concurrency.arena import THREADS, Arena, Race, Run, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.tasks import machine
from tests.world import NOON, YEAR

pytestmark = pytest.mark.proof

PLANTED_ROUNDS = 60
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""
ORGANIZATIONS = [f"org-{number}" for number in range(4)]
AGENTS = 2

END = NOON + 1000
LATE = END + SETTLING_SECONDS + 1
"""When a sweep that finds nothing left to do would settle an organization that ended at `END`."""


def renewals_against_sweeps(arena: Arena, chance: random.Random) -> None:
    """Subscriptions that have ended are renewed while sweeps mark their licences."""
    _subscribe(arena, chance, until=END)
    if chance.random() < 0.5:
        arena.sweep(now=END)(arena.stores[0])  # marked already: the sweeps are about to settle

    _change_all_during_sweeps(arena, chance, until=END + YEAR)

    arena.sweep(now=LATE)(arena.stores[0])
    assert _states(arena) == {State.ACTIVE}
    _assert_left_alone_in_the_end(arena)


def shortenings_against_sweeps(arena: Arena, chance: random.Random) -> None:
    """Subscriptions that have just been renewed are ended while sweeps reinstate their licences."""
    _subscribe(arena, chance, until=END)
    arena.sweep(now=END)(arena.stores[0])
    for organization_id in ORGANIZATIONS:
        arena.put(organization_id, version=1, until=END + YEAR, now=END)(arena.stores[0])
    if chance.random() < 0.5:
        arena.sweep(now=END)(arena.stores[0])  # reinstated already

    _change_all_during_sweeps(arena, chance, until=END)

    arena.sweep(now=LATE)(arena.stores[0])
    assert _states(arena) == {State.EXPIRED}
    _assert_left_alone_in_the_end(arena)


def sweeps_against_each_other(arena: Arena, chance: random.Random) -> None:
    """Some subscriptions have ended, some are about to."""
    _subscribe(arena, chance, until=END)
    for organization_id in ORGANIZATIONS[2:]:
        arena.put(organization_id, version=1, until=END + 5 * DAY)(arena.stores[0])

    arena.at_once([arena.sweep(now=LATE)] * 4, chance)

    items = arena.checked()  # one event for each licence and for each announcement
    expired = [record for record in arena.licenses(items) if record.state is State.EXPIRED]
    assert {record.organization_id for record in expired} == set(ORGANIZATIONS[:2])
    assert len(expired) == 2 * AGENTS
    assert {record.revision for record in expired} == {2}
    announced = [item for item in items if item.get("type") == {"S": "SubscriptionEnding"}]
    assert len(announced) == 2
    _assert_left_alone_in_the_end(arena)


def changes_of_one_version(arena: Arena, chance: random.Random) -> None:
    arena.register("acme")

    answers = arena.at_once(
        [
            arena.put("acme", version=1, until=NOON + YEAR + number, name=f"Acme {number}")
            for number in range(THREADS)
        ],
        chance,
    )

    _assert_one_wins(arena, answers)
    assert arena.organization("acme").version == 2


def registrations_of_one_organization(arena: Arena, chance: random.Random) -> None:
    answers = arena.at_once(
        [
            arena.put("acme", until=NOON + YEAR + number, name=f"Acme {number}")
            for number in range(THREADS)
        ],
        chance,
    )

    _assert_one_wins(arena, answers)
    assert arena.organization("acme").version == 1


def _assert_one_wins(arena: Arena, answers: Iterable[Registered | Refused]) -> None:
    """One change is made, and whoever lost is told that it was another's."""
    won = [answer.organization for answer in answers if isinstance(answer, Registered)]
    assert len(won) == 1
    refused = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert refused == {RefusalCode.PRECONDITION_FAILED}
    assert arena.organization("acme") == won[0]
    arena.checked()


def renewals_against_announcements(arena: Arena, chance: random.Random) -> None:
    """An announcement is no change that a renewal could be too late for."""
    _subscribe(arena, chance, until=END + 5 * DAY)

    answers = _change_all_during_sweeps(arena, chance, until=END + YEAR)

    assert all(isinstance(answer, Registered) for answer in answers), answers
    arena.checked()
    _assert_left_alone_in_the_end(arena)


def _subscribe(arena: Arena, chance: random.Random, *, until: int) -> None:
    """Organizations with a few agents each."""
    for number, organization_id in enumerate(ORGANIZATIONS):
        arena.register(organization_id, until=until)
        for agent in range(AGENTS):
            arena.issued(organization_id, machine(number * AGENTS + agent))
    chance.shuffle(ORGANIZATIONS)


def _change_all_during_sweeps(
    arena: Arena, chance: random.Random, *, until: int
) -> list[Registered | Refused]:
    versions = {name: arena.organization(name).version for name in ORGANIZATIONS}

    def change(organization_id: str) -> Callable[[DynamoStore], Registered | Refused | None]:
        put = arena.put(organization_id, version=versions[organization_id], until=until, now=LATE)
        reads = chance.randrange(20)

        def task(store: DynamoStore) -> Registered | Refused:
            for _ in range(reads):  # so that the changes come while the sweeps are at work
                store.organization(organization_id)
            return put(store)

        return task

    def sweep(store: DynamoStore) -> None:
        arena.sweep(now=LATE)(store)

    tasks = [sweep, sweep, *map(change, ORGANIZATIONS)]
    return [answer for answer in arena.at_once(tasks, chance) if answer is not None]


def _states(arena: Arena) -> set[State]:
    return {record.state for record in arena.licenses(arena.checked())}


def _assert_left_alone_in_the_end(arena: Arena) -> None:
    """Once all is done and settled, nothing is due any more, and nothing has changed."""
    states = _states(arena)
    arena.sweep(now=LATE + SETTLING_SECONDS)(arena.stores[0])
    assert arena.sweep(now=LATE + SETTLING_SECONDS)(arena.stores[0]).due == 0
    assert _states(arena) == states


RACES = [
    renewals_against_sweeps,
    shortenings_against_sweeps,
    sweeps_against_each_other,
    changes_of_one_version,
    registrations_of_one_organization,
    renewals_against_announcements,
]


def test_r24_a_renewal_that_races_the_sweep_wins(run: Run) -> None:
    run(renewals_against_sweeps)


def test_r22_r24_a_shortening_that_races_the_sweep_wins(run: Run) -> None:
    run(shortenings_against_sweeps)


def test_r22_r32_sweeps_that_race_mark_and_announce_once(run: Run) -> None:
    run(sweeps_against_each_other)


def test_r24_of_changes_of_one_version_one_is_made(run: Run) -> None:
    run(changes_of_one_version)


def test_r24_an_organization_is_registered_once(run: Run) -> None:
    run(registrations_of_one_organization)


def test_r24_a_renewal_that_races_an_announcement_is_not_refused(run: Run) -> None:
    run(renewals_against_announcements)


@pytest.mark.parametrize("race", RACES)
def test_r05_a_check_followed_by_a_put_is_caught(arena: Arena, race: Race) -> None:
    planted = with_stores(arena, CheckThenPut)
    with pytest.raises(AssertionError):
        planted.rounds(race, PLANTED_ROUNDS)
