"""Fixtures: a fresh world for each test, on AWS's own DynamoDB engine."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest

from tests.engine import dynamodb_local
from tests.local.template import STACK_NAME
from tests.world import World, new_world

pytest_plugins = [
    "tests.extent",
    "tests.proof",
    "tests.setup.plugin",
    "tests.slowest",
]

# What Powertools reads when it is imported: in Lambda, it is there from the start.
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", STACK_NAME)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage seldom, and only among what tests make.

    What is collected, and the modules behind it, are there to the end; a world has few cycles.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[str]:
    """The endpoint of a DynamoDB Local; one for each test process."""
    with dynamodb_local(lasts=pytestconfig.getoption("--prove")) as endpoint:
        yield endpoint


@pytest.fixture
def has_stream() -> bool:
    """Whether anybody reads the table's stream, which makes DynamoDB Local slow."""
    return False


@pytest.fixture
def world(engine: str, *, has_stream: bool) -> Iterator[World]:
    """A fresh world."""
    with new_world(engine, has_stream=has_stream) as fresh:
        yield fresh
