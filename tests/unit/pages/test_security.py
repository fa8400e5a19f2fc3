"""What SECURITY.md promises: each threat names tests; each line of the standard is there once."""

import re
from collections import Counter

import pytest

from tests.unit.pages.asvs import LEVELS, NUMBERS
from tests.unit.pages.test_links import ROOT

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

_TEST = r"\[`test_\w+`\]\(tests/[\w/]+\.py\)"
_TESTS = rf"{_TEST}(?:, {_TEST})*"
_PAGE = r"\[[\w ]+\]\((?!tests/[\w/]+\.py\))[\w./#-]+\)"
_NUMBER = r"\d+\.\d+\.\d+"
_LINE = re.compile(
    rf"^\| (?P<first>{_NUMBER})(?:\u2013(?P<last>{_NUMBER}))? \| (?P<says>[^|]+) \| "
    rf"(?P<shown>{_TESTS}|{_PAGE}|here|AWS|provider|not applicable|open) \|$",
    re.MULTILINE,
)


def section(heading: str) -> str:
    """What stands below a heading, up to the next one like it."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def lines() -> dict[str, str]:
    """How each line of the standard is shown, in the order of the page; each stands there once."""
    shown: dict[str, str] = {}
    for found in _LINE.finditer(section("OWASP ASVS")):
        first, last = found["first"], found["last"] or found["first"]
        named = NUMBERS[NUMBERS.index(first) : NUMBERS.index(last) + 1]
        assert named, f"{first} comes after {last}"
        assert not shown.keys() & set(named), f"{first} stands there twice"
        shown |= dict.fromkeys(named, found["shown"])
    return shown


def kind(shown: str) -> str:
    """Which row of the table of kinds tells of a line that is shown so."""
    if re.fullmatch(_TESTS, shown):
        return "a test"
    return "a page, `here`" if shown == "here" or shown.startswith("[") else f"`{shown}`"


def test_every_threat_says_what_stops_it_and_names_three_tests_at_most() -> None:
    told = section("Who could do what")
    threats = [row for row in told.splitlines() if row.startswith("| **")]
    assert len(threats) >= 20
    row = rf"\| \*\*[^|*]+\.\*\* [^|]+ \| [^|]+ \| {_TEST}(?:, {_TEST}){{0,2}} \|"
    assert [threat for threat in threats if not re.fullmatch(row, threat)] == []


def test_the_standard_has_so_many_lines() -> None:
    levels = Counter("".join(LEVELS.values()))
    assert levels == {"1": 70, "2": 183}


def test_every_line_of_the_standard_stands_there_once_and_in_order() -> None:
    assert list(lines()) == NUMBERS


@pytest.mark.parametrize("table", re.findall(r"\n### (V\d+) ", section("OWASP ASVS")))
def test_a_table_has_the_lines_of_its_chapter_and_no_row_that_nobody_understands(
    table: str,
) -> None:
    below = section("OWASP ASVS").split(f"\n### {table} ")[1].split("\n### ")[0]
    rows = [row for row in below.splitlines() if re.match(r"\| \d", row)]
    assert rows
    for row in rows:
        found = _LINE.fullmatch(row)
        assert found, row
        for number in (found["first"], found["last"] or found["first"]):
            assert number.startswith(f"{table[1:]}."), row


def test_how_many_lines_are_shown_how_is_told_as_it_is() -> None:
    told = re.findall(r"^\| (.+?) \| [^|]+ \| (\d+) \|$", section("OWASP ASVS"), re.MULTILINE)
    counted = Counter(kind(shown) for shown in lines().values())
    assert {words: int(count) for words, count in told} == counted


def test_every_open_line_is_told_before_the_tables_with_what_helps() -> None:
    told = section("What does not hold")
    named = [
        number
        for group in re.findall(r"\(ASVS\s([^)]+)\)", told)
        for number in re.split(r",\s+", group)
    ]
    assert sorted(named) == sorted(line for line, shown in lines().items() if shown == "open")
    for bullet in told.split("\n- ")[1:]:
        assert bullet.startswith("**"), bullet


def test_what_is_out_of_scope_is_said() -> None:
    assert section("What is out of scope").count("\n- **") >= 5
