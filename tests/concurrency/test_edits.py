"""Races of changes that name the version that they were made on (If-Match)."""

import random

import pytest

from licensing.domain.license import License
from licensing.domain.refusal import RefusalCode, Refused
from tests.concurrency.arena import THREADS, Arena, Run, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.tasks import machine

pytestmark = pytest.mark.proof

PLANTED_ROUNDS = 60
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""


def edits_of_one_version(arena: Arena, chance: random.Random) -> None:
    """Everybody has read the same licence, and wants another label."""
    arena.register("acme")
    issued = arena.issued("acme", machine(1))
    labels = [f"Till {number}" for number in range(THREADS)]

    answers = arena.at_once(
        [arena.edit(issued.record.id, label, seen=1) for label in labels], chance
    )

    (record,) = arena.licenses(arena.checked())
    made = [answer for answer in answers if isinstance(answer, License)]
    assert [one.label for one in made] == [record.label], "one change, and it is the one that is"
    assert record.revision == 2
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert {answer.code for answer in refused} == {RefusalCode.PRECONDITION_FAILED}
    assert len(refused) == THREADS - 1


def test_r05_r08_of_changes_of_one_version_one_is_made_and_the_others_are_told(run: Run) -> None:
    run(edits_of_one_version)


def test_r05_a_check_followed_by_a_put_is_caught(arena: Arena) -> None:
    planted = with_stores(arena, CheckThenPut)
    with pytest.raises(AssertionError):
        planted.rounds(edits_of_one_version, PLANTED_ROUNDS)
