"""Leases: what a valid answer is worth while the service is out of reach (R16).

A lease is a compact JWS (RFC 7515) with ``alg`` ``Ed25519`` (RFC 9864) and ``typ`` ``lease+jwt``,
verifiable with the public keys at ``/.well-known/jwks.json`` alone.

What this module guarantees:

* A lease ends at the earliest of its length, the subscription's end and the licence's own end.
* :func:`verify` accepts exactly one algorithm and one type, takes keys only from the set that it
  is handed, and raises :class:`ForgedLease` on everything else. It never returns a maybe.

Key objects are handed in; nothing is read from the outside. Times are integer epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from licensing.domain import jws
from licensing.domain.audit import Origin
from licensing.domain.dpop import NONCE_SECONDS
from licensing.domain.errors import ForgedLease, UnknownLeaseKey
from licensing.domain.jws import ALGORITHM, MalformedJws
from licensing.domain.lease_chain import Asked, Link, halfway
from licensing.domain.license import License
from licensing.domain.machine import Credentials
from licensing.domain.organization import Organization

TYPE: Final = "lease+jwt"

_TEXT_CLAIMS: Final = (
    "iss",
    "sub",
    "organization_id",
    "environment",
    "machine_thumbprint",
    "kind",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a lease says: this licence is valid on this machine until ``expires_at`` (R16).

    The times are in epoch seconds. ``machine_thumbprint`` is
    :meth:`Credentials.thumbprint <licensing.domain.machine.Credentials.thumbprint>`; ``nonce`` is
    the request's, ``None`` if it had none. ``id`` is the lease's link in the licence's chain
    (:mod:`licensing.domain.lease_chain`), ``None`` outside of that.

    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> lease = Lease(
    ...     issuer="https://licences.example.com",
    ...     license_id="lic_0123456789abcdef",
    ...     organization_id="acme",
    ...     environment="production",
    ...     machine_thumbprint="wdX5…",
    ...     kind="standard",
    ...     primary=False,
    ...     issued_at=1_900_000_000,
    ...     expires_at=1_900_086_400,
    ... )
    >>> key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    >>> token = sign(lease, key, kid="key-1")
    >>> keys = {"key-1": key.public_key()}
    >>> verify(token, keys, issuer=lease.issuer, now=1_900_000_001) == lease
    True
    >>> verify(token, keys, issuer=lease.issuer, now=lease.expires_at)
    Traceback (most recent call last):
        ...
    licensing.domain.errors.ForgedLease: not within its time
    """

    issuer: str
    license_id: str
    organization_id: str
    environment: str
    machine_thumbprint: str
    kind: str
    primary: bool
    issued_at: int
    expires_at: int
    nonce: str | None = None
    id: str | None = None

    @property
    def renew_after(self) -> int:
        """When the agent should ask for the next one, in epoch seconds: halfway through its time.

        The other half is left to outlive an outage of the service.
        """
        return halfway(self.issued_at, self.expires_at)

    @property
    def link(self) -> Link:
        """The lease as a link of its licence's chain, or outside (:mod:`~.lease_chain`)."""
        return Link(self.id, self.issued_at, self.expires_at)


