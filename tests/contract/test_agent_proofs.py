"""The vectors of proofs: other libraries make them to the byte, and think the same of them."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws as jose
from joserfc.jwk import OKPKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS, InvalidJWSSignature  # type: ignore[import-untyped]

from licensing.domain import jws
from licensing_agent.proof import Occasion, prove, thumbprint
from licensing_agent.storage.device_key import SoftwareKey
from tests.contract.agent_vectors import FOLDER
from tests.unit.domain.test_lease import b64, unb64

PROOFS = json.loads((FOLDER / "agent_proofs.json").read_text())
DEVICE = PROOFS["device_key"]
VECTORS = PROOFS["proofs"]
GOOD = [vector for vector in VECTORS if vector["verdict"] in {"good", "lease"}]


def by_the_service(header: str, claims: str) -> str:
    """As the service writes a JWS."""
    key = Ed25519PrivateKey.from_private_bytes(unb64(DEVICE["seed"]))
    return jws.write(json.loads(header), json.loads(claims), key)


def by_joserfc(header: str, claims: str) -> str:
    """As joserfc does."""
    key = OKPKey.import_key({**DEVICE["jwk"], "d": DEVICE["seed"]})
    said = json.loads(header)
    return jose.serialize_compact(said, claims, key, algorithms=[said["alg"]])


def by_jwcrypto(header: str, claims: str) -> str:
    """As jwcrypto does."""
    token = JWS(claims)
    key = JWK(**DEVICE["jwk"], d=DEVICE["seed"])
    token.add_signature(key, json.loads(header)["alg"], header)
    compact: str = token.serialize(compact=True)
    return compact


MAKERS = [by_the_service, by_joserfc, by_jwcrypto]
"""Whoever makes a proof of a header's and claims' texts."""


@pytest.mark.parametrize(
    "name",
    [
        "a login",
        "a validation",
        "by a clock that is wrong",
        "of body 6",
        "over the id of a lease",
    ],
)
def test_the_client_makes_them_to_the_byte(name: str) -> None:
    (vector,) = [one for one in GOOD if one["name"] == name]
    said = vector["claims"]
    occasion = Occasion(
        method=vector["method"],
        url=vector["url"],
        body=vector.get("body", "").encode(),
        credential=vector["credential"],
        nonce=said["nonce"],
        id=said["jti"],
        at=said["iat"],
    )
    key = SoftwareKey(Ed25519PrivateKey.from_private_bytes(unb64(DEVICE["seed"])))
    header, claims, _ = prove(key, occasion).split(".")
    assert unb64(header).decode() == vector["header_text"]
    htb = b64(hashlib.sha256(occasion.body).digest())
    assert json.loads(unb64(claims)) == said | {"htb": htb}
    assert thumbprint(key) == DEVICE["thumbprint"]


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["name"])
def test_a_proof_comes_out_to_the_byte(
    vector: dict[str, Any], make: Callable[[str, str], str]
) -> None:
    header, claims = vector["header_text"], vector["claims_text"]
    assert (json.loads(header), json.loads(claims)) == (vector["header"], vector["claims"])
    assert vector["signing_input"] == f"{b64(header.encode())}.{b64(claims.encode())}"
    assert vector["proof"].startswith(f"{vector['signing_input']}.")
    if vector["name"] != "in another layout":  # which is nobody's own
        assert make(header, claims) == vector["proof"]


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS if vector["reason"] not in {"header", "malformed"}],
    ids=lambda vector: vector["name"],
)
def test_another_library_finds_the_same_signatures_good(vector: dict[str, Any]) -> None:
    token = JWS()
    token.allowed_algs = ["Ed25519", "EdDSA"]
    token.deserialize(vector["proof"])
    key = JWK(**token.jose_header["jwk"])
    if vector["reason"] == "signature":
        with pytest.raises(InvalidJWSSignature):
            token.verify(key)
    else:
        token.verify(key)
        assert token.payload.decode() == vector["claims_text"]


def test_the_key_is_the_seeds_and_its_thumbprint_what_others_take_it_for() -> None:
    private = Ed25519PrivateKey.from_private_bytes(unb64(DEVICE["seed"]))
    assert DEVICE["jwk"]["x"] == b64(private.public_key().public_bytes_raw())
    assert DEVICE["thumbprint"] == JWK(**DEVICE["jwk"]).thumbprint()
    assert DEVICE["thumbprint"] == OKPKey.import_key(DEVICE["jwk"]).thumbprint()


@pytest.mark.parametrize("vector", PROOFS["ath"], ids=lambda vector: vector["credential"][:8])
def test_a_credential_is_hashed_as_its_text_stands(vector: dict[str, str]) -> None:
    assert vector["ath"] == b64(hashlib.sha256(vector["credential"].encode("ascii")).digest())


@pytest.mark.parametrize("vector", PROOFS["htb"], ids=lambda vector: vector["body"][:24])
def test_a_body_is_hashed_as_its_bytes_are_sent(vector: dict[str, str]) -> None:
    assert vector["htb"] == b64(hashlib.sha256(vector["body"].encode("utf-8")).digest())


def test_no_two_of_the_bodies_have_one_hash() -> None:
    assert len({vector["htb"] for vector in PROOFS["htb"]}) == len(PROOFS["htb"])


@pytest.mark.parametrize("vector", PROOFS["htu"], ids=lambda vector: vector["htu"])
def test_addresses_are_compared_as_another_library_reads_them(vector: dict[str, Any]) -> None:
    named, asked = (httpx.URL(vector[name]) for name in ("htu", "url"))
    one, other = (
        (url.scheme, url.userinfo, url.host.lower(), url.port, url.path) for url in (named, asked)
    )
    assert (one == other) is vector["equal"]


def test_there_is_one_of_each_kind() -> None:
    assert {(vector["verdict"], vector["reason"]) for vector in VECTORS} == {
        ("good", None),
        ("lease", None),
        ("stale", "use_dpop_nonce"),
        *(
            ("bad", reason)
            for reason in (
                *("header", "signature", "claims", "request", "credential", "body", "malformed"),
            )
        ),
    }
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
