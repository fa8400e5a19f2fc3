"""Throughput and latency of validations over HTTP, on the local stack and DynamoDB Local.

One Python process takes one request at a time there, as one execution environment of Lambda does:
more clients than one wait for each other, which shows in the latency. On AWS, each would have an
environment of its own. Clients, service and database share the processors of one computer.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from tests.benchmarks import served
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.samples import percentile
from tests.local.client import Client
from tests.local.stack import Stack

TITLE = "throughput: validations over HTTP on the local stack, one process, DynamoDB Local"
CLIENTS: Final = (1, 8, 32)
_PERCENTILES: Final = ((0.50, "p50"), (0.95, "p95"), (0.99, "p99"))


@dataclass(frozen=True, slots=True)
class Load:
    """What so many clients at once came to; latencies are in milliseconds."""

    clients: int
    per_second: float
    latencies: tuple[float, ...]

    def latency(self, share: float) -> float:
        """A percentile of the latency."""
        return percentile(self.latencies, share)


def measure(size: Size, tell: Tell) -> Outcome:
    """Validate with 1, 8 and 32 clients."""
    with served.running() as up:
        tell("the stack is up")
        bodies = [_agent(up, number) for number in range(size.of(max(CLIENTS), 2))]
        tell(f"{len(bodies)} agents are logged in")
        _load(up, bodies, 1, size.of(200, 2))
        loads: list[Load] = []
        for clients in CLIENTS:
            loads.append(_load(up, bodies, clients, size.of(3200, 32)))
            tell(f"{clients} clients: {loads[-1].per_second:.0f} validations per second")
    return Outcome(_figures(loads), (_table(loads),), (_plot(loads),))


def _agent(up: Stack, number: int) -> dict[str, Any]:
    """Log an agent in; the body of its validations."""
    machine = {"machine_id": f"benchmark-{number:04}", "computer_name": f"AGENT-{number:04}"}
    with closing(Client(up.url)) as client:
        token = served.token(client, up.agent_client_id, "alice")
        answer = client.call("POST", "/v1/licenses", {"machine": machine}, token=token)
    key = answer.expect(201)["license_key"]
    return {"license_key": key, "organization_id": "acme", "machine": machine, "nonce": "n" * 22}


def _load(up: Stack, bodies: list[dict[str, Any]], clients: int, requests: int) -> Load:
    """So many requests, shared among the clients, each on a connection of its own."""

    def validate(number: int) -> list[float]:
        body, taken = bodies[number % len(bodies)], []
        with closing(Client(up.url)) as client:
            for _ in range(max(1, requests // clients)):
                begun = time.perf_counter()
                answer = client.call("POST", "/v1/licenses/validate", body)
                taken.append((time.perf_counter() - begun) * 1000)
                answer.expect(200, code="VALID")
        return taken

    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        latencies = [one for taken in pool.map(validate, range(clients)) for one in taken]
    return Load(clients, len(latencies) / (time.perf_counter() - begun), tuple(latencies))


def _figures(loads: list[Load]) -> tuple[Figure, ...]:
    return tuple(
        figure
        for load in loads
        for figure in (
            Figure(f"validations per second, {_named(load)}", load.per_second, "1/s"),
            Figure(
                f"latency, {_named(load)}, p50",
                load.latency(0.50),
                "ms",
                note=f"p95 {load.latency(0.95):.1f} ms, p99 {load.latency(0.99):.1f} ms",
            ),
        )
    )


def _table(loads: list[Load]) -> Table:
    return Table(
        "Latency of a validation",
        ("clients", "per second", *(name for _, name in _PERCENTILES)),
        tuple(
            (
                str(load.clients),
                f"{load.per_second:.0f}",
                *(f"{load.latency(share):.1f} ms" for share, _ in _PERCENTILES),
            )
            for load in loads
        ),
    )


def _plot(loads: list[Load]) -> Plot:
    return Plot(
        "throughput",
        "Latency of a validation by the number of clients",
        "clients at once",
        "ms",
        tuple(
            (name, tuple((float(load.clients), load.latency(share)) for load in loads))
            for share, name in _PERCENTILES
        ),
    )


def _named(load: Load) -> str:
    return "1 client" if load.clients == 1 else f"{load.clients} clients"
