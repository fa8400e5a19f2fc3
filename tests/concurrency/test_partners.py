"""Races about temporary licences: generated once, tied to one person on one machine (R25, R26)."""

import random

import pytest

from licensing.domain.audit import EventType
from licensing.domain.refusal import RefusalCode, Refused
from licensing.usecases.generate_temporary import Generated
from licensing.usecases.login import Issued
from tests.concurrency.arena import THREADS, Arena, Race, Run, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.tasks import machine

pytestmark = pytest.mark.proof

PLANTED_ROUNDS = 60
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""


def first_uses_by_two_partners(arena: Arena, chance: random.Random) -> None:
    """Each on a machine of their own, several times."""
    arena.register("acme")
    made = arena.generated("acme")
    people = ["pavel", "petra"] * (THREADS // 2)

    answers = arena.at_once(
        [arena.use(made.key, person, machine(people.index(person))) for person in people], chance
    )

    holder = _assert_tied_once(arena)
    for person, answer in zip(people, answers, strict=True):
        assert _is_in(answer) is (person == holder)


def first_uses_on_two_machines(arena: Arena, chance: random.Random) -> None:
    """By one person, several times on each."""
    arena.register("acme")
    made = arena.generated("acme")
    places = [number % 2 for number in range(THREADS)]

    answers = arena.at_once(
        [arena.use(made.key, "pavel", machine(place)) for place in places], chance
    )

    assert _assert_tied_once(arena) == "pavel"
    let_in = {place for place, answer in zip(places, answers, strict=True) if _is_in(answer)}
    assert len(let_in) == 1
    for place, answer in zip(places, answers, strict=True):
        assert _is_in(answer) is (place in let_in)


def requests_with_one_idempotency_key(arena: Arena, chance: random.Random) -> None:
    arena.register("acme")

    answers = arena.at_once([arena.generate("acme", idempotency_key="order-17")] * THREADS, chance)

    made = arena.licenses(arena.checked())
    assert [record.revision for record in made] == [1]
    told = [answer for answer in answers if isinstance(answer, Generated)]
    assert len(told) == THREADS
    assert {answer.record.id for answer in told} == {made[0].id}
    assert len({answer.key.reveal() for answer in told}) == 1


RACES = [first_uses_by_two_partners, first_uses_on_two_machines, requests_with_one_idempotency_key]


def test_r26_of_two_partners_who_race_for_the_first_use_one_is_tied(run: Run) -> None:
    run(first_uses_by_two_partners)


def test_r26_of_two_machines_that_race_for_the_first_use_one_is_tied(run: Run) -> None:
    run(first_uses_on_two_machines)


def test_r25_of_one_request_that_races_itself_one_license_comes(run: Run) -> None:
    run(requests_with_one_idempotency_key)


@pytest.mark.parametrize("race", RACES)
def test_r05_a_check_followed_by_a_put_is_caught(arena: Arena, race: Race) -> None:
    planted = with_stores(arena, CheckThenPut)
    with pytest.raises(AssertionError):
        planted.rounds(race, PLANTED_ROUNDS)


def _is_in(answer: Issued | Refused) -> bool:
    if isinstance(answer, Refused):
        assert answer.code is RefusalCode.TEMPORARY_NOT_USABLE
        return False
    return True


def _assert_tied_once(arena: Arena) -> str:
    """The person whom the licence is tied to, for good, by one event."""
    found = arena.checked()
    (record,) = arena.licenses(found)
    assert record.revision == 2
    used = [item for item in found if item.get("type") == {"S": EventType.TEMPORARY_LICENSE_USED}]
    assert len(used) == 1
    assert record.term is not None
    assert record.term.holder is not None
    assert used[0]["after"]["M"]["holder"] == {"S": record.term.holder}
    return record.term.holder
