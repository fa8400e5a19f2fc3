"""Compact JWS (RFC 7515) signed with Ed25519: what leases and proofs of possession share.

What this module guarantees:

* A token has one spelling (canonical base64url) and one reading
  (:mod:`licensing.domain.strict_json`), and is no longer than :data:`MAX_CHARACTERS`; anything
  else is :class:`MalformedJws`.
* Reading verifies nothing: whoever reads asks :meth:`Jws.is_signed_by` with a key that it trusts.

Key objects are handed in; nothing is read from the outside.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from licensing.domain import strict_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

ALGORITHM: Final = "Ed25519"
"""The name of EdDSA with this curve (RFC 9864)."""

MAX_CHARACTERS: Final = 4096

_COMPACT: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_FIELD: Final = 2**255 - 19
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# The eight points that nobody holds a key for: under them, signatures can be made without one.
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
_SIGN: Final = 1 << 255


class MalformedJws(ValueError):
    """The token is no compact JWS, or has more than one reading."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token's three parts, as they stand in it."""

    head: str
    body: str
    tail: str

    def header(self) -> dict[str, object]:
        """The header. Raises :class:`MalformedJws`."""
        return _json_object(self.head)

    def claims(self) -> dict[str, object]:
        """The claims, signed or not. Raises :class:`MalformedJws`."""
        return _json_object(self.body)

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the key's own signature is on it. Raises :class:`MalformedJws`."""
        return is_signed(f"{self.head}.{self.body}".encode(), decoded(self.tail), key)


def read(token: str) -> Jws:
    """The parts of a token. Raises :class:`MalformedJws`."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_CHARACTERS or not token.isascii():
        raise MalformedJws("not a compact JWS")
    return Jws(*parts)


def write(
    header: Mapping[str, object], claims: Mapping[str, object], key: Ed25519PrivateKey
) -> str:
    """The token that says ``claims`` under ``header``, signed."""
    signed = f"{_encoded_json(header)}.{_encoded_json(claims)}"
    return f"{signed}.{encoded(key.sign(signed.encode()))}"


def is_signed(content: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Whether ``signature`` is the key's own of ``content``, in its one form (RFC 8032, 5.1.7).

    No signature is one of a key that has a second spelling, or that is a point of small order:
    anybody can sign for that.
    """
    # Whoever has a key has this loaded; many who import this module never have one.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    y = int.from_bytes(key.public_bytes_raw(), "little") & ~_SIGN
    if y >= _FIELD or y in _SMALL_ORDER:
        return False
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def thumbprint(key: Ed25519PublicKey) -> str:
    """The key's RFC 7638 thumbprint: base64url SHA-256 of its canonical JWK."""
    canonical = json.dumps(members(key), separators=(",", ":"), sort_keys=True).encode()
    return encoded(hashlib.sha256(canonical).digest())


def members(key: Ed25519PublicKey) -> dict[str, str]:
    """The key as a JWK, with nothing but what makes it that key (RFC 8037)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": encoded(key.public_bytes_raw())}


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """What :func:`encoded` was handed. Raises :class:`MalformedJws` for any other spelling."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedJws("not base64url") from error
    # One value, one spelling: trailing bits that decoders drop must not make a second token.
    if encoded(data) != text:
        raise MalformedJws("not canonical base64url")
    return data


def _encoded_json(value: Mapping[str, object]) -> str:
    return encoded(_COMPACT.encode(value).encode())


def _json_object(part: str) -> dict[str, object]:
    try:
        value = strict_json.read(decoded(part))
    except MalformedJws:
        raise
    except ValueError as error:
        raise MalformedJws("not JSON of one reading") from error
    if not isinstance(value, dict):
        raise MalformedJws("not a JSON object")
    return value
