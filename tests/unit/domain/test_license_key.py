"""Licence keys: the exact key of known inputs, what typing errors do, and what a key gives away."""

import hashlib
import hmac
import itertools
import random
from typing import Any

import pytest

from licensing.domain import license_key
from licensing.domain.errors import InvalidInput
from licensing.domain.license_key import LicenseKey

SECRET = bytes(range(32))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def derived(
    secret: bytes = SECRET,
    version: int = 1,
    *,
    license_id: str = "lic_0123456789abcdef",
    organization_id: str = "acme",
    identity: bytes = bytes(range(16)),
    environment: str = "production",
) -> LicenseKey:
    return license_key.derive(
        secret,
        version,
        license_key.KeySubject(license_id, organization_id, identity, environment),
    )


KEY = derived()
PRINTED = "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z"


def a_key(seed: int) -> LicenseKey:
    """Some key; another one for another seed."""
    drawn = random.Random(seed)  # noqa: S311 - chooses examples, guards nothing
    return license_key.derive(
        drawn.randbytes(32),
        drawn.randint(1, license_key.MAX_SECRET_VERSION),
        license_key.KeySubject(
            license_key.new_license_id(drawn.randbytes(10)),
            "acme",
            drawn.randbytes(16),
            "production",
        ),
    )


def symbols(printed: str) -> str:
    return printed.replace("-", "")


def is_mistyped(text: str) -> bool:
    try:
        license_key.parse(text)
    except InvalidInput:
        return True
    return False


# -- the exact key ---------------------------------------------------------------------------------


def test_r03_known_inputs_make_exactly_this_key() -> None:
    # Computed anew from the description: a key that is out there must never change.
    parts = [b"lic_0123456789abcdef", b"acme", bytes(range(16)), b"production"]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    tag = hmac.new(SECRET, message, hashlib.sha256).digest()[:16]
    license_id = sum(
        ALPHABET.index(symbol) << 5 * at for at, symbol in enumerate(reversed("0123456789ABCDEF"))
    )
    payload = 1 << 208 | license_id << 128 | int.from_bytes(tag, "big")
    number = next(
        payload << 10 | check for check in range(1021) if not (payload << 10 | check) % 1021
    )
    digits: list[str] = []
    for _ in range(45):
        number, digit = divmod(number, 32)
        digits.insert(0, ALPHABET[digit])
    expected = "-".join("".join(digits[at : at + 5]) for at in range(0, 45, 5))

    assert KEY.reveal() == expected
    assert KEY.reveal() == PRINTED


def test_r03_a_printed_key_has_nine_groups_of_five_unambiguous_symbols() -> None:
    for seed in range(200):
        groups = a_key(seed).reveal().split("-")
        assert [len(group) for group in groups] == [5] * 9
        assert set("".join(groups)) <= set(ALPHABET)
    assert not set("ILOU") & set(ALPHABET)


def test_r03_the_same_inputs_derive_the_same_key() -> None:
    assert derived() == KEY


@pytest.mark.parametrize(
    "other",
    [
        {"license_id": "lic_0123456789abcdeg"},
        {"organization_id": "acm"},
        {"organization_id": "bolt"},
        {"identity": bytes(range(1, 17))},
        {"environment": "staging"},
        {"environment": "Production"},
        {"organization_id": "acmep", "environment": "roduction"},
    ],
)
def test_r03_another_license_organization_machine_or_environment_has_another_tag(
    other: dict[str, Any],
) -> None:
    assert derived(**other).tag != KEY.tag


def test_r03_another_secret_or_version_has_another_key() -> None:
    assert derived(SECRET[::-1]).tag != KEY.tag
    assert derived(version=2).reveal() != KEY.reveal()


def test_r03_all_128_bits_of_the_tag_are_printed_and_read_back() -> None:
    printed = set()
    for bit in range(128):
        tag = (int.from_bytes(KEY.tag) ^ 1 << bit).to_bytes(16)
        changed = LicenseKey(1, KEY.license_id, tag)
        printed.add(changed.reveal())
        assert license_key.parse(changed.reveal()).tag == tag
    assert len(printed - {KEY.reveal()}) == 128


