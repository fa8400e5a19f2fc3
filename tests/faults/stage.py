"""A world whose wire to DynamoDB can be cut, and how an operation goes when it is not."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3

from licensing.dynamo.transaction import Pacing
from tests.concurrency import canonical
from tests.concurrency.table import restore
from tests.faults.operations import Operation, Told
from tests.faults.seam import Stopwatch, Wire
from tests.world import NOON, World

UNCOUNTED = ("request_id", "times")
"""Attributes to leave out where a request that was repeated is as good as one that was not."""


@dataclass(frozen=True)
class Undisturbed:
    """An operation without faults: its scene, its calls, what it tells (`again`: when repeated)."""

    operation: Operation
    scene: Any
    snapshot: Sequence[Any]
    calls: Sequence[str]
    first: Told
    again: Told
    state: Sequence[str]
    uncounted: Sequence[str]


class Stage:
    """Where operations are played, again and again, each time from the same scene."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._session = boto3.session.Session()
        self._store = world.runtime.store
        self._stopwatch = Stopwatch(0)

    @contextmanager
    def nobody_waits(self) -> Iterator[None]:
        """Let the pauses of botocore's own retries pass on the present stopwatch."""

        def sleep(seconds: float) -> None:
            self._stopwatch.pass_by(seconds)

        with patch("botocore.endpoint.time", SimpleNamespace(sleep=sleep)):
            yield

    def wire(self, limit: float) -> Wire:
        """A new client, as a new execution environment has it, with so many seconds of time."""
        made = self.world.runtime.dynamodb
        client = self._session.client(
            "dynamodb", endpoint_url=made.meta.endpoint_url, config=made.meta.config
        )
        self._stopwatch = stopwatch = Stopwatch(limit)
        pacing = Pacing(stopwatch.remaining, random.random, stopwatch.pause)
        self.world.runtime.store = replace(self._store, client=client, pacing=pacing)
        return Wire(client, stopwatch)

    def undisturbed(self, operation: Operation) -> Undisturbed:
        """Set the scene, and record the operation."""
        restore(self.world)
        self.world.clock.time = NOON
        self.world.runtime.store = self._store
        scene = operation.prepare(self.world)
        snapshot = self.world.items()
        wire = self.wire(self.limit(operation))
        first = operation.act(self.world, scene)
        calls = [*wire.calls]
        items = self.world.items()
        return Undisturbed(
            operation=operation,
            scene=scene,
            snapshot=snapshot,
            calls=calls,
            first=first,
            again=operation.act(self.world, scene),
            state=canonical.state(items),
            uncounted=canonical.state(items, without=UNCOUNTED),
        )

    def limit(self, operation: Operation) -> float:
        """How many seconds its function has."""
        return float(self.world.deployed.functions[operation.function].timeout)
