"""What a client asks of DynamoDB, counted as it goes: requests, units, and what they are about.

Units are what the engine reports, of reads and of single writes. What DynamoDB Local says of a
transaction is not what AWS takes, so its actions are counted: AWS takes two units for each that is
about an item of up to 1 KB, and one more for each index entry that comes or goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

_ASKS = "ReturnConsumedCapacity"
_READS = frozenset({"BatchGetItem", "GetItem", "Query"})


@dataclass
class Spent:
    """What some work took; `write_units` are those of single writes, `actions` transactions' own.

    `touched` counts keys by operation and kind, `repeated` what the client sent more than once.
    """

    requests: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    actions: int = 0
    touched: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All requests."""
        return self.requests.total()

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(
            self.requests + other.requests,
            self.repeated + other.repeated,
            self.read_units + other.read_units,
            self.write_units + other.write_units,
            self.actions + other.actions,
            self.touched + other.touched,
        )

    def by_operation(self) -> str:
        """The requests, in words."""
        return ", ".join(f"{count:,} {name}" for name, count in sorted(self.requests.items()))


@contextmanager
def metered(client: Any) -> Iterator[Spent]:
    """What the block's requests take; several threads may make them."""
    spent, lock = Spent(), Lock()

    def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
        if _ASKS in model.input_shape.members:
            params[_ASKS] = "TOTAL"
        with lock:
            spent.requests[model.name] += 1
            spent.actions += len(params.get("TransactItems", ()))
            spent.touched.update(_kinds(model.name, params))

    def send(**_: Any) -> None:
        with lock:
            spent.repeated += 1

    def note(parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        with lock:
            for one in consumed if isinstance(consumed, list) else [consumed]:
                if model.name in _READS:
                    spent.read_units += one["CapacityUnits"]
                elif model.name != "TransactWriteItems":
                    spent.write_units += one["CapacityUnits"]

    events = client.meta.events
    hooks = (
        ("provide-client-params.dynamodb", ask),
        ("before-send.dynamodb", send),
        ("after-call.dynamodb", note),
    )
    for name, hook in hooks:
        events.register(name, hook)
    try:
        yield spent
    finally:
        for name, hook in hooks:
            events.unregister(name, hook)
        spent.repeated -= spent.total


def keys_of(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The primary keys that a call names."""
    if "Key" in parameters:
        yield parameters["Key"]
    for wanted in parameters.get("RequestItems", {}).values():
        yield from wanted["Keys"]
    for action in parameters.get("TransactItems", ()):
        (body,) = action.values()
        yield body["Key"] if "Key" in body else body["Item"]


def _kinds(operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """What kinds of items a call is about, and which partitions of an index."""
    for key in keys_of(parameters):
        yield f"{operation} {key['sk']['S'].partition('#')[0]}"
    if "IndexName" in parameters:
        values = parameters["ExpressionAttributeValues"]
        name = values[":partition" if ":partition" in values else ":shard"]["S"]
        yield f"{operation} {name.partition('#')[0]}"
