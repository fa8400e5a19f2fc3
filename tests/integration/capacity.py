"""What operations cost on DynamoDB: requests as counted, capacity from item sizes and the engine.

Capacity is computed as AWS bills it: a consistent read takes one unit for each 4 KB of an item, and
one for an item that is not there; a write takes one for each KB of the larger of the item before
and after, in a transaction two; each index entry that is written or removed takes one for each KB.
DynamoDB Local counts single writes so, too, which the meter checks. It counts half of what
transactions take and nothing for items that are not there, so that these are computed alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tests.world import World

Item = Mapping[str, Any]
_ASKS = "ReturnConsumedCapacity"
_READS = {"BatchGetItem", "GetItem", "Query"}


@dataclass(frozen=True)
class Transaction:
    """One transaction: its actions, and the write units of the table and of its indexes."""

    actions: int
    table_wcu: int
    index_wcu: int


@dataclass
class Cost:
    """What a block of requests took; `wcu` and `rcu` leave transactions out.

    `reported` is the engine's own count by operation, as it answers `ReturnConsumedCapacity`.
    """

    requests: Counter[str] = field(default_factory=Counter)
    rcu: float = 0
    wcu: float = 0
    transactions: list[Transaction] = field(default_factory=list)
    reported: Counter[str] = field(default_factory=Counter)


def item_size(item: Item) -> int:
    """The bytes of an item as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


@contextmanager
def metered(world: World) -> Iterator[Cost]:
    """What the block costs; each item may be written once in it."""
    cost = Cost()

    def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
        if _ASKS in model.input_shape.members:
            params[_ASKS] = "TOTAL"

    def note(parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        for one in consumed if isinstance(consumed, list) else [consumed]:
            cost.reported[model.name] += one["CapacityUnits"]

    before, first = _by_key(world), len(world.calls)
    events = world.runtime.dynamodb.meta.events
    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield cost
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)
    calls = world.calls[first:]
    after = _by_key(world)
    table = _Table(world, before, after)
    for operation, parameters in calls:
        _add(cost, table, operation, parameters)
    if world.runtime.settings.dynamodb_endpoint is not None:
        _check_against_engine(cost)


def _add(cost: Cost, table: "_Table", operation: str, parameters: Mapping[str, Any]) -> None:
    """Add what one call takes."""
    cost.requests[operation] += 1
    if operation == "TransactWriteItems":
        cost.transactions.append(table.transaction(parameters["TransactItems"]))
    elif operation == "UpdateItem":
        key = _key(parameters["Key"])
        cost.wcu += table.units(key, 1024) + table.index_units(key)
    elif operation == "BatchGetItem":
        (wanted,) = parameters["RequestItems"].values()
        cost.rcu += sum(table.units(_key(key), 4096) for key in wanted["Keys"])
    elif operation == "GetItem":
        cost.rcu += table.units(_key(parameters["Key"]), 4096)


def _check_against_engine(cost: Cost) -> None:
    """The engine agrees with what was computed, as far as it counts as AWS does."""
    read = sum(units for operation, units in cost.reported.items() if operation in _READS)
    assert cost.reported["UpdateItem"] == cost.wcu
    assert "Query" in cost.requests or read <= cost.rcu


class _Table:
    """The table before and after."""

    def __init__(self, world: World, before: Mapping[str, Item], after: Mapping[str, Item]) -> None:
        description = world.runtime.dynamodb.describe_table(
            TableName=world.runtime.settings.table_name
        )["Table"]
        world.calls.pop()
        self._before, self._after = before, after
        self._indexes = [
            (
                [element["AttributeName"] for element in index["KeySchema"]],
                index["Projection"].get("NonKeyAttributes", []),
            )
            for index in description["GlobalSecondaryIndexes"]
        ]

    def units(self, key: str, unit: int) -> int:
        """Units of so many bytes, at least one."""
        sizes = [item_size(state.get(key, {})) for state in (self._before, self._after)]
        return max(1, ceil(max(sizes) / unit))

    def transaction(self, actions: list[Mapping[str, Any]]) -> Transaction:
        """What a transaction takes."""
        keys = [_key_of(action) for action in actions]
        return Transaction(
            len(actions),
            sum(2 * self.units(key, 1024) for key in keys),
            sum(self.index_units(key) for key in keys),
        )

    def index_units(self, key: str) -> int:
        """What the indexes take for the change of an item."""
        units = 0
        for keys, others in self._indexes:
            before = _entry(self._before.get(key, {}), keys, others)
            after = _entry(self._after.get(key, {}), keys, others)
            if before == after:
                continue
            moved = before and after and any(before[name] != after[name] for name in keys)
            written = [before, after] if moved else [after or before]
            units += sum(max(1, ceil(item_size(entry) / 1024)) for entry in written)
        return units


def _entry(item: Item, keys: list[str], others: list[str]) -> Item:
    """The index entry of an item; empty, where it is in the index not."""
    if not all(name in item for name in keys):
        return {}
    return {name: item[name] for name in ("pk", "sk", *keys, *others) if name in item}


def _by_key(world: World) -> dict[str, Item]:
    first = len(world.calls)
    found: dict[str, Item] = {_key(item): item for item in world.items()}
    del world.calls[first:]  # looking is no cost of the service's
    return found


def _key(item: Item) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"


def _key_of(action: Mapping[str, Any]) -> str:
    (body,) = action.values()
    return _key(body.get("Key") or body["Item"])


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    return _SIZES[kind](content)


_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "N": lambda digits: (len(digits) + 1) // 2 + 1,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "BS": lambda elements: sum(map(len, elements)),
    "SS": lambda elements: sum(len(element.encode()) for element in elements),
    "L": lambda elements: 3 + sum(1 + _value_size(element) for element in elements),
    "M": lambda members: 3 + len(members) + item_size(members),
}
