"""Proofs that an agent holds its device key, as in RFC 9449 (DPoP).

What this module guarantees: a proof names one request, the bytes of its body, one credential and
what shows that it is fresh, and is signed by the device key; :func:`is_asked_for` knows the answer
that asks for another one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from licensing_agent.storage.device_key import DeviceKey

TYPE: Final = "dpop+jwt"
ALGORITHM: Final = "Ed25519"
ASKED_FOR: Final = "use_dpop_nonce"
"""The code of the problem that asks for a proof with the nonce that comes along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a proof is made for.

    ``body`` are the bytes that are sent, ``credential`` is the token or the licence key that the
    request carries. ``nonce`` is what shows it to be fresh: the lease that is presented, while that
    is in its time (:func:`licensing_agent.protocol.lease.freshness`), or else the service's latest
    nonce, if it has told one (R36). ``id`` is used once. ``at`` is epoch seconds of this machine.
    """

    method: str
    url: str
    body: bytes = field(repr=False)
    credential: str = field(repr=False)
    nonce: str | None
    id: str
    at: int


def prove(key: DeviceKey, occasion: Occasion) -> str:
    """The proof, a compact JWS."""
    claims: dict[str, object] = {
        "jti": occasion.id,
        "htm": occasion.method,
        "htu": occasion.url,
        "iat": occasion.at,
        "ath": _digest(occasion.credential.encode()),
        "htb": _digest(occasion.body),
    }
    if occasion.nonce is not None:
        claims["nonce"] = occasion.nonce
    header = {"alg": ALGORITHM, "jwk": _jwk(key), "typ": TYPE}
    signed = f"{_b64_json(header)}.{_b64_json(claims)}"
    return f"{signed}.{_b64(key.sign(signed.encode()))}"


def thumbprint(key: DeviceKey) -> str:
    """The key's RFC 7638 thumbprint, as administrators see it."""
    canonical = json.dumps(_jwk(key), separators=(",", ":"), sort_keys=True)
    return _digest(canonical.encode())


def is_asked_for(status: int, body: Mapping[str, object]) -> bool:
    """Whether an answer asks for a proof with the nonce that it brings."""
    return status == 401 and body.get("code") == ASKED_FOR


def _jwk(key: DeviceKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(key.public_key())}


def _digest(data: bytes) -> str:
    return _b64(hashlib.sha256(data).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _b64_json(value: Mapping[str, object]) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())
