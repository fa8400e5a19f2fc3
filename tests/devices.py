"""Device keys as agents hold them, and their proofs as RFC 9449 describes them, written by hand."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_IDS = count(1)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sent(body: Any) -> bytes:
    """A body as it is sent: bytes as they are, anything else as JSON in Python's own layout."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def compact(header: Any, claims: Any, key: Ed25519PrivateKey) -> str:
    """A compact JWS, whatever it says."""
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{b64(key.sign(signed.encode()))}"


@dataclass
class Device:
    """An agent's device key, and the last nonce that an answer brought."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    nonce: str | None = None

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        raw = self.key.public_key().public_bytes_raw()
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(raw)}

    @property
    def thumbprint(self) -> str:
        """The key's RFC 7638 thumbprint."""
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return b64(hashlib.sha256(canonical.encode()).digest())

    def header(self, **other: Any) -> dict[str, Any]:
        """A proof's header; `other` is how it is to be different."""
        return {"typ": "dpop+jwt", "alg": "Ed25519", "jwk": self.jwk, **other}

    def claims(self, url: str, credential: str, body: Any, **other: Any) -> dict[str, Any]:
        """What a proof of a POST claims; None in `other` leaves a claim out."""
        claims: dict[str, Any] = {
            "jti": f"proof-{next(_IDS)}",
            "htm": "POST",
            "htu": url,
            "iat": 0,  # this machine's clock has lost its battery
            "ath": b64(hashlib.sha256(credential.encode()).digest()),
            "htb": b64(hashlib.sha256(sent(body)).digest()),
            "nonce": self.nonce,
            **other,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def proof(self, url: str, credential: str, body: Any, **other: Any) -> str:
        """A proof of a POST of `body`."""
        return compact(self.header(), self.claims(url, credential, body, **other), self.key)
