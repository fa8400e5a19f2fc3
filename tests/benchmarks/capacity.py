"""Capacity: what each operation takes of DynamoDB, beside its budget.

Operations and budgets are those of `tests/integration/budgets.py`, which every test run asserts.
Units are computed as AWS bills them, and checked against what the engine itself reports with
`ReturnConsumedCapacity`, as far as DynamoDB Local counts as AWS does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.benchmarks.invoked import silence
from tests.benchmarks.outcome import Figure, Outcome, Size, Table, Tell
from tests.engine import dynamodb_local
from tests.integration.budgets import BUDGETS, Budget, measured
from tests.integration.capacity import Cost, Transaction
from tests.world import new_world

TITLE = "capacity: requests and units of DynamoDB by operation, beside the budget"

_TOLD: Final = (
    "validate, steady state",
    "validate, first in its interval",
    "first login",
    "revoke",
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests, read units and write units of one operation; transactions are in both."""

    requests: int
    rcu: float
    wcu: float
    in_transactions: float

    @classmethod
    def of(cls, cost: Cost) -> Usage:
        """What was measured."""
        return cls._of(sum(cost.requests.values()), cost.rcu, cost.wcu, cost.transactions)

    @classmethod
    def granted(cls, budget: Budget) -> Usage:
        """What the budget says."""
        requests = sum(budget.requests.values())
        return cls._of(requests, budget.rcu, budget.wcu, [*budget.transactions])

    @classmethod
    def _of(cls, requests: int, rcu: float, wcu: float, transactions: list[Transaction]) -> Usage:
        within = sum(one.table_wcu + one.index_wcu for one in transactions)
        return cls(requests, rcu, wcu + within, within)

    def is_within(self, budget: Usage) -> bool:
        """Whether no number is above the budget's."""
        return (
            self.requests <= budget.requests and self.rcu <= budget.rcu and self.wcu <= budget.wcu
        )

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.rcu:g} RCU, {self.wcu:g} WCU"


def measure(size: Size, tell: Tell) -> Outcome:
    """Make every operation once, on AWS's own engine."""
    names = [*BUDGETS] if size is Size.FULL else [*_TOLD]
    costs: dict[str, Cost] = {}
    with dynamodb_local() as endpoint:
        for name in names:
            costs[name] = cost_of(name, endpoint)
            tell(f"{name}: {Usage.of(costs[name])}")
    return _outcome(costs)


def cost_of(name: str, endpoint: str | None = None) -> Cost:
    """What an operation takes, on moto or on the engine at ``endpoint``."""
    with silence(), new_world(endpoint) as world:
        return measured(world, BUDGETS[name])


def _outcome(costs: dict[str, Cost]) -> Outcome:
    used = {name: Usage.of(cost) for name, cost in costs.items()}
    granted = {name: Usage.granted(BUDGETS[name]) for name in costs}
    over = [name for name in costs if not used[name].is_within(granted[name])]
    figures = [Figure("operations above their budget", len(over), f"of {len(costs)}", 0)]
    rows = tuple(
        (name, str(used[name]), str(granted[name]), _reported(cost)) for name, cost in costs.items()
    )
    head = ("operation", "takes", "budget", "reported by DynamoDB Local")
    return Outcome(tuple(figures), (Table("Each operation and its budget", head, rows),))


def _reported(cost: Cost) -> str:
    return ", ".join(f"{name} {units:g}" for name, units in sorted(cost.reported.items()))
