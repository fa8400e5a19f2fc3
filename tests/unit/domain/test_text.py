"""R12, R32: which characters of a text mislead whoever reads it elsewhere."""

import re
import unicodedata

import pytest

from licensing.domain.text import MISLEADING, MISLEADING_IN_LINES, is_misleading, readable

EVERY = [chr(code) for code in range(0x110000)]
SURROGATES = {chr(code) for code in range(0xD800, 0xE000)}
SCRIPTS_NEED = {"\u200c", "\u200d", "\u200e", "\u200f", "\u061c"}
TURNING = {chr(code) for code in [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]}
TAGS = {chr(code) for code in range(0xE0000, 0xE0080)}


def test_exactly_these_characters_mislead() -> None:
    controls = {one for one in EVERY if unicodedata.category(one) == "Cc"}
    separators = {"\u2028", "\u2029"}
    expected = controls | separators | TURNING | {"\ufeff"} | TAGS | SURROGATES
    assert {one for one in EVERY if is_misleading(one)} == expected
    assert {one for one in EVERY if is_misleading(one, lines=True)} == expected - {"\t", "\n"}
    assert not expected & SCRIPTS_NEED


@pytest.mark.parametrize(("listed", "lines"), [(MISLEADING, False), (MISLEADING_IN_LINES, True)])
def test_the_contracts_pattern_names_the_same_but_what_not_every_dialect_has(
    listed: str, *, lines: bool
) -> None:
    pattern = re.compile(f"^[^{listed}]*$")
    refused = {one for one in EVERY if not pattern.match(one + "x")}
    assert refused == {one for one in EVERY if is_misleading(one, lines=lines)} - SURROGATES - TAGS


def test_what_is_readable_misleads_no_longer_and_stays_as_it_is() -> None:
    told = readable("".join(EVERY))
    assert len(told) == len(EVERY)
    assert not is_misleading(told)
    assert readable(told) == told
    assert readable("one\ntwo\t\x1b", lines=True) == "one\ntwo\t\ufffd"
    assert readable("one\ntwo") == "one\ufffdtwo"
