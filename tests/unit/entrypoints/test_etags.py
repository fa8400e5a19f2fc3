"""Entity tags and conditions on them, as RFC 9110 has them (8.8.3 and 13.1)."""

import re

import pytest

from licensing.entrypoints.http.etags import etag_of, has_already, versions_in
from licensing.usecases.expected import ANY_VERSION, Versions
from licensing_build.openapi import document

MALFORMED = [
    *("", " ", ",", "7", "abc", '"', '"7', '7"', "W/", "W/7", 'w/"7"', '"7" "8"', '"7";"8"'),
    *('"7",8', '*, "7"', '"7", *', "**", '"a"b"', '"7"\n', '"a b"', '"\x7f"', "'7'"),
]


def test_a_tag_is_quoted_and_strong_and_stands_for_text_and_version() -> None:
    tags = [etag_of("a"), etag_of("b"), etag_of("a", 1), etag_of("a", 2), etag_of("b", 1)]
    assert len({*tags}) == len(tags)
    assert all(re.fullmatch(r'"([0-9]+-)?[0-9a-f]{16}"', tag) for tag in tags)
    assert etag_of("a", 2).startswith('"2-')


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ('"7-44136fa355b3678a"', {7}),
        ('"7"', {7}),  # who knows the version from the record itself needs no digest
        (' "7"\t', {7}),
        ('"7","8"', {7, 8}),
        (', "7" ,, "8",', {7, 8}),
        ('W/"7"', set()),
        ('W/"7", "8"', {8}),
        ('""', set()),
        ('"abc"', set()),
        ('"7-"', set()),
        ('"-7"', set()),
        ('"7-44136fa355b3678A"', set()),
        ('"1,2"', set()),
        ('"*"', set()),
        (f'"{"9" * 5000}"', set()),
    ],
)
def test_if_match_names_versions_and_weak_and_foreign_tags_match_nothing(
    value: str, numbers: set[int]
) -> None:
    assert versions_in(value) == Versions(frozenset(numbers))


def test_a_star_names_any_version() -> None:
    assert versions_in(" * ") is ANY_VERSION
    assert all(ANY_VERSION.allow(number) for number in (1, 10**9))


@pytest.mark.parametrize("value", MALFORMED)
def test_what_is_no_list_of_tags_is_malformed_in_if_match_and_names_nothing_elsewhere(
    value: str,
) -> None:
    with pytest.raises(ValueError, match="no list of tags"):
        versions_in(value)
    assert not has_already(value, '"7"')


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ('"7-a"', True),
        ('W/"7-a"', True),
        ('"x", W/"7-a" , "y"', True),
        ("*", True),
        ('"7"', False),
        ('"7-b"', False),
        ('"7-a', False),
    ],
)
def test_if_none_match_is_compared_weakly_and_as_a_whole(value: str, *, known: bool) -> None:
    assert has_already(value, '"7-a"') is known


@pytest.mark.parametrize("value", ['"7"', 'W/"7"', "*", '"7", W/"8"', '"7","8"', '""'])
def test_the_document_describes_what_if_match_takes(value: str) -> None:
    (parameter,) = (
        parameter
        for parameter in document()["paths"]["/v1/licenses/{license_id}"]["patch"]["parameters"]
        if parameter["name"] == "If-Match"
    )
    versions_in(value)
    assert re.fullmatch(parameter["schema"]["pattern"], value)
    assert not any(re.fullmatch(parameter["schema"]["pattern"], wrong) for wrong in MALFORMED)


@pytest.mark.parametrize("value", [" " * 9000, '"a"' + "," * 9000 + "x", '"a" , ' * 1500 + "x"])
def test_a_long_list_of_tags_is_read_in_no_time(value: str) -> None:
    # One that is tried in all ways would take for ever.
    assert not has_already(value, '"b"')
