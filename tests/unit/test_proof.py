"""The figures of randomised tests: told, kept, and repeatable by their seed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.extent import Extent
from tests.proof import Figure, Proof, keep, quoted

ROOT = Path(__file__).parents[2]
UNLUCKY = """
from tests.proof import Proof

def test_unlucky(proof: Proof) -> None:
    assert proof.seed == 0

def test_lucky(proof: Proof) -> None:
    assert proof.seed != 0
"""


def proof(extent: Extent = Extent.TEST, *, seed: int = 7) -> Proof:
    return Proof("test_of_chance", extent, seed, [])


@pytest.mark.parametrize(("extent", "size"), [*zip(Extent, (1, 10, 100), strict=True)])
def test_a_longer_run_goes_further(extent: Extent, size: int) -> None:
    assert proof(extent).of(test=1, test_all=10, prove=100) == size


def test_the_same_seed_gives_the_same_seeds_of_any_number() -> None:
    assert proof().seeds(5) == proof(Extent.PROVE).seeds(9)[:5]
    assert proof().seeds(5) != proof(seed=8).seeds(5)


def test_a_figure_is_told_with_its_seed_where_chance_took_part() -> None:
    one = proof()
    one.found("10 rounds", planted="in round 2")
    one.found("20 cells", is_random=False)
    told = [value for _, value in one.properties]
    assert told == [
        {"test": "test_of_chance", "found": "10 rounds", "seed": 7, "planted": "in round 2"},
        {"test": "test_of_chance", "found": "20 cells", "seed": None, "planted": None},
    ]


def printed(path: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "tests.extent", "-p", "tests.proof"]
    where = [f"--rootdir={path.parent}", str(path)]
    # Without what this run was told: its coverage would be taken for that one's, and erased.
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    run = subprocess.run(
        [*command, *where, *options],
        check=False,
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stdout
    return run.stdout


def test_a_failure_tells_the_seed_that_repeats_it(tmp_path: Path) -> None:
    path = tmp_path / "test_chance.py"
    path.write_text(UNLUCKY)
    told = re.findall(r"(?m)^pytest '\S*::(\w+)' --seed (\d+)$", printed(path))
    assert [name for name, _ in told] == ["test_unlucky"]
    assert f"assert {told[0][1]} == 0" in printed(path, "--seed", told[0][1])


def test_figures_are_kept_beside_those_of_tests_that_did_not_run(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    keep([Figure("test_a", "1 round"), Figure("test_b", "2 rounds")], path)
    keep([Figure("test_b", "3 rounds", seed=5, planted="at once")], path)
    kept = json.loads(path.read_text())
    assert {name: figure["found"] for name, figure in kept.items()} == {
        "test_a": "1 round",
        "test_b": "3 rounds",
    }
    assert (kept["test_b"]["seed"], kept["test_b"]["planted"]) == (5, "at once")


def test_the_page_tells_the_latest_figure_beside_each_promise() -> None:
    page = (
        "| seats | [`test_seats`](tests/a.py) | |\n"
        "| keys | [`test_keys`](tests/b.py) | what was found before |\n"
        "| more | [`test_more`](tests/c.py) | kept |\n"
    )
    figures: dict[str, dict[str, Any]] = {
        "test_seats[0]": {"found": "1 round", "planted": None, "on": "2030-01-01"},
        "test_seats[1]": {"found": "2 rounds", "planted": "in round 1", "on": "2030-01-02"},
        "test_keys": {"found": "3 keys", "planted": None, "on": "2030-01-03"},
    }
    told = quoted(page, figures)
    assert told == (
        "| seats | [`test_seats`](tests/a.py) | 1 round (2030-01-01)<br>"
        "2 rounds; planted: in round 1 (2030-01-02) |\n"
        "| keys | [`test_keys`](tests/b.py) | 3 keys (2030-01-03) |\n"
        "| more | [`test_more`](tests/c.py) | kept |\n"
    )
    assert quoted(told, figures) == told
