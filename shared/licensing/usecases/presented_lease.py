"""The lease that an agent presents when it asks for the next one (R37)."""

from __future__ import annotations

from licensing.domain.errors import ForgedLease, UnknownLeaseKey
from licensing.domain.keyring import Keyring
from licensing.domain.lease import Lease, genuine
from licensing.domain.lease_chain import Link
from licensing.domain.license import License
from licensing.usecases.ports import Keyrings


def presented_link(
    token: str | None, record: License, keyrings: Keyrings, *, issuer: str
) -> Link | None:
    """The link of a lease of ``record`` that this service signed, in its time or over.

    ``None`` for whatever else was presented, which shows in the chain: nothing, a forgery, another
    licence's lease, one outside the chain. Raises :class:`UnknownLeaseKey` for a lease whose key
    may be the service's, but is not known here yet.
    """
    if token is None:
        return None
    try:
        lease = _genuine(token, record, keyrings, issuer=issuer)
    except UnknownLeaseKey:
        raise
    except ForgedLease:
        return None
    return lease.link if lease.license_id == record.id and lease.id is not None else None


def _genuine(token: str, record: License, keyrings: Keyrings, *, issuer: str) -> Lease:
    keyring = keyrings.keyring(at_least=record.secret_version)
    try:
        return genuine(token, keyring.lease_keys, issuer=issuer)
    except UnknownLeaseKey:
        # After a rotation, other environments sign with a version that is not known here yet.
        newer = keyrings.keyring(at_least=keyring.newest + 1)
        if newer is keyring:
            raise
        return _of(newer, token, issuer)


def _of(keyring: Keyring, token: str, issuer: str) -> Lease:
    """The lease, by all keys that there are."""
    try:
        return genuine(token, keyring.lease_keys, issuer=issuer)
    except UnknownLeaseKey as error:
        raise ForgedLease(str(error)) from error
