"""R16: `GET /.well-known/jwks.json` and `GET /v1/openapi.json`, which anybody may read."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

from licensing.entrypoints.deployment import Deployment, current_deployment, install_deployment
from licensing_build.openapi import document
from tests.integration.answers import header
from tests.integration.leases import served_keys
from tests.world import Answer, World, rotate_secret

CONTRACT = "/v1/openapi.json"


def servers(answer: Answer) -> list[str]:
    return [server["url"] for server in answer.json["servers"]]


def test_r16_the_jwks_holds_public_ed25519_keys_and_nothing_else(world: World) -> None:
    (key,) = served_keys(world)
    assert key == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "Ed25519",
        "use": "sig",
        "x": key["x"],
        "kid": key["kid"],
    }
    assert len(base64.urlsafe_b64decode(key["x"] + "=")) == 32
    assert key["kid"]


def test_r16_the_jwks_is_cacheable_and_needs_no_token(world: World) -> None:
    answer = world.request("GET", "/.well-known/jwks.json")
    assert answer.status == 200
    assert header(answer, "cache-control") == "public, max-age=300, stale-if-error=86400"
    assert header(answer, "content-type") == "application/json"


def test_the_contract_that_is_served_is_the_codes(world: World) -> None:
    answer = world.request("GET", CONTRACT)
    assert answer.status == 200
    assert header(answer, "content-type") == "application/json"
    served = {**answer.json, "servers": document()["servers"]}
    assert served == document(), "run make generate"


def test_the_contract_names_the_address_at_which_it_is_served(world: World) -> None:
    here, there = (("host", name) for name in ("licensing.example", "a1b2.execute-api.example"))
    answers = [world.request("GET", CONTRACT, headers=[host]) for host in (here, there)]
    assert [servers(answer) for answer in answers] == [
        ["http://licensing.example"],
        ["http://a1b2.execute-api.example"],
    ]
    known = ("if-none-match", header(answers[0], "etag") or "")
    assert world.request("GET", CONTRACT, headers=[here, known]).status == 304
    assert world.request("GET", CONTRACT, headers=[there, known]).status == 200


def test_the_contract_names_the_domain_that_is_in_front_of_the_api(world: World) -> None:
    world.runtime.settings = replace(world.runtime.settings, agent_url="https://agents.example")
    assert servers(world.request("GET", CONTRACT)) == ["https://agents.example"]


def test_r16_every_version_of_the_secret_is_listed_newest_first(world: World) -> None:
    seen = [served_keys(world)]
    for _ in range(3):
        rotate_secret(world)
        world.clock.advance(900)
        seen.append(served_keys(world))
    assert [len(keys) for keys in seen] == [1, 2, 3, 4]
    for before, after in pairwise(seen):
        assert after[1:] == before
    assert len({key["kid"] for key in seen[-1]}) == 4


def test_r16_an_environment_that_knows_no_rotation_yet_accepts_keys_of_the_new_version(
    world: World,
) -> None:
    world.register("acme")
    world.login()
    rotate_secret(world)
    with _elsewhere(world):  # another execution environment has seen the rotation
        issued = world.login(environment="staging").json
    assert len(served_keys(world)) == 1, "this one has not"
    world.clock.advance(60)
    assert world.code(issued["license_key"]) == "VALID"
    assert len(served_keys(world)) == 2


def test_the_contract_is_served_to_anybody(world: World) -> None:
    with world.counting() as calls:
        answer = world.request("GET", CONTRACT)
    assert answer.status == 200
    assert answer.json["openapi"] == "3.1.0"
    assert calls == {}
    paths = {
        f"{method.upper()} {path}"
        for path, operations in answer.json["paths"].items()
        for method in operations
    }
    assert paths == {route.key for route in world.api}


@contextmanager
def _elsewhere(world: World) -> Iterator[None]:
    """Requests are handled by another execution environment, which has just begun."""
    here = current_deployment()
    install_deployment(
        Deployment.from_environ(os.environ | world.deployed.environment, clock=world.clock)
    )
    try:
        yield
    finally:
        install_deployment(here)
