"""Tests whose needs are not here are left out in words, and fail a run that was not told to."""

import os
import subprocess
import sys

import pytest

from tests.setup.needs import ROOT

RUN = ("tests/browser/test_signing_in.py", "tests/unit/domain/test_jws.py")


def ran(
    *options: str, processes: int = 0, of: tuple[str, ...] = RUN, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """A run on a machine without a browser."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"-n{processes}", *options, *of],
        cwd=ROOT,
        env=kept | {"CHROMIUM": "no-such-browser"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.sampled(2)
@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_without_a_browser_fails_and_says_what_is_missing_and_what_to_do(
    processes: int,
) -> None:
    ended = ran(processes=processes)
    assert ended.returncode == 1
    last = ended.stdout.rpartition("missing")[2]
    for word in ("no-such-browser is not there", "tests are left out", RUN[0], "WITHOUT=browser"):
        assert word in last
    assert " passed" in last
    assert "failed" not in last


def test_a_run_that_is_told_to_go_on_without_passes_and_says_so() -> None:
    ended = ran("--without", "browser")
    assert ended.returncode == 0
    last = ended.stdout.rpartition("missing")[2]
    assert "not wanted" in last
    assert RUN[0] in last
    assert "WITHOUT" not in last


def test_a_run_without_what_nothing_brings_passes_and_says_so() -> None:
    clients = "tests/contract/clients/test_clients.py"
    ended = ran("-k", "jdk or unit", of=(clients, RUN[1]), PATH="/no-such-folder", JAVA_HOME="")
    assert ended.returncode == 0
    last = ended.stdout.rpartition("missing =")[2]
    for word in ("javac, is missing", "tests are left out", clients, "JAVA_HOME"):
        assert word in last


def test_nobody_goes_on_without_what_there_is_not() -> None:
    ended = ran("--without", "brwoser")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "brwoser is none of browser, clients, dynamodb-local" in ended.stderr
