"""Warm: the CPU of one request beside that of a bare handler that makes the same AWS calls.

Both get the same event as JSON, ask the same local server for the same recorded answers, sign the
same lease, and hand JSON back. What the service adds to that is what is measured: routing, parsing,
rules, reply, log and metrics.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any, Final
from unittest.mock import patch

import boto3

from licensing.domain.keyring import Keyring
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.benchmarks import canned, deployed
from tests.benchmarks.invoked import Request, cpu_seconds, invoked, logging_to
from tests.benchmarks.outcome import Figure, Outcome, Size, Table, Tell
from tests.benchmarks.profile import shares
from tests.benchmarks.recorded import Recording, record
from tests.benchmarks.samples import Ratio, ratio

TITLE = "warm: CPU of a request beside the same AWS calls made bare"
MOST: Final = 1.0

_LEAST_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Pair:
    """One kind of request: made by the service, and bare."""

    name: str
    service: Request
    bare: Request


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU of one request, in milliseconds, block by block, and how the two compare."""

    service_ms: float
    bare_ms: float
    ratio: Ratio


def measure(size: Size, tell: Tell) -> Outcome:
    """Compare both kinds of requests, and say where the service's CPU goes."""
    figures: list[Figure] = []
    tables: list[Table] = []
    with ready() as pairs:
        for pair in pairs:
            cpu = compare(pair, blocks=size.of(60, 4), requests=size.of(50, 5), tell=tell)
            note = f"{cpu.ratio}; {cpu.service_ms:.2f} ms ÷ {cpu.bare_ms:.2f} ms"
            figures.append(Figure(f"CPU of {pair.name} ÷ bare", cpu.ratio.value, "x", MOST, note))
            tables.append(_profile(pair, size.of(500, 5)))
    return Outcome(tuple(figures), tuple(tables))


def compare(pair: Pair, *, blocks: int, requests: int, tell: Tell) -> Cpu:
    """Make blocks of requests in turns, each side first in every other pair."""
    sides = (pair.service, pair.bare)
    taken: tuple[list[float], list[float]] = ([], [])
    for request in sides:
        cpu_seconds(request, requests)
    for block in range(blocks):
        for side in (0, 1) if block % 2 else (1, 0):
            taken[side].append(cpu_seconds(sides[side], requests))
        if block % 10 == 9:
            tell(f"{pair.name}: {block + 1} of {blocks} blocks of {requests} requests")
    found = Cpu(median(taken[0]) * 1000, median(taken[1]) * 1000, ratio(*taken))
    tell(f"{pair.name}: {found.ratio} times the CPU of a bare one")
    return found


# -- the two sides ---------------------------------------------------------------------------------


@contextmanager
def ready(log: IO[str] | None = None) -> Iterator[tuple[Pair, Pair]]:
    """The service and its bare counterparts, on recorded answers; `log` gets what is logged."""
    with ExitStack() as stack:
        sink = log or stack.enter_context(Path(os.devnull).open("w", buffering=1))
        stack.enter_context(logging_to(sink))
        recordings = record()
        keyring = Keyring.from_secret(json.loads(recordings.secret)["SecretString"])
        secret = {"GetSecretValue": recordings.secret}
        stack.enter_context(patch.dict(os.environ, {**deployed.AWS, **recordings.environment}))
        stack.callback(install_deployment, None)
        pairs = []
        for name, recording in (
            ("validate", recordings.validate),
            ("first login", recordings.first_login),
        ):
            endpoint = stack.enter_context(canned.running({**secret, **recording.answers}))
            urls = {
                "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
                "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
            }
            with patch.dict(os.environ, urls):
                service = Deployment.from_environ(os.environ, clock=lambda: recordings.now)
                service.rehearse()  # with clients that are made while the endpoints are named
                client = boto3.client("dynamodb")
            request = invoked(recording, service)
            _check(request(), recording)
            pairs.append(Pair(name, request, _bare(recording, client, keyring)))
        yield pairs[0], pairs[1]


def _check(result: str, recording: Recording) -> None:
    """The service does on recorded answers what it did when they were recorded."""
    answered = json.loads(result)
    assert answered["statusCode"] == recording.answer.status, answered
    assert json.loads(answered["body"]).keys() == recording.answer.json.keys(), answered


def _bare(recording: Recording, client: Any, keyring: Keyring) -> Request:
    """The same AWS calls, the same bytes signed, the same body answered."""
    payload = json.dumps(recording.event)
    key, _ = keyring._signer  # noqa: SLF001 - the key that leases are signed with
    signed = recording.answer.json["lease"]["token"].rpartition(".")[0].encode()
    reply = {"statusCode": recording.answer.status, "body": json.dumps(recording.answer.json)}
    methods = {
        "BatchGetItem": client.batch_get_item,
        "TransactWriteItems": client.transact_write_items,
    }
    calls = [(methods[operation], parameters) for operation, parameters in recording.calls]

    def handler(_event: Mapping[str, Any]) -> dict[str, Any]:
        for call, parameters in calls:
            call(**parameters)
        key.sign(signed)
        return reply

    def request() -> str:
        return json.dumps(handler(json.loads(payload)))

    return request


# -- where it goes ---------------------------------------------------------------------------------


def _profile(pair: Pair, requests: int) -> Table:
    found = sorted(shares(pair.service, requests).items(), key=lambda item: -item[1])
    shown = [(package, share) for package, share in found if share >= _LEAST_SHARE]
    rest = 1 - sum(share for _, share in shown)
    return Table(
        f"Where the CPU of {pair.name} goes (profiled: shares of its own time)",
        ("package", "share"),
        tuple((package, f"{share:.0%}") for package, share in [*shown, ("all others", rest)]),
    )
