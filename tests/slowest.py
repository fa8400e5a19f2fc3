"""Where the time of a run goes: its slowest files, its whole time, and the bound that it has.

Time is that of the tests with their fixtures, added up over all processes. A bound that is passed
is told and fails nothing: machines differ.
"""

import os
import time
from collections import Counter

import pytest

from tests.extent import Extent, extent

SHOWN = 10
BOUNDS = {Extent.TEST: 5, Extent.TEST_ALL: 14}
"""Minutes on two cores, of a run that names no part of the tests."""
REST_BOUND = 9
"""Those of `make test-rest`."""
CI_BOUND = 20
"""Those of all that CI does: its first steps take six, and tests are its last."""


class Clock:
    """What a run has taken so far."""

    def __init__(self) -> None:
        """It begins now."""
        self.started = time.monotonic()
        self.files: Counter[str] = Counter()


_KEY = pytest.StashKey[Clock]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the clock."""
    config.stash[_KEY] = Clock()
    config.pluginmanager.register(_Reports(config.stash[_KEY]))


class _Reports:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test's time for its file."""
        self._clock.files[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the slowest files, and the whole time."""
    whole = config.args_source is config.ArgsSource.TESTPATHS
    if not whole or config.option.collectonly or hasattr(config, "workerinput"):
        return
    clock = config.stash[_KEY]
    terminalreporter.section("slowest files")
    for file, seconds in clock.files.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:7.1f} s  {file}")
    minutes = (time.monotonic() - clock.started) / 60
    bound = REST_BOUND if config.getoption("--rest") else BOUNDS.get(extent(config))
    _tell(terminalreporter, "this run", minutes, bound)
    if began := os.environ.get("CI_BEGAN"):
        _tell(terminalreporter, "CI so far", (time.time() - int(began)) / 60, CI_BOUND)


def _tell(
    terminalreporter: pytest.TerminalReporter, what: str, minutes: float, bound: int | None
) -> None:
    over = bound is not None and minutes > bound
    told = f"; OVER ITS BOUND of {bound} on two cores" if over else ""
    terminalreporter.write_line(f"{what}: {minutes:.1f} minutes{told}", red=over)
