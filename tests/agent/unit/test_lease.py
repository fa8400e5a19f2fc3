"""What of a JWKS verifies leases, and tokens that are none. The rest is in the vectors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.lease import public_jwk
from licensing_agent.protocol.lease import Expected, Reason, Rejected, public_keys, verify
from tests.agent.samples import JWKS, KEYS, LICENSE_ID, MACHINE, lease_token
from tests.unit.domain.test_jws import ANYBODYS, SMALL, SPELLED_OTHERWISE
from tests.unit.domain.test_lease import ISSUER, KEY, KID, b64, signed
from tests.unit.samples import NOW

GOOD = public_jwk(KEY.public_key())
EXPECTED = Expected(
    issuer=ISSUER,
    license_id=LICENSE_ID,
    organization_id="acme",
    environment="production",
    machine_thumbprint=MACHINE.thumbprint(),
    nonce="n-1",
)


def test_r16_the_services_keys_are_taken_by_their_ids() -> None:
    assert public_keys(JWKS) == {KID: GOOD["x"]}
    bare = {name: GOOD[name] for name in ("kty", "crv", "x", "kid")}
    assert public_keys({"keys": [bare]}) == {KID: GOOD["x"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"kty": "RSA"},
        {"crv": "X25519"},
        {"alg": "EdDSA"},
        {"use": "enc"},
        {"x": GOOD["x"][:-1]},
        {"x": None},
        {"kid": "of another"},
        {"kid": None},
    ],
)
def test_r16_a_key_for_anything_else_or_under_another_id_is_left_out(
    changed: dict[str, Any],
) -> None:
    assert public_keys({"keys": [GOOD | changed, "odd", GOOD]}) == {KID: GOOD["x"]}
    assert public_keys({"keys": [GOOD | changed]}) == {}


@pytest.mark.parametrize(
    "token", ["a.b.c", "\N{ROCKET}.e30.e30", "e30.e30." + "A" * 5_000, "*.*.*"]
)
def test_r16_what_is_no_token_is_malformed(token: str) -> None:
    assert verify(token, KEYS, EXPECTED, now=NOW) == Rejected(Reason.MALFORMED)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 6))
def test_r16_no_character_of_a_lease_can_be_another(at: int, bit: int) -> None:
    token = lease_token()
    at %= len(token)
    changed = token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :]
    assert isinstance(verify(changed, KEYS, EXPECTED, now=NOW), Rejected)


@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), st.none() | st.text()),
    body=st.binary(max_size=64),
)
def test_r16_whatever_is_signed_is_a_lease_or_has_a_reason(
    header: dict[str, str | None], body: bytes
) -> None:
    content = f"{b64(json.dumps(header).encode())}.{b64(body)}"
    token = f"{content}.{b64(KEY.sign(content.encode()))}"
    assert isinstance(verify(token, KEYS, EXPECTED, now=NOW), Rejected)


def test_r16_a_key_that_is_no_key_verifies_nothing() -> None:
    token = signed({"alg": "Ed25519", "kid": "k", "typ": "lease+jwt"}, {})
    assert verify(token, {"k": "AAAA"}, EXPECTED, now=NOW) == Rejected(Reason.MALFORMED)


@pytest.mark.parametrize("point", [*SMALL, *SPELLED_OTHERWISE])
def test_r16_a_lease_under_a_key_that_nobody_holds_is_none(point: str) -> None:
    key = b64(bytes.fromhex(point))
    for number in range(20):
        header = {"alg": "Ed25519", "kid": f"key {number}", "typ": "lease+jwt"}
        content = f"{b64(json.dumps(header).encode())}.{lease_token().split('.')[1]}"
        lease = verify(f"{content}.{b64(ANYBODYS)}", {header["kid"]: key}, EXPECTED, now=NOW)
        assert lease == Rejected(Reason.WRONG_SIGNATURE)
