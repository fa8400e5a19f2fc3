"""Two operations that take turns: one AWS call at a time, in every order, with or without a crash.

Each operation runs on a thread of its own and stops before each of its calls; the scheduler lets
one of them go on at a time. So an order is a list of choices, and a run with the same choices is
the same run. `every_order` goes through all of them, depth first.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Any

from licensing.adapters.dynamo import DynamoStore

Task = Callable[[DynamoStore], object]

_READS = ("GetItem", "BatchGetItem", "Query")


class Crashed(BaseException):
    """The process ends here and now: no `except Exception` takes part in it."""


@dataclass(frozen=True)
class Step:
    """One player makes its next call, or crashes just before it."""

    player: int
    crashes: bool = False


@dataclass
class _Player:
    """An operation on its thread: before its next call, or at its end."""

    store: DynamoStore
    next_call: str | None = None
    crashes: bool = False
    has_crashed: bool = False
    answer: Future[object] | None = None
    _arrived: Semaphore = field(default_factory=lambda: Semaphore(0))
    _turn: Semaphore = field(default_factory=lambda: Semaphore(0))

    @property
    def reads(self) -> bool:
        """Whether its next call changes nothing."""
        return self.next_call in _READS

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop before each call within the block."""
        events = self.store.client.meta.events
        events.register("before-call.dynamodb", self._wait)
        try:
            yield
        finally:
            events.unregister("before-call.dynamodb", self._wait)

    def start(self, task: Task, pool: ThreadPoolExecutor) -> None:
        """Run up to the first call."""
        self.answer = pool.submit(self._run, task)
        self._arrived.acquire()

    def go(self, *, crashes: bool) -> None:
        """Make the next call and run up to the one after it; or end here."""
        self.crashes = crashes
        self._turn.release()
        self._arrived.acquire()

    def _run(self, task: Task) -> object:
        try:
            return task(self.store)
        except Crashed:
            self.has_crashed = True
            return None
        finally:
            self.next_call = None
            self._arrived.release()

    def _wait(self, model: Any, **_: Any) -> None:
        self.next_call = model.name
        self._arrived.release()
        self._turn.acquire()
        if self.crashes:
            raise Crashed


@dataclass(frozen=True)
class Run:
    """What came of one order: each player's answer, `None` for the one that has crashed.

    A run `is_new` unless another one differs from it by the order of reads alone.
    """

    steps: Sequence[Step]
    answers: Sequence[object]
    crashed: int | None
    is_new: bool


Choice = Callable[[Sequence[Step]], Step]
"""Which of several steps is the next."""


def run(
    tasks: Sequence[Task],
    stores: Sequence[DynamoStore],
    pool: ThreadPoolExecutor,
    choose: Choice,
    *,
    with_crash: bool,
) -> Run:
    """Let two tasks take turns as `choose` says; at most one of them crashes, if any may."""
    players = [_Player(store) for store, _ in zip(stores, tasks, strict=False)]
    steps: list[Step] = []
    is_new = True
    after_read: int | None = None  # who has just read
    with ExitStack() as listening:
        for player, task in zip(players, tasks, strict=True):
            listening.enter_context(player.listening())
            player.start(task, pool)
        while waiting := [at for at, player in enumerate(players) if player.next_call]:
            # Two reads in a row are the same in both orders: the first player's comes first.
            options = [
                at
                for at in waiting
                if after_read is None or at >= after_read or not players[at].reads
            ]
            is_new = is_new and bool(options)
            may_crash = with_crash and not any(step.crashes for step in steps)
            step = choose(
                [
                    Step(at, crashes)
                    for crashes in ((False, True) if may_crash else (False,))
                    for at in options or waiting
                ]
            )
            player = players[step.player]
            after_read = step.player if player.reads and not step.crashes else None
            steps.append(step)
            player.go(crashes=step.crashes)
    answers = [player.answer.result() if player.answer else None for player in players]
    crashed = next((at for at, player in enumerate(players) if player.has_crashed), None)
    return Run(steps, answers, crashed, is_new)


def every_order(play: Callable[[Choice], Run]) -> Iterator[Run]:
    """Play all orders, one after the other."""
    path: list[tuple[int, int]] = []
    while True:
        walk = _Walk([taken for taken, _ in path])
        yield play(walk)
        path = walk.path
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        taken, width = path.pop()
        path.append((taken + 1, width))


@dataclass
class _Walk:
    """Chooses as it is told to, and then always the first; notes what there was to choose from."""

    told: Sequence[int]
    path: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, options: Sequence[Step]) -> Step:
        at = len(self.path)
        taken = self.told[at] if at < len(self.told) else 0
        self.path.append((taken, len(options)))
        return options[taken]


def some_orders(play: Callable[[Choice], Run], chance: random.Random, count: int) -> Iterator[Run]:
    """Play so many orders, as chance has it; a crash is as likely as any other step."""
    for _ in range(count):
        yield play(chance.choice)
