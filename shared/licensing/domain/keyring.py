"""The server secret, version by version, and every key that is derived from it (R3, R12, R16).

The server secret is random text that the deployment keeps, one JSON object from version number to
text: ``{"1": "…", "2": "…"}``. It is rotated by adding a version.

What this module guarantees:

* Each use has a key of its own (HKDF-SHA256, one label per use), so no key serves two purposes.
* The highest version signs leases and derives the keys of new licences; every version goes on to
  verify.
* Machine credentials are always hashed under the *lowest* version: the hash is the name of a
  claim, and two names for one machine would let two organizations have it (R4). The lowest
  version must therefore never be removed.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licensing.domain import strict_json
from licensing.domain.errors import Misconfigured
from licensing.domain.jws import encoded
from licensing.domain.lease import Lease, public_jwk, sign
from licensing.domain.license_key import MAX_SECRET_VERSION

_MIN_CHARACTERS: Final = 32
_MAX_DIGITS: Final = 3
_LINK_BYTES: Final = 16
_LICENSE_KEY: Final = b"licensing/license-key"
_CREDENTIALS: Final = b"licensing/machine-credentials"
_LEASE: Final = b"licensing/lease-ed25519"
_NONCE: Final = b"licensing/proof-nonce"
_CHAIN: Final = b"licensing/lease-chain"


@dataclass(frozen=True)
class Keyring:
    """All versions of the server secret, and the keys derived from them.

    The ``repr`` shows none of them (R35).

    >>> keyring = Keyring.from_secret(
    ...     '{"1": "thirty-two random characters ...", "2": "and as many after a rotation ..."}'
    ... )
    >>> keyring
    Keyring()
    >>> keyring.newest, sorted(keyring.license_key_secrets), len(keyring.jwks()["keys"])
    (2, [1, 2], 2)
    """

    versions: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def from_secret(cls, text: str) -> Keyring:
        """The keyring of a secret's JSON text.

        Raises :class:`Misconfigured` when a version is no number from 1 to 127, stands there twice
        or has fewer than 32 characters.
        """
        try:
            document = strict_json.read(text)
        except ValueError as error:
            # Of a version that stands there twice, one would sign and the other would be lost.
            raise Misconfigured("the signing secret is not JSON of one reading") from error
        if not isinstance(document, dict) or not document:
            raise Misconfigured("the signing secret has no versions")
        versions: dict[int, bytes] = {}
        for name, value in document.items():
            is_number = name.isascii() and name.isdecimal() and len(name) <= _MAX_DIGITS
            number = int(name) if is_number else 0
            # "01" would be a second name of version 1.
            if not 1 <= number <= MAX_SECRET_VERSION or str(number) != name:
                raise Misconfigured(
                    f"a version of the signing secret is not a number up to {MAX_SECRET_VERSION}"
                )
            if not isinstance(value, str) or len(value) < _MIN_CHARACTERS:
                raise Misconfigured(
                    f"version {name} of the signing secret is shorter than {_MIN_CHARACTERS}"
                )
            versions[number] = value.encode()
        return cls(versions)

    @property
    def newest(self) -> int:
        """The highest version: it signs leases and derives the keys of new licences."""
        return max(self.versions)

    @cached_property
    def hashing_key(self) -> bytes:
        """The key that machine credentials are hashed under, of the lowest version (R12)."""
        return _derive(self.versions[min(self.versions)], _CREDENTIALS)

    @cached_property
    def license_key_secrets(self) -> Mapping[int, bytes]:
        """The secret that licence keys are derived under, of each version (R3)."""
        return {version: _derive(secret, _LICENSE_KEY) for version, secret in self.versions.items()}

    def sign(self, lease: Lease) -> str:
        """The lease as a compact JWS, signed with the newest version's key (R16)."""
        key, kid = self._signer
        return sign(lease, key, kid)

    @cached_property
    def _signer(self) -> tuple[Ed25519PrivateKey, str]:
        key = self._lease_key(self.newest)
        return key, public_jwk(key.public_key())["kid"]

    @cached_property
    def lease_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The public keys of all versions, by ``kid``: they verify this service's leases (R16)."""
        keys = [self._lease_key(version).public_key() for version in self.versions]
        return {public_jwk(key)["kid"]: key for key in keys}

    @cached_property
    def nonce_key(self) -> bytes:
        """The key of the MAC in the nonces of DPoP proofs, see :mod:`licensing.domain.dpop`.

        It is of the lowest version, so that all running copies of the service accept each other's
        nonces, also when some have not yet read a new version.
        """
        return _derive(self.versions[min(self.versions)], _NONCE)

    def next_link(self, license_id: str, link: str, nonce: str) -> str:
        """The id of the lease that follows ``link`` in a licence's chain: 128 bits of HMAC.

        ``nonce`` is the request's. The key is of the lowest version, so that a renewal which is
        repeated during a rotation comes to the same id.
        """
        # As JSON, so that different parts never make the same text.
        text = json.dumps([license_id, link, nonce]).encode()
        return encoded(hmac.digest(self._chain_key, text, "sha256")[:_LINK_BYTES])

    @cached_property
    def _chain_key(self) -> bytes:
        return _derive(self.versions[min(self.versions)], _CHAIN)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys of all versions as a JWKS, newest first (RFC 7517, R16)."""
        return {
            "keys": [
                public_jwk(self._lease_key(version).public_key())
                for version in sorted(self.versions, reverse=True)
            ]
        }

    def _lease_key(self, version: int) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(_derive(self.versions[version], _LEASE))


def _derive(secret: bytes, label: bytes) -> bytes:
    # No salt: the secret is random, and a key has to be the same each time.
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=label).derive(secret)
