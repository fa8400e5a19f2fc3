"""Leaves out the tests whose needs are not here, says so first and last, and fails for it.

Unless it is told to go on without: `pytest --without browser`, `make test WITHOUT=browser`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.setup.needs import Need, NotHereError
from tests.setup.registry import NEEDS, names

_OPTION = "--without"
_SENT = "left_out"


class LeftOut:
    """What one run leaves out."""

    def __init__(self, without: frozenset[str]) -> None:
        """`without` names the needs that somebody said may be missing."""
        self.without = without
        self.files: dict[str, Counter[str]] = {}
        """How many tests of each file, by the name of the need that they miss."""
        self._why: dict[str, str | None] = {}

    def why(self, need: Need) -> str | None:
        """Why a need is not met; None if it is."""
        if need.name in self.without:
            return "not wanted"
        if need.name not in self._why:
            try:
                need.found()
            except NotHereError as error:
                self._why[need.name] = str(error)
            else:
                self._why[need.name] = None
        return self._why[need.name]

    def advice(self, need: Need) -> str:
        """What to do about it, unless somebody said that it may be missing."""
        return "" if need.name in self.without else f" {need.advice}."

    def add(self, need: str, file: str, tests: int = 1) -> None:
        """Count tests that are left out."""
        self.files.setdefault(need, Counter())[file] += tests

    @property
    def missing(self) -> list[Need]:
        """The needs that tests miss, though nobody said that they may be missing."""
        missed = [need for need in NEEDS if need.name in self.files and not need.is_optional]
        return [need for need in missed if need.name not in self.without]

    def told(self) -> Iterator[str]:
        """What is left out, and what to do."""
        for need in NEEDS:
            if files := self.files.get(need.name):
                yield (
                    f"{need.title}: {self.why(need)}. {files.total()} tests are left out, in "
                    f"{', '.join(sorted(files))}.{self.advice(need)}"
                )


_KEY = pytest.StashKey[LeftOut]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("needs").addoption(
        _OPTION,
        type=names,
        default=frozenset(),
        metavar="NAME,...",
        help=f"go on without: {', '.join(need.name for need in NEEDS)}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "needs(name): is left out where this is not here")
    config.stash[_KEY] = LeftOut(config.getoption(_OPTION))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say first what is missing; of a part of the tests, only at the end what it misses."""
    left_out = config.stash[_KEY]
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return []
    return [
        f"missing: {need.title}: {why}. Its tests are left out.{left_out.advice(need)}"
        for need in NEEDS
        if (why := left_out.why(need)) is not None
    ]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, of what this run is about, what cannot be run."""
    left_out = config.stash[_KEY]
    kept: list[pytest.Item] = []
    taken: list[pytest.Item] = []
    for item in items:
        missed = [need for need in _needs(item) if left_out.why(need) is not None]
        for need in missed[:1]:
            left_out.add(need.name, item.nodeid.partition("::")[0])
        (taken if missed else kept).append(item)
    if taken:
        config.hook.pytest_deselected(items=taken)
        items[:] = kept
    if hasattr(config, "workeroutput"):  # each process collects the same tests
        config.workeroutput[_SENT] = {need: dict(files) for need, files in left_out.files.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - named by pytest-xdist
    """Take over what the processes that ran the tests have left out."""
    left_out = node.config.stash[_KEY]
    if not left_out.files:
        for need, files in getattr(node, "workeroutput", {}).get(_SENT, {}).items():
            for file, tests in files.items():
                left_out.add(need, file, tests)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail for what is missing, though nobody said that it may be."""
    if session.config.option.collectonly:
        return
    passed = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    if passed and session.config.stash[_KEY].missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what is missing."""
    lines = list(terminalreporter.config.stash[_KEY].told())
    if lines:
        terminalreporter.section("missing", red=True)
        for line in lines:
            terminalreporter.write_line(line)


def _needs(item: pytest.Item) -> list[Need]:
    fixtures = set(getattr(item, "fixturenames", ()))
    named = {mark.args[0] for mark in item.iter_markers("needs")}
    if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        named |= {value for value in item.callspec.params.values() if isinstance(value, str)}
    return [need for need in NEEDS if need.name in named or need.fixtures & fixtures]
