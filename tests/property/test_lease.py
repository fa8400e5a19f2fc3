"""Leases over generated ones: what is signed verifies, and nothing else gets past verification."""

import base64
import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from licensing.domain.errors import ForgedLease
from licensing.domain.lease import Lease, public_jwk, sign, verify
from tests.property.strategies import any_text

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = public_jwk(KEY.public_key())["kid"]
KEYS = {KID: KEY.public_key()}
HEADER = {"alg": "Ed25519", "kid": KID, "typ": "lease+jwt"}
ISSUER = "urn:licensing:test"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)

leases = st.builds(
    Lease,
    issuer=st.just(ISSUER),
    license_id=TEXTS,
    organization_id=TEXTS,
    environment=TEXTS,
    machine_thumbprint=TEXTS,
    kind=TEXTS,
    primary=st.booleans(),
    issued_at=st.integers(0, 2**33),
    expires_at=st.integers(2**33 + 1, 2**34),
    nonce=st.none() | TEXTS,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=8,
)
TOKEN = sign(
    Lease(
        issuer=ISSUER,
        license_id="lic_0123456789abcdef",
        organization_id="acme",
        environment="production",
        machine_thumbprint="thumbprint",
        kind="standard",
        primary=False,
        issued_at=1_900_000_000,
        expires_at=1_900_086_400,
    ),
    KEY,
    KID,
)
CLAIMS = json.loads(base64.urlsafe_b64decode(TOKEN.split(".")[1] + "=="))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def accepted(token: str) -> Lease | None:
    """The lease, or `None`; anything but a refusal passes through and fails the test."""
    try:
        return verify(token, KEYS, issuer=ISSUER, now=1_900_000_000)
    except ForgedLease:
        return None


@given(leases)
def test_r16_every_signed_lease_verifies_as_what_it_says_in_its_time_only(lease: Lease) -> None:
    token = sign(lease, KEY, KID)
    for moment in (lease.issued_at, lease.expires_at - 1):
        assert verify(token, KEYS, issuer=ISSUER, now=moment) == lease
    for moment in (lease.issued_at - 1, lease.expires_at):
        try:
            verify(token, KEYS, issuer=ISSUER, now=moment)
        except ForgedLease:
            continue
        raise AssertionError(f"accepted at {moment}")


@given(any_text | st.from_regex(r"[A-Za-z0-9_-]*(\.[A-Za-z0-9_=-]*){0,4}"))
@example(TOKEN.replace(".", ".\ud800", 1))
def test_r16_no_text_is_taken_for_a_lease(text: str) -> None:
    assert accepted(text) is None


@given(json_values, json_values, st.binary(max_size=80))
def test_r16_no_three_json_parts_are_taken_for_a_lease(
    header: object, claims: object, signature: bytes
) -> None:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    assert accepted(".".join(map(b64, parts))) is None


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jwk", "crit"]), json_values))
def test_r16_no_other_header_is_accepted_even_with_a_signature_that_fits(
    other: dict[str, object],
) -> None:
    header = HEADER | other
    content = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    token = f"{content}.{b64(KEY.sign(content.encode()))}"
    assert (accepted(token) is not None) == (header == HEADER)


@given(st.one_of(st.binary(), json_values.map(lambda value: json.dumps(value).encode())))
@example(b"[" * 2000)
@example(b'{"exp": ' + b"9" * 2900 + b"}")
@example(json.dumps(CLAIMS | {"iss": "\ud800"}).encode())
def test_r16_claims_of_any_form_are_refused_even_with_a_signature_that_fits(claims: bytes) -> None:
    content = f"{TOKEN.split('.')[0]}.{b64(claims)}"
    assert accepted(f"{content}.{b64(KEY.sign(content.encode()))}") is None


@given(st.dictionaries(st.sampled_from(sorted(CLAIMS)), json_values, min_size=1))
def test_r16_claims_are_accepted_as_they_were_signed_or_not_at_all(
    other: dict[str, object],
) -> None:
    claims = CLAIMS | other
    content = f"{TOKEN.split('.')[0]}.{b64(json.dumps(claims).encode())}"
    lease = accepted(f"{content}.{b64(KEY.sign(content.encode()))}")
    if lease is not None:
        assert (lease.issuer, lease.license_id, lease.issued_at, lease.expires_at) == (
            claims["iss"],
            claims["sub"],
            claims["iat"],
            claims["exp"],
        )
        assert lease == replace(
            lease,
            organization_id=claims["organization_id"],
            environment=claims["environment"],
            machine_thumbprint=claims["machine_thumbprint"],
            kind=claims["kind"],
            primary=claims["primary"],
            nonce=None,
        )


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, len(TOKEN)), any_text)
def test_r16_a_lease_with_anything_cut_out_or_put_in_is_refused(
    start: int, end: int, inserted: str
) -> None:
    changed = TOKEN[:start] + inserted + TOKEN[max(start, end) :]
    assert (accepted(changed) is not None) == (changed == TOKEN)
