"""The benchmark of the sweep, at a size that shows whether it measures."""

import pytest

from tests.benchmarks import sweep
from tests.benchmarks.outcome import Outcome, Size
from tests.benchmarks.sweep import SMALL, SOME, counted

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """What the benchmark finds."""
    told: list[str] = []
    found = sweep.measure(Size.SMALL, told.append)
    assert any("licences written" in line for line in told)
    return found


def test_r23_the_sweep_asks_as_much_whatever_is_there_beside_what_is_due(outcome: Outcome) -> None:
    figures = {figure.name: figure for figure in outcome.figures}
    assert all(figure.is_met is not False for figure in figures.values()), figures
    assert figures["requests of the whole sweep, ratio"].value == 1
    assert figures["requests when nothing is due, ratio"].value == 1


def test_r23_what_the_full_size_leaves_out_makes_no_difference(
    engine: str, outcome: Outcome
) -> None:
    (table,) = outcome.tables
    without = {name: many for name, _, many in table.rows}
    everything = counted(sweep.swept(engine, SMALL, SOME, lambda _: None, traces=True))
    assert everything == {name: without[name] for name in everything}
