"""The benchmark of the sweep, at a size that shows whether it measures."""

from tests.benchmarks import sweep
from tests.benchmarks.outcome import Size
from tests.benchmarks.sweep import SMALL, SOME


def test_r23_the_sweep_asks_as_much_whatever_is_there_beside_what_is_due() -> None:
    told: list[str] = []
    outcome = sweep.measure(Size.SMALL, told.append)
    figures = {figure.name: figure for figure in outcome.figures}
    assert all(figure.is_met is not False for figure in figures.values()), figures
    assert figures["requests of the whole sweep, ratio"].value == 1
    assert figures["requests when nothing is due, ratio"].value == 1
    assert any("licences written" in line for line in told)
    assert all(len(row) == len(table.head) for table in outcome.tables for row in table.rows)


def test_r23_what_the_full_size_leaves_out_makes_no_difference(engine: str) -> None:
    told: list[str] = []
    with_traces, without = (
        sweep.swept(engine, SMALL, SOME, told.append, traces=traces) for traces in (True, False)
    )
    assert with_traces.spent == without.spent
    assert with_traces.idle == without.idle
