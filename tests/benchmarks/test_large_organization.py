"""The benchmark of a large organization, at a size that shows whether it measures."""

import pytest

from tests.benchmarks import large_organization
from tests.benchmarks.large_organization import UNITS_PER_MARK
from tests.benchmarks.outcome import Size
from tests.integration.capacity import Transaction, metered
from tests.integration.many import bind
from tests.world import new_world

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]


def test_r14_what_concerns_all_agents_costs_as_much_as_for_one() -> None:
    told: list[str] = []
    outcome = large_organization.measure(Size.SMALL, told.append)
    figures = {figure.name: figure for figure in outcome.figures}
    for name, figure in figures.items():
        if figure.unit == "requests":  # times say little of so few
            assert figure.is_met is not False, name
    assert figures["requests of a pause"].value == 2
    assert figures["ended: write units per licence on AWS"].value < UNITS_PER_MARK + 0.1
    assert figures["ended: requests per licence"].value < 0.2
    assert any("pages" in line for line in told)
    assert all(len(row) == len(table.head) for table in outcome.tables for row in table.rows)


def test_r23_a_full_transaction_of_the_sweep_takes_seven_units_per_mark(engine: str) -> None:
    with new_world(engine) as world:
        world.register("acme", seconds=100)
        bind(world, "acme", 49)
        world.clock.advance(100)
        with metered(world) as cost:
            assert world.sweep()["expired"] == 49
    assert cost.transactions == [Transaction(99, 198, 147)]
    assert UNITS_PER_MARK * 49 + 2 == 198 + 147
