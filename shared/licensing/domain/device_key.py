"""Device keys: what follows when an agent proves that it holds one.

A licence may be bound to an Ed25519 key that never leaves the agent's machine, so that a copied
licence key alone is worth nothing. Proofs are verified in :mod:`licensing.domain.dpop`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from licensing.domain.errors import StaleProof

EARLY: Final = ".early"
"""What a proof's nonce adds to the lease's id in the first half of the lease's time."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A DPoP proof that was verified.

    ``thumbprint`` names the key that it proves (RFC 7638). ``made_ms`` is when the service made the
    nonce in it, in epoch milliseconds: at a validation, a proof has to be newer than the last one
    that something was written for, so it counts for one write. ``None`` where ``nonce`` is none
    that the service makes: it is then the id of a lease, or of nothing, which a validation alone
    can tell (R36). ``id`` is a digest of the key and the proof's ``jti``: at a login, no id counts
    twice. ``successor`` is the thumbprint of the key that shall replace this one, where the proof
    names it.
    """

    thumbprint: str
    made_ms: int | None
    id: str
    successor: str | None = None
    nonce: str = ""

    def demand_time(self) -> int:
        """When the service made its nonce, in epoch milliseconds.

        Raises :class:`~licensing.domain.errors.StaleProof` where the service made none.
        """
        if self.made_ms is None:
            raise needs_nonce()
        return self.made_ms


@dataclass(frozen=True, slots=True)
class InvalidProof:
    """An invalid DPoP proof.

    ``reason`` and ``advice`` are safe to log and to tell: they repeat nothing that was sent (R35).
    ``advice`` is a sentence, what is to be done about it.
    """

    reason: str
    advice: str = (
        "Update the agent. If it is of today, something on the way changes its headers: have that "
        "let them pass."
    )


def is_over(nonce: str, lease_id: str | None, *, is_early: bool) -> bool:
    """Whether a proof's ``nonce`` is the id of a lease, as it is good for a question about that.

    In the first half of the lease it may end in :data:`EARLY`: then nobody who has overheard the
    question can ask it again in the second half, and move the chain.

    >>> is_over("a", "a", is_early=False), is_over("a.early", "a", is_early=False)
    (True, False)
    """
    return nonce == lease_id or (is_early and nonce == f"{lease_id}{EARLY}")


def needs_nonce() -> StaleProof:
    """The error for a proof without a nonce of the service that is in its time."""
    return StaleProof(
        "The proof needs a newer nonce. Make a new proof with the nonce of this answer."
    )


def already_used() -> StaleProof:
    """The error for a proof that has counted before."""
    return StaleProof("The proof was already used. Make a new proof with the nonce of this answer.")


class Possession(Enum):
    """Whether an agent has proved the device key that it should hold."""

    NOT_ASKED = auto()
    """The licence has no device key, and needs none."""
    PROVED = auto()
    MISSING = auto()
    """No proof; or the licence has no device key, but the organization requires one."""
    FAILED = auto()
    """The proof is invalid, or of another key."""


def possession(
    device_key: str | None, proof: Proof | InvalidProof | None, *, required: bool
) -> Possession:
    """Whether ``proof`` proves a licence's ``device_key``.

    ``device_key`` is a thumbprint, ``None`` for a licence without one; ``required`` says that the
    organization demands one (:class:`~licensing.domain.organization.Policy`).

    >>> proof = Proof(thumbprint="kPrK…", made_ms=1_900_000_000_000, id="5f0c…")
    >>> possession("kPrK…", proof, required=False), possession("kPrK…", None, required=False)
    (<Possession.PROVED: 2>, <Possession.MISSING: 3>)
    >>> possession(None, InvalidProof("the signature does not match"), required=False)
    <Possession.NOT_ASKED: 1>
    """
    # Not even an invalid proof counts against an agent that needs none: it may have begun to prove
    # under an address that the service does not know as its own.
    if device_key is None and not required:
        return Possession.NOT_ASKED
    if isinstance(proof, InvalidProof):
        return Possession.FAILED
    if device_key is None:
        return Possession.MISSING
    if proof is None:
        return Possession.MISSING
    return Possession.PROVED if proof.thumbprint == device_key else Possession.FAILED
