"""What the pages about the package and the tests say is so: rules, transitions, paths, figures."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from licensing.domain.license import TRANSITIONS
from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.proof import FIGURES, quoted

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "shared" / "licensing" / "README.md"
HOW_BUILT = BUILT.read_text(encoding="utf-8")
HOW_PROVEN = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")

RULES = [f"R{number}" for number in range(1, 39)]
ROWS = re.findall(
    r"^\| (R\d+) \| .* \| \[`[\w/]+`\]\((.*)\) \| \[`(\w+)`\]\((.*)\) \|$", HOW_BUILT, re.MULTILINE
)
LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]*)\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
PATH = re.compile(r"[\w./-]*(?:/|\.(?:py|md|yaml|js|toml))")


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level = heading.partition(" ")[0]
    _, _, below = page.partition(f"\n{heading}\n")
    assert below, f"there is no {heading}"
    return re.split(rf"^#{{1,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


# -- how it is built -------------------------------------------------------------------------------


def test_every_rule_has_its_row_in_order() -> None:
    assert [rule for rule, *_ in ROWS] == RULES


@pytest.mark.parametrize(("rule", "module", "test", "_path"), ROWS, ids=RULES)
def test_a_rules_test_carries_its_number_and_its_module_tells_of_it(
    rule: str, module: str, test: str, _path: str
) -> None:
    assert f"r{int(rule[1:]):02d}" in test.split("_")
    assert (BUILT.parent / module).is_file()


@pytest.mark.thorough
def test_the_test_of_every_rule_is_in_the_short_run() -> None:
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    taken = set(re.findall(r"::(test_\w+)", collected))
    assert {test for *_, test, _ in ROWS} <= taken


def test_r21_the_diagram_shows_every_transition_and_no_other() -> None:
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", HOW_BUILT, re.DOTALL)
    shown = re.findall(r"^ +(\w+) --> (\w+): (\w+)", diagram, re.MULTILINE)
    assert sorted(shown) == sorted(
        (before, after, action)
        for (before, action), after in TRANSITIONS.items()
        if before != after
    )


def test_the_attributes_that_an_index_projects_are_told() -> None:
    indexes = Template(TEMPLATE).properties("LicenseTable", "GlobalSecondaryIndexes")
    for index in indexes["GlobalSecondaryIndexes"]:
        row = HOW_BUILT.partition(f"\n| `{index['IndexName']}` | ")[2].partition("\n")[0]
        told = set(CODE.findall(row))
        assert {key["AttributeName"] for key in index["KeySchema"]} <= told
        assert set(index["Projection"].get("NonKeyAttributes", [])) <= told


def test_every_path_to_change_exists_and_is_a_link() -> None:
    table = section(HOW_BUILT, "## Where to change what")
    linked = {link["label"].strip("`"): link["target"] for link in LINK.finditer(table)}
    paths = {name for name in CODE.findall(table) if PATH.fullmatch(name)}
    assert len(paths) > 20
    for path in paths:
        assert linked[path].rstrip("/").endswith(path.rstrip("/")), path


def test_every_module_that_is_named_exists() -> None:
    folders = (ROOT / name for name in ("shared", "functions", "tests"))
    files = [str(path) for folder in folders for path in folder.rglob("*.py")]
    named = {name for name in CODE.findall(HOW_BUILT) if re.fullmatch(r"[\w./-]+\.py", name)}
    assert len(named) > 20
    assert not [name for name in named if not any(file.endswith(f"/{name}") for file in files)]


# -- how it is proven ------------------------------------------------------------------------------


def test_the_promises_are_there() -> None:
    promises = section(HOW_PROVEN, "## Every promise, its test and the latest figure")
    assert promises.count("| [`test_") >= 30


def test_the_figures_beside_the_promises_are_the_latest_ones() -> None:
    assert quoted(HOW_PROVEN, json.loads(FIGURES.read_text())) == HOW_PROVEN
