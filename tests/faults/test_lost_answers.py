"""The answers to a transaction are lost: the service finds out what became of it (R2, R5)."""

import json
from collections.abc import Sequence

import pytest

from tests.concurrency.table import restore
from tests.faults.seam import (
    FOR_GOOD,
    Fault,
    answer_lost,
    at_transactions,
    connection_lost,
    transaction_conflict,
)
from tests.faults.stage import Stage
from tests.world import ALICE, AMIR, NOON, World


@pytest.fixture
def world(stage: Stage) -> World:
    """An organization, and no licence yet."""
    restore(stage.world)
    stage.world.clock.time = NOON
    stage.wire(60)
    stage.world.register("acme")
    return stage.world


def test_r02_a_first_login_whose_answer_is_lost_once_is_answered_201(
    stage: Stage, world: World
) -> None:
    stage.wire(10).break_with(at_transactions((answer_lost, 1)))
    issued = world.login(ALICE)
    assert (issued.status, issued.json["created"]) == (201, True)
    assert world.seats("acme") == 1
    again = world.login(AMIR)
    assert (again.status, again.json["license_key"]) == (200, issued.json["license_key"])


def test_r02_a_first_login_whose_answers_are_all_lost_is_looked_up_and_answered_201(
    stage: Stage, world: World
) -> None:
    stage.wire(60).break_with(at_transactions((connection_lost, FOR_GOOD)))
    issued = world.login(ALICE)
    assert issued.status == 201
    assert world.seats("acme") == 1
    assert world.code(issued.json["license_key"]) == "VALID"


def test_r02_a_first_login_that_cannot_be_looked_up_in_time_gets_its_license_when_repeated(
    stage: Stage, world: World
) -> None:
    wire = stage.wire(10)
    wire.break_with(at_transactions((answer_lost, FOR_GOOD)))
    lost = world.login(ALICE)
    assert (lost.status, lost.json["code"]) == (503, "unavailable")
    assert "safe" in lost.json["detail"]
    assert int(lost.headers["retry-after"]) >= 1
    wire.mend()
    repeated = world.login(ALICE)
    assert (repeated.status, repeated.json["created"]) == (200, False)
    assert world.seats("acme") == 1


@pytest.mark.parametrize(
    "faults",
    [
        [(connection_lost, 1), (transaction_conflict, 2)],
        [(connection_lost, 3), (transaction_conflict, 4)],
        [(transaction_conflict, 3), (connection_lost, 2)],
    ],
    ids=["lost, then conflicts", "all lost, then conflicts", "conflicts, then lost"],
)
def test_r05_a_transaction_never_conflicts_with_itself(
    stage: Stage, world: World, faults: Sequence[tuple[Fault, int]]
) -> None:
    stage.wire(60).break_with(at_transactions(*faults))
    assert world.login(ALICE).status == 201
    assert world.seats("acme") == 1


def test_r05_a_transaction_is_sent_again_with_the_same_token_and_the_same_bytes(
    stage: Stage, world: World
) -> None:
    tokens = set()
    for environment in ("production", "staging"):
        sent: list[bytes] = []
        wire = stage.wire(60)
        wire.break_with(at_transactions((connection_lost, 7), sent=sent))
        assert world.login(environment=environment).status == 201
        assert len(sent) > 7
        (body,) = set(sent)
        tokens.add(json.loads(body)["ClientRequestToken"])
    assert len(tokens) == 2
