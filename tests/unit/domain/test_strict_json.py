"""JSON of one reading: plain JSON is read as ever, and what has two readings is refused."""

import json
from typing import Any

import pytest

from licensing.domain import strict_json

VALUES: list[Any] = [None, True, 0, -1.5, "", "B\N{DIAERESIS}", [], {}, {"a": [{}]}]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_plain_json_is_read_as_text_and_as_bytes(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert strict_json.read(text) == strict_json.read(text.encode()) == value


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert strict_json.read('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
        '[{"b": {"a": 1, "a": null}}]',
        "NaN",
        "[Infinity]",
        "-Infinity",
        '"\\ud800"',
        '{"\\udfff": 1}',
        "\ufeff{}",
        "[" * 50_000,
        "9" * 5_000,
        b"\xff\xfe{\x00}\x00",
        b'"\xed\xa0\x80"',
        "{}".encode("utf-16"),
        "{}".encode("utf-32-le"),
    ],
    ids=lambda text: repr(text)[:24],
)
def test_what_has_no_reading_or_several_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.read(text)


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '{"a": 1, "\\u0061": 2}', '[{"b": {"a": 1, "a": 2}}]']
)
def test_a_member_that_is_named_twice_is_found_wherever_it_is(text: str) -> None:
    with pytest.raises(ValueError, match="named twice"):
        strict_json.check_names(text)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_plain_json_names_each_member_once(value: Any) -> None:
    strict_json.check_names(json.dumps(value))
