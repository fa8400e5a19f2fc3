"""The service as the matrix asks it: the real handlers, each question once.

Most cells begin alike, and differ in what becomes of an answer. What has been asked in the same
order at the same times has the same answer and leaves the same table: it is looked up.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends

from tests.local.events import Request, Response
from tests.local.template import ACCOUNT, REGION
from tests.world import World

SUSPICIOUS: Final = frozenset({"CloneSuspected", "AgentReturned"})


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record: seats of the organization, and what is suspected."""

    seats: int
    suspicions: tuple[str, ...]


@dataclass(slots=True)
class _Moment:
    """What there is after a question: its answer, the table and what is on record."""

    answer: Response | None
    table: bytes
    record: Record
    followed_by: dict[tuple[object, ...], _Moment] = field(default_factory=dict)


class Memory:
    """A world from now on, and again from now on."""

    def __init__(self, world: World, organization_id: str) -> None:
        self._world = world
        self._organization_id = organization_id
        self._since = world.clock.time
        self._begin = self._now = self._moment(None)
        self._is_at = self._begin
        """The moment that the table itself is at."""

    def begin(self) -> None:
        """Everything is as it was."""
        self._world.clock.time = self._since
        self._now = self._begin

    def served(self, request: Request, ask: Callable[[Request], Response]) -> Response:
        """The answer of the service, asked at this moment."""
        headers = tuple(sorted(request.headers))
        question = (self._world.clock.time, request.method, request.target, headers, request.body)
        follows = self._now.followed_by.get(question)
        if follows is None:
            if self._is_at is not self._now:
                self._table.items = pickle.loads(self._now.table)  # noqa: S301 - our own
            follows = self._moment(ask(request))
            self._now.followed_by[question] = self._is_at = follows
        self._now = follows
        assert follows.answer is not None
        return follows.answer

    @property
    def record(self) -> Record:
        """What is on record now."""
        return self._now.record

    def _moment(self, answer: Response | None) -> _Moment:
        for kept in (self._world.calls, self._world.exchanges, self._world.work):
            kept.clear()
        return _Moment(answer, pickle.dumps(self._table.items), self._record())

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
