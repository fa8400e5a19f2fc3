"""Fixtures: worlds, held against the served contract and the roles; what the service says."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from licensing.adapters import telemetry
from tests.contract import conformance
from tests.integration import permissions
from tests.integration.spoken import Spoken
from tests.world import World, new_world


@pytest.fixture
def world(world: World) -> Iterator[World]:
    """A fresh world.

    All that was answered in it is as the contract says, and no function needed what its role does
    not allow.
    """
    yield world
    conformance.assert_kept(world)
    permissions.assert_kept(world)


@pytest.fixture
def large_world(engine: str) -> Iterator[World]:
    """A fresh world on AWS's own engine alone, for volumes that moto takes minutes over."""
    with new_world(engine) as fresh:
        yield fresh
        conformance.assert_kept(fresh)


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Spoken]:
    """What is said from here on, with the service's log at its most talkative."""
    heard = Spoken(capsys, StringIO())
    for handler in telemetry.logger.handlers:
        monkeypatch.setattr(handler, "stream", heard.logged)
    others = logging.StreamHandler(heard.logged)
    others.setLevel(logging.INFO)
    logging.getLogger().addHandler(others)
    level = telemetry.logger.log_level
    telemetry.logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        telemetry.logger.setLevel(level)
        logging.getLogger().removeHandler(others)
