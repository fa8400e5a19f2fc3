"""A world on one engine: what is served does not depend on the database."""

from collections.abc import Iterator

import pytest

from tests.world import World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh world."""
    with new_world() as fresh:
        yield fresh
