"""What README.md promises: each rule and each promise names a module and a test that exist."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from licensing.domain.validation import Code
from licensing_build.openapi import operations
from tests.proof import FIGURES, quoted

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = [f"R{number}" for number in range(1, 36)]
ROWS = re.findall(
    r"^\| (R\d+) \| .* \| \[`[\w/]+`\]\((.*)\) \| \[`(\w+)`\]\((.*)\) \|$", README, re.MULTILINE
)
TESTS = re.findall(r"\[`(test_\w+)`\]\(([\w/.]+)\)", README)
CODE = re.compile(r"`(\w+)`")
LINKS = re.findall(r"\]\(([\w][\w./-]*)\)", README)


def functions(path: str) -> set[str]:
    """The names of a module's functions."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_rule_has_its_row_in_order() -> None:
    assert [rule for rule, *_ in ROWS] == RULES


@pytest.mark.parametrize(("rule", "module", "test", "_path"), ROWS, ids=RULES)
def test_a_rules_test_carries_its_number_and_its_module_tells_of_it(
    rule: str, module: str, test: str, _path: str
) -> None:
    assert f"r{int(rule[1:]):02d}" in test.split("_")
    assert (ROOT / module).is_file()


@pytest.mark.parametrize(("test", "path"), TESTS)
def test_a_test_that_is_named_exists(test: str, path: str) -> None:
    assert test in functions(path)


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


def test_every_link_leads_somewhere() -> None:
    assert not [link for link in LINKS if not (ROOT / link).exists()]


def test_the_promises_are_there() -> None:
    promises = README.split("## What it promises")[1].split("## Every rule")[0]
    assert promises.count("| [`test_") >= 10


def test_every_route_stands_in_the_table_of_the_api() -> None:
    table = README.split("## The API")[1].split("The codes of a validation")[0]
    for route in operations():
        path = re.sub(r"\{\w+\}", "{id}", route.path)
        stem, _, verb = path.rpartition("/")
        assert path in table or (stem in table and f"`{verb}`" in table), path


def test_r13_every_code_that_stops_an_agent_stands_in_the_table_for_operators() -> None:
    table = README.split("| the agent's code |")[1].split("\n\n")[0]
    told = {code for row in table.splitlines() for code in CODE.findall(row.split(" | ")[0])}
    assert told >= {code.value for code in Code if code is not Code.VALID}


def test_the_figures_beside_the_promises_are_the_latest_ones() -> None:
    assert quoted(README, json.loads(FIGURES.read_text())) == README
