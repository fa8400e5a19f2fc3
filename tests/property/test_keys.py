"""Licence keys over generated ones: printing and reading are inverse, and nothing else gets in."""

from hypothesis import example, given
from hypothesis import strategies as st

from licensing.domain import license_key
from licensing.domain.errors import InvalidInput
from licensing.domain.license_key import LicenseKey
from tests.property.strategies import any_text, spellings

license_keys = st.builds(
    LicenseKey,
    secret_version=st.integers(1, license_key.MAX_SECRET_VERSION),
    license_id=st.binary(min_size=10, max_size=10).map(license_key.new_license_id),
    tag=st.binary(min_size=16, max_size=16),
)


@given(st.data(), license_keys)
def test_r03_a_key_is_read_back_however_a_person_types_it(
    data: st.DataObject, key: LicenseKey
) -> None:
    typed = "".join(
        data.draw(st.sampled_from({"0": "0Oo", "1": "1IiLl"}.get(symbol, symbol)))
        + data.draw(st.sampled_from(["", "", " ", "-", "\t"]))
        for symbol in key.reveal()
    )
    assert license_key.parse(data.draw(spellings(typed))) == key


@given(st.one_of(any_text, st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZoil- ", min_size=45)))
@example("\N{LATIN SMALL LETTER SHARP S}" * 45)
@example("\N{LATIN SMALL LETTER DOTLESS I}" * 45)
@example("\ud800" * 45)
@example("\N{SUPERSCRIPT TWO}" * 45)
def test_r03_any_text_is_a_key_that_is_printed_again_or_is_refused(text: str) -> None:
    try:
        key = license_key.parse(text)
    except InvalidInput as refused:
        assert refused.pointer == "/license_key"  # noqa: PT017 - refusing is one good answer
    else:
        assert license_key.parse(key.reveal()) == key


@given(st.binary(min_size=1), license_keys, license_keys)
def test_r03_only_the_derived_key_is_genuine(
    secret: bytes, presented: LicenseKey, other: LicenseKey
) -> None:
    derived = license_key.derive(
        secret,
        presented.secret_version,
        license_key.KeySubject(presented.license_id, "acme", other.tag, "production"),
    )
    assert license_key.is_genuine(license_key.parse(derived.reveal()), derived)
    assert license_key.is_genuine(presented, derived) == (presented == derived)


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=4), min_size=3, max_size=3),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=4), min_size=3, max_size=3),
)
def test_r03_no_two_different_inputs_are_signed_alike(one: list[str], other: list[str]) -> None:
    def tag(parts: list[str]) -> bytes:
        return license_key.derive(
            b"secret",
            1,
            license_key.KeySubject(parts[0], parts[1], bytes(16), parts[2]),
        ).tag

    assert (tag(one) == tag(other)) == (one == other)
