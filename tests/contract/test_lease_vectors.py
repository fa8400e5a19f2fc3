"""The signatures under leases against Wycheproof's vectors: hostile encodings and edge cases."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing.domain import jws, lease
from licensing.domain.errors import ForgedLease
from tests.unit.domain.test_lease import CLAIMS, ISSUER
from tests.unit.samples import NOW

FILE = Path(__file__).parent / "vectors" / "ed25519_wycheproof.json"


@dataclass(frozen=True)
class Vector:
    """One signature of a message, and whether it is one."""

    number: int
    public_key: bytes
    message: bytes
    signature: bytes
    valid: bool
    comment: str

    @property
    def key(self) -> Ed25519PublicKey:
        """The public key, as leases are verified with."""
        return Ed25519PublicKey.from_public_bytes(self.public_key)

    def __str__(self) -> str:
        """Number and comment."""
        return f"{self.number} {self.comment}"


def read_vectors() -> list[Vector]:
    """All of them; bytes stand there in hexadecimal."""
    return [
        Vector(
            number,
            bytes.fromhex(key),
            bytes.fromhex(message),
            bytes.fromhex(signature),
            valid,
            comment,
        )
        for number, key, message, signature, valid, comment in json.loads(FILE.read_text())[
            "vectors"
        ]
    ]


VECTORS = read_vectors()


def test_all_vectors_are_there() -> None:
    assert len(VECTORS) == 151
    assert sum(vector.valid for vector in VECTORS) == 88


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_r16_a_signature_is_taken_exactly_where_the_vectors_say_so(vector: Vector) -> None:
    assert jws.is_signed(vector.message, vector.signature, vector.key) is vector.valid


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_r16_no_signature_of_another_message_makes_a_lease(vector: Vector) -> None:
    kid = lease.public_jwk(vector.key)["kid"]
    parts = [json.dumps({"alg": jws.ALGORITHM, "kid": kid, "typ": lease.TYPE}).encode()]
    parts += [json.dumps(CLAIMS).encode(), vector.signature]
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    with pytest.raises(ForgedLease, match="the signature does not match"):
        lease.verify(token, {kid: vector.key}, issuer=ISSUER, now=NOW)


def test_the_vectors_find_a_verification_that_is_lax() -> None:
    def lax(message: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
        # Planted: S is brought below the group's order before it is looked at.
        order = 2**252 + 27742317777372353535851937790883648493
        if len(signature) == 64:
            reduced = int.from_bytes(signature[32:], "little") % order
            signature = signature[:32] + reduced.to_bytes(32, "little")
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    wrong = [v.comment for v in VECTORS if lax(v.message, v.signature, v.key) is not v.valid]
    assert len(wrong) >= 5
