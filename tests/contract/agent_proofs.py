"""Proofs of possession of a device key (RFC 9449), good ones and others, and what is in them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing.domain import jws
from licensing.domain.device_key import InvalidProof
from licensing.domain.dpop import (
    ProvedRequest,
    body_hash,
    credential_hash,
    new_nonce,
    plain_url,
    verify,
)
from licensing.domain.errors import StaleProof
from licensing_agent.protocol import strict_json
from tests.unit.domain.test_lease import KID, b64
from tests.unit.domain.test_license_key import PRINTED
from tests.unit.samples import NOW, license

SEED: Final = bytes(range(32, 64))
KEY: Final = Ed25519PrivateKey.from_private_bytes(SEED)
JWK: Final = jws.members(KEY.public_key())
NONCE_KEY: Final = b"what marks the nonces of vectors"
NOW_MS: Final = NOW * 1000
NONCE: Final = new_nonce(NONCE_KEY, NOW_MS)
LATER: Final = new_nonce(NONCE_KEY, NOW_MS + 1)
BEARER: Final = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
HOST: Final = "https://licensing.example"

HEADER: Final[dict[str, Any]] = {"alg": "Ed25519", "jwk": JWK, "typ": "dpop+jwt"}

REASONS: Final = {
    "its header is not that of a proof": "header",
    "the signature does not match": "signature",
    "claims are missing or of the wrong type": "claims",
    "made for another method (htm)": "request",
    "made for another address than this request has reached (htu)": "request",
    "made for another token or license key (ath)": "credential",
    "made for another body (htb)": "body",
    "not a compact JWS": "malformed",
    "not base64url": "malformed",
    "not canonical base64url": "malformed",
    "not JSON of one reading": "malformed",
    "not a JSON object": "malformed",
}
"""Why a proof is bad, by what the service says of it."""


QUESTION: Final = json.dumps(
    {"license_key": PRINTED, "organization_id": "acme", "nonce": "n-1"}, separators=(",", ":")
)
LOGIN: Final = '{"environment":"production"}'
LINK: Final = "bGluay0x"
"""The id of the lease that an agent presents."""


@dataclass(frozen=True)
class Case:
    """A proof for one request, looked at ``after_ms``, when ``last`` was the last nonce taken.

    ``token`` is the proof where it is not simply header and claims, signed.
    """

    header: str
    claims: str
    url: str = f"{HOST}/v1/licenses/validate"
    credential: str = PRINTED
    body: str = QUESTION
    after_ms: int = 0
    last: str | None = None
    token: str | None = None

    @property
    def signing_input(self) -> str:
        """What is signed."""
        return f"{b64(self.header.encode())}.{b64(self.claims.encode())}"

    @property
    def proof(self) -> str:
        """The compact JWS."""
        return self.token if self.token is not None else _signed(self.signing_input)


def proofs() -> dict[str, Any]:
    """The device key, hashes of credentials and bodies, addresses that are compared, and proofs."""
    return {
        "device_key": {
            "seed": b64(SEED),
            "jwk": JWK,
            "thumbprint": jws.thumbprint(KEY.public_key()),
        },
        "ath": [{"credential": one, "ath": credential_hash(one)} for one in CREDENTIALS],
        "htb": [{"body": one, "htb": body_hash(one.encode())} for one in BODIES],
        "htu": [{"htu": htu, "url": url, "equal": _equal(htu, url)} for htu, url in ADDRESSES],
        "proofs": [_vector(name, case) for name, case in _cases()],
    }


CREDENTIALS: Final = (
    "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",  # of the example in RFC 9449, 7.1
    BEARER,
    PRINTED,
    PRINTED.lower(),
)

BODIES: Final = (
    "",
    "{}",
    QUESTION,
    QUESTION.replace(":", ": "),
    f"{QUESTION}\n",
    f"\ufeff{QUESTION}",
    '{"computer_name":"b\xfccher-\U0001f680"}',
    '{"computer_name":"b\\u00fccher-\\ud83d\\ude80"}',
)
"""As text; what is hashed is its UTF-8."""

_VALIDATE: Final = f"{HOST}/v1/licenses/validate"
ADDRESSES: Final = (
    (_VALIDATE, _VALIDATE),
    ("HTTPS://Licensing.Example/v1/licenses/validate", _VALIDATE),
    ("https://licensing.example:443/v1/licenses/validate", _VALIDATE),
    (f"{_VALIDATE}?a=b#c", _VALIDATE),
    ("http://127.0.0.1:80/v1/licenses", "http://127.0.0.1/v1/licenses"),
    ("https://[2001:DB8::1]:443/v1/licenses", "https://[2001:db8::1]/v1/licenses"),
    ("https://licensing.example", "https://licensing.example/"),
    (f"{_VALIDATE}/", _VALIDATE),
    (f"{HOST}/V1/licenses/validate", _VALIDATE),
    (f"{HOST}/v1/licenses", _VALIDATE),
    (_VALIDATE.replace("https", "http"), _VALIDATE),
    ("https://licensing.example:8443/v1/licenses/validate", _VALIDATE),
    ("https://licensing.example:80/v1/licenses/validate", _VALIDATE),
    ("https://me@licensing.example/v1/licenses/validate", _VALIDATE),
    ("https://licensing.example.evil.example/v1/licenses/validate", _VALIDATE),
    ("/v1/licenses/validate", _VALIDATE),
)


def _equal(htu: str, url: str) -> bool:
    plain = plain_url(htu)
    return plain is not None and plain == plain_url(url)


def _cases() -> Iterator[tuple[str, Case]]:
    yield from _good()
    yield from _over_a_lease()
    yield from _stale()
    yield from _bad()
    yield from _malformed()


def _good() -> Iterator[tuple[str, Case]]:
    login = f"{HOST}/v1/licenses"
    yield (
        "a login",
        replace(
            _case(
                htu=login,
                ath=credential_hash(BEARER),
                htb=body_hash(LOGIN.encode()),
                jti="proof-0",
            ),
            url=login,
            credential=BEARER,
            body=LOGIN,
        ),
    )
    yield "a validation", _case()
    yield "under the older name of the algorithm", _case(header=HEADER | {"alg": "EdDSA"})
    yield "in another layout", _laid_out()
    yield (
        "for an address in capitals, with a port and a query",
        _case(htu="HTTPS://Licensing.Example:443/v1/licenses/validate?a=b#c"),
    )
    yield "by a clock that is wrong", _case(iat=0)
    yield "with an id of 128 characters", _case(jti="x" * 128)
    yield "with a claim more", _case(exp=NOW)
    for number, body in enumerate(BODIES):
        yield f"of body {number}", replace(_case(htb=body_hash(body.encode())), body=body)
    yield "in its nonce's last second", replace(_case(), after_ms=300_000)
    yield "after another one, with a newer nonce", replace(_case(nonce=LATER), last=NONCE)


def _over_a_lease() -> Iterator[tuple[str, Case]]:
    yield "over the id of a lease", _case(nonce=LINK)
    yield "over an id of 128 characters", _case(nonce="x" * 128)
    # For whoever has not made it, one text is like another.
    yield "with a nonce that the service has not made", _case(nonce=new_nonce(b"other", NOW_MS))


def _stale() -> Iterator[tuple[str, Case]]:
    yield "the first, without a nonce", _case(nonce=None)
    yield "with a nonce that is over", replace(_case(), after_ms=300_001)
    yield "with an empty nonce", _case(nonce="")
    yield "with a blank in its nonce", _case(nonce="n 1")
    yield "with a nonce of 129 characters", _case(nonce="x" * 129)
    yield "with a number for a nonce", _case(nonce=5)
    yield "sent twice", replace(_case(), last=NONCE)
    yield "with the nonce of the last one, and a new id", replace(_case(jti="other"), last=NONCE)
    yield "with an older nonce than that of the last one", replace(_case(), last=LATER)


def _bad() -> Iterator[tuple[str, Case]]:
    other = jws.members(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
    headers: tuple[tuple[str, dict[str, Any]], ...] = (
        ("typ JWT", {"typ": "JWT"}),
        ("alg none", {"alg": "none"}),
        ("alg ES256", {"alg": "ES256"}),
        ("with a kid besides", {"kid": KID}),
        ("with the private key", {"jwk": {**JWK, "d": b64(SEED)}}),
        ("with a key of another curve", {"jwk": {**JWK, "crv": "X25519"}}),
        ("with another's key", {"jwk": other}),
    )
    for name, header in headers:
        yield name, _case(header=HEADER | header)
    yield "without a key", _case(header={"alg": "Ed25519", "typ": "dpop+jwt"})
    claims: tuple[tuple[str, dict[str, Any]], ...] = (
        ("without an id", {"jti": None}),
        ("with an id of 129 characters", {"jti": "x" * 129}),
        ("without a time", {"iat": None}),
        ("with a time in text", {"iat": str(NOW)}),
        ("without ath", {"ath": None}),
        ("for GET", {"htm": "GET"}),
        ("for post, in small letters", {"htm": "post"}),
        ("for another route", {"htu": f"{HOST}/v1/licenses"}),
        ("for another host", {"htu": "https://licensing.test/v1/licenses/validate"}),
        ("for another key", {"ath": credential_hash(PRINTED[::-1])}),
        ("for the key in another spelling", {"ath": credential_hash(PRINTED.lower())}),
        ("with ath in padded base64url", {"ath": f"{credential_hash(PRINTED)}="}),
        ("without htb", {"htb": None}),
        ("with an empty htb", {"htb": ""}),
        ("with htb in a list", {"htb": [body_hash(QUESTION.encode())]}),
        ("for another body", {"htb": body_hash(QUESTION.replace("n-1", "n-2").encode())}),
        (
            "for the body in another layout",
            {"htb": body_hash(QUESTION.replace(":", ": ").encode())},
        ),
        ("for no body", {"htb": body_hash(b"")}),
        ("with htb in padded base64url", {"htb": f"{body_hash(QUESTION.encode())}="}),
        ("with htb in hex", {"htb": hashlib.sha256(QUESTION.encode()).hexdigest()}),
        ("for another body, over the id of a lease", {"htb": body_hash(b"{}"), "nonce": LINK}),
        ("for GET, and without a nonce: bad, not stale", {"htm": "GET", "nonce": None}),
    )
    for name, changed in claims:
        yield name, _case(**changed)


def _malformed() -> Iterator[tuple[str, Case]]:
    good = _case()
    head, body, signature = good.proof.split(".")
    other = _case(jti="proof-2").claims
    yield "with other claims", replace(good, token=f"{head}.{b64(other.encode())}.{signature}")
    yield "a claim twice", replace(good, claims=f'{good.claims[:-1]},"htm":"POST"}}')
    yield "claims in a list", replace(good, claims=f"[{good.claims}]")
    yield "padded", replace(good, token=f"{head}=.{body}.{signature}")
    # Of its last symbol four bits count for nothing; they have to be none.
    spelled = f"{good.proof[:-1]}{chr(ord(good.proof[-1]) + 1)}"
    yield "in another spelling", replace(good, token=spelled)
    yield "two parts", replace(good, token=f"{head}.{body}")
    yield "two proofs", replace(good, token=f"{good.proof},{good.proof}")
    yield "nothing", replace(good, token="")


def _case(*, header: Mapping[str, Any] = HEADER, **changed: Any) -> Case:
    """A proof of a validation; None in ``changed`` leaves a claim out."""
    claims = {
        "jti": "proof-1",
        "htm": "POST",
        "htu": _VALIDATE,
        "iat": NOW,
        "ath": credential_hash(PRINTED),
        "htb": body_hash(QUESTION.encode()),
        "nonce": NONCE,
        **changed,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return Case(_text(header), _text(kept))


def _laid_out() -> Case:
    case = _case()
    header, claims = (json.loads(text) for text in (case.header, case.claims))
    turned = dict(reversed(header.items()))
    return replace(case, header=json.dumps(turned), claims=json.dumps(claims, indent=1))


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _signed(signing_input: str) -> str:
    return f"{signing_input}.{b64(KEY.sign(signing_input.encode()))}"


def _vector(name: str, case: Case) -> dict[str, Any]:
    verdict, reason = _verdict(case)
    made = case.token is None
    return {
        "name": name,
        "method": "POST",
        "url": case.url,
        "credential": case.credential,
        "body": case.body,
        "now_ms": NOW_MS + case.after_ms,
        "last_nonce": case.last,
        "header": _read(case.header) if made else None,
        "claims": _read(case.claims) if made else None,
        "header_text": case.header if made else None,
        "claims_text": case.claims if made else None,
        "signing_input": case.signing_input if verdict in {"good", "lease"} else None,
        "proof": case.proof,
        "verdict": verdict,
        "reason": reason,
    }


def _read(text: str) -> Any:
    """What a header or claims say; None where JSON can be read in two ways, or is no object."""
    try:
        return strict_json.read_object(text.encode())
    except ValueError:
        return None


def _verdict(case: Case) -> tuple[str, str | None]:
    """What the service thinks of it; `lease`: good if it is over the id of the lease presented."""
    now_ms = NOW_MS + case.after_ms
    record = license(proved_ms=made_ms(case.last) if case.last else 0)
    try:
        found = verify(
            case.proof,
            ProvedRequest("POST", frozenset({case.url}), case.credential, case.body.encode()),
            nonce_key=NONCE_KEY,
            now_ms=now_ms,
        )
        if isinstance(found, InvalidProof):
            return "bad", REASONS[found.reason]
        if found.made_ms is None:
            return "lease", None
        record.demand_newer(found)
    except StaleProof:
        return "stale", "use_dpop_nonce"
    return "good", None


def made_ms(nonce: str) -> int:
    """When the service made a nonce, in epoch milliseconds; for an agent it is a word."""
    return int.from_bytes(jws.decoded(nonce)[:8], "big")
