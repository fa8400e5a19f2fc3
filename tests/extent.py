"""How much of the tests a run takes on: `make test`, `make test-all`, its rest, or `make prove`.

- `make test` has every rule, every kind of test and every engine, at the size of five minutes. Of
  each file of the folders in `SHARES` it takes each n-th test, and whatever the table of the rules
  names (`shared/licensing/README.md`). Who names a folder or a file (`pytest tests/integration`)
  has all of it.
- `make test-all` (`pytest --all`) has all tests, but for a few long tables: of what is marked
  `sampled(n, all=m)`, `make test` takes each n-th case and `make test-all` each m-th (all of them,
  unless said). A module that is marked as a whole counts its tests as cases: one more changes
  which of them the short run takes. What is marked `thorough` `make test` leaves out.
- `make test-rest` (`pytest --rest`) has what `make test` leaves to `make test-all`: the other
  cases, whatever goes further there, and once more what runs on customers' machines. After
  `make test` on one Python, it is for another.
- `make prove` (`pytest --prove`) runs the randomised tests at full length, the long tables as a
  whole, and alone what is marked `only_proof`.

A test that is named by itself (`pytest FILE::TEST`) runs in any case.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

import hypothesis
import pytest


class Extent(IntEnum):
    """The three of them, each more than the one before."""

    TEST = 1
    TEST_ALL = 2
    PROVE = 3


AT_CUSTOMERS = ("tests/unit", "tests/agent", "tests/cli")
"""Folders whose tests the rest has once more: agents and command lines run on any Python."""

SHARES: Mapping[str, int] = MappingProxyType(
    {
        "tests/integration/": 8,
        "tests/local/": 8,
        "tests/cli/": 8,
        "tests/agent/": 6,
        "tests/browser/": 4,
        "tests/concurrency/": 4,
        "tests/contract/": 4,
        "tests/deployment/": 4,
        "tests/faults/": 4,
        "tests/setup/": 4,
    }
)
"""Folders that take most of the time, and each how many-th test of a file a short run takes."""

_RULES = Path(__file__).parents[1] / "shared" / "licensing" / "README.md"

EXAMPLES = {Extent.TEST: 40, Extent.TEST_ALL: 100, Extent.PROVE: 100}
"""How many Hypothesis draws, unless a test says otherwise."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("extent")
    group.addoption("--all", action="store_true", help="run all cases, as `make test-all` does")
    group.addoption("--rest", action="store_true", help="run what `make test` leaves out of it")
    group.addoption("--prove", action="store_true", help="run randomised tests at full length")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and let Hypothesis draw as many examples as fit this run.

    Only `make prove` searches: the other runs draw the same ones each time, and what a search finds
    becomes an example of its own. No run fails for drawing slowly: that is the machine's.
    """
    hypothesis.settings.register_profile(
        "licensing",
        deadline=None,
        max_examples=EXAMPLES[extent(config)],
        derandomize=extent(config) is not Extent.PROVE,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("licensing")
    config.addinivalue_line("markers", "sampled(n, all=m): take each n-th, each m-th case")
    config.addinivalue_line("markers", "thorough: takes part in `make test-all`")
    config.addinivalue_line("markers", "only_proof: takes part in `make prove` alone")


def extent(config: pytest.Config) -> Extent:
    """That of this run."""
    if config.getoption("--prove"):
        return Extent.PROVE
    is_all = config.getoption("--all") or config.getoption("--rest")
    return Extent.TEST_ALL if is_all else Extent.TEST


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what this run leaves to a longer one."""
    if any("::" in argument for argument in config.args):
        return
    kept = _part_of(items, extent(config))
    if config.getoption("--rest"):
        short = set(_part_of(items, Extent.TEST))
        kept = [item for item in kept if item not in short or _goes_further(item)]
    if len(kept) < len(items):
        taken = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in taken])
        items[:] = kept


def _part_of(items: Sequence[pytest.Item], wanted: Extent) -> list[pytest.Item]:
    seen = Counter[str]()
    part = [item for item in items if _takes_part(item, wanted, seen)]
    is_everything = all(any(item.nodeid.startswith(folder) for item in items) for folder in SHARES)
    return _shared(part) if wanted is Extent.TEST and is_everything else part


def _shared(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Of each file its folder's share, and the tests that show a rule."""
    shown = set(re.findall(r"\btest_r\d\d_\w+", _RULES.read_text(encoding="utf-8")))
    tests, kept = Counter[str](), []
    for item in items:
        folder = next((one for one in SHARES if item.nodeid.startswith(one)), None)
        if folder is None or item.get_closest_marker("sampled"):
            kept.append(item)
            continue
        file = item.nodeid.partition("::")[0]
        name = item.name.partition("[")[0]
        if tests[file] % SHARES[folder] == 0 or name in shown:
            kept.append(item)
        tests[file] += 1
    return kept


def _goes_further(item: pytest.Item) -> bool:
    """Whether a test of the short run has more to do in the others, or on another Python."""
    is_drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return (
        is_drawn
        or item.get_closest_marker("proof") is not None
        or item.nodeid.startswith(AT_CUSTOMERS)
    )


def _takes_part(item: pytest.Item, wanted: Extent, seen: Counter[str]) -> bool:
    if item.get_closest_marker("only_proof"):
        return wanted is Extent.PROVE
    if wanted is Extent.TEST and item.get_closest_marker("thorough"):
        return False
    for marked, sampled in item.iter_markers_with_node("sampled"):
        steps = {Extent.TEST: sampled.args[0], Extent.TEST_ALL: sampled.kwargs.get("all", 1)}
        whole = marked.nodeid.partition("[")[0]
        seen[whole] += 1
        return (seen[whole] - 1) % int(steps.get(wanted, 1)) == 0
    return True
