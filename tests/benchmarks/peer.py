"""Peer: a validation beside what people build who like servers: FastAPI, uvicorn, PostgreSQL.

Both keep 10,000 licences in 100 organizations, get the same requests and give the same answers
(`test_peer.py`). A *plain* validation writes nothing. A *full* one brings the proof of a device key
and the last lease, which is renewed, so that one link of its chain is written. What is compared
takes turns within one run, on one machine that clients, servers and databases share. The function
is measured in this process as the Lambda runtime calls it, and behind the local stack, one request
at a time; uvicorn runs one process, and is asked by one client, and by eight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from tests.benchmarks.outcome import Figure, LeftOutError, Outcome, Size, Table, Tell
from tests.benchmarks.peers import load
from tests.benchmarks.peers.field import Field, handler, up
from tests.benchmarks.peers.fleet import PATH, Agent, Side
from tests.benchmarks.peers.processes import are_counted, cpu_of
from tests.benchmarks.profile import shares
from tests.benchmarks.samples import percentile, ratio
from tests.setup.needs import NotHereError
from tests.setup.registry import PEER, POSTGRESQL

TITLE = "peer: a validation beside FastAPI and PostgreSQL, on one machine"
MOST: Final = 1.0

_KINDS: Final = (("plain", False), ("full", True))
_MANY: Final = 8
_WARMING: Final = 2
_PAUSE: Final = 0.3
_SETTLED: Final = 0.02
"""CPU seconds that idle processes take in a pause, at most."""
_PATIENCE: Final = 5.0
_SHOWN: Final = 8
"""Packages in a profile."""


@dataclass(frozen=True)
class Block:
    """What one block of requests took; CPU is in seconds, of all of them."""

    seconds: float
    own: float
    database: float
    latencies: Sequence[float]

    @property
    def cpu_ms(self) -> float:
        """CPU of one request without the database's, in milliseconds."""
        return self.own / len(self.latencies) * 1000


@dataclass(frozen=True)
class Way:
    """One way to validate, so many at a time, and the blocks that it was measured in.

    `prepare` makes what is sent of an agent; `send` gives the milliseconds of each. `cpu` is what
    it has taken so far without its database, `database` what that has; both in seconds.
    """

    name: str
    side: Side
    requests: int
    prepare: Callable[[Agent], Any]
    send: Callable[[Sequence[Any]], list[float]]
    cpu: Callable[[], float]
    database: Callable[[], float]
    blocks: list[Block] = field(default_factory=list)

    def run(self, prepared: Sequence[Any]) -> Block:
        """One block."""
        own, database, begun = self.cpu(), self.database(), time.perf_counter()
        latencies = self.send(prepared)
        seconds = time.perf_counter() - begun
        return Block(seconds, self.cpu() - own, self.database() - database, latencies)

    @property
    def latencies(self) -> list[float]:
        """Of all blocks, in milliseconds."""
        return [one for block in self.blocks for one in block.latencies]

    @property
    def per_second(self) -> float:
        """Validations a second, over all blocks."""
        return len(self.latencies) / sum(block.seconds for block in self.blocks)

    @property
    def cpu_ms(self) -> float:
        """CPU of one validation, in milliseconds."""
        return median(block.cpu_ms for block in self.blocks)

    @property
    def all_cpu_ms(self) -> float:
        """That with its database's, over all blocks."""
        taken = sum(block.own + block.database for block in self.blocks)
        return taken / len(self.latencies) * 1000


def measure(size: Size, tell: Tell) -> Outcome:
    """Compare both kinds. Raises LeftOutError where the machine has not what the peer takes."""
    for need in (POSTGRESQL, PEER):
        try:
            need.found()
        except NotHereError as error:
            raise LeftOutError(f"{need.title}: {error}. {need.advice}.") from error
    if not are_counted():
        raise LeftOutError("Only Linux tells in /proc what CPU other processes take.")
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = []
    profiles: list[Table] = []
    with up(size.of(10_000, 200)) as at:
        tell(f"both are up, with {len(at.agents):,} licences")
        for kind, is_full in _KINDS:
            ways = _ways(at, size)
            _take_turns(at, ways, at.of(full=is_full), size.of(16, 2), kind, tell)
            figures += _figures(kind, ways)
            rows += [_row(kind, way) for way in ways]
            profiles.append(_profile(at, kind, at.of(full=is_full)[: size.of(400, 5)]))
    head = ("validation", "", "per second", "p50", "p95", "p99", "CPU", "with its database")
    compared = Table("A validation, ours and the peer's", head, tuple(rows))
    return Outcome(tuple(figures), (compared, *profiles))


