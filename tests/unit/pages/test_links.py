"""Every page of documentation: its links lead somewhere, and the tests that it names exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("events", "functions", "shared", "tests")
"""Where pages are, beside the root: other folders hold what was fetched or made."""

PAGES = sorted(
    page
    for found in (ROOT.glob("*.md"), *(ROOT.joinpath(name).rglob("*.md") for name in FOLDERS))
    for page in found
    if "node_modules" not in page.parts
)

_FENCED = re.compile(r"^( *)(```+).*?^\1\2$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
_SPAN = re.compile(r"`[^`\n]*`")
_TEST = re.compile(r"\[`(test_\w+)`\]\(([\w./]+)\)")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """What `#` can lead to, by GitHub's rule: a heading's words, in small letters, by hyphens."""
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        words = re.sub(r"\]\([^)]*\)", "", heading).lower()
        name = anchor = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{name}-{number}"
        found.add(anchor)
    return found


def broken(page: Path, text: str) -> list[str]:
    """The links in the text of a page that lead nowhere."""
    wrong = []
    for link in _LINK.findall(_SPAN.sub("", text)):
        if _ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        is_there = target.exists() and target.resolve().is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in anchors(prose(target))):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, prose(page)) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = ROOT / "functions" / "README.md"
    wrong = ["gone.md", "OPERATIONS.md#gone", "#gone", "template.yaml", "../../"]
    right = ["OPERATIONS.md#deploy", "../template.yaml", "#routes", "https://gone.example/x.md"]
    assert broken(page, " ".join(f"[`x`]({link})" for link in wrong + right)) == wrong
    assert anchors("# Two `words`, and 3\n## A\n## A\n") == {"two-words-and-3", "a", "a-1"}


def functions(path: Path) -> set[str]:
    """The names of a module's functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_test_that_is_named_exists(page: Path) -> None:
    for test, path in _TEST.findall(page.read_text(encoding="utf-8")):
        assert test in functions(page.parent / path), test
