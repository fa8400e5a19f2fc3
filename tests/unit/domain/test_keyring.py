"""The server secret: which version does what, which keys come of it, and what is no secret."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from licensing.domain.errors import Misconfigured
from licensing.domain.keyring import Keyring
from licensing.domain.lease import public_jwk
from tests.unit.domain.test_lease import LEASE
from tests.unit.samples import license

ONE = "the first secret, forty characters long."
TWO = "the second secret, which came by rotation"
TEN = "the tenth secret: ten is more than two is"


def keyring(**versions: str) -> Keyring:
    """A keyring of `v1="…", v2="…"`."""
    return Keyring.from_secret(
        json.dumps({name.removeprefix("v"): text for name, text in versions.items()})
    )


def hkdf(secret: bytes, label: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, label + b"\x01", "sha256")


# -- which key -------------------------------------------------------------------------------------


def test_r03_r12_r16_each_use_has_exactly_this_key_derived_from_the_secret() -> None:
    # Computed anew from the description: keys and claims that exist rest on these bytes.
    ring = keyring(v1=ONE)
    assert ring.hashing_key == hkdf(ONE.encode(), b"licensing/machine-credentials")
    assert ring.license_key_secrets == {1: hkdf(ONE.encode(), b"licensing/license-key")}
    assert ring.nonce_key == hkdf(ONE.encode(), b"licensing/proof-nonce")
    seed = hkdf(ONE.encode(), b"licensing/lease-ed25519")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    assert ring.jwks() == {"keys": [public_jwk(public)]}


def test_r03_r12_r16_no_key_serves_two_uses() -> None:
    ring = keyring(v1=ONE)
    secret = ring.license_key_secrets[1]
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    hashing = Ed25519PrivateKey.from_private_bytes(ring.hashing_key).public_key()
    published = ring.jwks()["keys"][0]["x"]
    assert ring.hashing_key != secret
    assert published not in {public_jwk(public)["x"], public_jwk(hashing)["x"]}


# -- which version ---------------------------------------------------------------------------------


def test_r16_the_newest_version_is_the_highest_number_in_whatever_order() -> None:
    assert keyring(v10=TEN, v2=TWO, v1=ONE).newest == 10
    assert keyring(v1=ONE).newest == 1


def test_r16_the_newest_version_signs_and_every_version_is_published_newest_first() -> None:
    ring = keyring(v1=ONE, v10=TEN, v2=TWO)
    single = [keyring(v10=TEN), keyring(v2=TWO), keyring(v1=ONE)]
    assert ring.jwks()["keys"] == [alone.jwks()["keys"][0] for alone in single]
    assert ring.sign(LEASE) == keyring(v10=TEN).sign(LEASE)
    kids = [key["kid"] for key in ring.jwks()["keys"]]
    assert len(set(kids)) == 3
    header = json.loads(base64.urlsafe_b64decode(ring.sign(LEASE).split(".")[0] + "=="))
    assert header["kid"] == kids[0]


def test_r16_a_lease_from_before_a_rotation_verifies_with_the_keys_from_after_it() -> None:
    old = keyring(v1=ONE).sign(LEASE)
    new = keyring(v1=ONE, v2=TWO)
    published = KeySet.import_key_set(json.loads(json.dumps(new.jwks())))
    for token in (old, new.sign(LEASE)):
        assert (
            jwt.decode(token, published, algorithms=["Ed25519"]).claims["sub"] == LEASE.license_id
        )


def test_r03_a_rotation_leaves_every_license_key_as_it_is() -> None:
    before, after = keyring(v1=ONE), keyring(v1=ONE, v2=TWO)
    record = license()
    assert record.secret_version == 1
    assert record.key(before.license_key_secrets[1]) == record.key(after.license_key_secrets[1])
    renewed = replace(record, secret_version=2)
    assert (
        renewed.key(after.license_key_secrets[2]).tag
        != record.key(after.license_key_secrets[1]).tag
    )


def test_r04_r12_a_rotation_leaves_the_hashes_of_machines_as_they_are() -> None:
    before, after = keyring(v1=ONE), keyring(v10=TEN, v2=TWO, v1=ONE)
    assert after.hashing_key == before.hashing_key
    assert keyring(v2=TWO, v10=TEN).hashing_key == keyring(v2=TWO).hashing_key


# -- chains ----------------------------------------------------------------------------------------


def test_the_next_link_of_a_chain_is_exactly_this() -> None:
    # Computed anew from the description: agents that renew during an update rest on these bytes.
    told = b'["lic_0123456789abcdef", "the last", "n-1"]'
    link = hmac.digest(hkdf(ONE.encode(), b"licensing/lease-chain"), told, "sha256")[:16]
    expected = base64.urlsafe_b64encode(link).decode().rstrip("=")
    for ring in (keyring(v1=ONE), keyring(v1=ONE, v2=TWO)):
        assert ring.next_link("lic_0123456789abcdef", "the last", "n-1") == expected


# -- RFC 7517, RFC 8037 ----------------------------------------------------------------------------


def test_r16_the_published_keys_have_the_shape_of_rfc_8037_and_hold_no_private_part() -> None:
    for key in keyring(v1=ONE, v2=TWO).jwks()["keys"]:
        assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == (
            "OKP",
            "Ed25519",
            "Ed25519",
            "sig",
        )
        assert len(base64.urlsafe_b64decode(key["x"] + "=")) == 32
        thumbprint = hashlib.sha256(
            f'{{"crv":"Ed25519","kty":"OKP","x":"{key["x"]}"}}'.encode()
        ).digest()
        assert key["kid"] == base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")


def test_r16_another_library_reads_the_published_keys() -> None:
    for key in keyring(v1=ONE, v2=TWO).jwks()["keys"]:
        read = OKPKey.import_key(dict(key))
        assert not read.is_private
        assert read.thumbprint() == key["kid"]


# -- what is no secret -----------------------------------------------------------------------------

LONG = "x" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        LONG,
        '{"1": ',
        "[" * 50_000,
        "null",
        "[]",
        "{}",
        "1",
        f'"{LONG}"',
        json.dumps([LONG]),
        json.dumps({"0": LONG}),
        json.dumps({"-1": LONG}),
        json.dumps({"128": LONG}),
        json.dumps({"01": LONG}),
        json.dumps({"+1": LONG}),
        json.dumps({" 1": LONG}),
        json.dumps({"1_0": LONG}),
        json.dumps({"1.0": LONG}),
        json.dumps({"": LONG}),
        json.dumps({"one": LONG}),
        json.dumps({"\N{ARABIC-INDIC DIGIT ONE}": LONG}),
        json.dumps({"\N{SUPERSCRIPT TWO}": LONG}),
        json.dumps({"1": LONG, "current": LONG}),
        json.dumps({"1": LONG[1:]}),
        json.dumps({"1": LONG, "2": ""}),
        json.dumps({"1": 12345678901234567890123456789012}),
        json.dumps({"1": None}),
        json.dumps({"1": [LONG]}),
        json.dumps({"1": {"value": LONG}}),
        json.dumps({"9" * 5000: LONG}),
        f'{{"1": "{LONG}", "1": "{LONG}"}}',
        f'{{"1": "{LONG}", "\\u0031": "{LONG}"}}',
        json.dumps({"1": LONG + "\ud800"}),
        json.dumps({"1": LONG, "\udfff": LONG}),
        f'{{"1": "{LONG}\ud800"}}',
        f'\ufeff{{"1": "{LONG}"}}',
    ],
    ids=lambda text: text[:24],
)
def test_a_malformed_secret_is_a_misconfiguration(text: str) -> None:
    with pytest.raises(Misconfigured):
        Keyring.from_secret(text)


@pytest.mark.parametrize("number", [1, 127])
def test_versions_from_1_to_127_of_32_characters_are_a_secret(number: int) -> None:
    assert Keyring.from_secret(json.dumps({str(number): LONG})).newest == number


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"1": "short but secret"}),
        json.dumps({"short but secret": LONG}),
        '{"1": "short but secret',
        '{"1": "short but secret", "1": "short but secret"}',
        '{"1": "short but secret\ud800"}',
    ],
)
def test_r35_the_complaint_about_a_secret_does_not_repeat_it(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Keyring.from_secret(text)
    assert "short but secret" not in f"{refused.value} {refused.value.__cause__!r}"


def test_r35_showing_a_keyring_shows_no_secret() -> None:
    ring = keyring(v1=ONE, v2=TWO)
    assert ring.sign(LEASE)  # keys are derived on first use and kept
    shown = f"{ring!r} {ring} {[ring]} {ring.license_key_secrets and ''}"
    for secret in (ONE, TWO, repr(ring.hashing_key), ring.hashing_key.hex()):
        assert secret not in shown
