"""Device keys: what it means that an agent has proved to hold one.

A licence may be bound to an Ed25519 key that never leaves the agent's machine. How a proof is
verified stands in :mod:`licensing.domain.dpop`; what follows from it is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was verified: of which key, and how new.

    ``thumbprint`` is the key's (RFC 7638). ``made_ms`` is when the service made the nonce in it, in
    epoch milliseconds: a proof counts once, since the next one has to be newer.
    """

    thumbprint: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class InvalidProof:
    """Something that was sent as a proof and is none. ``reason`` repeats nothing of it."""

    reason: str


class Possession(Enum):
    """How an agent stands to the device key that it should hold."""

    NOT_ASKED = auto()
    """There is none to hold."""
    PROVED = auto()
    MISSING = auto()
    """No proof, or no key yet where the organization requires one."""
    FAILED = auto()
    """A bad proof, or another key's."""


def possession(
    device_key: str | None, proof: Proof | InvalidProof | None, *, required: bool
) -> Possession:
    """How an agent with ``proof`` stands to its licence's ``device_key``.

    Where none is asked for, a proof is not looked at: an agent that begins to prove, and names an
    address that the service does not know, goes on as before.
    """
    if device_key is None and not required:
        return Possession.NOT_ASKED
    if isinstance(proof, InvalidProof):
        return Possession.FAILED
    if device_key is None:
        return Possession.MISSING
    if proof is None:
        return Possession.MISSING
    return Possession.PROVED if proof.thumbprint == device_key else Possession.FAILED
