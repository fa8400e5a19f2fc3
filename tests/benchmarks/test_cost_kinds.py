"""What a validation leaves in the logs, whose bytes are paid for: as much as operators need."""

import json
from io import StringIO

import pytest

from tests.benchmarks import cost_kinds
from tests.benchmarks.cost import (
    _VALIDATE_ROUTE,
    MOST_A_MONTH,
    SIZES,
    Measured,
    _access_log_bytes,
    _deployment,
    _fleet,
    _monthly,
)
from tests.benchmarks.cost_kinds import KINDS
from tests.benchmarks.cost_model import Work
from tests.benchmarks.invoked import logging_to
from tests.integration.budgets import BUDGETS

MOST_BYTES = 380
"""Of both lines, and of what CloudWatch adds to each: 24 cents for a million of them."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_validation_is_one_line_of_the_functions_and_one_of_the_access_log(kind: str) -> None:
    with logging_to(StringIO()):
        played = cost_kinds.play(kind, blocks=1, requests=1)
    assert played.lines == 1
    assert played.line_bytes + _access_log_bytes(_VALIDATE_ROUTE) + 2 * 26 <= MOST_BYTES
    assert played.cpu_ms > 0
    assert played.answer_bytes > 1000, "a lease"


def test_the_kinds_are_one_read_and_at_most_one_write() -> None:
    taken = [BUDGETS[operation].requests for operation in KINDS.values()]
    assert [sum(requests.values()) for requests in taken] == [1, 2, 2]
    assert [BUDGETS[operation].wcu for operation in KINDS.values()] == [0, 1, 1]


def test_what_stands_there_for_a_thousand_agents_costs_at_most_twelve_dollars_a_month() -> None:
    # With more of everything that a request takes than it takes.
    work = Work(10, 2, 5, 5, 2, 1000, 2000)
    found = Measured(dict.fromkeys(KINDS, work), work, 5_000)
    cost = _monthly(_fleet(SIZES[0], found), found, _deployment())
    assert sum(cost.values()) <= MOST_A_MONTH, json.dumps(cost, indent=1)
