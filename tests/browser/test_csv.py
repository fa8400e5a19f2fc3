"""What a file for spreadsheets says, without a browser: RFC 4180, and never a formula."""

import csv
import io
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.browser.scripts import Evaluate, copied, evaluated

pytestmark = pytest.mark.needs("browser")

_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide ones, too


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluate]:
    """What an expression gives that uses scripts of the portal."""
    with evaluated(copied(tmp_path_factory.mktemp("csv"))) as say:
        yield say


def text_of(say: Evaluate, titles: list[str], *rows: list[Any]) -> str:
    told: str = say("csv", "csv.csv(...given)", [titles, rows])
    return told


def read(text: str, delimiter: str = ",", quoting: Any = csv.QUOTE_MINIMAL) -> list[list[str]]:
    """What a spreadsheet reads that ends cells at this character."""
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    return [*csv.reader(lines, delimiter=delimiter, quoting=quoting)]


def test_a_file_is_what_rfc_4180_says_with_a_byte_order_mark(say: Evaluate) -> None:
    told = text_of(say, ["name", "times"], ['Küche "Süd", 2', 3], [None, None], ["a\nb", -4])
    assert told == (
        '\ufeff"name","times"\r\n"Küche ""Süd"", 2",3\r\n"",""\r\n"a\nb",-4\r\n'  # the number bare
    )
    assert read(told)[1:] == [['Küche "Süd", 2', "3"], ["", ""], ["a\nb", "-4"]]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_no_cell_is_run_as_a_formula_wherever_cells_end(
    say: Evaluate, delimiter: str, quoting: Any
) -> None:
    before = ["", " ", "\t", "\r", "\n", "\u200b", "a,", "a, ", "a;", "a; ", "a|"]
    before += ['a"', 'a";', 'a",', "a\n", "a\r\n\t", '"']
    texts = [f"{left}{sign}cmd|' /C calc'!A0" for left, sign in product(before, _FORMULAS)]
    for row in read(text_of(say, ["title"], *([one, one] for one in texts)), delimiter, quoting):
        for cell in row:
            shown = cell.strip().strip('"\u200b').strip()
            assert not shown.startswith(_FORMULAS), row


def test_what_begins_with_a_tab_or_a_new_line_is_text_too(say: Evaluate) -> None:
    told = read(text_of(say, ["t"], ["\tx"], ["\rx"], ["\nx"]))
    assert [cell for (cell,) in told[1:]] == ["'\tx", "'\rx", "'\nx"]


def test_a_negative_number_is_one_only_where_it_is_a_number(say: Evaluate) -> None:
    assert read(text_of(say, ["a", "b"], [-5, "-5"]))[1] == ["-5", "'-5"]
    harmless = ["PC-01", "a@b.example", "1+1=2", "x = y", "10.0.0.1; eth0"]
    assert read(text_of(say, ["t"], harmless))[1] == harmless


def test_a_file_is_named_after_what_it_is_of_and_the_readers_day(say: Evaluate) -> None:
    named = "csv.fileName(given, new Date(2027, 0, 5, 23, 59))"
    assert say("csv", named, "acme-agents") == "acme-agents-2027-01-05.csv"
    assert say("csv", named, "../a b/ü") == "..-a-b--2027-01-05.csv"
