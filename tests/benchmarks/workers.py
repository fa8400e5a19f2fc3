"""Processes that work for a benchmark, each as fresh as an execution environment of Lambda."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

_USED = ("boto3", "cryptography.x509", "moto", "pydantic", "tests.benchmarks.population")


@contextmanager
def workers(count: int, environment: Mapping[str, str]) -> Iterator[ProcessPoolExecutor]:
    """So many processes in an environment; what they write to their output, nobody reads."""
    context = get_context("forkserver")  # with no thread and no client to inherit
    context.set_forkserver_preload([*_USED])
    with ProcessPoolExecutor(count, context, _begin, (environment,)) as pool:
        yield pool


def _begin(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Lambda would take the handler's log
