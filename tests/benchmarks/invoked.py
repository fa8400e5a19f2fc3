"""A function's handler as Lambda's runtime calls it, what it prints put elsewhere, and its CPU."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from licensing.adapters import telemetry
from licensing.entrypoints.deployment import Deployment, install_deployment
from tests.benchmarks import deployed
from tests.benchmarks.recorded import Recording
from tests.world import Context

Request = Callable[[], str]
"""Makes a request; its result as JSON."""


def invoked(recording: Recording, service: Deployment) -> Request:
    """The request that was recorded, by the handler that it is for."""
    function = deployed.read().functions[recording.function]
    module, _, attribute = function.handler.rpartition(".")
    handler = getattr(import_module(module), attribute)
    payload = json.dumps(recording.event)

    def request() -> str:
        install_deployment(service)
        return json.dumps(handler(json.loads(payload), Context(function, str(uuid4()))))

    return request


def cpu_seconds(request: Request, requests: int) -> float:
    """The CPU of one request, in the mean of so many."""
    before = time.process_time()
    for _ in range(requests):
        request()
    return (time.process_time() - before) / requests


@contextmanager
def silence() -> Iterator[None]:
    """Send log lines and metrics nowhere."""
    with Path(os.devnull).open("w", buffering=1) as nowhere, logging_to(nowhere):
        yield


@contextmanager
def logging_to(sink: IO[str]) -> Iterator[None]:
    """Send log lines and metrics there, as Lambda sends what is printed to CloudWatch."""
    handler: Any = telemetry.logger.registered_handler
    before = handler.setStream(sink)
    try:
        with redirect_stdout(sink):
            yield
    finally:
        handler.setStream(before or handler.stream)
