"""Ten thousand first logins at once, in one organization and spread over a hundred.

First on AWS's local engine, from several processes: how many a second, what they are answered, and
how often each item is written, which names the hot ones. Then a tenth of them as AWS would have it,
where transactions that overlap on an item conflict (`crowding`): how many are answered 503, how
often they come again, and when the last is in.

What AWS allows for the hottest item, whatever the service does: a partition takes 1,000 write units
a second, and a write of up to 1 KB in a transaction takes two of them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.errors import Unavailable
from licensing.usecases.login import Issued
from tests.benchmarks.crowding import (
    PARTITION_WRITE_UNITS,
    TRANSACTIONAL_WRITE_UNITS,
    Came,
    Crowd,
    come,
    share,
)
from tests.benchmarks.meter import keys_of
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.population import TOLD_SECONDS, dealt
from tests.benchmarks.workers import workers
from tests.concurrency.racers import Ground
from tests.concurrency.tasks import machine
from tests.engine import dynamodb_local
from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.world import World, new_world

TITLE = "Ten thousand first logins at once"
PROCESSES = 4
THREADS = 8
SEED = 1
MOST_TRIES = 100
_SHOWN = 4
_IN_A_PIECE = 250
_USERS = {
    "Issuer": "https://issuer.example",
    "AgentClientId": "agents",
    "OperatorClientId": "operators",
}


@dataclass(slots=True)
class Shift:
    """What one process, or all of them, have seen."""

    created: int = 0
    unavailable: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    answered_in: list[float] = field(default_factory=list)
    began: float = float("inf")
    ended: float = float("-inf")

    @property
    def per_second(self) -> float:
        """Logins a second."""
        return self.created / (self.ended - self.began)

    def plus(self, other: Shift) -> Shift:
        """Both together."""
        return Shift(
            self.created + other.created,
            self.unavailable + other.unavailable,
            self.writes + other.writes,
            self.answered_in + other.answered_in,
            min(self.began, other.began),
            max(self.ended, other.ended),
        )


def measure(size: Size, tell: Tell) -> Outcome:
    """Log them all in, on the engine and in the model."""
    agents, spread = size.of(10_000, 40), size.of(100, 4)
    # Made-up time is slow to make, and a crowd takes its time in proportion to its size: a tenth.
    modelled = size.of(1_000, agents)
    crowds = _crowds(modelled, spread, environments=size.of(1_000, 20))
    with dynamodb_local(lasts=size is Size.FULL) as engine:
        shifts = {
            count: logged_in(engine, agents, count, size.of(PROCESSES, 2), tell)
            for count in (1, spread)
        }
        came = [_came(engine, crowd, tell) for crowd in crowds[: size.of(len(crowds), 2)]]
    # All by one member, whose count is as hot as the seats (R38): people log in by themselves.
    hottest = [hot for hot in hot_keys(shifts[1].writes) if not hot[0].startswith("MEMBERS#")]
    if hottest[0][0] != "ORGANIZATION#org-0 ORGANIZATION" or 10 * hottest[1][1] > agents:
        raise ValueError(f"another item is hot: {hottest}")
    return Outcome(
        figures=(
            *_engine_figures(agents, shifts),
            *_ceilings(crowds[0]),
            *(figure for one in came for figure in _crowd_figures(one)),
        ),
        tables=(_hot_table(shifts), _crowds_table(came)),
        plots=(
            Plot(
                "first_logins",
                f"{modelled:,} first logins at once, as AWS would have them",
                "seconds",
                "agents that are in",
                tuple((one.crowd.name, ((0.0, 0.0), *one.curve)) for one in came),
            ),
        ),
    )


def hot_keys(writes: Mapping[str, int]) -> list[tuple[str, int]]:
    """The items that are written most often."""
    return Counter(writes).most_common(_SHOWN)


def logged_in(engine: str, agents: int, organizations: int, processes: int, tell: Tell) -> Shift:
    """Log all agents in from several processes at once."""
    name = f"{organizations} organizations" if organizations > 1 else "one organization"
    with new_world(engine) as world:
        _register(world, organizations)
        ground, total = Ground.of(world), Shift()
        with workers(processes, ground.environment) as pool:
            began = told = time.monotonic()
            parts = dealt(range(agents), _IN_A_PIECE)
            for one in pool.map(partial(_work, ground, organizations), parts):
                total, now = total.plus(one), time.monotonic()
                if now - told >= TOLD_SECONDS or total.created == agents:
                    told, rate = now, total.created / (now - began)
                    tell(
                        f"{name}: {total.created:,} of {agents:,} agents are in, {rate:.0f}/s, "
                        f"{(agents - total.created) / rate:.0f} s left"
                    )
        _check(world, agents, organizations)
    return total


def _work(ground: Ground, organizations: int, numbers: range) -> Shift:
    """Log some agents in, as many at a time as this process has threads."""
    hand = ground.hand(DynamoStore)
    shift, lock = Shift(began=time.time()), Lock()

    def note(params: Mapping[str, Any], **_: object) -> None:
        names = [f"{key['pk']['S']} {key['sk']['S']}" for key in keys_of(params)]
        with lock:
            shift.writes.update(names)

    def login(number: int) -> tuple[int, float]:
        """How often it was answered 503, and how long the answer took that lets it in."""
        task = hand.login(f"org-{number % organizations}", machine(number))
        for refused in range(MOST_TRIES):
            began = time.perf_counter()
            try:
                answer = hand.do(task)
            except Unavailable:
                continue
            if not isinstance(answer, Issued):
                raise TypeError(f"agent {number} got {answer}")
            return refused, time.perf_counter() - began
        raise TimeoutError(f"agent {number} was answered 503 for {MOST_TRIES} times")

    hooks, event = hand.store.client.meta.events, "provide-client-params.dynamodb"
    hooks.register(f"{event}.TransactWriteItems", note)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            for refused, seconds in pool.map(login, numbers):
                shift.created += 1
                shift.unavailable += refused
                shift.answered_in.append(seconds)
    finally:
        hooks.unregister(f"{event}.TransactWriteItems", note)
    shift.ended = time.time()
    return shift


def _came(engine: str, crowd: Crowd, tell: Tell) -> Came:
    with new_world(engine) as world:
        _register(world, crowd.organizations)
        came = come(world, crowd, SEED, tell)
        _check(world, crowd.agents, crowd.organizations)
    return came


def _register(world: World, organizations: int) -> None:
    for number in range(organizations):
        world.register(f"org-{number}")


def _check(world: World, agents: int, organizations: int) -> None:
    """All have a seat (R6), and none has two."""
    seats = sum(world.seats(f"org-{number}") for number in range(organizations))
    if seats != agents:
        raise ValueError(f"{agents} agents are in, and {seats} seats are taken")


def _crowds(agents: int, spread: int, *, environments: int) -> tuple[Crowd, ...]:
    rate, burst = _throttle()
    return (
        Crowd("one organization", agents, 1, environments),
        Crowd("by the gateway", agents, 1, environments, rate=rate, burst=burst),
        Crowd(f"{spread} organizations", agents, spread, environments),
        Crowd("by the gateway, 20 ms", agents, 1, environments, 0.020, rate, burst),
    )


def _throttle() -> tuple[float, int]:
    """What the template lets through to the function that logs in."""
    template = Template(TEMPLATE, _USERS)
    template.created("AccessLogGroup", "access-log", Arn="access-log")
    api = template.properties("HttpApi")
    settings = api["DefaultRouteSettings"] | api["RouteSettings"].get("POST /v1/licenses", {})
    return float(settings["ThrottlingRateLimit"]), int(settings["ThrottlingBurstLimit"])


# -- what is told ------------------------------------------------------------------------------


def _engine_figures(agents: int, shifts: Mapping[int, Shift]) -> Iterator[Figure]:
    for count, shift in shifts.items():
        name = f"{agents:,} logins over {count} organizations" if count > 1 else "one organization"
        yield Figure(
            f"local engine, {name}",
            shift.per_second,
            "logins/s",
            note=f"median {1000 * share(shift.answered_in, 0.5):.0f} ms, "
            f"p99 {1000 * share(shift.answered_in, 0.99):.0f} ms, "
            f"{PROCESSES * THREADS} at a time, {shift.unavailable} answers of 503",
        )
        yield Figure(f"local engine, {name}: not in", agents - shift.created, "agents", 0)


def _ceilings(crowd: Crowd) -> Iterator[Figure]:
    yield Figure(
        "most logins of one organization, by write units",
        PARTITION_WRITE_UNITS / TRANSACTIONAL_WRITE_UNITS,
        "logins/s",
        note="AWS: 1,000 units a second for a partition, 2 for the seat counter in a transaction",
    )
    yield Figure(
        "most logins of one organization, one after the other",
        1 / crowd.hold,
        "logins/s",
        note=f"if a transaction holds the seat counter for {1000 * crowd.hold:.0f} ms: binds first",
    )
    rate, burst = _throttle()
    yield Figure(
        "most logins of all organizations, by the gateway",
        rate,
        "logins/s",
        note=f"the template's, {burst} at once",
    )


def _crowd_figures(came: Came) -> Iterator[Figure]:
    crowd = came.crowd
    name = f"as AWS, {crowd.name}"
    floor = crowd.agents / crowd.organizations * crowd.hold
    yield Figure(f"{name}: not in", crowd.agents - came.created, "agents", 0)
    yield Figure(
        f"{name}: until all are in", came.seconds, "s", note=f"one after the other: {floor:.0f} s"
    )
    yield Figure(
        f"{name}: answers of 503 per login",
        came.unavailable / crowd.agents,
        "answers",
        note=f"at most {max(came.tries) - 1} for one agent",
    )


def _hot_table(shifts: Mapping[int, Shift]) -> Table:
    return Table(
        "The items that are written most often",
        ("", "item", "writes"),
        tuple(
            (
                f"{count} organizations" if count > 1 else "one organization",
                key.split(" ")[0].partition("#")[0] + (" (seats)" if "ORGANIZATION" in key else ""),
                f"{writes:,}",
            )
            for count, shift in shifts.items()
            for key, writes in hot_keys(shift.writes)
        ),
    )


def _crowds_table(crowds: Sequence[Came]) -> Table:
    rows = {
        "transaction holds its items, ms": [f"{1000 * one.crowd.hold:.0f}" for one in crowds],
        "the gateway lets through": [
            f"{one.crowd.rate:.0f}/s" if one.crowd.rate else "all" for one in crowds
        ],
        "environments at a time": [f"{one.crowd.environments:,}" for one in crowds],
        "in at last": [f"{one.created:,}" for one in crowds],
        "in without any 503": [f"{one.tries[1] / one.crowd.agents:.0%}" for one in crowds],
        "answers of 503": [f"{one.unavailable:,}" for one in crowds],
        "most tries of one agent": [f"{max(one.tries)}" for one in crowds],
        "transactions per login": [f"{one.transactions / one.created:.1f}" for one in crowds],
        "of them in conflict": [
            f"{one.conflicts.total() / one.transactions:.0%}" for one in crowds
        ],
        "of them throttled": [f"{one.throttled / one.transactions:.0%}" for one in crowds],
        "the item in conflict": [_item(one) for one in crowds],
        "until all are in, s": [f"{one.seconds:.0f}" for one in crowds],
        "until half are in, s": [f"{_half(one):.0f}" for one in crowds],
        "an answer that lets in, p50, s": [f"{share(one.answered_in, 0.5):.2f}" for one in crowds],
        "an answer that lets in, p99, s": [f"{share(one.answered_in, 0.99):.2f}" for one in crowds],
    }
    return Table(
        "As AWS would have it",
        ("", *(one.crowd.name for one in crowds)),
        tuple((name, *cells) for name, cells in rows.items()),
    )


def _item(came: Came) -> str:
    kinds = {key.partition("#")[0] for key in came.conflicts}
    return ", ".join(sorted(kinds)) or "none"


def _half(came: Came) -> float:
    return next(at for at, count in came.curve if count >= came.created / 2)
