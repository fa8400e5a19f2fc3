"""How lists are searched, sorted and paged, whatever they are of."""

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.errors import InvalidInput
from licensing.usecases.pagination import (
    PageRequest,
    Search,
    Value,
    by_number,
    by_text,
    by_version,
    name_of,
    sorted_page,
    write_cursor,
)

LISTING = name_of("agents", sort="name")


def paged(
    rows: Sequence[tuple[Value, str]], limit: int, *, is_descending: bool = False
) -> list[list[str]]:
    """All pages of a list."""
    found, cursor = [], None
    while True:
        page = sorted_page(LISTING, rows, PageRequest(limit, cursor), is_descending=is_descending)
        assert page.total == len(rows)
        found.append([*page.ids])
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("acme", "ACME-PC-01"),
        ("pc-01", "ACME-PC-01"),
        ("ACME-PC-01", "acme-pc-01"),
        ("STRASSE", "Hauptstraße 5"),
        ("ﬁrma", "FIRMA"),
        ("zoe\N{COMBINING DIAERESIS}", "ZOË"),
        ("Ë", "zoe\N{COMBINING DIAERESIS}"),
        ("ΟΔΟΣ", "οδος"),
        ("株式", "株式会社"),
        ("#", "Till #3"),
        (" ", "Till #3"),
    ],
)
def test_a_search_finds_what_people_take_for_the_same(typed: str, text: str) -> None:
    assert Search.of(typed).finds(text)
    assert Search.of(typed).finds(None, "something else", text)


@pytest.mark.parametrize(
    ("typed", "text"), [("acme", "ACM"), ("a.me", "acme"), ("a*", "acme"), ("e", "é"), ("x", "")]
)
def test_a_search_finds_no_more_than_that(typed: str, text: str) -> None:
    assert not Search.of(typed).finds(text)
    assert not Search.of(typed).finds(None)
    assert not Search.of(typed).finds()


def test_texts_are_sorted_without_regard_to_case_and_numbers_as_numbers() -> None:
    names = ["b", "A", "c", "B2", "É", "é1"]
    assert sorted(names, key=lambda name: by_text(name) or "") == ["A", "b", "B2", "c", "É", "é1"]
    times = [0, 5, 40, 1_900_000_000, 253_402_300_799]
    assert sorted(times, key=lambda time: by_number(time) or "") == times
    assert by_text(None) is by_number(None) is by_version(None) is None


def test_versions_are_sorted_by_the_numbers_in_them() -> None:
    versions = ["4.10", "4.5.0", "4.5-rc10", "4.5-RC2", "4.5", "4.3.0.12", "4.3.0.9", "4.2", "4"]
    found = sorted(versions, key=lambda one: by_version(one) or "")
    assert found == versions[::-1]
    assert by_version("4.05") == by_version("4.5")
    longest = ["1" * 31 + "2", "1" * 31 + "3"]
    assert sorted(longest, key=lambda one: by_version(one) or "") == longest


def test_what_has_no_value_comes_last_whichever_way_round() -> None:
    rows: list[tuple[Value, str]] = [(None, "x"), ("b", "2"), ("", "0"), ("a", "1"), (None, "y")]
    for limit in (1, 2, 3, 5, 9):
        up = [id for page in paged(rows, limit) for id in page]
        down = [id for page in paged(rows, limit, is_descending=True) for id in page]
        assert up == ["0", "1", "2", "x", "y"]
        assert down == ["2", "1", "0", "y", "x"]


ROWS = st.dictionaries(
    st.text("abc-_0123", min_size=1, max_size=4),
    st.none() | st.text(max_size=3) | st.sampled_from(["#", "=", "@", "-#", "a#b"]),
    max_size=30,
)


@given(rows=ROWS, limit=st.integers(1, 8), is_descending=st.booleans())
def test_pages_of_any_size_have_everything_once_in_the_same_order(
    rows: dict[str, Value], limit: int, *, is_descending: bool
) -> None:
    listed = [(value, id) for id, value in rows.items()]
    pages = paged(listed, limit, is_descending=is_descending)
    (whole,) = paged(listed, 100, is_descending=is_descending)
    assert [id for page in pages for id in page] == whole
    assert sorted(whole) == sorted(rows)
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert pages[-1] or not rows, "no empty page stands at the end"
    values = [rows[id] for id in whole if rows[id] is not None]
    assert values == sorted(values, key=str, reverse=is_descending)
    assert [rows[id] for id in whole[len(values) :]] == [None] * (len(whole) - len(values))


def test_a_page_goes_on_where_the_last_one_ended_whatever_has_come_and_gone() -> None:
    rows: list[tuple[Value, str]] = [(letter, letter) for letter in "bdfhj"]
    first = sorted_page(LISTING, rows, PageRequest(2, None), is_descending=False)
    assert first.ids == ["b", "d"]
    changed = [("a", "a"), ("e", "e"), *((letter, letter) for letter in "bfhj")]
    second = sorted_page(LISTING, changed, PageRequest(2, first.next_cursor), is_descending=False)
    assert second.ids == ["e", "f"]


def test_a_cursor_is_good_for_its_own_listing_alone() -> None:
    rows: list[tuple[Value, str]] = [("a", "1"), ("b", "2")]
    names = [
        name_of("agents", sort="name"),
        name_of("agents", sort="-name"),
        name_of("agents", sort="name", search="x"),
        name_of("agents", sort="name", primary=True),
        name_of("agents", sort="name", primary=False),
        name_of("agents", sort="name", primary=None),
        name_of("others", sort="name"),
    ]
    assert len(set(names)) == len(names)
    cursor = sorted_page(names[0], rows, PageRequest(1, None), is_descending=False).next_cursor
    for name in names[1:]:
        with pytest.raises(InvalidInput) as refused:
            sorted_page(name, rows, PageRequest(1, cursor), is_descending=False)
        assert refused.value.pointer == "/query/cursor"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "é",
        "AAAA",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        write_cursor(LISTING, ""),
        write_cursor(LISTING, "=a"),
        write_cursor(LISTING, "+a#1"),
        write_cursor(LISTING[:-1], "=a#1"),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sorted_page(LISTING, [("a", "1")], PageRequest(1, cursor), is_descending=False)
    assert refused.value.pointer == "/query/cursor"
