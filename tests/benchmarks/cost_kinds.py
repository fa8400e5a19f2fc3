"""The kinds of validations that cost is told of, each made once and then played again.

What this module guarantees: a kind is an operation of the budgets, so what it takes of DynamoDB is
asserted in each run of the tests; and it is one HTTP request.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Final
from unittest.mock import patch

from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.benchmarks import canned, deployed
from tests.benchmarks.invoked import Request, cpu_seconds, invoked, logging_to
from tests.benchmarks.recorded import Recording, listening
from tests.integration.budgets import BUDGETS, Stage
from tests.world import ALICE, new_world

NO_WRITE: Final = "without a write"
USUAL: Final = "the usual one, which writes its link"
WITH_DEVICE_KEY: Final = "with a device key"
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NO_WRITE: "validate, lease in its first half",
        USUAL: "validate, lease renewed",
        WITH_DEVICE_KEY: "validate, device key proved, lease renewed",
    }
)
"""Each with its operation in the budgets."""
_FUNCTION: Final = "ValidateFunction"


@dataclass(frozen=True, slots=True)
class Played:
    """What one request took here: CPU, lines that functions log and their bytes, answered bytes.

    ``answer_bytes`` are of the body and of the headers that the function makes.
    """

    cpu_ms: float
    lines: int
    line_bytes: int
    answer_bytes: int


def play(kind: str, *, blocks: int, requests: int) -> Played:
    """Make one request of a kind again and again, on the answers that AWS gave once."""
    log = io.StringIO()
    with logging_to(log), _served(kind) as request:
        return played(request, log, blocks=blocks, requests=requests)


def played(request: Request, log: io.StringIO, *, blocks: int, requests: int) -> Played:
    """What a request takes, the first one aside; `log` is where its lines go."""
    request()
    begun = log.tell()
    answer = json.loads(request())
    said = log.getvalue()[begun:]
    cpu = [cpu_seconds(request, requests) for _ in range(blocks)]
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer["headers"].items())
    size = len(answer["body"].encode()) + len(headers.encode())
    return Played(median(cpu) * 1000, len(said.splitlines()), len(said.encode()), size)


@contextmanager
def _served(kind: str) -> Iterator[Request]:
    """The handler as Lambda's runtime calls it, with the clock where it stood."""
    with new_world() as world, listening(world) as heard:
        world.register("acme")
        stage = Stage(world, world.login(ALICE).json)
        budget = BUDGETS[KINDS[kind]]
        budget.before(stage)
        calls, exchanges = len(world.calls), len(world.exchanges)
        budget.operation(stage)
        (exchange,) = world.exchanges[exchanges:]
        assert exchange.answer.json["valid"], exchange.answer
        made = tuple(world.calls[calls:])
        answers = {name: heard[name] for name in ("GetSecretValue", *(name for name, _ in made))}
        recording = Recording(_FUNCTION, exchange.event, made, answers, exchange.answer)
        now, environment = world.clock(), world.deployed.environment
    with canned.running(recording.answers) as endpoint:
        urls = {f"AWS_ENDPOINT_URL_{name}": endpoint for name in ("DYNAMODB", "SECRETS_MANAGER")}
        with patch.dict(os.environ, {**deployed.AWS, **environment, **urls}):
            service = Deployment.from_environ(os.environ, clock=lambda: now)
            service.rehearse()  # with clients that are made while the endpoints are named
        try:
            request = invoked(recording, service)
            answered = json.loads(json.loads(request())["body"])
            assert answered["valid"], answered
            yield request
        finally:
            install_deployment(None)
