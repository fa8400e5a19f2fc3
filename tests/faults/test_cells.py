"""Each operation, with each fault at each of its calls: right in the end, whatever goes wrong.

In each cell, the caller is told what it would have been told without the fault, or that the service
is unavailable; then the same request, sent again, comes to the same end. Only a list may, while an
index lags, lack what is new, and only a chart may count it late.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import copied
from tests.faults.cells import Cell, cells, stale_cells
from tests.faults.operation import Operation
from tests.faults.operations import OPERATIONS, SPINE
from tests.faults.seam import FAULTS, Stale, reads_index
from tests.faults.stage import UNCOUNTED, Items, Stage, Undisturbed
from tests.integration import permissions
from tests.proof import Proof


def play(stage: Stage, right: Undisturbed, cell: Cell) -> None:
    """Let the fault happen; once told that the service is unavailable, mend it and repeat."""
    operation = right.operation
    wire = stage.begin(right)
    wire.break_with(cell)
    first = stage.act(right)
    limit = stage.limit(operation)
    assert wire.stopwatch.elapsed < limit, f"takes {wire.stopwatch.elapsed:.1f} s"
    wire.mend()
    state = canonical.state(stage.ended())
    is_right = [*state, *operation.leaves(right.scene)] == right.state
    if first == right.first and (is_right or not (operation.defers or lags(cell, right))):
        assert is_right, "told so, but the state is another"
        return
    if first != right.first and not (
        isinstance(cell.fault, Stale)
        and (first.shows_part_of(right.first) or (operation.counts and first.status == 200))
    ):
        assert first.is_unavailable, f"told {first}"
        assert not cell.is_tried_again, "not tried again"
        assert first.retry_after is not None
        assert int(first.retry_after) >= 1
    wire.stopwatch.elapsed = 0.0  # another request: it has all its time
    second = stage.act(right)
    assert second in (right.first, right.again), f"told {second} in the end"
    items = stage.ended()
    assert_consistent(items)
    # How often a person was refused is counted by request, and there were two.
    state = canonical.state(items, without=UNCOUNTED)
    assert right.ends_in([*state, *operation.leaves(right.scene)]), "another end"


def lags(cell: Cell, right: Undisturbed) -> bool:
    """Whether an operation that goes by an index leaves the rest for the next time."""
    return isinstance(cell.fault, Stale) and right.writes


def wrong_ones(stage: Stage, right: Undisturbed, chosen: Iterable[Cell]) -> list[str]:
    """Play cells, and tell of those that do not come to the right end."""
    wrong: list[str] = []
    for cell in chosen:
        try:
            play(stage, right, cell)
        except AssertionError as error:
            wrong.append(f"{cell}: {str(error).splitlines()[0]}")
    return wrong


def stale_states(right: Undisturbed) -> Sequence[Items]:
    """From what an index may answer: what stood before, and what it changes itself."""
    return [*right.earlier, *([right.snapshot] if right.writes else [])]


def chosen(right: Undisturbed, proof: Proof) -> list[Cell]:
    """The cells of a run of this length: each fifth or fourth, of each operation others."""
    every = [*cells(right, full=proof.full, writes_full=right.operation in SPINE)]
    step = proof.of(test=5, test_all=4, prove=1)
    first = OPERATIONS.index(right.operation) % step
    return every[first::step] or every[:1]


@pytest.mark.proof
@pytest.mark.sampled(5, all=6)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_r05_r32_whatever_goes_wrong_the_end_is_the_same(
    stage: Stage, operation: Operation, proof: Proof
) -> None:
    right = stage.undisturbed(operation)
    assert not right.first.is_unavailable
    assert right.calls
    wrong = wrong_ones(stage, right, chosen(right, proof))
    assert not wrong, "\n".join(wrong)


@pytest.mark.thorough
@pytest.mark.proof
def test_r05_every_call_of_every_function_is_among_those_that_fail(
    stage: Stage, proof: Proof
) -> None:
    rights = [stage.undisturbed(operation) for operation in OPERATIONS]
    made: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for right in rights:
        made.setdefault(right.operation.function, []).extend(
            zip(right.calls, right.parameters, strict=True)
        )
    # The portal may call nothing of AWS, so that nothing can fail: its role says so.
    assert made.keys() == stage.world.deployed.functions.keys() - {"PortalFunction"}
    assert permissions.allowed("PortalFunction") == permissions.needed_by_lambda("PortalFunction")
    for function, calls in made.items():
        assert {name for name, _ in calls} <= FAULTS.keys()
        # Only after an answer that was lost it is read whether the transaction took place.
        allowed = permissions.allowed(function) - permissions.needed_by_lambda(function)
        unused = {one[:2] for one in allowed - permissions.needed_for(calls)}
        assert unused <= {("dynamodb:GetItem", "table")}, function
    played = sum(len(chosen(right, proof)) for right in rights)
    stale = sum(len([*stale_cells(right, "")]) * len(stale_states(right)) for right in rights)
    proof.found(
        f"{len(rights)} operations of {len(made)} functions, {sum(map(len, made.values()))} calls: "
        f"{played} faults and {stale} stale answers at them, all of them right in the end",
        is_random=False,
    )


def test_r14_a_decision_never_rests_on_a_read_that_may_be_stale(stage: Stage) -> None:
    wire = stage.wire(60)
    store = stage.world.runtime.store
    with pytest.raises(AssertionError, match="stale: GetItem"):
        store.client.get_item(TableName=store.table, Key={"pk": {"S": "x"}, "sk": {"S": "x"}})
    assert wire.requests == []


@pytest.mark.proof
@pytest.mark.sampled(9, all=10)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_r05_r23_an_index_that_lags_changes_no_end(stage: Stage, operation: Operation) -> None:
    right = stage.undisturbed(operation)
    for items in stale_states(right) if any(map(reads_index, right.parameters)) else ():
        with copied(stage.world, items) as table:
            wrong = wrong_ones(stage, right, stale_cells(right, table))
        assert not wrong, "\n".join(wrong)
