"""What an operation is that faults are put into, and what it comes to.

An operation is told apart from its disturbed runs by what its caller is told and by what it leaves,
random ids apart: in the table, and, where it publishes, on the bus.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.concurrency import canonical
from tests.world import Answer, World

_COUNTED = {"next_cursor", "total"}
"""What tells how much there is."""


@dataclass(frozen=True)
class Told:
    """What the caller is told, random values apart. An operation that is not done says so."""

    status: int
    body: str
    retry_after: str | None

    @property
    def is_unavailable(self) -> bool:
        """Whether the caller is asked to repeat."""
        return self.status == 503

    def shows_part_of(self, whole: "Told") -> bool:
        """Whether this is `whole`, but for elements that its lists lack."""
        if (self.status, whole.status) != (200, 200):
            return False
        mine, others = json.loads(self.body), json.loads(whole.body)
        lists = {name for name, value in others.items() if isinstance(value, list)}
        return (
            mine.keys() == others.keys()
            and all(one in others[name] for name in lists for one in mine[name])
            and all(mine[name] == others[name] for name in others.keys() - lists - _COUNTED)
        )


NEVER_ANSWERED = Told(503, "the invocation has ended", "1")
"""What API Gateway tells when a function's time is over, and what Lambda takes as a failure."""


def _nothing(_: Any) -> Sequence[str]:
    return ()


def _no_memory(_: Any) -> None:
    pass


@dataclass(frozen=True)
class Operation:
    """`prepare` sets the scene and returns what `act` needs to know about it.

    `defers` says that the right answer may come before everything is written: what is missing then
    is written the next time. `is_cold` says that it is the first of an execution environment, which
    has not fetched the secret yet. `leaves` tells what it has left elsewhere than in the table, and
    `rewind` lets its scene forget that, and whatever else it remembers. `counts` says that it tells
    how much an index shows, as charts do.
    """

    name: str
    function: str
    prepare: Callable[[World], Any]
    act: Callable[[World, Any], Told]
    defers: bool = False
    is_cold: bool = False
    leaves: Callable[[Any], Sequence[str]] = _nothing
    rewind: Callable[[Any], None] = _no_memory
    counts: bool = False


def told(answer: Answer) -> Told:
    """What an HTTP answer tells."""
    body = answer.json
    if isinstance(body, Mapping):
        body = {name: _without_secrets(value) for name, value in body.items()}
        if "license_key" in body:
            body["license_key"] = "a key"
    return Told(answer.status, canonical.text(body), answer.headers.get("retry-after"))


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping) and "token" in value:
        return {**value, "token": "a lease"}
    return value
