"""Proofs of possession: what is taken, what is not, and what has to be made anew (RFC 9449)."""

import base64
import hashlib
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
    body_hash,
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
BODY = b'{"nonce": "n-1"}'
NONCE_KEY = b"nonce key"
NOW_MS = NOW * 1000
DEVICE = Device(KEY, new_nonce(NONCE_KEY, NOW_MS))
OTHER = Device()


def check(token: str, *, now_ms: int = NOW_MS, body: bytes = BODY) -> Proof | InvalidProof:
    return verify(
        token,
        ProvedRequest("POST", frozenset({URL}), CREDENTIAL, body),
        nonce_key=NONCE_KEY,
        now_ms=now_ms,
    )


def _json64(value: dict[str, Any]) -> str:
    return b64(json.dumps(value).encode())


def proved(found: Proof | InvalidProof) -> tuple[str, int | None]:
    """Whose a good proof is, and how new."""
    assert isinstance(found, Proof), found
    return found.thumbprint, found.made_ms


def proof(**other: Any) -> str:
    return DEVICE.proof(URL, CREDENTIAL, BODY, **other)


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
            check(Device().proof(URL, CREDENTIAL, BODY, jti="one", nonce=DEVICE.nonce)),
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
    content = f"{_json64(header)}.{_json64(DEVICE.claims(URL, CREDENTIAL, BODY))}"
    point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(SMALL[0]))
    point.verify(ANYBODYS, content.encode())
    assert check(f"{content}.{b64(ANYBODYS)}") == InvalidProof("the signature does not match")


def test_another_librarys_proof_is_taken_under_the_algorithms_name() -> None:
    key = OKPKey.import_key({**DEVICE.jwk, "d": b64(SEED)})
    body = json.dumps(DEVICE.claims(URL, CREDENTIAL, BODY))
    token = jose.serialize_compact(DEVICE.header(), body, key, algorithms=["Ed25519"])
    assert proved(check(token)) == (KID, NOW_MS)


def test_an_older_librarys_proof_is_taken_under_the_older_name() -> None:
    key = JWK(**DEVICE.jwk, d=b64(SEED))
    token = JWS(json.dumps(DEVICE.claims(URL, CREDENTIAL, BODY)))
    token.add_signature(key, None, json.dumps(DEVICE.header(alg="EdDSA")))
    assert proved(check(token.serialize(compact=True))) == (KID, NOW_MS)


def _other_alphabet(body: bytes) -> str:
    """The hash in base64 as it stands in MIME, whose `+` and `/` are `-` and `_` in a JWS."""
    spelled = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert not {"+", "/"}.isdisjoint(spelled)
    return spelled.rstrip("=")


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
    "without a body": {"htb": None},
    "with an empty hash of a body": {"htb": ""},
    "with a number for a body": {"htb": 1},
    "with a list for a body": {"htb": [body_hash(BODY)]},
    "of another body": {"htb": body_hash(BODY.replace(b"n-1", b"n-2"))},
    "of no body": {"htb": body_hash(b"")},
    "of the body with a blank more": {"htb": body_hash(BODY + b" ")},
    "of the body with a byte order mark": {"htb": body_hash(b"\xef\xbb\xbf" + BODY)},
    "of the body in UTF-16": {"htb": body_hash(BODY.decode().encode("utf-16"))},
    "of the body in padded base64url": {"htb": body_hash(BODY) + "="},
    "of the body in the other alphabet": {"htb": _other_alphabet(BODY)},
    "of the body in hex": {"htb": hashlib.sha256(BODY).hexdigest()},
    "of the body under a longer hash": {"htb": b64(hashlib.sha512(BODY).digest())},
    "of the body in other letters": {"htb": body_hash(BODY).swapcase()},
    "of the body in a letter beyond ASCII": {"htb": body_hash(BODY)[:-1] + "\uff21"},
    "of a body in full stops": {"htb": "." * 43},
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_a_proof_is_bad_whose_header_is(case: str) -> None:
    token = compact(BAD_HEADERS[case](), DEVICE.claims(URL, CREDENTIAL, BODY), DEVICE.key)
    assert isinstance(check(token), InvalidProof)


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_a_proof_is_bad_that_is(case: str) -> None:
    found = check(proof(**BAD_CLAIMS[case]))
    assert isinstance(found, InvalidProof)
    assert CREDENTIAL not in found.reason


