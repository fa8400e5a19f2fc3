"""Where the time of a run goes: its slowest files, its whole time, and the bound that it has.

Time is that of the tests with their fixtures, added up over all processes. A bound that is passed
is told and fails nothing: machines differ.
"""

import time
from collections import Counter

import pytest

SHOWN = 10
BOUNDS = {"usual": 5 * 60, "all": 12 * 60}
"""Seconds on two cores, by the extent of a run of all tests."""


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


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the slowest files, and the whole time."""
    if hasattr(config, "workerinput") or config.args_source is not config.ArgsSource.TESTPATHS:
        return
    clock = config.stash[_KEY]
    terminalreporter.section("slowest files")
    for file, seconds in clock.files.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:7.1f} s  {file}")
    taken = time.monotonic() - clock.started
    extent = "all" if config.getoption("--all") else "usual"
    told = f"{taken / 60:.1f} minutes in all; the bound is {BOUNDS[extent] / 60:.0f} on two cores"
    over = taken > BOUNDS[extent]
    terminalreporter.write_line(f"{'OVER ITS BOUND: ' if over else ''}{told}", red=over)
