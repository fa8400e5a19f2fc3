"""Compact JWS: one spelling, one reading, and no token that is longer than what is looked at."""

import pytest

from licensing.domain.jws import (
    MAX_CHARACTERS,
    Jws,
    MalformedJws,
    decoded,
    encoded,
    read,
    thumbprint,
)
from tests.unit.domain.test_lease import KEY, KID


def test_a_token_is_looked_at_up_to_its_greatest_length() -> None:
    body = "x" * (MAX_CHARACTERS - len("a..b"))
    assert read(f"a.{body}.b") == Jws("a", body, "b")
    with pytest.raises(MalformedJws, match=r"^not a compact JWS$"):
        read(f"a.{body}x.b")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\x00", "AA"),
        (b"\x00\x00", "AAA"),
        (b"\x00\x00\x17", "AAAX"),
        (b"\xfb\xff\xbf", "-_-_"),
    ],
)
def test_bytes_have_one_spelling_without_padding(data: bytes, text: str) -> None:
    assert (encoded(data), decoded(text)) == (text, data)


def test_the_thumbprint_of_the_key_of_rfc_8037_is_the_one_that_stands_there() -> None:
    assert thumbprint(KEY.public_key()) == KID