def test_r36_a_proof_is_of_the_bytes_of_a_body_whatever_they_are() -> None:
    for body in (b"", b"{}", b"\xff\x00", "\ufeff{}".encode(), b"x" * 65_536):
        assert proved(check(DEVICE.proof(URL, CREDENTIAL, body), body=body)) == (KID, NOW_MS)
        found = check(DEVICE.proof(URL, CREDENTIAL, body), body=body + b" ")
        assert isinstance(found, InvalidProof)
        assert found.reason == "made for another body (htb)"


def test_the_hash_of_a_body_is_what_other_tools_take_it_for() -> None:
    # printf '' | openssl dgst -sha256 -binary | basenc --base64url
    assert body_hash(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_an_id_may_have_128_characters() -> None:
    assert proved(check(proof(jti="x" * 128))) == (KID, NOW_MS)


def test_a_bad_proof_says_why() -> None:
    claims = DEVICE.claims(URL, CREDENTIAL, BODY)
    for token, why in {
        "a.b": "not a compact JWS",
        compact(DEVICE.header(typ="JWT"), claims, DEVICE.key): "its header is not that of a proof",
        compact(DEVICE.header(), claims, OTHER.key): "the signature does not match",
        proof(jti=""): "claims are missing or of the wrong type",
        proof(htm="GET"): "made for another method (htm)",
        proof(ath=credential_hash("L1-OTHER")): "made for another token or license key (ath)",
        proof(htb=body_hash(b"{}")): "made for another body (htb)",
    }.items():
        found = check(token)
        assert isinstance(found, InvalidProof)
        assert found.reason == why


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
    [None, "", 5, True, ["n-1"], "n 1", "n-1\n", "\x7f", "n-\xe9", "x" * 129],
    ids=str,
)
def test_a_proof_without_a_nonce_has_to_be_made_anew(nonce: object) -> None:
    with pytest.raises(StaleProof, match=r"^The proof needs a newer nonce\. Make a new proof"):
        check(proof(nonce=nonce))


@pytest.mark.parametrize(
    "nonce",
    [
        "bGluay0x",
        "x" * 128,
        "!~",
        new_nonce(b"another server", NOW_MS),
        new_nonce(NONCE_KEY, NOW_MS)[:-4],
        new_nonce(NONCE_KEY, NOW_MS) + "AAAA",
        b64((NOW_MS + 1).to_bytes(8, "big")),
    ],
)
def test_r36_a_proof_over_another_text_has_no_time_and_tells_the_text(nonce: str) -> None:
    found = check(proof(nonce=nonce))
    assert isinstance(found, Proof)
    assert (found.thumbprint, found.made_ms, found.nonce) == (KID, None, nonce)
    with pytest.raises(StaleProof, match=r"^The proof needs a newer nonce\. Make a new proof"):
        found.demand_time()


def test_r36_a_nonce_of_the_service_that_is_over_is_no_other_text() -> None:
    token = proof(nonce=new_nonce(NONCE_KEY, NOW_MS - 301_000))
    with pytest.raises(StaleProof):
        check(token)


