"""How much of the tests a run takes on: `make test`, `make test-all`, its rest, or `make prove`.

- `make test` has every rule, every kind of test and every engine, at the size of five minutes.
- `make test-all` (`pytest --all`) has all of that and more, at the size of a quarter of an hour.
- `make test-rest` (`pytest --rest`) has what `make test-all` has beyond `make test`: the other
  tests, whatever goes further there, and once more what runs on customers' machines. After
  `make test` on one Python, it is for another.
- `make prove` (`pytest --prove`) has everything: all tests, the randomised ones at full length. It
  takes hours.

Three things make a run short:

- `SHARES`: of each file of a folder that takes long, a run takes each n-th test. `make test` also
  has whatever the table of the rules names (`shared/licensing/README.md`), and `make test-all`
  whatever the tables of the promises name (`tests/README.md`).
- `sampled(n, all=m)`: of these cases `make test` takes each n-th and `make test-all` each m-th (all
  of them, unless said), where the folder's share is no smaller one. A module that is marked as a
  whole counts its tests as cases.
- `thorough` is left to `make test-all`, `only_proof` to `make prove`.

One more test in a file changes which of them a run takes. Who names a folder or a file
(`pytest tests/integration`) has all of it, but for what is marked. A test that is named by itself
(`pytest FILE::TEST`) runs in any case.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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

SHARES: Mapping[str, Mapping[Extent, int]] = MappingProxyType(
    {
        folder: {Extent.TEST: test, Extent.TEST_ALL: test_all, Extent.PROVE: 1}
        for folder, test, test_all in (
            ("tests/integration/", 10, 3),
            ("tests/local/", 8, 4),
            ("tests/cli/", 8, 4),
            ("tests/agent/", 6, 3),
            ("tests/benchmarks/", 1, 4),
            ("tests/browser/", 8, 4),
            ("tests/concurrency/", 6, 2),
            ("tests/contract/", 4, 4),
            ("tests/deployment/", 4, 3),
            ("tests/faults/", 6, 3),
            ("tests/setup/", 4, 2),
        )
    }
)
"""Folders that take most of the time, and each how many-th test of a file a run takes."""

_RULES = Path(__file__).parents[1] / "shared" / "licensing" / "README.md"
_PROMISES = Path(__file__).with_name("README.md")
EXAMPLES = {Extent.TEST: 40, Extent.TEST_ALL: 60, Extent.PROVE: 100}
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
    """The tests of a run: those of each shorter one, and its own."""
    taken = {item for extent in Extent if extent <= wanted for item in _taken_by(items, extent)}
    return [item for item in items if item in taken]


def _taken_by(items: Sequence[pytest.Item], wanted: Extent) -> Iterator[pytest.Item]:
    """What a run takes by its own rule."""
    is_everything = all(any(item.nodeid.startswith(folder) for item in items) for folder in SHARES)
    shown = _shown(wanted)
    seen = Counter[str]()
    for item in items:
        if _is_left_to_a_longer_one(item, wanted):
            continue
        share = _share_of_its_folder(item, wanted) if is_everything else 1
        counted, step = _marked(item, wanted)
        is_shown = False
        if step < share:
            counted, step = item.nodeid.partition("::")[0], share
            is_shown = item.name.partition("[")[0] in shown
        if seen[counted] % step == 0 or is_shown:
            yield item
        seen[counted] += 1


def _shown(wanted: Extent) -> set[str]:
    """The tests that no share leaves to a longer run: of the rules, or of the promises."""
    if wanted is Extent.TEST:
        return set(re.findall(r"\btest_r\d\d_\w+", _RULES.read_text(encoding="utf-8")))
    return set(re.findall(r"`(test_\w+)`", _PROMISES.read_text(encoding="utf-8")))


def _share_of_its_folder(item: pytest.Item, wanted: Extent) -> int:
    shares = (share[wanted] for folder, share in SHARES.items() if item.nodeid.startswith(folder))
    return next(shares, 1)


def _marked(item: pytest.Item, wanted: Extent) -> tuple[str, int]:
    """What `sampled` is marked on, and each how many-th case of it is taken."""
    for marked, sampled in item.iter_markers_with_node("sampled"):
        steps = {Extent.TEST: sampled.args[0], Extent.TEST_ALL: sampled.kwargs.get("all", 1)}
        return marked.nodeid.partition("[")[0], int(steps.get(wanted, 1))
    return item.nodeid, 1


def _is_left_to_a_longer_one(item: pytest.Item, wanted: Extent) -> bool:
    if item.get_closest_marker("only_proof"):
        return wanted is not Extent.PROVE
    return wanted is Extent.TEST and item.get_closest_marker("thorough") is not None


def _goes_further(item: pytest.Item) -> bool:
    """Whether a test of the short run has more to do in the others, or on another Python."""
    is_drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return (
        is_drawn
        or item.get_closest_marker("proof") is not None
        or item.nodeid.startswith(AT_CUSTOMERS)
    )