@dataclass(frozen=True, slots=True)
class SignedLease:
    """A lease, and the compact JWS that says it to the agent."""

    statement: Lease
    token: str


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What a lease takes from the agent's request.

    ``environment`` is the agent's own: a temporary licence is bound to none. ``nonce`` comes back
    in the lease.
    """

    credentials: Credentials
    environment: str
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The deployment's settings for leases: their issuer, and their length in seconds (R16)."""

    issuer: str
    seconds: int

    def end(self, record: License, organization: Organization, *, now: int) -> int:
        """When a lease that is granted at ``now`` ends, in epoch seconds (R16, R27)."""
        return min(now + self.seconds, record.valid_until(organization.subscription))

    def asked(self, record: License, organization: Organization, now: int, origin: Origin) -> Asked:
        """When and from where a question about the licence is asked (R37)."""
        until = self.end(record, organization, now=now)
        limit = record.valid_until(organization.subscription)
        return Asked(now, until, limit, origin.source_address)

    def leased_until(self, record: License) -> int:
        """The end of the longest lease that was granted to a licence, in epoch seconds (R36).

        On a record from before that was kept: no earlier than that. Each of its leases was granted
        along with a proof, a new link or a sighting.
        """
        if record.leased_until:
            return record.leased_until
        latest = [record.proved_ms // 1000 + NONCE_SECONDS]
        if record.chain.link is not None:
            latest.append(record.chain.link.issued_at)
        if record.last_seen is not None:
            latest.append(record.last_seen.at)
        return max(latest) + self.seconds

    def grant(
        self, record: License, organization: Organization, asked: LeaseRequest, link: Link
    ) -> Lease:
        """The lease of a licence that was found valid, with the id and times of ``link`` (R16).

        It ends with the subscription or the temporary licence if that is sooner (R27).
        """
        return Lease(
            issuer=self.issuer,
            license_id=record.id,
            organization_id=record.organization_id,
            environment=asked.environment,
            machine_thumbprint=asked.credentials.thumbprint(),
            kind=record.kind,
            primary=record.primary,
            issued_at=link.issued_at,
            expires_at=min(link.expires_at, record.valid_until(organization.subscription)),
            nonce=asked.nonce,
            id=link.id,
        )


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The key as an entry of the JWKS; its ``kid`` is the thumbprint of RFC 7638."""
    return {**jws.members(key), "kid": jws.thumbprint(key), "alg": ALGORITHM, "use": "sig"}


def sign(lease: Lease, key: Ed25519PrivateKey, kid: str) -> str:
    """The lease as a compact JWS, signed with ``key``; ``kid`` names the public key."""
    header = {"alg": ALGORITHM, "kid": kid, "typ": TYPE}
    claims: dict[str, str | int | bool] = {
        "iss": lease.issuer,
        "sub": lease.license_id,
        "organization_id": lease.organization_id,
        "environment": lease.environment,
        "machine_thumbprint": lease.machine_thumbprint,
        "kind": lease.kind,
        "primary": lease.primary,
        "iat": lease.issued_at,
        "exp": lease.expires_at,
    }
    if lease.nonce is not None:
        claims["nonce"] = lease.nonce
    if lease.id is not None:
        claims["jti"] = lease.id
    return jws.write(header, claims, key)


def verify(token: str, keys: Mapping[str, Ed25519PublicKey], *, issuer: str, now: int) -> Lease:
    """The lease that ``token`` carries, if it is genuine and ``now`` is within its time (R16).

    ``keys`` maps ``kid`` to public key. Raises :class:`ForgedLease` if it is not, and its subclass
    :class:`UnknownLeaseKey` when the token names a key that is not in ``keys``.
    """
    lease = genuine(token, keys, issuer=issuer)
    # 5. It is in its time.
    if not lease.issued_at <= now < lease.expires_at:
        raise ForgedLease("not within its time")
    return lease


def genuine(token: str, keys: Mapping[str, Ed25519PublicKey], *, issuer: str) -> Lease:
    """The lease that ``token`` carries, like :func:`verify`, but whether it is over or not."""
    try:
        lease = _signed(jws.read(token), keys)
    except MalformedJws as error:
        raise ForgedLease(str(error)) from error
    # 4. It is of this issuer.
    if lease.issuer != issuer:
        raise ForgedLease("issued by another service")
    return lease


def _signed(token: jws.Jws, keys: Mapping[str, Ed25519PublicKey]) -> Lease:
    """What one of the keys has signed as a lease. Raises also :class:`MalformedJws`."""
    # 1. The header says exactly what a lease's header says; a key in it is never used.
    header = token.header()
    if header.keys() != {"alg", "kid", "typ"} or header["alg"] != ALGORITHM:
        raise ForgedLease("not signed as a lease is")
    if header["typ"] != TYPE:
        raise ForgedLease("signed for another use")
    # 2. One of the service's keys signed it.
    kid = header["kid"]
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise UnknownLeaseKey("signed by a key that is not the service's")
    if not token.is_signed_by(key):
        raise ForgedLease("the signature does not match")
    # 3. It is whole.
    return _read_claims(token.claims())


def _read_claims(claims: Mapping[str, object]) -> Lease:
    texts = {name: claims.get(name) for name in _TEXT_CLAIMS}
    nonce, primary, id = claims.get("nonce"), claims.get("primary"), claims.get("jti")
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if (
        not all(isinstance(text, str) for text in texts.values())
        or not isinstance(primary, bool)
        or not (nonce is None or isinstance(nonce, str))
        or not (id is None or isinstance(id, str))
        # Not isinstance: in Python, True is an int.
        or type(issued_at) is not int
        or type(expires_at) is not int
    ):
        raise ForgedLease("claims are missing or of the wrong type")
    return Lease(
        issuer=str(texts["iss"]),
        license_id=str(texts["sub"]),
        organization_id=str(texts["organization_id"]),
        environment=str(texts["environment"]),
        machine_thumbprint=str(texts["machine_thumbprint"]),
        kind=str(texts["kind"]),
        primary=primary,
        issued_at=issued_at,
        expires_at=expires_at,
        nonce=nonce,
        id=id,
    )