def _ways(at: Field, size: Size) -> tuple[Way, ...]:
    """All that are compared; the first is ours in this process, the last the peer asked by many."""
    call = handler()

    def in_turn(events: Sequence[str]) -> list[float]:
        taken = []
        for event in events:
            begun = time.perf_counter()
            answer = call(event)
            taken.append((time.perf_counter() - begun) * 1000)
            load.demand_valid(answer.encode())
        return taken

    def over_http(side: Side, clients: int, requests: int) -> Way:
        is_ours = side is Side.SERVICE
        url, server = (at.service_url, at.stack) if is_ours else (at.peer.url, at.peer.pid)
        database = at.engine if is_ours else at.peer.database.pid
        name = "local stack over HTTP" if is_ours else "peer over HTTP"
        return Way(
            f"{name}, {clients} {'client' if clients == 1 else 'clients'}",
            side,
            requests,
            lambda agent: load.request(url, PATH, agent.headers(url), agent.body),
            lambda sent: load.latencies(url, sent, clients),
            lambda: cpu_of(server),
            lambda: cpu_of(database),
        )

    requests = size.of(400, 8)
    return (
        Way(
            "our function, in the process that calls it",
            Side.SERVICE,
            requests,
            at.event,
            in_turn,
            time.process_time,
            lambda: cpu_of(at.engine),
        ),
        over_http(Side.SERVICE, 1, requests // 2),
        over_http(Side.SERVICE, _MANY, requests),
        over_http(Side.PEER, 1, requests),
        over_http(Side.PEER, _MANY, requests * 2),
    )


def _take_turns(
    at: Field, ways: Sequence[Way], agents: Sequence[Agent], blocks: int, kind: str, tell: Tell
) -> None:
    """Blocks of all ways in turns, each on the next agents, which are put back before."""
    first = 0
    for block in range(-_WARMING, blocks):
        turn = block % len(ways)
        for way in [*ways[turn:], *ways[:turn]]:
            chosen = [agents[(first + next_) % len(agents)] for next_ in range(way.requests)]
            first += way.requests
            at.stores.put(way.side, [agent.record(int(time.time())) for agent in chosen])
            sent = [way.prepare(agent) for agent in chosen]
            _settle(at)
            measured = way.run(sent)
            if block >= 0:
                way.blocks.append(measured)
        if block >= 0 and block % 4 == 3:
            tell(
                f"{kind}: {block + 1} of {blocks} blocks; {ways[0].cpu_ms:.2f} ms of CPU beside "
                f"{ways[-1].cpu_ms:.2f} ms"
            )


def _settle(at: Field) -> None:
    """Wait until nobody works at what was put any more: the stack reads the table's stream."""
    until = time.monotonic() + _PATIENCE
    processes = (at.engine, at.stack, at.peer.database.pid)
    while time.monotonic() < until:
        before = sum(map(cpu_of, processes))
        time.sleep(_PAUSE)
        if sum(map(cpu_of, processes)) - before <= _SETTLED:
            return


def _profile(at: Field, kind: str, agents: Sequence[Agent]) -> Table:
    """Where our function's CPU goes; each of the agents is asked once."""
    at.stores.put(Side.SERVICE, [agent.record(int(time.time())) for agent in agents])
    events, call = iter([at.event(agent) for agent in agents]), handler()
    found = sorted(shares(lambda: call(next(events)), len(agents)).items(), key=lambda one: -one[1])
    shown = found[:_SHOWN]
    rest = 1 - sum(share for _, share in shown)
    return Table(
        f"Where the CPU of a {kind} validation goes (profiled: shares of its own time)",
        ("package", "share"),
        tuple((package, f"{share:.0%}") for package, share in [*shown, ("all others", rest)]),
    )


def _figures(kind: str, ways: Sequence[Way]) -> tuple[Figure, ...]:
    ours, peers = ways[0], ways[-1]
    found = ratio([block.cpu_ms for block in ours.blocks], [block.cpu_ms for block in peers.blocks])
    note = f"{found}; {ours.cpu_ms:.2f} ms ÷ {peers.cpu_ms:.2f} ms"
    return (
        Figure(f"CPU of a {kind} validation ÷ the peer's server", found.value, "x", MOST, note),
        *(
            Figure(
                f"{kind} validations per second, {way.name}",
                way.per_second,
                "1/s",
                note=f"p50 {percentile(way.latencies, 0.50):.1f} ms, "
                f"p99 {percentile(way.latencies, 0.99):.1f} ms",
            )
            for way in (ways[2], peers)
        ),
    )


def _row(kind: str, way: Way) -> tuple[str, ...]:
    shares = (0.50, 0.95, 0.99)
    return (
        kind,
        way.name,
        f"{way.per_second:,.0f}",
        *(f"{percentile(way.latencies, share):.1f} ms" for share in shares),
        f"{way.cpu_ms:.2f} ms",
        f"{way.all_cpu_ms:.2f} ms",
    )