def test_a_proof_tells_the_nonce_of_the_service_that_is_in_it() -> None:
    found = check(proof())
    assert isinstance(found, Proof)
    assert (found.nonce, found.demand_time()) == (DEVICE.nonce, NOW_MS)


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
    assert isinstance(check(proof(htb=body_hash(b""), nonce=None)), InvalidProof)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://Licensing.EXAMPLE/v1", "https://licensing.example/v1"),
        ("HTTPS://licensing.example:443/v1?a=b#c", "https://licensing.example/v1"),
        ("http://127.0.0.1:80/", "http://127.0.0.1/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("https://licensing.example:80/v1", "https://licensing.example:80/v1"),
        ("https://[2001:DB8::1]:443/v1", "https://[2001:db8::1]/v1"),
        ("https://licensing.example./v1", "https://licensing.example/v1"),
        ("https://Licensing.example.:443/v1", "https://licensing.example/v1"),
        ("https://licensing.example/V1/%7e", "https://licensing.example/V1/~"),
        ("https://licensing.example/%76%31/a%2fb", "https://licensing.example/v1/a%2Fb"),
        ("https://licensing.example/%c3%a4%zz", "https://licensing.example/%C3%A4%zz"),
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


# -- keys and signatures of two spellings, or with nobody behind them (RFC 8032) -------------------

FIELD = 2**255 - 19
GROUP = 2**252 + 27742317777372353535851937790883648493
TWIST = -121665 * pow(121666, -1, FIELD) % FIELD

Point = tuple[int, int]


def added(one: Point, other: Point) -> Point:
    """The sum of two points of the curve."""
    (x1, y1), (x2, y2) = one, other
    product = TWIST * x1 * x2 * y1 * y2 % FIELD
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, FIELD) % FIELD,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, FIELD) % FIELD,
    )


def times(number: int, point: Point) -> Point:
    """A point, added to itself so often."""
    total = (0, 1)
    for bit in f"{number:b}":
        total = added(total, total)
        total = added(total, point) if bit == "1" else total
    return total


def torsion() -> list[Point]:
    """The eight points of small order: those of the group's order are what is left of any other."""
    for y in range(2, 100):
        squared = (y * y - 1) * pow(TWIST * y * y + 1, -1, FIELD) % FIELD
        x = pow(squared, (FIELD + 3) // 8, FIELD)
        if x * x % FIELD != squared:
            x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
        if x * x % FIELD == squared:
            point = times(GROUP, (x, y))
            if times(4, point) != (0, 1):  # of order 8: it makes them all
                return [times(number, point) for number in range(1, 9)]
    raise AssertionError("half of all points have such a rest")


def spellings(point: Point) -> list[bytes]:
    """All 32 bytes that a lenient reader takes for a point of the curve."""
    x, y = point
    signs = {x % 2, 0, 1} if x == 0 else {x % 2}
    return [
        (written | sign << 255).to_bytes(32, "little")
        for written in (y, y + FIELD)
        if written < 2**255
        for sign in sorted(signs)
    ]


def test_r36_no_spelling_of_a_point_of_small_order_is_a_device_key() -> None:
    points = torsion()
    assert len(set(points)) == 8
    spelled = [raw for point in points for raw in spellings(point)]
    # Of the eight, two have y = 0 and one y = 1, which fit a second time; x = 0 has two signs.
    assert len(set(spelled)) == len(spelled) == 14
    for raw in spelled:
        header = DEVICE.header(jwk={**DEVICE.jwk, "x": b64(raw)})
        signed = f"{_json64(header)}.{_json64(DEVICE.claims(URL, CREDENTIAL, BODY))}"
        for signature in (ANYBODYS, bytes(64), raw + bytes(32)):
            found = check(f"{signed}.{b64(signature)}")
            assert found == InvalidProof("the signature does not match"), raw.hex()


def test_r36_no_y_beyond_the_field_is_a_device_key() -> None:
    for y in range(FIELD, 2**255):
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            token = compact(
                DEVICE.header(jwk={**DEVICE.jwk, "x": b64(raw)}),
                DEVICE.claims(URL, CREDENTIAL, BODY),
                DEVICE.key,
            )
            assert check(token) == InvalidProof("the signature does not match")


def test_r36_a_signature_has_one_spelling() -> None:
    token = proof()
    signed, _, tail = token.rpartition(".")
    signature = base64.urlsafe_b64decode(f"{tail}==")
    commitment, number = signature[:32], int.from_bytes(signature[32:], "little")
    assert number < GROUP
    for again in range(1, 16):
        if (other := number + again * GROUP) < 2**256:
            spelled = commitment + other.to_bytes(32, "little")
            assert check(f"{signed}.{b64(spelled)}") == InvalidProof("the signature does not match")
    assert proved(check(token)) == (KID, NOW_MS)
