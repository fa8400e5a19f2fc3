"""Processes that act on one table: each with its own client and memory, as execution environments.

Four at a time sit down at a table: they begin together, and meet whenever they want to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any, TypeVar

from licensing.adapters.dynamo import DynamoStore
from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.domain.keyring import Keyring
from licensing.entrypoints.deployment import Deployment
from licensing.entrypoints.settings import Settings
from tests.concurrency.tasks import Tasks
from tests.local import aws
from tests.world import World, new_world

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

AT_A_TABLE = 4
PATIENCE_SECONDS = 300
"""How long one of a pair waits for the other before it takes it for dead."""

Result = TypeVar("Result")
Kind = Callable[..., DynamoStore]


@dataclass(frozen=True)
class Kept:
    """A keyring that has been handed over (see `licensing.usecases.ports.Keyrings`)."""

    kept: Keyring

    def keyring(self, at_least: int = 1) -> Keyring:  # noqa: ARG002 - there is but one
        """The keyring."""
        return self.kept


@dataclass(frozen=True)
class Hand(Tasks):
    """One process's hand in a race."""

    store: DynamoStore

    def do(self, task: Callable[[DynamoStore], Any]) -> Any:
        """Run a task on this process's own store."""
        return task(self.store)


@dataclass(frozen=True)
class Ground:
    """The table and the deployment that a race is run in, as a process can be told."""

    environment: Mapping[str, str]
    secrets: Mapping[int, bytes]

    @classmethod
    def of(cls, world: World) -> Ground:
        """The ground of a world on DynamoDB Local."""
        made_up = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "DYNAMODB_"))}
        return cls(made_up | world.deployed.environment, world.runtime.keyrings.keyring().versions)

    def hand(self, kind: Kind) -> Hand:
        """A hand in this process, with a store of a kind."""
        if _Seat.runtime is None:
            _Seat.runtime = self.runtime()
        return self.hand_of(_Seat.runtime, kind)

    def runtime(self) -> Deployment:
        """Clients, made anew."""
        os.environ.update(self.environment)
        with aws.patient():
            return Deployment.from_environ(os.environ)

    def hand_of(
        self, made: Deployment, kind: Kind, retry_policy: RetryPolicy | None = None
    ) -> Hand:
        """A hand that uses clients of an earlier table, too."""
        settings = Settings.from_environ(self.environment)
        return Hand(
            kind(made.dynamodb, settings.table_name, retry_policy or made.store.retry_policy),
            keyrings=Kept(Keyring(self.secrets)),
            lease_terms=made.lease_terms,
            last_seen_seconds=settings.last_seen_seconds,
        )


class _Seat:
    """What a process has from its start on, and its clients, which it makes once."""

    start: Barrier
    tables: Sequence[Barrier]
    runtime: Deployment | None = None


def _sit_down(start: Barrier, tables: Sequence[Barrier]) -> None:
    _Seat.start, _Seat.tables = start, tables


@contextmanager
def table_of_four(seat: int) -> Iterator[Barrier]:
    """Sit down with three others, all at once; who leaves by an error takes them along."""
    barrier = _Seat.tables[seat // AT_A_TABLE]
    if seat % AT_A_TABLE == 0:
        barrier.reset()  # whatever an earlier run left of it
    _Seat.start.wait(PATIENCE_SECONDS)
    try:
        yield barrier
    except BrokenBarrierError as error:
        raise PartnerLeft from error
    except BaseException:
        barrier.abort()
        raise


class PartnerLeft(Exception):
    """Another one at the table has given up; it says why itself."""


@dataclass(frozen=True)
class Racers:
    """A pool of processes for all that a module does."""

    pool: ProcessPoolExecutor
    count: int

    @property
    def tables(self) -> int:
        """How many fours there are."""
        return self.count // AT_A_TABLE

    def all(self, task: Callable[[int], Result]) -> list[Result]:
        """Run a task in every process, by its seat. Raises what a process has raised."""
        running = [self.pool.submit(task, seat) for seat in range(self.count)]
        failures = [error for error in (one.exception() for one in running) if error is not None]
        for failure in failures:
            if not isinstance(failure, PartnerLeft):
                raise failure
        return [one.result() for one in running]


@contextmanager
def racers(count: int) -> Iterator[Racers]:
    """So many processes, a multiple of four."""
    context = get_context("forkserver")  # a process that has no thread and no client to inherit
    context.set_forkserver_preload(["boto3", "cryptography.x509", "moto", "pydantic"])
    tables = [context.Barrier(AT_A_TABLE) for _ in range(count // AT_A_TABLE)]
    initial = (context.Barrier(count), tables)
    with ProcessPoolExecutor(count, context, _sit_down, initial) as pool:
        yield Racers(pool, count)


@dataclass(frozen=True)
class Course:
    """Where processes act: a table of its own."""

    racers: Racers
    world: World


@contextmanager
def course(engine: str, racers: Racers) -> Iterator[Course]:
    """A fresh table."""
    with new_world(engine) as world:
        yield Course(racers, world)
