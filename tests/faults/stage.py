"""A world whose wire to AWS can be cut, and how an operation goes when it is not."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from licensing.adapters.aws_clients import Clients
from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.adapters.event_bus import EventBus
from licensing.adapters.secrets import SecretsManagerKeyrings
from licensing.usecases.sweep_expired import SETTLING_SECONDS
from tests.concurrency import canonical
from tests.concurrency.table import restore
from tests.faults.operation import NEVER_ANSWERED, Operation, Told
from tests.faults.seam import WRITES, InvocationEnded, Stopwatch, Wire, no_waiting
from tests.world import NOON, World

UNCOUNTED = ("request_id", "times", "proved_ms")
"""Attributes to leave out where a request that was repeated is as good as one that was not."""

Items = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Undisturbed:
    """An operation without faults: its scene, its calls, what it tells (`again`: when repeated).

    `earlier` is how the table stood before, as long as an index may still show it so.
    """

    operation: Operation
    scene: Any
    snapshot: Items
    now: float
    earlier: Sequence[Items]
    calls: Sequence[str]
    parameters: Sequence[Mapping[str, Any]]
    first: Told
    again: Told
    state: Sequence[str]
    uncounted: Sequence[str]

    def ends_in(self, state: Sequence[str]) -> bool:
        """Whether a state, but for what is uncounted, is the right one after a repetition.

        One by a super-admin that found the change made is on record as a read, which is right, too.
        """
        read = '"pk": {"S": "READS#'
        kept = [one for one in state if one in self.uncounted or read not in one]
        return kept == [*self.uncounted]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return any(name in WRITES for name in self.calls)


class Stage:
    """Where operations are played, again and again, each time from the same scene."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._clients = Clients()
        self._store = world.runtime.store
        self._keyrings = world.runtime.keyrings
        self._stopwatch = Stopwatch(0)
        self._recorded: dict[str, Undisturbed] = {}
        self._holds: Items | None = None

    @contextmanager
    def nobody_waits(self) -> Iterator[None]:
        """Let the pauses of botocore's own retries pass on the present stopwatch."""

        def sleep(seconds: float) -> None:
            self._stopwatch.pass_by(seconds)

        with no_waiting(sleep):
            yield

    def wire(self, limit: float, *, is_cold: bool = False) -> Wire:
        """New clients, as a new execution environment has them, with so many seconds of time.

        Unless it `is_cold` the environment has fetched the secret already.
        """
        runtime = self.world.runtime
        self._stopwatch = stopwatch = Stopwatch(limit)
        client = self._clients.dynamodb(runtime.settings.dynamodb_endpoint)
        wire = Wire(client, stopwatch)
        retry_policy = RetryPolicy(stopwatch.remaining, random.random, stopwatch.pause)
        runtime.store = replace(self._store, client=client, retry_policy=retry_policy)
        runtime.keyrings = self._keyrings
        if is_cold:
            secrets = self._clients.secrets()
            wire.carry(secrets)
            runtime.keyrings = SecretsManagerKeyrings(
                secrets, self._keyrings.secret_id, self._keyrings.clock
            )
        return wire

    def wire_of(self, operation: Operation, limit: float) -> Wire:
        """The same, with the clients that an operation needs."""
        wire = self.wire(limit, is_cold=operation.is_cold)
        if operation.function == "PublishFunction":
            events = self._clients.events()
            wire.carry(events)
            # It makes its client at the first event, where no test could listen.
            runtime = self.world.runtime
            runtime.bus = EventBus(events, runtime.settings.event_bus)
        return wire

    def begin(self, right: Undisturbed, limit: float | None = None) -> Wire:
        """Set a scene that is known, and connect; with as much time as the function has."""
        holds, self._holds = self._holds, None
        restore(self.world, right.snapshot, holds=holds)
        self.world.clock.time = right.now
        right.operation.rewind(right.scene)
        return self.wire_of(right.operation, limit or self.limit(right.operation))

    def act(self, right: Undisturbed) -> Told:
        """What the caller is told, if not by the operation itself."""
        self._holds = None
        try:
            return right.operation.act(self.world, right.scene)
        except InvocationEnded:
            return NEVER_ANSWERED

    def ended(self) -> Items:
        """What the table holds: until the next act or scene."""
        self._holds = items = self.world.items()
        return items

    def undisturbed(self, operation: Operation) -> Undisturbed:
        """Set the scene, and record the operation: once."""
        if operation.name not in self._recorded:
            self._recorded[operation.name] = self._record(operation)
        return self._recorded[operation.name]

    def _record(self, operation: Operation) -> Undisturbed:
        self._holds = None
        restore(self.world)
        self.world.clock.time = NOON
        self.world.runtime.store = self._store
        self.world.runtime.keyrings = self._keyrings
        with self._remembering() as earlier:
            scene = operation.prepare(self.world)
        now = self.world.clock.time
        snapshot = self.world.items()
        wire = self.wire_of(operation, self.limit(operation))
        first = operation.act(self.world, scene)
        calls, parameters = [*wire.calls], [*wire.parameters]
        items = self.world.items()
        left = operation.leaves(scene)
        return Undisturbed(
            operation=operation,
            scene=scene,
            snapshot=snapshot,
            now=now,
            earlier=[items for until, items in earlier if now - until < SETTLING_SECONDS],
            calls=calls,
            parameters=parameters,
            first=first,
            again=operation.act(self.world, scene),
            state=[*canonical.state(items), *left],
            uncounted=[*canonical.state(items, without=UNCOUNTED), *left],
        )

    @contextmanager
    def _remembering(self) -> Iterator[list[tuple[float, Items]]]:
        """All states of the table within the block but the last, and until when each stood."""
        states: list[tuple[float, Items]] = []
        present: list[Items] = [[]]

        def note(model: Any, **_: Any) -> None:
            if model.name in WRITES:
                states.append((self.world.clock(), present.pop()))
                present.append(self.world.items())

        events = self.world.runtime.dynamodb.meta.events
        events.register("after-call.dynamodb", note)
        try:
            yield states
        finally:
            events.unregister("after-call.dynamodb", note)

    def limit(self, operation: Operation) -> float:
        """How many seconds its function has."""
        return float(self.world.deployed.functions[operation.function].timeout)
