"""Proofs of possession of a device key, as in RFC 9449 (DPoP).

What this module guarantees:

* :func:`verify` accepts one type and one curve. It verifies with the key in the proof itself and
  tells that key's thumbprint; the caller decides whether it is the right key.
* A proof is good for one method, one URL, one credential and the bytes of one body.
* With a nonce of the service it is good for :data:`NONCE_SECONDS` by the service's own clock: the
  agent's may be wrong. Nonces are not stored: each carries its time and the service's MAC.
* With any other nonce it has no time: the caller decides whether that is the id of a lease which is
  good for one (R36).

Keys and ``now_ms``, in epoch milliseconds, are handed in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing.domain import jws
from licensing.domain.device_key import InvalidProof, Proof, needs_nonce
from licensing.domain.jws import MalformedJws

TYPE: Final = "dpop+jwt"

ALGORITHMS: Final = frozenset({jws.ALGORITHM, "EdDSA"})
"""Two names of one algorithm: of its curve (RFC 9864), and the one that older libraries know."""

NONCE_SECONDS: Final = 300
"""How long a nonce is accepted after it was made."""

_AHEAD_MS: Final = 5_000  # of two servers' clocks
_TIME_BYTES: Final = 8
_MARK_BYTES: Final = 16
_LONGEST_ID: Final = 128
_ID_OF_LEASE: Final = re.compile(r"[!-~]{1,128}")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_USUAL_PORTS: Final = {"https": 443, "http": 80}


def new_nonce(nonce_key: bytes, now_ms: int) -> str:
    """The nonce for an agent's next proof: the time ``now_ms`` and its MAC, as base64url.

    ``nonce_key`` is :attr:`Keyring.nonce_key <licensing.domain.keyring.Keyring.nonce_key>`.
    """
    time = now_ms.to_bytes(_TIME_BYTES, "big")
    return jws.encoded(time + _mark(nonce_key, time))


def credential_hash(credential: str) -> str:
    """The ``ath`` of a proof: base64url SHA-256 of the token or licence key (RFC 9449, 4.2)."""
    return jws.encoded(hashlib.sha256(credential.encode()).digest())


def body_hash(body: bytes) -> str:
    """The ``htb`` of a proof: base64url SHA-256 of the bytes of the body, as they are sent.

    RFC 9449 has no such claim. Nothing is parsed: whitespace and the order of members count.
    """
    return jws.encoded(hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class ProvedRequest:
    """The request that a proof came with, and has to be made for.

    ``urls`` are the addresses of the service that it may have been sent to, each as
    :func:`plain_url` gives it. ``credential`` is the token or licence key that it carries,
    ``body`` what arrived of it, empty where it has none.
    """

    method: str
    urls: frozenset[str]
    credential: str
    body: bytes


def verify(
    token: str, request: ProvedRequest, *, nonce_key: bytes, now_ms: int
) -> Proof | InvalidProof:
    """Whose proof ``token`` is, or why it is invalid (RFC 9449, 4.3).

    Raises :class:`~licensing.domain.errors.StaleProof` when only its nonce is missing, none at all
    or too old: the agent shall make another proof, with the nonce of that answer.

    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> now_ms = 1_900_000_000_000
    >>> device_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    >>> jwk = jws.members(device_key.public_key())
    >>> claims = {
    ...     "jti": "1",
    ...     "htm": "POST",
    ...     "htu": "https://licences.example.com/v1/validate",
    ...     "iat": 1_900_000_000,
    ...     "ath": credential_hash("a licence key"),
    ...     "htb": body_hash(b'{"nonce": "n-1"}'),
    ...     "nonce": new_nonce(b"a key of the server", now_ms),
    ... }
    >>> token = jws.write({"typ": TYPE, "alg": "Ed25519", "jwk": jwk}, claims, device_key)
    >>> urls = frozenset({claims["htu"]})
    >>> request = ProvedRequest("POST", urls, "a licence key", b'{"nonce": "n-1"}')
    >>> proof = verify(token, request, nonce_key=b"a key of the server", now_ms=now_ms + 9_000)
    >>> proof.thumbprint == jws.thumbprint(device_key.public_key()), proof.made_ms == now_ms
    (True, True)
    >>> proof.successor is None  # "cnf": {"jkt": …} would name one
    True
    """
    try:
        read = jws.read(token)
        # 1. The header is a proof's, with a public key of the one curve in it.
        header = read.header()
        key = _key(header)
        if key is None:
            return InvalidProof("its header is not that of a proof")
        # 2. The holder of that key has signed it.
        if not read.is_signed_by(key):
            return InvalidProof("the signature does not match")
        claims = read.claims()
    except MalformedJws as error:
        return InvalidProof(str(error))
    # 3. It says all that a proof says, and of this request.
    wrong = _wrong(claims, request)
    if wrong is not None:
        return wrong
    # 4. It is fresh: by the nonce and not by `iat`, which an agent with a wrong clock gets wrong.
    nonce = claims.get("nonce")
    if not isinstance(nonce, str):
        raise needs_nonce()
    made_ms = _time_of(nonce, nonce_key)
    if made_ms is None:
        is_fresh = _ID_OF_LEASE.fullmatch(nonce) is not None
    else:
        is_fresh = -_AHEAD_MS <= now_ms - made_ms <= NONCE_SECONDS * 1000
    if not is_fresh:
        raise needs_nonce()
    thumbprint = jws.thumbprint(key)
    # Base64url has no full stop: no two pairs of key and `jti` make the same text.
    id = hashlib.sha256(f"{thumbprint}.{claims['jti']}".encode()).hexdigest()
    return Proof(thumbprint, made_ms, id, _successor(claims), nonce)


def plain_url(url: str) -> str | None:
    """A URL in the form in which two are compared (RFC 9449, 4.3); ``None`` for anything else.

    >>> plain_url("https://Licences.example.com:443/v1/validate?trace=1")
    'https://licences.example.com/v1/validate'
    >>> plain_url("https://licences.example.com./v1/%76alidate%2f")
    'https://licences.example.com/v1/validate%2F'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    # A name before the host can make a URL look like one of another host.
    if parts.scheme not in _USUAL_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    name = parts.hostname.removesuffix(".")
    host = f"[{name}]" if ":" in name else name
    place = host if port in {None, _USUAL_PORTS[parts.scheme]} else f"{host}:{port}"
    return f"{parts.scheme}://{place}{_ESCAPE.sub(_plain_escape, parts.path) or '/'}"