# -- typing it -------------------------------------------------------------------------------------


def test_r03_a_printed_key_is_read_back() -> None:
    for seed in range(200):
        assert license_key.parse(a_key(seed).reveal()) == a_key(seed)


def test_r03_a_key_that_uses_every_symbol_is_read_back() -> None:
    payload = 0
    for digit in [*range(1, 32), *range(12)]:
        payload = payload << 5 | digit
    key = LicenseKey(
        secret_version=payload >> 208,
        license_id=license_key.new_license_id((payload >> 128 & (1 << 80) - 1).to_bytes(10)),
        tag=(payload & (1 << 128) - 1).to_bytes(16),
    )
    assert set(symbols(key.reveal())) == set(ALPHABET)
    assert license_key.parse(key.reveal()) == key


@pytest.mark.parametrize("version", [1, 2, license_key.MAX_SECRET_VERSION])
def test_r03_a_key_tells_the_version_of_its_secret_and_its_license(version: int) -> None:
    parsed = license_key.parse(LicenseKey(version, KEY.license_id, KEY.tag).reveal())
    assert parsed.secret_version == version
    assert parsed.license_id == KEY.license_id


@pytest.mark.parametrize(
    "typed",
    [
        PRINTED.lower(),
        symbols(PRINTED),
        PRINTED.replace("-", " "),
        f"  {PRINTED}\r\n",
        PRINTED.replace("-", " - "),
        "-".join(symbols(PRINTED).lower()),
        PRINTED.replace("0", "O").replace("1", "I"),
        PRINTED.replace("0", "o").replace("1", "l"),
        PRINTED.replace("1", "L"),
        PRINTED.replace("1", "i"),
    ],
)
def test_r03_case_spaces_hyphens_and_lookalikes_do_not_matter(typed: str) -> None:
    assert {"0", "1"} <= set(PRINTED)
    assert license_key.parse(typed) == KEY


def test_r03_every_single_wrong_symbol_is_caught() -> None:
    for key in (KEY, a_key(1), a_key(2)):
        right = symbols(key.reveal())
        for at in range(45):
            for wrong in set(ALPHABET) - {right[at]}:
                assert is_mistyped(right[:at] + wrong + right[at + 1 :])


def test_r03_every_swap_of_any_two_symbols_is_caught() -> None:
    swaps = 0
    for seed in range(20):
        right = symbols(a_key(seed).reveal())
        for one, other in itertools.combinations(range(45), 2):
            typed = list(right)
            typed[one], typed[other] = typed[other], typed[one]
            if typed[one] != typed[other]:
                swaps += 1
                assert is_mistyped("".join(typed))
    assert swaps > 18_000


def test_r03_only_the_printed_check_symbols_are_taken_for_right() -> None:
    # Every other value of the ten check bits is refused, also one above the modulus.
    for seed in range(20):
        right = symbols(a_key(seed).reveal())
        accepted = [
            one + other
            for one in ALPHABET
            for other in ALPHABET
            if not is_mistyped(right[:43] + one + other)
        ]
        assert accepted == [right[43:]]


