"""How far the randomised tests go, and the figures that they come to.

Such a test has a size for each extent of a run (`tests.extent`). `make prove` runs it at full
length, keeps what each one found in `tests/figures.json`, and writes it into `tests/README.md`,
beside the promises. A run's seed is printed with its figures, and with each failure; `--seed`
repeats it.
"""

import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.extent import Extent, extent

FIGURES = Path(__file__).parent / "figures.json"
PAGE = Path(__file__).with_name("README.md")

SEED = 1
"""Of every run but `make prove`, unless `--seed` names another."""

_PROPERTY = "figure"
_SEED = "seed"
_PROMISE = re.compile(r"(?m)^(\| .* \| \[`(?P<test>test_\w+)`\]\([^)]*\) \|)(?P<figure>[^|\n]*)\|$")
_SHOWN = 2
_Size = TypeVar("_Size")


@dataclass(frozen=True)
class Figure:
    """What one test found: its words, the seed to repeat it with, the bug planted to test it."""

    test: str
    found: str
    seed: int | None = None
    planted: str | None = None


@dataclass(frozen=True)
class Proof:
    """One test's share: how far it goes in this run; `seed` drives its chance."""

    test: str
    extent: Extent
    seed: int
    properties: list[tuple[str, object]] = field(repr=False)

    @property
    def full(self) -> bool:
        """Whether it is run at full length."""
        return self.extent is Extent.PROVE

    def of(self, *, test: _Size, test_all: _Size, prove: _Size) -> _Size:
        """What fits the length of this run: of `make test`, `make test-all` or `make prove`."""
        sizes = {Extent.TEST: test, Extent.TEST_ALL: test_all, Extent.PROVE: prove}
        return sizes[self.extent]

    def seeds(self, count: int) -> list[int]:
        """So many seeds, all drawn from `seed`."""
        chance = random.Random(self.seed)  # noqa: S311 - reproducible, not secret
        return [chance.getrandbits(32) for _ in range(count)]

    def found(self, words: str, *, planted: str | None = None, is_random: bool = True) -> None:
        """Report a figure; `planted` says how the bug that was planted was caught."""
        seed = self.seed if is_random else None
        self.properties.append((_PROPERTY, asdict(Figure(self.test, words, seed, planted))))


def drawn_seed(extent: Extent) -> int:
    """Any for `make prove`, which searches. The other runs check, and draw the same each time.

    What a search finds becomes an example of its own.
    """
    return random.SystemRandom().getrandbits(32) if extent is Extent.PROVE else SEED


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """How far to go, and where to tell what was found."""
    wanted: int | None = request.config.getoption("--seed")
    seed = drawn_seed(extent(request.config)) if wanted is None else wanted
    request.node.user_properties.append((_SEED, seed))
    return Proof(
        test=request.node.name,
        extent=extent(request.config),
        seed=seed,
        properties=request.node.user_properties,
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("proof")
    group.addoption("--seed", type=int, help="the seed of randomised tests, to repeat a run")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "proof: goes further in `make prove`, and tells a figure")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show all figures and how to repeat what failed; keep those of a run at full length."""
    figures = sorted(_told(terminalreporter.stats), key=lambda figure: figure.test)
    repeated = sorted(_repeated(terminalreporter.stats))
    if repeated:
        terminalreporter.section("failed by chance: to repeat")
        for line in repeated:
            terminalreporter.write_line(line)
    if not figures:
        return
    terminalreporter.section("figures")
    for figure in figures:
        terminalreporter.write_line(_line(figure))
    if config.getoption("--prove"):
        keep(figures)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(quoted(page, json.loads(FIGURES.read_text())), encoding="utf-8")


def keep(figures: Iterable[Figure], path: Path = FIGURES) -> None:
    """Write figures beside those of tests that did not run this time."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    today = datetime.now(UTC).date().isoformat()
    for figure in figures:
        known[figure.test] = {
            "found": figure.found,
            "seed": figure.seed,
            "planted": figure.planted,
            "on": today,
        }
    path.write_text(json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def quoted(page: str, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with the latest figure beside each promise whose test tells one."""

    def row(promise: re.Match[str]) -> str:
        test = promise["test"]
        found = [
            "; ".join(filter(None, [figure["found"], planted(figure)])) + f" ({figure['on']})"
            for name, figure in sorted(figures.items())
            if name.partition("[")[0] == test
        ]
        if len(found) > _SHOWN:
            found[1:] = [f"and {len(found) - 1} more like this"]
        return f"{promise[1]} {'<br>'.join(found)} |" if found else promise[0]

    def planted(figure: Mapping[str, Any]) -> str | None:
        return f"planted: {figure['planted']}" if figure["planted"] else None

    return _PROMISE.sub(row, page)


def _told(stats: Mapping[str, list[Any]]) -> list[Figure]:
    """The figures of all tests that passed."""
    return [
        Figure(**value)
        for report in stats.get("passed", [])
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _PROPERTY and isinstance(value, dict)
    ]


def _repeated(stats: Mapping[str, list[Any]]) -> list[str]:
    """How to repeat each randomised test that failed, with the seed it failed with."""
    return [
        f"pytest '{report.nodeid}' --seed {value}"
        for report in stats.get("failed", [])
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == _SEED
    ]


def _line(figure: Figure) -> str:
    more = [figure.found]
    if figure.planted:
        more.append(f"planted: {figure.planted}")
    if figure.seed is not None:
        more.append(f"seed {figure.seed}")
    return f"{figure.test}: {'; '.join(more)}"
