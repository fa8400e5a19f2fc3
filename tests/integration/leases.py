"""Leases as an agent checks them: by a JOSE library and the served JWKS, knowing nothing else."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import KeySet

from tests.world import World


@dataclass(frozen=True)
class Read:
    """A lease whose signature is good."""

    header: dict[str, Any]
    claims: dict[str, Any]


def served_keys(world: World) -> list[Any]:
    """The keys at `/.well-known/jwks.json`."""
    answer = world.request("GET", "/.well-known/jwks.json")
    assert answer.status == 200
    keys: list[Any] = answer.json["keys"]
    return keys


def read(token: str) -> dict[str, Any]:
    """What a lease says, unverified."""
    claims: dict[str, Any] = json.loads(_unb64(token.split(".")[1]))
    return claims


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(world: World, token: str) -> Read:
    """A lease that one of the served keys has signed; joserfc raises for any other."""
    keys = KeySet.import_key_set({"keys": served_keys(world)})
    signed = jws.deserialize_compact(token, keys, algorithms=["Ed25519"])
    return Read(dict(signed.headers()), json.loads(signed.payload))
