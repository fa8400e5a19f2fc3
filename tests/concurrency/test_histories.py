"""Whatever clients of one machine are told at once, an order of it explains it (R2, R4, R5, R15).

Each client is a process, and some of the answers are lost on the way.
"""

from collections.abc import Iterator

import pytest

from licensing.adapters.dynamo import DynamoStore
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.histories import OPERATIONS, ORGANIZATIONS, History, Plan, recorded
from tests.concurrency.linearizability import linearization
from tests.concurrency.model import NEW, Answer, MachineOperation, step
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.racers import AT_A_TABLE, Course, Ground, Racers, course
from tests.proof import Proof

PER_MACHINE = AT_A_TABLE * OPERATIONS + 1
PLANTED_MACHINES = 200
"""Bad luck may hide a bug on some machines; the first that shows it is the last."""

pytestmark = pytest.mark.proof


@pytest.fixture
def table(engine: str, racing: Racers) -> Iterator[Course]:
    with course(engine, racing) as fresh:
        for organization_id in ORGANIZATIONS:
            fresh.world.register(organization_id)
        yield fresh


def is_explained(history: History) -> bool:
    return linearization(history, NEW, step) is not None


def altered(history: History) -> list[History]:
    """The history with one answer altered, in each way that no order can explain.

    An answer that everybody has been told of leaves no doubt: a licence is new once, and what the
    last one is told, when all the others have been answered, is settled.
    """
    if any(one.answer is None for one in history):
        return []
    last = max(history, key=lambda one: one.called)
    wrong = [
        (one, one.answer._replace(created=False))
        for one in history
        if one.answer is not None and one.answer.created
    ]
    if last.asked.kind == "validate":
        wrong.append((last, Answer("VALID" if last.answer == Answer("REVOKED") else "REVOKED")))
    return [_with(history, one, answer) for one, answer in wrong]


def _with(history: History, one: MachineOperation, answer: Answer) -> History:
    told = MachineOperation(one.client, one.called, one.answered, one.asked, answer)
    return [told if other is one else other for other in history]


def _shown(history: History) -> str:
    lines = (
        f"{one.called} {one.answered} {one.client} {one.asked} {one.answer}"
        for one in sorted(history, key=lambda one: one.called)
    )
    return "\n".join(lines)


def test_r02_r04_r15_every_history_of_a_machine_is_explained(table: Course, proof: Proof) -> None:
    machines = proof.of(test=200, test_all=600, prove=100_000) // PER_MACHINE + 1
    racers, ground = table.racers, Ground.of(table.world)
    plan = Plan(ground, DynamoStore, range(machines), racers.tables, proof.seed)
    histories = recorded(racers, plan)
    assert_consistent(table.world.items())
    for number, history in histories.items():
        assert is_explained(history), f"machine {number}, seed {proof.seed}:\n{_shown(history)}"

    operations = [one for history in histories.values() for one in history]
    unknown = sum(one.answer is None for one in operations)
    assert len(histories) == machines
    assert unknown
    wrong = [one for history in histories.values() for one in altered(history)]
    assert wrong
    assert not any(map(is_explained, wrong))
    proof.found(
        f"{len(operations):,} operations on {machines:,} machines by {racers.count} processes, "
        f"{unknown:,} of unknown outcome: every history is explained; "
        f"of {len(wrong):,} with one answer altered none"
    )


def test_r05_a_check_followed_by_a_put_makes_histories_that_nothing_explains(
    table: Course, proof: Proof
) -> None:
    racers, ground = table.racers, Ground.of(table.world)
    for last in range(racers.tables, PLANTED_MACHINES + 1, racers.tables):
        machines = range(last - racers.tables, last)
        plan = Plan(ground, CheckThenPut, machines, racers.tables, proof.seed)
        if not all(map(is_explained, recorded(racers, plan).values())):
            break
    else:
        pytest.fail(f"not caught on {PLANTED_MACHINES} machines")
    proof.found(
        "its histories are not explained",
        planted=f"a check followed by a put, caught within {last} machines",
    )
