"""Fixtures: worlds in which every answer is held against the contract that the service serves."""

from collections.abc import Iterator

import pytest

from tests.contract import conformance
from tests.world import World, new_world


@pytest.fixture
def world(world: World) -> Iterator[World]:
    """A fresh world, once on each engine; all that was answered in it is as the contract says."""
    yield world
    conformance.assert_kept(world)


@pytest.fixture
def large_world(engine: str) -> Iterator[World]:
    """A fresh world on AWS's own engine alone, for volumes that moto takes minutes over."""
    with new_world(engine) as fresh:
        yield fresh
        conformance.assert_kept(fresh)
