"""Fixture: a stage for the faults of one module, on AWS's own DynamoDB engine."""

from collections.abc import Iterator

import pytest

from tests.faults.stage import Stage
from tests.world import new_world


@pytest.fixture(scope="module")
def stage(engine: str) -> Iterator[Stage]:
    """One world for all cells of a module, in which nobody waits."""
    with new_world(engine) as world:
        stage = Stage(world)
        with stage.nobody_waits():
            yield stage