def test_r03_check_values_above_the_modulus_are_refused() -> None:
    # Where the check is 0, 1 or 2, adding the modulus makes a second number that it divides.
    twins = 0
    for counter in range(5000):
        key = LicenseKey(1, KEY.license_id, counter.to_bytes(16))
        right = symbols(key.reveal())
        check = ALPHABET.index(right[43]) * 32 + ALPHABET.index(right[44])
        if check + 1021 < 1024:
            twins += 1
            twin = check + 1021
            assert is_mistyped(right[:43] + ALPHABET[twin // 32] + ALPHABET[twin % 32])
    assert twins


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "lic_0123456789abcdef",
        PRINTED[:-1],
        PRINTED + "0",
        PRINTED.replace(PRINTED[0], "U", 1),
        PRINTED.replace("-", "_"),
        PRINTED.replace("-", "/"),
        PRINTED + PRINTED,
        "0" * 45,
        "\N{FULLWIDTH DIGIT ZERO}" * 45,
    ],
)
def test_r03_what_is_not_a_whole_key_is_refused_with_what_a_key_looks_like(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        license_key.parse(text)
    assert refused.value.pointer == "/license_key"


def test_r03_a_mistyped_key_is_refused_with_what_to_do() -> None:
    told = "The license key is mistyped: its check symbols do not match. Copy all of it again."
    with pytest.raises(InvalidInput, match=f"^{told}$"):
        license_key.parse(PRINTED[:-1] + "Y")
    with pytest.raises(InvalidInput, match="45 letters and digits, in nine groups of five"):
        license_key.parse("hello")


def test_r03_a_key_of_secret_version_0_does_not_exist() -> None:
    assert is_mistyped(LicenseKey(0, KEY.license_id, KEY.tag).reveal())


# -- genuine or not --------------------------------------------------------------------------------


def test_r03_a_key_is_genuine_when_it_is_the_derived_one() -> None:
    assert license_key.is_genuine(license_key.parse(PRINTED), KEY)


def test_r03_a_key_with_any_bit_of_the_tag_flipped_is_not_genuine() -> None:
    for bit in range(128):
        tag = (int.from_bytes(KEY.tag) ^ 1 << bit).to_bytes(16)
        forged = license_key.parse(LicenseKey(1, KEY.license_id, tag).reveal())
        assert not license_key.is_genuine(forged, KEY)


@pytest.mark.parametrize(
    "forged",
    [
        LicenseKey(2, KEY.license_id, KEY.tag),
        LicenseKey(1, "lic_0123456789abcdeg", KEY.tag),
        LicenseKey(1, KEY.license_id, b""),
        LicenseKey(1, KEY.license_id, KEY.tag[:15]),
    ],
)
def test_r03_a_key_of_another_version_or_license_is_not_genuine(forged: LicenseKey) -> None:
    assert not license_key.is_genuine(forged, KEY)


# -- what a key gives away -------------------------------------------------------------------------


def test_r35_showing_a_key_shows_the_license_and_not_the_secret_part() -> None:
    shown = f"{KEY!r} {KEY} {[KEY]}"
    assert KEY.license_id in shown
    for secret in (repr(KEY.tag)[2:-1], KEY.tag.hex(), PRINTED, symbols(PRINTED)):
        assert secret not in shown


@pytest.mark.parametrize("typed", [PRINTED[:-1] + "Y", PRINTED[:-2], PRINTED.replace("-", "_")])
def test_r35_the_message_about_a_mistyped_key_does_not_repeat_it(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        license_key.parse(typed)
    message = f"{refused.value} {refused.value.message}"
    assert not any(group in message for group in PRINTED.split("-"))


# -- licence ids -----------------------------------------------------------------------------------


def test_r03_a_license_id_spells_ten_random_bytes() -> None:
    assert license_key.new_license_id(bytes(10)) == "lic_0000000000000000"
    assert license_key.new_license_id(b"\xff" * 10) == "lic_zzzzzzzzzzzzzzzz"
    assert license_key.new_license_id(bytes(9) + b"\x21") == "lic_0000000000000011"


@pytest.mark.parametrize("length", [0, 9, 11])
def test_r03_a_license_id_takes_exactly_ten_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="takes 10 random bytes"):
        license_key.new_license_id(bytes(length))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("lic_0123456789abcdef", True),
        ("lic_zzzzzzzzzzzzzzzz", True),
        ("lic_0123456789abcde", False),
        ("lic_0123456789abcdefg", False),
        ("lic_0123456789ABCDEF", False),
        ("lic_0123456789abcdei", False),
        ("lic_0123456789abcdel", False),
        ("lic_0123456789abcdeo", False),
        ("lic_0123456789abcdeu", False),
        ("0123456789abcdef", False),
        ("tmp_0123456789abcdef", False),
        ("lic_0123456789abcdef\n", False),
        ("", False),
    ],
)
def test_the_form_of_a_license_id_is_exact(text: str, *, is_one: bool) -> None:
    assert license_key.is_license_id(text) is is_one
