"""Leases, verified on the machine itself, with public keys alone.

A lease is a compact JWS with ``alg`` ``Ed25519`` and ``typ`` ``lease+jwt``.

What this module guarantees:

* :func:`verify` takes one algorithm, one type and keys from the set it is handed; a key or an
  address in a token is never used. JSON has one reading, base64url one spelling.
* A lease counts for one issuer, licence, organization, environment, machine and nonce, from its
  ``iat`` until before its ``exp``. Whatever is wrong is told by one :class:`Reason`; its end is
  looked at last, so that of one that is :attr:`Reason.OVER` all else is right.
* :func:`freshness` verifies nothing, and what it reads is told to the service alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing_agent.protocol import strict_json

ALGORITHM: Final = "Ed25519"
TYPE: Final = "lease+jwt"
EARLY: Final = ".early"

_MAX_CHARACTERS: Final = 4096
_LATEST: Final = 253_402_300_800  # the end of the year 9999
_ID: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,128}")  # what a proof can carry
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")

_FIELD: Final = 2**255 - 19
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
_SIGN: Final = 1 << 255


class Reason(StrEnum):
    """Why a token is not the lease that it should be."""

    MALFORMED = "malformed"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_LICENSE = "wrong_license"
    WRONG_ORGANIZATION = "wrong_organization"
    WRONG_ENVIRONMENT = "wrong_environment"
    WRONG_MACHINE = "wrong_machine"
    WRONG_NONCE = "wrong_nonce"
    NOT_YET = "not_yet"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The token is no lease for this agent now."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the lease of this agent says."""

    issuer: str
    license_id: str
    organization_id: str
    environment: str
    machine_thumbprint: str
    nonce: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease that has been verified. ``id`` is its place in the licence's chain, if it has one."""

    license_id: str
    organization_id: str
    environment: str
    kind: str
    primary: bool
    issued_at: int
    expires_at: int
    id: str | None = None


def verify(
    token: str, keys: Mapping[str, str], expected: Expected, *, now: float
) -> Lease | Rejected:
    """The lease in ``token``, if it is this agent's and ``now`` is in its time.

    ``keys`` maps ``kid`` to the public key in base64url, see :func:`public_keys`.
    """
    try:
        claims = _claims(token, keys)
        if isinstance(claims, Rejected):
            return claims
        lease = _lease(claims)
    except ValueError:
        return Rejected(Reason.MALFORMED)
    for name, value, reason in (
        ("iss", expected.issuer, Reason.WRONG_ISSUER),
        ("sub", expected.license_id, Reason.WRONG_LICENSE),
        ("organization_id", expected.organization_id, Reason.WRONG_ORGANIZATION),
        ("environment", expected.environment, Reason.WRONG_ENVIRONMENT),
        ("machine_thumbprint", expected.machine_thumbprint, Reason.WRONG_MACHINE),
        ("nonce", expected.nonce, Reason.WRONG_NONCE),
    ):
        if claims.get(name) != value:
            return Rejected(reason)
    if now < lease.issued_at:
        return Rejected(Reason.NOT_YET)
    if now >= lease.expires_at:
        return Rejected(Reason.OVER)
    return lease


def freshness(token: str, *, now: float) -> str | None:
    """What a proof is over while a lease is in its time, so that it is fresh (R36).

    That is the lease's id, with :data:`EARLY` in the first half: an early question that somebody
    has overheard is good for nothing in the second.
    """
    try:
        _, body, _ = _parts(token)
        lease = _lease(strict_json.read_object(_unb64(body)))
    except ValueError:
        return None
    if lease.id is None or not _ID.fullmatch(lease.id):
        return None
    if not lease.issued_at <= now < lease.expires_at:
        return None
    is_early = now < lease.issued_at + (lease.expires_at - lease.issued_at) // 2
    return f"{lease.id}{EARLY}" if is_early else lease.id


