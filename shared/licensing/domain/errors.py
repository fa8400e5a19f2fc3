"""The errors that this package raises on purpose, as one tree.

::

    LicensingError
    ├── InvalidInput          the request is malformed; says where and what to send instead
    ├── Unauthenticated       the request comes without a token that the gateway has verified
    ├── StaleProof            a proof of possession that has to be made anew, with a nonce of now
    ├── ForgedLease           a lease that this service did not sign, or not for this use
    │   └── UnknownLeaseKey   or that is signed by a version of the secret not known here yet
    ├── Unavailable           nothing was done, or doing it again is safe; says when to retry
    └── Misconfigured         the deployment itself is wrong; an operator has to act

A *refusal* (a machine of another organization, a full subscription, …) is not an error but a
value: see :mod:`licensing.domain.refusal`. ``Overtaken`` of :mod:`licensing.usecases.optimistic`
says that a decision has to be made anew; it leaves no use case.
"""

from __future__ import annotations


class LicensingError(Exception):
    """Root of the tree."""


class InvalidInput(LicensingError):
    """The caller sent something that cannot be understood.

    ``pointer`` is the JSON pointer (RFC 6901) of the offending value, ``""`` for the whole body.
    """

    def __init__(self, message: str, *, pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer


class Unauthenticated(LicensingError):
    """No verified token came with a request that needs one (R1)."""


class StaleProof(LicensingError):
    """A proof that is good but for its time: without a nonce, with an old one, or used before.

    Nothing was done. The answer carries a nonce for the next proof (RFC 9449, 8).
    """


class ForgedLease(LicensingError):
    """A lease that does not verify: signature, algorithm, type, issuer, shape or time (R16)."""


class UnknownLeaseKey(ForgedLease):
    """A lease that names a key which is not known here: forged, or newer than the secret here."""


class Unavailable(LicensingError):
    """A dependency did not answer in time; repeating the request is safe (R2, R5).

    ``retry_after`` is in seconds.
    """

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Misconfigured(LicensingError):
    """A setting, a secret or a table is not what the deployment promises."""
