"""Leases and two other libraries: each verifies what the other signs, and nothing more gets by.

What they sign amiss here carries signatures that fit: it is told by its form alone.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws as joserfc
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry
from jwcrypto.jwk import JWK, JWKSet  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]
from jwcrypto.jwt import JWT  # type: ignore[import-untyped]

from licensing.domain.lease import public_jwk
from tests.unit.domain.test_lease import (
    CLAIMS,
    HEADER,
    KEY,
    KID,
    LEASE,
    PARTS,
    SEED,
    TOKEN,
    accepted,
    b64,
    unb64,
)
from tests.unit.samples import NOW

PUBLIC = KEY.public_key()
PAYLOAD = unb64(PARTS[1])
OTHER = Ed448PrivateKey.from_private_bytes(bytes(57))
# Whatever a confused verifier could take for the secret of a MAC: the public key, in any form.
PUBLIC_FORMS = {
    "raw": PUBLIC.public_bytes_raw(),
    "der": PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "pem": PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "jwk": json.dumps(public_jwk(PUBLIC)).encode(),
    "x": public_jwk(PUBLIC)["x"].encode(),
    "kid": KID.encode(),
    "zeros": bytes(32),
}


def private_jwk() -> JWK:
    """The service's key, in jwcrypto's hands."""
    return JWK(**public_jwk(PUBLIC), d=b64(SEED))


def by_jwcrypto(header: dict[str, Any], payload: bytes = PAYLOAD, key: JWK | None = None) -> JWS:
    """What jwcrypto signs."""
    token = JWS(payload)
    token.add_signature(key or private_jwk(), alg=header["alg"], protected=json.dumps(header))
    return token


def by_joserfc(header: dict[str, Any], key: Any = None, payload: bytes = PAYLOAD) -> str:
    """What joserfc signs, with whatever header."""
    registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return joserfc.serialize_compact(
        header, payload, key or OKPKey.import_key(KEY), registry=registry
    )


# -- both ways -----------------------------------------------------------------------------------


def test_r16_jwcrypto_verifies_our_leases_with_the_published_keys() -> None:
    published = JWKSet.from_json(json.dumps({"keys": [public_jwk(PUBLIC)]}))
    token = JWT(
        jwt=TOKEN,
        key=published,
        algs=["Ed25519"],
        expected_type="JWS",
        check_claims={"iss": LEASE.issuer, "sub": LEASE.license_id, "exp": None, "nonce": "n-1"},
    )
    token.leeway = 0
    assert json.loads(token.header) == HEADER
    assert json.loads(token.claims) == CLAIMS


def test_r16_we_verify_the_leases_that_jwcrypto_signs() -> None:
    token = JWT(header=HEADER, claims=CLAIMS)
    token.make_signed_token(private_jwk())
    assert accepted(token.serialize()) == LEASE
    assert accepted(by_jwcrypto(HEADER).serialize(compact=True)) == LEASE
    assert accepted(by_joserfc(HEADER)) == LEASE


# -- signed amiss --------------------------------------------------------------------------------


def mac(secret: bytes) -> str:
    """A token with a MAC in the place of a signature."""
    key = JWK(kty="oct", k=b64(secret))
    token: str = by_jwcrypto(HEADER | {"alg": "HS256"}, key=key).serialize(compact=True)
    return token


def changed(header: dict[str, Any]) -> str:
    """A token with other or more members in its header."""
    token: str = by_jwcrypto(HEADER | header).serialize(compact=True)
    return token


def general(members: Any) -> str:
    """A lease in JSON, not in the compact form."""
    key = OKPKey.import_key(KEY)
    return json.dumps(joserfc.serialize_json(members, PAYLOAD, key, algorithms=["Ed25519"]))


RAW = {"b64": False, "crit": ["b64"]}
SIGNED_AMISS: dict[str, Callable[[], str]] = {
    "EdDSA": partial(changed, {"alg": "EdDSA"}),
    "ES256": lambda: by_joserfc(HEADER | {"alg": "ES256"}, ECKey.generate_key("P-256")),
    "Ed448": lambda: by_joserfc(HEADER | {"alg": "Ed448"}, OKPKey.import_key(OTHER)),
    "none": lambda: f"{b64(json.dumps(HEADER | {'alg': 'none'}).encode())}.{PARTS[1]}.",
    **{f"HS256 {form}": partial(mac, secret) for form, secret in PUBLIC_FORMS.items()},
    "typ JWT": partial(changed, {"typ": "JWT"}),
    "typ in capitals": partial(changed, {"typ": "LEASE+JWT"}),
    "no typ": lambda: by_joserfc({"alg": "Ed25519", "kid": KID}),
    "kid of nobody": partial(changed, {"kid": "nobody"}),
    "kid in a list": partial(changed, {"kid": [KID]}),
    "kid null": partial(changed, {"kid": None}),
    "no kid": lambda: by_joserfc({"alg": "Ed25519", "typ": "lease+jwt"}),
    "jku": partial(changed, {"jku": "https://attacker.example/jwks.json"}),
    "jwk": partial(changed, {"jwk": public_jwk(PUBLIC)}),
    "x5u": partial(changed, {"x5u": "https://attacker.example/key.pem"}),
    "x5c": partial(changed, {"x5c": [b64(b"certificate")]}),
    "zip": partial(changed, {"zip": "DEF"}),
    "b64 by joserfc": partial(by_joserfc, HEADER | RAW),
    "b64 by jwcrypto": partial(changed, RAW),
    "flattened by joserfc": partial(general, {"protected": HEADER}),
    "flattened by jwcrypto": lambda: by_jwcrypto(HEADER).serialize(),
    "general": partial(general, [{"protected": HEADER}]),
    "detached": partial(joserfc.detach_content, TOKEN),
    "a lease as claims": partial(by_joserfc, HEADER, payload=TOKEN.encode()),
}


@pytest.mark.parametrize("make", SIGNED_AMISS.values(), ids=SIGNED_AMISS)
def test_r16_what_another_library_signs_otherwise_is_no_lease(make: Callable[[], str]) -> None:
    token = make()
    assert len(token) > 100
    assert accepted(token, now=NOW) is None


# -- two readings --------------------------------------------------------------------------------


def signed_text(header: str, claims: str) -> str:
    """A token of these very texts, with a signature that fits."""
    content = f"{b64(header.encode())}.{b64(claims.encode())}"
    return f"{content}.{b64(KEY.sign(content.encode()))}"


def twice(text: str, name: str, value: object) -> Iterator[str]:
    """A JSON object that names a member once more: first, last, and in another spelling."""
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in name)
    for member in (f'"{name}":{json.dumps(value)}', f'"{spelled}":{json.dumps(value)}'):
        yield f"{{{member},{text[1:]}"
        yield f"{text[:-1]},{member}}}"


def test_r16_a_member_that_is_named_twice_is_refused() -> None:
    header, claims = (unb64(part).decode() for part in PARTS[:2])
    assert signed_text(header, claims) == TOKEN
    for name, right in HEADER.items():
        for value in (right, "none"):
            for doubled in twice(header, name, value):
                assert accepted(signed_text(doubled, claims)) is None, doubled
    for claim, claimed in CLAIMS.items():
        for anything in (claimed, 9_999_999_999, "other"):
            for doubled in twice(claims, claim, anything):
                assert accepted(signed_text(header, doubled)) is None, doubled


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_r16_a_part_in_another_encoding_is_refused(encoding: str) -> None:
    for at in (0, 1):
        parts = [unb64(part) for part in PARTS[:2]]
        parts[at] = parts[at].decode().encode(encoding)
        content = ".".join(map(b64, parts))
        assert accepted(f"{content}.{b64(KEY.sign(content.encode()))}") is None


def test_r16_parts_of_several_leases_make_none() -> None:
    later = by_joserfc(HEADER, payload=json.dumps(CLAIMS | {"exp": NOW + 9_999_999}).encode())
    assert accepted(later) is not None
    ours, theirs = TOKEN.split("."), later.split(".")
    for token in (
        TOKEN + later,
        f"{TOKEN}.{later}",
        f"{TOKEN},{later}",
        f"{ours[0]}.{theirs[1]}.{ours[2]}",
        f"{ours[0]}.{ours[1]}{theirs[1]}.{ours[2]}",
        f"{ours[0]}{theirs[0]}.{ours[1]}.{ours[2]}",
        f"{ours[0]}.{ours[1]}.{ours[2]}{theirs[2]}",
        f"{ours[0]}.{ours[1]}.{b64(unb64(ours[2]) + unb64(theirs[2]))}",
        f"{ours[0]}.{ours[1]}.{b64(unb64(ours[2])[:32] + unb64(theirs[2])[32:])}",
    ):
        assert accepted(token) is None, token
