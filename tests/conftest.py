"""Fixtures: a fresh world for each test, on moto and on AWS's own DynamoDB engine."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.engine import dynamodb_local
from tests.world import World, new_world

pytest_plugins = ["tests.proof"]

# A CI run draws the same examples each time; what a random run finds becomes an example of its own.
hypothesis.settings.register_profile(
    "licensing", deadline=None, max_examples=100, derandomize="CI" in os.environ
)
hypothesis.settings.load_profile("licensing")


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The endpoint of a DynamoDB Local; one for each test process."""
    with dynamodb_local() as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", "dynamodb-local"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A fresh world, once on each engine."""
    endpoint = request.getfixturevalue("engine") if request.param == "dynamodb-local" else None
    with new_world(endpoint) as fresh:
        yield fresh
