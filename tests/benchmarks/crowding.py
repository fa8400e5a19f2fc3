"""First logins as AWS would have them: transactions that overlap on an item conflict.

DynamoDB Local runs one transaction after the other and never raises `TransactionConflict`. Here the
real use case runs over the real adapter, and the wire answers as DynamoDB does: while a transaction
is in flight, every other one on any of its items is cancelled; and an item takes 1,000 write units
a second, of which every transaction takes two, also one that is cancelled. Time is made up
(`timeline`), so that the outcome hangs on the model's few figures and not on the machine.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.domain.errors import Unavailable
from licensing.usecases.login import Issued
from tests.benchmarks.meter import keys_of
from tests.benchmarks.timeline import Timeline
from tests.concurrency.racers import Ground
from tests.concurrency.tasks import machine
from tests.faults.seam import Request, Stopwatch, Wire, transaction_conflict, transaction_throttled
from tests.world import World

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

READ_SECONDS = 0.004
CONFLICT_SECONDS = 0.004
"""What DynamoDB takes to answer a read, and to cancel a transaction."""

PARTITION_WRITE_UNITS = 1_000
TRANSACTIONAL_WRITE_UNITS = 2
"""AWS: what a partition takes in a second, and a write of up to 1 KB in a transaction."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many agents that want in at the same instant, spread over `organizations`.

    `environments` of the function run at a time (AWS's default quota is 1,000). The gateway lets
    `burst` requests through at once and `rate` a second from then on, if it is there; whoever is
    not let through comes again just in time. A transaction holds its items for `hold` seconds, give
    or take two fifths. Who is answered 503 waits for as long as `Retry-After` says, and up to as
    long again, and comes again.
    """

    name: str
    agents: int
    organizations: int
    environments: int = 1_000
    hold: float = 0.010
    rate: float | None = None
    burst: int = 0


@dataclass(slots=True)
class Came:
    """What came of a crowd, in the crowd's own time."""

    crowd: Crowd
    created: int = 0
    unavailable: int = 0
    transactions: int = 0
    throttled: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    answered_in: list[float] = field(default_factory=list)
    tries: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    curve: list[tuple[float, float]] = field(default_factory=list)


class Bucket:
    """Tokens that come at a rate, so many at most; each taker takes one."""

    def __init__(self, rate: float, size: float) -> None:
        self._rate, self._size, self._tokens, self._at = rate, size, size, 0.0

    def take(self, now: float) -> bool:
        """Take one, if there is one now."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def take_as_soon_as_there_is(self, now: float) -> float:
        """When that is; all who ask later come later."""
        self._fill(now)
        if self._tokens < 1:
            self._fill(self._at + (1 - self._tokens) / self._rate)
        self._tokens -= 1
        return self._at

    def _fill(self, now: float) -> None:
        at = max(now, self._at)
        self._tokens = min(self._size, self._tokens + (at - self._at) * self._rate)
        self._at = at


class Overlap:
    """The wire's answer: a transaction on an item that another one holds conflicts."""

    def __init__(self, timeline: Timeline, chance: random.Random, came: Came) -> None:
        self._timeline, self._chance, self._came = timeline, chance, came
        self._held: set[str] = set()
        rate = PARTITION_WRITE_UNITS / TRANSACTIONAL_WRITE_UNITS
        self._units = defaultdict[str, Bucket](lambda: Bucket(rate, rate))

    def __call__(self, request: Request) -> AWSResponse | None:
        if request.operation != "TransactWriteItems":
            self._timeline.wait(READ_SECONDS)
            return None
        wanted = {f"{key['pk']['S']} {key['sk']['S']}" for key in keys_of(request.body)}
        self._came.transactions += 1
        # Of all its items only organizations are written more than once.
        shared = [name for name in wanted if name.startswith("ORGANIZATION")]
        if not all(self._units[name].take(self._timeline.now) for name in shared):
            self._came.throttled += 1
            self._timeline.wait(CONFLICT_SECONDS)
            return transaction_throttled(request)
        if taken := wanted & self._held:
            self._came.conflicts.update(taken)
            self._timeline.wait(CONFLICT_SECONDS)
            return transaction_conflict(request)
        self._held |= wanted
        self._came.writes.update(wanted)
        answer = request.send()
        self._timeline.wait(self._came.crowd.hold * self._chance.uniform(0.6, 1.4))
        self._held -= wanted
        return answer


def come(world: World, crowd: Crowd, seed: int, tell: Callable[[str], None]) -> Came:
    """Let a crowd in, until the last one is."""
    runtime = world.runtime
    timeline, chance, came = Timeline(), random.Random(seed), Came(crowd)  # noqa: S311
    limit = float(world.deployed.functions["IssueFunction"].timeout)
    wire = Wire(runtime.dynamodb, Stopwatch(limit))
    wire.break_with(Overlap(timeline, chance, came))
    hand = Ground.of(world).hand_of(runtime, type(runtime.store))
    gateway = Bucket(crowd.rate, crowd.burst) if crowd.rate is not None else None
    coming = [(0.0, number, 1) for number in range(crowd.agents)]
    heapify(coming)

    def retry_policy_from(began: float) -> RetryPolicy:
        """As a function of so much time has it."""
        return RetryPolicy(lambda: limit - (timeline.now - began), chance.random, timeline.wait)

    def serve() -> None:
        """One execution environment, from one request to the next."""
        while coming:
            at, number, tries = heappop(coming)
            at = max(at, timeline.now)
            if gateway is not None:
                at = gateway.take_as_soon_as_there_is(at)
            timeline.wait(at - timeline.now)
            began = timeline.now
            login = hand.login(
                f"org-{number % crowd.organizations}", machine(number), subject=f"user-{number}"
            )
            try:
                answer = login(replace(hand.store, retry_policy=retry_policy_from(began)))
            except Unavailable as unavailable:
                came.unavailable += 1
                pause = unavailable.retry_after * (1 + chance.random())
                heappush(coming, (timeline.now + pause, number, tries + 1))
                continue
            finally:
                wire.parameters.clear()
            if not isinstance(answer, Issued) or not answer.created:
                raise TypeError(f"agent {number} got {answer}")
            came.created += 1
            came.answered_in.append(timeline.now - began)
            came.tries[tries] += 1
            if came.created % max(1, crowd.agents // 10) == 0:
                came.curve.append((timeline.now, float(came.created)))
                tell(
                    f"{crowd.name}: {came.created:,} of {crowd.agents:,} are in after "
                    f"{timeline.now:.0f} s, {came.unavailable:,} answers of 503"
                )

    try:
        timeline.run([serve] * min(crowd.environments, crowd.agents))
    finally:
        wire.mend()
    came.seconds = timeline.now
    return came


def share(values: Sequence[float], part: float) -> float:
    """The value that so large a part of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]
