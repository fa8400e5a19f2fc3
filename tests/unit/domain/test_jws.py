"""Compact JWS: one spelling, one reading, and no token that is longer than what is looked at."""

from contextlib import suppress

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing.domain.jws import (
    MAX_CHARACTERS,
    Jws,
    MalformedJws,
    decoded,
    encoded,
    is_signed,
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


# -- keys that nobody holds ------------------------------------------------------------------------

ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc"
OTHER_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"
SMALL = [
    *("01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "00" * 31 + "80"),
    *(f"{ORDER_8}05", f"{ORDER_8}85", f"{OTHER_8}7a", f"{OTHER_8}fa"),
]
"""The points of small order: of order 1, 2, 4, 4, 8, 8, 8 and 8."""
SPELLED_OTHERWISE = [
    *("01" + "00" * 30 + "80", "ec" + "ff" * 31),  # of x = 0, which has no sign
    *("ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"),  # y = p and p + 1, for 0 and 1
    *("ed" + "ff" * 31, "ee" + "ff" * 31),
]
BASE_POINT = "58" + "66" * 31
ANYBODYS = bytes.fromhex(BASE_POINT) + (1).to_bytes(32, "little")
"""R is the base point, S is 1: that is S·B = R + h·A wherever h·A is the neutral element."""


@pytest.mark.parametrize("point", [*SMALL, *SPELLED_OTHERWISE])
def test_no_signature_is_one_of_a_key_that_nobody_holds(point: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(point))
    forged = 0
    for number in range(200):
        content = f"whatever {number}".encode()
        with suppress(InvalidSignature):
            key.verify(ANYBODYS, content)
            forged += 1
        assert not is_signed(content, ANYBODYS, key)
    # A library that looks at the equation alone takes about every n-th, of a point of order n.
    assert forged > 0 or point in SPELLED_OTHERWISE


def test_those_are_all_points_of_small_order() -> None:
    field = 2**255 - 19
    d = -121665 * pow(121666, -1, field) % field

    def of_order_at_most_8(y: int) -> bool:
        # x² from the curve, then doubled three times: (0, 1) is the neutral element.
        squared = (y * y - 1) * pow(d * y * y + 1, -1, field) % field
        x = pow(squared, (field + 3) // 8, field)
        if x * x % field != squared:
            x = x * pow(2, (field - 1) // 4, field) % field
        if x * x % field != squared:
            return False
        for _ in range(3):
            product = d * x * x * y * y % field
            x, y = (
                2 * x * y * pow(1 + product, -1, field) % field,
                (y * y + x * x) * pow(1 - product, -1, field) % field,
            )
        return (x, y) == (0, 1)

    ys = {int.from_bytes(bytes.fromhex(point), "little") & ((1 << 255) - 1) for point in SMALL}
    assert len(ys) == 5
    assert all(of_order_at_most_8(y) for y in ys)
    assert not of_order_at_most_8(4 * pow(5, -1, field) % field), "the base point's"
