"""Races between processes: each with its own client and memory, as execution environments are.

Processes meet in pairs. One of a pair leads: it sets a scene of fresh names, hands it to the other,
both act at once, and the leader checks what came of it. So many pairs race side by side on one
table, and nothing is cleared away between two rounds.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any, TypeVar

from licensing.dynamo import DynamoStore
from licensing.dynamo.transaction import Pacing
from licensing.errors import Unavailable
from licensing.keyring import Keyring
from licensing.runtime import Runtime, Settings
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import Item, write
from tests.concurrency.tasks import Tasks
from tests.local import aws
from tests.world import World, new_world

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

AT_A_TABLE = 4
PATIENCE_SECONDS = 300
"""How long one of a pair waits for the other before it takes it for dead."""

PLANTED_ROUNDS = 800
"""Bad luck may hide a bug for some rounds; the first that shows it is the last."""

Result = TypeVar("Result")
Kind = Callable[..., DynamoStore]


@dataclass(frozen=True)
class Kept:
    """A keyring that has been handed over (see `licensing.ports.Keyrings`)."""

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


def _nothing(_: int) -> Iterable[Item]:
    return ()


@dataclass(frozen=True)
class Race:
    """`scene` makes what a round plays in; both of `acts` are played on it at once.

    What the acts answer is checked by `verdict`, which names the one that won, or what happened.
    `items` are there from the beginning, for each round its own.
    """

    scene: Callable[[Hand, random.Random, int], Any]
    acts: tuple[Callable[[Hand, Any], Any], Callable[[Hand, Any], Any]]
    verdict: Callable[[Hand, Any, Any, Any], str]
    items: Callable[[int], Iterable[Item]] = _nothing


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

    def runtime(self) -> Runtime:
        """Clients, made anew."""
        os.environ.update(self.environment)
        with aws.patient():
            return Runtime.from_environ(os.environ)

    def hand_of(self, made: Runtime, kind: Kind, pacing: Pacing | None = None) -> Hand:
        """A hand that uses clients of an earlier table, too."""
        settings = Settings.from_environ(self.environment)
        return Hand(
            kind(made.dynamodb, settings.table_name, pacing or made.store.pacing),
            keyrings=Kept(Keyring(self.secrets)),
            lease_terms=made.lease_terms,
            sighting_interval=settings.last_seen_seconds,
        )


class _Seat:
    """What a process has from its start on, and its clients, which it makes once."""

    ends: Sequence[tuple[Connection, Connection]]
    start: Barrier
    tables: Sequence[Barrier]
    runtime: Runtime | None = None


def _sit_down(
    ends: Sequence[tuple[Connection, Connection]], start: Barrier, tables: Sequence[Barrier]
) -> None:
    _Seat.ends, _Seat.start, _Seat.tables = ends, start, tables


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
    """The other one of the pair has given up; it says why itself."""


@dataclass
class _Line:
    """What two of a pair tell each other in one `run`; what is left of another is passed over."""

    connection: Connection
    run: int

    def tell(self, value: object) -> None:
        self.connection.send((self.run, value))

    def hear(self) -> Any:
        while self.connection.poll(PATIENCE_SECONDS):
            run, value = self.connection.recv()
            if run == self.run:
                if isinstance(value, PartnerLeft):
                    raise value
                return value
        raise TimeoutError("the other one of the pair does not answer")


@dataclass(frozen=True)
class Match:
    """What all processes are to do: some rounds of a race, dealt out among the pairs."""

    ground: Ground
    race: Race
    kind: Kind
    rounds: range
    seed: int
    run: int


def _play(match: Match, seat: int) -> Counter[str]:
    """Play all rounds of a pair from one of its seats; how they went, as its leader sees it."""
    pair, side = divmod(seat, 2)
    line = _Line(_Seat.ends[pair][side], match.run)
    hand = match.ground.hand(match.kind)
    numbers = match.rounds[pair :: len(_Seat.ends)]
    _Seat.start.wait(PATIENCE_SECONDS)  # so that no process takes two seats
    try:
        if side:
            return _follow(match, hand, line, len(numbers))
        # Rounds further on have a chance of their own: a few with no luck are not played for ever.
        chance = random.Random(f"{match.seed}/{match.rounds.start}/{pair}")  # noqa: S311
        return _lead(match, hand, line, numbers, chance)
    except BaseException:
        line.tell(PartnerLeft())
        raise


def _lead(
    match: Match, hand: Hand, line: _Line, numbers: range, chance: random.Random
) -> Counter[str]:
    ends: Counter[str] = Counter()
    write(
        hand.store.client,
        hand.store.table,
        [item for number in numbers for item in match.race.items(number)],
    )
    for number in numbers:
        mine = chance.randrange(2)  # the other starts a moment later: let it be either act
        scene = match.race.scene(hand, chance, number)
        line.tell((scene, 1 - mine))
        answers = {mine: match.race.acts[mine](hand, scene)}
        answers[1 - mine] = line.hear()
        try:
            ends[match.race.verdict(hand, scene, answers[0], answers[1])] += 1
        except AssertionError as error:
            error.add_note(f"in round {number} of {match.rounds}, seed {match.seed}")
            raise
    return ends


def _follow(match: Match, hand: Hand, line: _Line, count: int) -> Counter[str]:
    for _ in range(count):
        scene, act = line.hear()
        line.tell(match.race.acts[act](hand, scene))
    return Counter()


@dataclass
class Racers:
    """A pool of processes for all races of a module."""

    pool: ProcessPoolExecutor
    count: int
    _runs: int = field(default=0, init=False)

    @property
    def pairs(self) -> int:
        """How many rounds are fought at a time."""
        return self.count // 2

    @property
    def tables(self) -> int:
        """How many fours there are."""
        return self.count // AT_A_TABLE

    def run(
        self, ground: Ground, race: Race, rounds: range, seed: int, kind: Kind = DynamoStore
    ) -> Counter[str]:
        """Run rounds of a race; how they ended. Raises what a process has raised."""
        self._runs += 1
        match = Match(ground, race, kind, rounds, seed, self._runs)
        return sum(self.all(partial(_play, match)), Counter())

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
    ends = [context.Pipe() for _ in range(count // 2)]
    tables = [context.Barrier(AT_A_TABLE) for _ in range(count // AT_A_TABLE)]
    initial = (ends, context.Barrier(count), tables)
    with ProcessPoolExecutor(count, context, _sit_down, initial) as pool:
        yield Racers(pool, count)


@dataclass(frozen=True)
class Course:
    """Where one race is run: a table of its own."""

    racers: Racers
    world: World

    def run(self, race: Race, seeds: Sequence[int], rounds: int) -> Counter[str]:
        """Run so many rounds from each seed, then check the whole table; how the rounds ended."""
        ends: Counter[str] = Counter()
        ground = Ground.of(self.world)
        for at, seed in enumerate(seeds):
            ends += self.racers.run(ground, race, range(at * rounds, (at + 1) * rounds), seed)
        assert_consistent(self.world.items())
        return ends

    def caught(self, race: Race, kind: Kind, seed: int) -> int:
        """After how many rounds a kind of store is caught. Raises if it never is."""
        ground = Ground.of(self.world)
        for last in range(self.racers.pairs, PLANTED_ROUNDS + 1, self.racers.pairs):
            rounds = range(last - self.racers.pairs, last)
            try:
                self.racers.run(ground, race, rounds, seed, kind)
                assert_consistent(self.world.items())
            except (AssertionError, Unavailable):
                return last
        raise AssertionError(f"not caught in {PLANTED_ROUNDS} rounds, seed {seed}")


@contextmanager
def course(engine: str, racers: Racers) -> Iterator[Course]:
    """A fresh table."""
    with new_world(engine) as world:
        yield Course(racers, world)
