"""Tables of attributes: what a row says, on records of the tests' own."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from licensing.adapters.dynamo.attributes import (
    Attributes,
    Record,
    added,
    always,
    as_map,
    optional,
    optional_part,
    part,
)
from licensing.adapters.dynamo.values import FLAG, NUMBER, TEXT, TEXTS, Item, one_of, present


class Paper(StrEnum):
    A4 = "a4"
    A5 = "a5"


@dataclass(frozen=True)
class Size:
    width: int
    height: int | None


@dataclass(frozen=True)
class Printer:
    serial: str
    room: str | None = None
    pages: int = 0
    color: bool = False
    papers: tuple[str, ...] = ()
    paper: Paper = Paper.A4
    size: Size = Size(1, None)
    screen: Size | None = None
    case: Size = Size(2, 3)


SIZE = Record(Size, always("width", NUMBER), optional("height", NUMBER))
SCREEN = Record(
    Size,
    always("screen_width", NUMBER, field="width"),
    optional("screen_height", NUMBER, field="height"),
)
PRINTER = Record(
    Printer,
    optional("room", TEXT),
    optional("printed", NUMBER, field="pages", none=0),
    added("has_color", FLAG, field="color", older=True),
    optional("papers", TEXTS, none=()),
    always("paper", one_of(Paper)),
    part("size", SIZE),
    optional_part("screen", SCREEN),
    always("case", as_map(SIZE)),
)
FULL = Printer(
    serial="p-1",
    room="",
    pages=7,
    color=True,
    papers=("a4", "a5"),
    paper=Paper.A5,
    size=Size(3, 4),
    screen=Size(5, None),
    case=Size(6, 7),
)


def test_each_attribute_is_written_under_its_name_in_its_notation() -> None:
    assert PRINTER.write(FULL) == {
        "room": {"S": ""},
        "printed": {"N": "7"},
        "has_color": {"BOOL": True},
        "papers": {"L": [{"S": "a4"}, {"S": "a5"}]},
        "paper": {"S": "a5"},
        "width": {"N": "3"},
        "height": {"N": "4"},
        "screen_width": {"N": "5"},
        "screen_height": None,
        "case": {"M": {"width": {"N": "6"}, "height": {"N": "7"}}},
    }
    assert set(PRINTER.names) == PRINTER.write(FULL).keys()


def test_what_is_nothing_is_not_to_be_there() -> None:
    assert present(PRINTER.write(Printer("p-1"))) == {
        "has_color": {"BOOL": False},
        "paper": {"S": "a4"},
        "width": {"N": "1"},
        "case": {"M": {"width": {"N": "2"}, "height": {"N": "3"}}},
    }


@pytest.mark.parametrize("printer", [FULL, Printer("p-1")])
def test_what_was_written_is_read(printer: Printer) -> None:
    assert PRINTER.read(present(PRINTER.write(printer)), serial="p-1") == printer


def test_what_older_items_do_not_have_is_what_it_stands_for() -> None:
    older = present(PRINTER.write(FULL))
    del older["has_color"]
    assert PRINTER.read(older, serial="p-1").color is True


@pytest.mark.parametrize("name", ["paper", "width", "case"])
def test_an_item_without_what_every_one_has_is_refused(name: str) -> None:
    torn = present(PRINTER.write(FULL))
    del torn[name]
    with pytest.raises(KeyError, match=name):
        PRINTER.read(torn, serial="p-1")


def test_an_optional_part_is_there_when_its_first_attribute_is() -> None:
    bare: Item = {"screen_height": {"N": "4"}}
    assert SCREEN.read_optional(bare) is None
    assert SCREEN.read_optional({**bare, "screen_width": {"N": "5"}}) == Size(5, 4)


def test_a_value_that_an_enumeration_does_not_have_is_refused() -> None:
    foreign = present(PRINTER.write(FULL)) | {"paper": {"S": "a6"}}
    with pytest.raises(KeyError, match="a6"):
        PRINTER.read(foreign, serial="p-1")


def test_some_rows_are_written_by_themselves() -> None:
    moved = Attributes[Printer](optional("room", TEXT))
    assert moved.write(FULL) == {"room": {"S": ""}}
    assert moved.write(Printer("p-1")) == {"room": None}


def test_another_record_is_read_from_some_rows() -> None:
    @dataclass(frozen=True)
    class Place:
        serial: str
        room: str | None
        size: Size

    place = PRINTER.only(Place, "room", "size")
    assert place.names == ["room", "width", "height"]
    assert place.read(present(PRINTER.write(FULL)), serial="p-1") == Place("p-1", "", Size(3, 4))