def environment(token: str) -> str | None:
    """The environment that a lease is for, whoever has signed it."""
    try:
        _, body, _ = _parts(token)
        named = strict_json.read_object(_unb64(body)).get("environment")
    except ValueError:
        return None
    return named if isinstance(named, str) else None


def _claims(token: str, keys: Mapping[str, str]) -> Mapping[str, object] | Rejected:
    """What one of the keys has signed. Raises :class:`ValueError` for what is no JWS."""
    # The header says what a lease's header says and nothing more.
    head, body, signature = _parts(token)
    header = strict_json.read_object(_unb64(head))
    if header.keys() != {"alg", "kid", "typ"}:
        return Rejected(Reason.MALFORMED)
    if header["alg"] != ALGORITHM:
        return Rejected(Reason.WRONG_ALGORITHM)
    if header["typ"] != TYPE:
        return Rejected(Reason.WRONG_TYPE)
    kid = header["kid"]
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        return Rejected(Reason.UNKNOWN_KEY)
    if not _is_signed(f"{head}.{body}".encode(), _unb64(signature), _unb64(key)):
        return Rejected(Reason.WRONG_SIGNATURE)
    return strict_json.read_object(_unb64(body))


def public_keys(jwks: Mapping[str, object]) -> dict[str, str]:
    """The lease keys of a JWKS, by ``kid``; entries of other kinds are left out.

    A ``kid`` has to be the key's own RFC 7638 thumbprint, so that none stands for another.
    Raises :class:`ValueError` for what is no JWKS.
    """
    entries = jwks.get("keys")
    if not isinstance(entries, list):
        raise ValueError("not a JWKS")  # noqa: TRY004 - of the value, not of the caller's types
    return dict(_lease_keys(entries))


def _lease_keys(entries: Iterable[object]) -> Iterable[tuple[str, str]]:
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("kty") != "OKP":
            continue
        kid, x = entry.get("kid"), entry.get("x")
        if (
            entry.get("crv") == "Ed25519"
            and entry.get("alg", ALGORITHM) == ALGORITHM
            and entry.get("use", "sig") == "sig"
            and isinstance(x, str)
            and _KEY.fullmatch(x)
            and kid == key_id(x)
        ):
            yield kid, x


def key_id(x: str) -> str:
    """The RFC 7638 thumbprint of an Ed25519 key."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": x}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _b64(hashlib.sha256(canonical.encode()).digest())


def _parts(token: str) -> tuple[str, str, str]:
    if len(token) > _MAX_CHARACTERS or not token.isascii():
        raise ValueError("not a lease")
    head, body, signature = token.split(".")
    return head, body, signature


def _is_signed(message: bytes, signature: bytes, key: bytes) -> bool:
    public = Ed25519PublicKey.from_public_bytes(key)
    # A key with a second spelling, or a point of small order, which anybody can sign for.
    y = int.from_bytes(key, "little") & ~_SIGN
    if y >= _FIELD or y in _SMALL_ORDER:
        return False
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _lease(claims: Mapping[str, object]) -> Lease:
    texts = [claims.get(name) for name in ("sub", "organization_id", "environment", "kind")]
    primary, since, until, id = (claims.get(name) for name in ("primary", "iat", "exp", "jti"))
    if (
        not all(isinstance(text, str) for text in texts)
        or not isinstance(primary, bool)
        # JSON's true is an int in Python.
        or type(since) is not int
        or type(until) is not int
        or not 0 <= since <= until <= _LATEST
        or not (id is None or isinstance(id, str))
    ):
        raise ValueError("claims are missing or of the wrong type")
    license_id, organization_id, environment, kind = map(str, texts)
    return Lease(
        license_id=license_id,
        organization_id=organization_id,
        environment=environment,
        kind=kind,
        primary=primary,
        issued_at=since,
        expires_at=until,
        id=id,
    )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # Trailing bits that decoders drop must not make a second spelling.
    if _b64(data) != text:
        raise ValueError("not canonical base64url")
    return data
