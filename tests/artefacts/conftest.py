"""Fixtures: what ships, built for this machine once for each test process, and where it runs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.artefacts import building
from tests.artefacts.deployed import Deployed, deployed
from tests.artefacts.sandbox import Sandbox

if sys.platform != "linux":  # AWS's runtime interface client is made for no other system
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts, each in a folder of its name."""
    folder = tmp_path_factory.mktemp("built")
    building.for_this_machine(folder)
    return folder


@pytest.fixture(scope="session")
def sandbox(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Where functions run, with the layer that was built."""
    return Sandbox.of(built / building.LAYER, tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def service(engine: str, built: Path, sandbox: Sandbox) -> Iterator[Deployed]:
    """The service as it ships, deployed for all tests of one module."""
    with deployed(engine, built, sandbox) as deployment:
        yield deployment