def _plain_escape(escape: re.Match[str]) -> str:
    """An escape of a path in its normal form: none where it need not be one (RFC 3986, 6.2.2)."""
    character = chr(int(escape[1], 16))
    is_plain = character.isascii() and (character.isalnum() or character in "-._~")
    return character if is_plain else escape[0].upper()


def _key(header: dict[str, object]) -> Ed25519PublicKey | None:
    jwk = header.get("jwk")
    if (
        header.keys() != {"alg", "jwk", "typ"}
        or header["typ"] != TYPE
        or header["alg"] not in ALGORITHMS
        or not isinstance(jwk, dict)
        or jwk.get("kty") != "OKP"
        or jwk.get("crv") != "Ed25519"
        or "d" in jwk  # whoever shows the private key proves nothing
    ):
        return None
    x = jwk.get("x")
    # 32 bytes as base64url; `decoded` refuses a second spelling of the same key.
    if not isinstance(x, str) or not re.fullmatch(r"[A-Za-z0-9_-]{43}", x):
        return None
    return Ed25519PublicKey.from_public_bytes(jws.decoded(x))


def _wrong(claims: Mapping[str, object], request: ProvedRequest) -> InvalidProof | None:
    """Why the claims are not those of a proof that was made for ``request``."""
    texts = {name: claims.get(name) for name in ("jti", "htm", "htu", "ath", "htb")}
    if (
        not all(isinstance(text, str) and text for text in texts.values())
        or len(str(texts["jti"])) > _LONGEST_ID
        or type(claims.get("iat")) is not int
    ):
        return InvalidProof("claims are missing or of the wrong type")
    if texts["htm"] != request.method:
        return InvalidProof("made for another method (htm)")
    if plain_url(str(texts["htu"])) not in request.urls:
        return InvalidProof(
            "made for another address than this request has reached (htu)",
            "Use an address of the service. If something on the way changes host or path, the "
            "operator of the service has to name the address that agents use.",
        )
    if texts["ath"] != credential_hash(request.credential):
        return InvalidProof(
            "made for another token or license key (ath)",
            "Have the agent make a proof for what it sends.",
        )
    if not hmac.compare_digest(str(texts["htb"]).encode(), body_hash(request.body).encode()):
        return InvalidProof(
            "made for another body (htb)",
            "Something on the way has changed the request: have that let bodies pass as they are.",
        )
    return None


def _successor(claims: Mapping[str, object]) -> str | None:
    """The thumbprint of the key that the proof confirms as the next one (RFC 9449, 6.1)."""
    confirmed = claims.get("cnf")
    named = confirmed.get("jkt") if isinstance(confirmed, dict) else None
    return named if isinstance(named, str) else None


def _time_of(nonce: str, nonce_key: bytes) -> int | None:
    """When the service made ``nonce``, in epoch milliseconds; ``None`` if it did not make it."""
    try:
        data = jws.decoded(nonce)
    except MalformedJws:
        return None
    time, mark = data[:_TIME_BYTES], data[_TIME_BYTES:]
    if not hmac.compare_digest(mark, _mark(nonce_key, time)):
        return None
    return int.from_bytes(time, "big")


def _mark(nonce_key: bytes, time: bytes) -> bytes:
    return hmac.digest(nonce_key, time, "sha256")[:_MARK_BYTES]
