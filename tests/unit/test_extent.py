"""A run takes on what its length allows: the rest is left to a longer one, and told so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import hypothesis.strategies
import pytest

def test_short() -> None: ...

@pytest.mark.parametrize("case", range(6))
@pytest.mark.sampled(3)
def test_sampled(case: int) -> None: ...

@pytest.mark.parametrize("case", range(4))
@pytest.mark.sampled(4, all=2)
def test_table(case: int) -> None: ...

@pytest.mark.thorough
def test_thorough() -> None: ...

@pytest.mark.proof
def test_sized() -> None: ...

@hypothesis.given(hypothesis.strategies.none())
def test_drawn(none: None) -> None: ...

@pytest.mark.only_proof
def test_proof() -> None: ...
"""


def ran(folder: Path, *options: str, test: str = "", tests: str = TESTS) -> set[str]:
    """The tests that took part."""
    file = folder / "test_extents.py"
    file.write_text(tests)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.extent", "-v"),
            *("-o", "markers=proof"),
            *(f"--rootdir={folder}", f"{file}{test}", *options),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return set(re.findall(r"::test_(\S+) PASSED", run.stdout))


def test_of_a_module_that_is_sampled_each_nth_test_takes_part(tmp_path: Path) -> None:
    marked = "import pytest\npytestmark = pytest.mark.sampled(2)\n"
    tests = "".join(f"def test_{name}() -> None: ...\n" for name in "abcde")
    assert ran(tmp_path, tests=marked + tests) == {"a", "c", "e"}


FURTHER = {"sized", "drawn"}
SAMPLES = {"sampled[0]", "sampled[3]", "table[0]"}
CASES = {f"sampled[{case}]" for case in range(6)}
TABLE = {f"table[{case}]" for case in range(4)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"short", *FURTHER, *SAMPLES}),
        (["--all"], {"short", "thorough", *FURTHER, *CASES, "table[0]", "table[2]"}),
        (["--rest"], {"thorough", *FURTHER, *CASES - SAMPLES, "table[2]"}),
        (["--prove"], {"short", "thorough", "proof", *FURTHER, *CASES, *TABLE}),
    ],
    ids=["test", "test-all", "test-rest", "prove"],
)
def test_each_run_takes_on_what_is_marked_for_it(
    tmp_path: Path, options: list[str], expected: set[str]
) -> None:
    assert ran(tmp_path, *options) == expected


def test_the_rest_has_once_more_what_runs_at_customers(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "cli"
    folder.mkdir(parents=True)
    assert "short" in ran(folder, "--rest", f"--rootdir={tmp_path}")


def test_a_test_that_is_named_runs_in_any_case(tmp_path: Path) -> None:
    assert ran(tmp_path, test="::test_thorough") == {"thorough"}
    assert ran(tmp_path, test="::test_sampled[1]") == {"sampled[1]"}
