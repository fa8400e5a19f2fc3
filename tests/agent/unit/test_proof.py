"""Proofs of the device key: to the byte what RFC 9449 says, and what the service takes."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from joserfc import jws as jose
from joserfc.jwk import OKPKey

from licensing.domain import dpop
from licensing.domain.device_key import Proof
from licensing_agent.proof import Occasion, is_asked_for, prove, thumbprint
from licensing_agent.storage.device_key import SoftwareKey
from tests.unit.domain.test_lease import KEY, KID, b64, unb64
from tests.unit.samples import NOW

URL = "https://licensing.example/v1/licenses/validate"
BODY = '{"license_key":"L1-KEY","environment":"B\u00fcro"}'.encode()
NONCE_KEY = b"nonce key"
NONCE = dpop.new_nonce(NONCE_KEY, NOW * 1000)
OCCASION = Occasion(
    method="POST",
    url=URL,
    body=BODY,
    credential="L1-KEY",
    nonce=NONCE,
    id="proof-1",
    at=NOW - 10**9,
)
DEVICE = SoftwareKey(KEY)


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


def test_a_proof_says_what_it_is_for_and_nothing_more() -> None:
    header, claims = read(prove(DEVICE, OCCASION))
    assert header == {
        "typ": "dpop+jwt",
        "alg": "Ed25519",
        "jwk": {
            "crv": "Ed25519",
            "kty": "OKP",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",  # RFC 8037, appendix A
        },
    }
    assert claims == {
        "jti": "proof-1",
        "htm": "POST",
        "htu": URL,
        "iat": NOW - 10**9,
        "ath": dpop.credential_hash("L1-KEY"),
        "htb": b64(hashlib.sha256(BODY).digest()),
        "nonce": NONCE,
    }


def test_before_the_service_has_told_a_nonce_there_is_none_in_it() -> None:
    occasion = replace(OCCASION, nonce=None)
    assert "nonce" not in read(prove(DEVICE, occasion))[1]


def test_the_service_takes_it_whatever_this_machines_clock_says() -> None:
    found = dpop.verify(
        prove(DEVICE, OCCASION),
        dpop.ProvedRequest("POST", frozenset({URL}), "L1-KEY", BODY),
        nonce_key=NONCE_KEY,
        now_ms=NOW * 1000,
    )
    assert isinstance(found, Proof)
    assert (found.thumbprint, found.made_ms) == (KID, NOW * 1000)


def test_another_library_verifies_it_with_the_key_that_stands_in_it() -> None:
    token = prove(DEVICE, OCCASION)
    key = OKPKey.import_key(read(token)[0]["jwk"])
    assert jose.deserialize_compact(token, key, algorithms=["Ed25519"]).payload


def test_the_thumbprint_is_what_administrators_see() -> None:
    assert thumbprint(DEVICE) == KID


def test_only_the_answer_that_asks_for_a_proof_does() -> None:
    assert is_asked_for(401, {"code": "use_dpop_nonce"})
    assert not is_asked_for(401, {"code": "unauthorized"})
    assert not is_asked_for(400, {"code": "use_dpop_nonce"})
    assert not is_asked_for(401, {})
