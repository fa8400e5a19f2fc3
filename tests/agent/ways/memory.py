"""The service as the matrix asks it: the real handlers, each question once.

Most cells begin alike, and differ in what becomes of an answer. What has been asked in the same
order at the same times has the same answer and leaves the same table: it is looked up.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from moto.dynamodb.models import dynamodb_backends

from tests.local.events import Request, Response
from tests.local.template import ACCOUNT, REGION
from tests.world import World

Result = TypeVar("Result")

_READS: Final = frozenset({"BatchGetItem", "GetItem", "Query", "GetSecretValue"})
SUSPECTED: Final = "CloneSuspected"
SUSPICIOUS: Final = frozenset({SUSPECTED, "AgentReturned"})


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record: seats of the organization, and what is suspected."""

    seats: int
    suspicions: tuple[str, ...]


@dataclass(slots=True)
class _State:
    """A table, what is on record there, and what questions have come to."""

    table: bytes
    record: Record
    known: dict[tuple[object, ...], tuple[object, _State]] = field(default_factory=dict)


class Memory:
    """A world from now on, and again from now on."""

    def __init__(self, world: World, organization_id: str) -> None:
        self._world = world
        self._organization_id = organization_id
        self._since = world.clock.time
        self.is_at_work = False
        """Whether the service is at work."""
        self._begin = self._now = self._state()
        self._is_at = self._begin
        """The state that the table itself is in."""

    def begin(self) -> None:
        """Everything is as it was."""
        self._world.clock.time = self._since
        self._now = self._begin

    def served(self, request: Request, ask: Callable[[Request], Response]) -> Response:
        """The answer of the service, asked in this state at this time."""
        headers = tuple(sorted(request.headers))
        question = (request.method, request.target, headers, request.body)
        return self._done(question, lambda: ask(request))

    def done(self, what: str, do: Callable[[], None]) -> None:
        """Something else that is done to the service."""
        self._done((what,), do)

    def _done(self, what: tuple[object, ...], do: Callable[[], Result]) -> Result:
        known = self._now.known
        at = (self._world.clock.time, *what)
        if at not in known:
            known[at] = self._really_done(do)
        answer, self._now = known[at]
        return cast("Result", answer)

    def _really_done(self, do: Callable[[], object]) -> tuple[object, _State]:
        if self._is_at is not self._now:
            self._table.items = pickle.loads(self._now.table)  # noqa: S301 - our own
            self._is_at = self._now
        for kept in (self._world.calls, self._world.exchanges, self._world.work):
            kept.clear()
        self.is_at_work = True
        answer = do()
        self.is_at_work = False
        if not all(operation in _READS for operation, _ in self._world.calls):
            self._is_at = self._state()
        return answer, self._is_at

    @property
    def record(self) -> Record:
        """What is on record now."""
        return self._now.record

    def _state(self) -> _State:
        return _State(pickle.dumps(self._table.items), self._record())

    def _record(self) -> Record:
        items = [item.attrs for each in self._table.items.values() for item in each.values()]
        told = [{name: one.value for name, one in item.items()} for item in items]
        (seats,) = (
            int(item["seats"])
            for item in told
            if (item["pk"], item["sk"]) == (f"ORGANIZATION#{self._organization_id}", "ORGANIZATION")
        )
        suspected = {str(item.get("type")) for item in told} & SUSPICIOUS
        return Record(seats, tuple(sorted(suspected)))

    @property
    def _table(self) -> Any:
        return dynamodb_backends[ACCOUNT][REGION].tables[self._world.runtime.settings.table_name]
