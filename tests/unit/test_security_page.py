"""What SECURITY.md promises: every threat and every line of the standard names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"\[`(test_\w+)`\]\(([\w/.]+)\)", PAGE)))
TEST = r"\[`test_\w+`\]\(tests/[\w/]+\.py\)"


def rows(heading: str) -> list[str]:
    """The rows of the table below a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize(("test", "path"), TESTS)
def test_a_test_that_is_named_exists(test: str, path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_threat_says_what_stops_it_and_names_tests() -> None:
    threats = rows("Who could do what")
    assert len(threats) >= 20
    for threat in threats:
        assert re.fullmatch(
            rf"\| \*\*[^|*]+\.\*\* [^|]+ \| [^|]+ \| {TEST}(, {TEST})* \|", threat
        ), threat


def test_every_line_of_the_standard_has_its_number_and_its_test_in_order() -> None:
    lines = rows("OWASP ASVS")
    assert len(lines) >= 30
    numbers = []
    for line in lines:
        found = re.fullmatch(rf"\| (\d+)\.(\d+)\.(\d+) \| [^|]+ \| {TEST} \|", line)
        assert found, line
        numbers.append(tuple(map(int, found.groups())))
    assert numbers == sorted(set(numbers))


def test_what_is_out_of_scope_is_said() -> None:
    section = PAGE.split("## What is out of scope\n")[1].split("\n## ")[0]
    assert section.count("\n- **") >= 5
