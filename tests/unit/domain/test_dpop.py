"""Proofs of possession: what is taken, what is not, and what has to be made anew (RFC 9449)."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws as jose
from joserfc.jwk import OKPKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.dpop import (
    NONCE_SECONDS,
    ProvedRequest,
    credential_hash,
    new_nonce,
    plain_url,
    verify,
)
from licensing.domain.errors import StaleProof
from tests.devices import Device, b64, compact
from tests.unit.domain.test_jws import ANYBODYS, SMALL
from tests.unit.domain.test_lease import KEY, KID, SEED
from tests.unit.samples import NOW

URL = "https://licensing.example/v1/licenses/validate"
CREDENTIAL = "L1-KEY"
NONCE_KEY = b"nonce key"
NOW_MS = NOW * 1000
DEVICE = Device(KEY, new_nonce(NONCE_KEY, NOW_MS))
OTHER = Device()


def check(token: str, *, now_ms: int = NOW_MS) -> Proof | InvalidProof:
    return verify(
        token,
        ProvedRequest("POST", frozenset({URL}), CREDENTIAL),
        nonce_key=NONCE_KEY,
        now_ms=now_ms,
    )


def _json64(value: dict[str, Any]) -> str:
    return b64(json.dumps(value).encode())


def proved(found: Proof | InvalidProof) -> tuple[str, int]:
    """Whose a good proof is, and how new."""
    assert isinstance(found, Proof), found
    return found.thumbprint, found.made_ms


def proof(**other: Any) -> str:
    return DEVICE.proof(URL, CREDENTIAL, **other)


def test_a_proof_tells_whose_it_is_and_how_new() -> None:
    # The thumbprint of the key of RFC 8037, appendix A, stands there.
    assert proved(check(proof())) == (KID, NOW_MS)


def test_r36_a_proofs_id_is_of_its_key_and_its_jti_alone() -> None:
    ids = {
        found.id
        for found in (
            check(proof(jti="one")),
            check(proof(jti="one", iat=7, cnf={"jkt": "a key"})),
            check(proof(jti="other")),
            check(Device().proof(URL, CREDENTIAL, jti="one", nonce=DEVICE.nonce)),
        )
        if isinstance(found, Proof)
    }
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", id) for id in ids)


@pytest.mark.parametrize(
    ("confirmed", "successor"),
    [({"jkt": "a key"}, "a key"), ({"jkt": 7}, None), ("a key", None), (None, None)],
)
def test_r36_a_proof_may_name_the_key_that_shall_come_after(
    confirmed: Any, successor: str | None
) -> None:
    found = check(proof(cnf=confirmed))
    assert isinstance(found, Proof)
    assert found.successor == successor


def test_the_hash_of_a_credential_is_that_of_rfc_9449() -> None:
    # The access token and the ath of the example in section 7.1.
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert credential_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_a_key_that_nobody_holds_proves_nothing() -> None:
    # The neutral point and a signature that anybody can make for it, whatever is signed.
    header = DEVICE.header(jwk={**DEVICE.jwk, "x": b64(bytes.fromhex(SMALL[0]))})
    content = f"{_json64(header)}.{_json64(DEVICE.claims(URL, CREDENTIAL))}"
    point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(SMALL[0]))
    point.verify(ANYBODYS, content.encode())
    assert check(f"{content}.{b64(ANYBODYS)}") == InvalidProof("the signature does not match")


def test_another_librarys_proof_is_taken_under_the_algorithms_name() -> None:
    key = OKPKey.import_key({**DEVICE.jwk, "d": b64(SEED)})
    body = json.dumps(DEVICE.claims(URL, CREDENTIAL))
    token = jose.serialize_compact(DEVICE.header(), body, key, algorithms=["Ed25519"])
    assert proved(check(token)) == (KID, NOW_MS)


def test_an_older_librarys_proof_is_taken_under_the_older_name() -> None:
    key = JWK(**DEVICE.jwk, d=b64(SEED))
    token = JWS(json.dumps(DEVICE.claims(URL, CREDENTIAL)))
    token.add_signature(key, None, json.dumps(DEVICE.header(alg="EdDSA")))
    assert proved(check(token.serialize(compact=True))) == (KID, NOW_MS)


BAD_HEADERS: dict[str, Callable[[], Any]] = {
    "of another type": lambda: DEVICE.header(typ="lease+jwt"),
    "without a type": lambda: {"alg": "Ed25519", "jwk": DEVICE.jwk},
    "of no algorithm": lambda: DEVICE.header(alg="none"),
    "of a symmetric algorithm": lambda: DEVICE.header(alg="HS256"),
    "without a key": lambda: {"alg": "Ed25519", "typ": "dpop+jwt"},
    "with a key by reference": lambda: {"alg": "Ed25519", "typ": "dpop+jwt", "kid": KID},
    "with more in it": lambda: DEVICE.header(crit=["exp"], exp=1),
    "with another's key": lambda: DEVICE.header(jwk=OTHER.jwk),
    "with a key of another kind": lambda: DEVICE.header(jwk={**DEVICE.jwk, "kty": "EC"}),
    "with a key of another curve": lambda: DEVICE.header(jwk={**DEVICE.jwk, "crv": "X25519"}),
    "with the private key": lambda: DEVICE.header(jwk={**DEVICE.jwk, "d": b64(SEED)}),
    "with a short key": lambda: DEVICE.header(jwk={**DEVICE.jwk, "x": "AAAA"}),
    "with a key in another spelling": lambda: DEVICE.header(
        jwk={**DEVICE.jwk, "x": DEVICE.jwk["x"][:-1] + "B"}
    ),
    "with a key that is a number": lambda: DEVICE.header(jwk={**DEVICE.jwk, "x": 5}),
    "with a key that is a text": lambda: DEVICE.header(jwk=DEVICE.jwk["x"]),
}
BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "without an id": {"jti": None},
    "with an empty id": {"jti": ""},
    "with an endless id": {"jti": "x" * 129},
    "with a number for an id": {"jti": 1},
    "without a method": {"htm": None},
    "of another method": {"htm": "GET"},
    "of a method in small letters": {"htm": "post"},
    "without a url": {"htu": None},
    "of another path": {"htu": URL[:-1]},
    "of another host": {"htu": URL.replace("licensing", "evil")},
    "of another scheme": {"htu": URL.replace("https", "http")},
    "of another port": {"htu": URL.replace(".example", ".example:8443")},
    "of no url": {"htu": "https://[licensing/v1"},
    "without a time": {"iat": None},
    "with a time in text": {"iat": "1900000000"},
    "with true for a time": {"iat": True},
    "without a credential": {"ath": None},
    "of another credential": {"ath": credential_hash("L1-OTHER")},
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_a_proof_is_bad_whose_header_is(case: str) -> None:
    token = compact(BAD_HEADERS[case](), DEVICE.claims(URL, CREDENTIAL), DEVICE.key)
    assert isinstance(check(token), InvalidProof)


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_a_proof_is_bad_that_is(case: str) -> None:
    found = check(proof(**BAD_CLAIMS[case]))
    assert isinstance(found, InvalidProof)
    assert CREDENTIAL not in found.reason


def test_an_id_may_have_128_characters() -> None:
    assert proved(check(proof(jti="x" * 128))) == (KID, NOW_MS)


def test_a_bad_proof_says_why() -> None:
    claims = DEVICE.claims(URL, CREDENTIAL)
    for token, why in {
        "a.b": "not a compact JWS",
        compact(DEVICE.header(typ="JWT"), claims, DEVICE.key): "its header is not that of a proof",
        compact(DEVICE.header(), claims, OTHER.key): "the signature does not match",
        proof(jti=""): "claims are missing or of the wrong type",
        proof(htm="GET"): "made for another request",
        proof(ath=credential_hash("L1-OTHER")): "made for another credential",
    }.items():
        assert check(token) == InvalidProof(why)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "é.b.c", "x" * 5000, "W10.W10.AA"])
def test_what_is_no_jws_is_no_proof(text: str) -> None:
    assert isinstance(check(text), InvalidProof)


def test_any_single_flipped_character_spoils_it() -> None:
    token = proof()
    for place in range(0, len(token), 7):
        flipped = "A" if token[place] != "A" else "B"
        spoiled = token[:place] + flipped + token[place + 1 :]
        assert isinstance(check(spoiled), InvalidProof), place


@pytest.mark.parametrize(
    "nonce",
    [
        None,
        "",
        "nonsense!",
        5,
        new_nonce(b"another server", NOW_MS),
        new_nonce(NONCE_KEY, NOW_MS)[:-4],
        new_nonce(NONCE_KEY, NOW_MS) + "AAAA",
        b64((NOW_MS + 1).to_bytes(8, "big")),
    ],
    ids=str,
)
def test_a_proof_without_one_of_the_services_nonces_has_to_be_made_anew(nonce: object) -> None:
    with pytest.raises(StaleProof, match=r"^The proof needs a newer nonce\. Make a new proof"):
        check(proof(nonce=nonce))


@pytest.mark.parametrize(
    ("age_ms", "is_taken"),
    [
        (0, True),
        (NONCE_SECONDS * 1000, True),
        (NONCE_SECONDS * 1000 + 1, False),
        (-5_000, True),  # another server's clock is ahead
        (-5_001, False),
    ],
)
def test_a_nonce_is_taken_for_five_minutes(age_ms: int, *, is_taken: bool) -> None:
    token = proof(nonce=new_nonce(NONCE_KEY, NOW_MS))
    if is_taken:
        assert proved(check(token, now_ms=NOW_MS + age_ms)) == (KID, NOW_MS)
    else:
        with pytest.raises(StaleProof):
            check(token, now_ms=NOW_MS + age_ms)


def test_a_bad_proof_is_bad_whatever_its_nonce() -> None:
    assert isinstance(check(proof(htm="GET", nonce=None)), InvalidProof)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://Licensing.EXAMPLE/v1", "https://licensing.example/v1"),
        ("HTTPS://licensing.example:443/v1?a=b#c", "https://licensing.example/v1"),
        ("http://127.0.0.1:80/", "http://127.0.0.1/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("https://licensing.example:80/v1", "https://licensing.example:80/v1"),
        ("https://[2001:DB8::1]:443/v1", "https://[2001:db8::1]/v1"),
        ("https://licensing.example/V1/%7e", "https://licensing.example/V1/%7e"),
        ("https://me@licensing.example/v1", None),
        ("ftp://licensing.example/v1", None),
        ("/v1/licenses", None),
        ("https://licensing.example:99999/v1", None),
        ("https://", None),
    ],
)
def test_urls_are_compared_without_query_fragment_usual_port_and_capitals(
    url: str, plain: str | None
) -> None:
    assert plain_url(url) == plain
