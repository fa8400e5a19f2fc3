"""Every benchmark runs, at a small size, and measures what it says."""

import pytest

from tests.benchmarks import warm
from tests.benchmarks.invoked import Request
from tests.benchmarks.outcome import Outcome, Size
from tests.benchmarks.recorded import record
from tests.benchmarks.registry import NAMES, benchmark
from tests.benchmarks.report import told
from tests.benchmarks.warm import Pair

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]

HAVE_TESTS_OF_THEIR_OWN = {"peer", "sweep", "large_organization", "first_logins"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HAVE_TESTS_OF_THEIR_OWN])
def test_a_benchmark_runs_and_tells_what_it_is_at(name: str) -> None:
    lines: list[str] = []
    outcome = benchmark(name).measure(Size.SMALL, lines.append)
    assert lines
    assert_readable(outcome)
    assert told(benchmark(name).TITLE, outcome)


def assert_readable(outcome: Outcome) -> None:
    """Figures are told apart, and tables and plots can be shown."""
    assert outcome.figures
    names = [(figure.name, figure.unit) for figure in outcome.figures]
    assert len(set(names)) == len(names)
    for figure in outcome.figures:
        assert figure.value >= 0
    for table in outcome.tables:
        assert table.rows
        assert all(len(row) == len(table.head) for row in table.rows)
        assert not any("|" in cell or "\n" in cell for row in table.rows for cell in row)
    for plot in outcome.plots:
        assert all(len(points) > 0 for _, points in plot.series)


def test_a_service_that_does_everything_twice_is_found_out() -> None:
    def twice(request: Request) -> Request:
        def both() -> str:
            request()
            return request()

        return both

    with warm.ready() as (pair, _):
        planted = Pair("planted", twice(pair.bare), pair.bare)
        found = warm.compare(planted, blocks=9, requests=20, tell=lambda _: None)
    assert 1.5 < found.ratio.value < 4


def test_what_is_compared_are_the_calls_that_the_budgets_allow() -> None:
    recordings = record()
    assert [name for name, _ in recordings.validate.calls] == ["BatchGetItem"]
    login = [name for name, _ in recordings.first_login.calls]
    assert login == ["BatchGetItem", "TransactWriteItems"]
