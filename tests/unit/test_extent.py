"""A run takes on what its length allows: the rest is left to a longer one, and told so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extent import SHARES, Extent

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


def passed(folder: Path, path: str, *options: str) -> list[str]:
    """What took part of the tests there, by their ids."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.extent", "-v"),
            *("-o", "markers=proof", "--import-mode=importlib"),
            *(f"--rootdir={folder}", path, *options),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return re.findall(r"(\S+::test_\S+) PASSED", run.stdout)


def ran(folder: Path, *options: str, test: str = "", tests: str = TESTS) -> set[str]:
    """The tests that took part."""
    file = folder / "test_extents.py"
    file.write_text(tests)
    ids = passed(folder, f"{file}{test}", *options)
    return {one.partition("::test_")[2] for one in ids}


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


SHOWN = "r07_no_user_takes_part_after_issue"
PROMISED = "an_agent_alone_is_never_suspected_whatever_is_lost_or_late"
NAMES = ("a", "b", SHOWN, "r01_d", "e", PROMISED, *"ghijk")
MARKED = """
import pytest

@pytest.mark.sampled(2)
def test_often() -> None: ...

@pytest.mark.parametrize("case", range(20))
@pytest.mark.sampled(20, all=10)
def test_seldom(case: int) -> None: ...
"""


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A project with a file of tests in each folder that is shared."""
    for shared in SHARES:
        place = tmp_path / shared
        place.mkdir(parents=True)
        text = "".join(f"def test_{name}() -> None: ...\n" for name in NAMES)
        (place / "test_some.py").write_text(text + MARKED)
    return tmp_path


def of_integration(ids: list[str]) -> set[str]:
    """The tests of one folder."""
    return {one.partition("::test_")[2] for one in ids if "integration" in one}


def test_of_everything_a_run_takes_a_share_and_what_shows_a_rule_or_a_promise(
    everything: Path,
) -> None:
    where = str(everything / "tests")
    short, rest = passed(everything, where), passed(everything, where, "--rest")
    long = passed(everything, where, "--all")
    share = SHARES["tests/integration/"]
    assert (share[Extent.TEST], share[Extent.TEST_ALL]) == (10, 3)
    assert of_integration(short) == {"a", SHOWN, "k", "seldom[0]"}
    further = {"r01_d", PROMISED, "g", "j", "seldom[10]"}
    assert of_integration(long) == of_integration(short) | further
    assert {*short, *rest} == {*long}
    assert of_integration(rest) == further


def test_a_proof_of_everything_has_all_that_others_leave_out(everything: Path) -> None:
    proof = passed(everything, str(everything / "tests"), "--prove")
    assert len(proof) == len(SHARES) * (len(NAMES) + 1 + 20)


def test_of_a_folder_that_is_named_a_short_run_takes_all_but_what_is_marked(
    everything: Path,
) -> None:
    place = str(everything / "tests" / "integration")
    assert of_integration(passed(everything, place)) == {*NAMES, "often", "seldom[0]"}


def test_make_prove_leaves_nothing_out() -> None:
    (line,) = re.findall(r"^\t.* --prove .*$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r" (-\w|--[a-z]+)", line) == ["--prove", "-n", "--dist", "--without"]
