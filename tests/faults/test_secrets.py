"""The server secret: out of reach, forbidden, or not what the deployment promises (R3)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

from licensing.adapters.secrets import SecretsManagerKeyrings
from licensing.domain.errors import Misconfigured
from licensing.domain.license_key import parse
from tests.faults.seam import (
    Fault,
    Stopwatch,
    Wire,
    answer_lost,
    connection_refused,
    error,
    no_connection,
)
from tests.world import Answer, World, new_world, rotate_secret

OUT_OF_REACH: dict[str, Fault] = {
    "nobody listens": connection_refused,
    "no connection in time": no_connection,
    "no answer": answer_lost,
    "fails": partial(error, code="InternalServiceError", status=500),
    "throttles": partial(error, code="ThrottlingException"),
}
REQUESTS: dict[str, Callable[[World, str], Answer]] = {
    "login": lambda world, _: world.login(),
    "validation": lambda world, key: world.validate(key),
    "keys": lambda world, _: world.request("GET", "/.well-known/jwks.json"),
}


@pytest.fixture
def world() -> Iterator[World]:
    """A world in which an agent has a licence; only the secret is of interest here."""
    with new_world() as fresh:
        fresh.register("acme")
        yield fresh


@contextmanager
def elsewhere(world: World) -> Iterator[Wire]:
    """Another execution environment: it has not fetched the secret yet, and nobody waits there."""
    made = world.runtime.secrets
    client = boto3.client("secretsmanager", config=made.meta.config)
    wire = Wire(client, Stopwatch(60))
    here = world.runtime.keyrings
    world.runtime.keyrings = SecretsManagerKeyrings(client, here.secret_id, here.clock)
    with patch("botocore.endpoint.time", SimpleNamespace(sleep=wire.stopwatch.pass_by)):
        yield wire
    world.runtime.keyrings = here


@pytest.mark.sampled(4)
@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("fault", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_r03_without_the_secret_the_service_is_unavailable_until_it_is_back(
    world: World, fault: Fault, request_name: str
) -> None:
    send = partial(REQUESTS[request_name], world, world.login().json["license_key"])
    with elsewhere(world) as wire:
        wire.break_with(fault)
        answer = send()
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        wire.mend()
        assert send().status == 200


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fault", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_r16_what_has_been_fetched_is_used_while_the_secret_is_out_of_reach(
    world: World, fault: Fault
) -> None:
    key = world.login().json["license_key"]
    with elsewhere(world) as wire:
        assert world.code(key) == "VALID"
        wire.break_with(fault)
        world.clock.advance(899)
        assert world.code(key) == "VALID"
        world.clock.advance(1)
        assert world.code(key) == "VALID", "what is kept still signs when it cannot be fetched anew"
        tried = len(wire.requests)
        world.clock.advance(59)
        assert world.code(key) == "VALID"
        assert len(wire.requests) == tried, "nobody waits for the secret again within a minute"


def test_a_secret_that_may_not_be_read_is_a_fault(world: World) -> None:
    with elsewhere(world) as wire:
        wire.break_with(partial(error, code="AccessDeniedException"))
        with pytest.raises(ClientError, match="AccessDenied"):
            world.login()
        assert wire.requests == ["GetSecretValue"]


@pytest.mark.parametrize(
    "secret",
    [
        {"SecretString": "rubbish"},
        {"SecretString": "{}"},
        {"SecretString": json.dumps({"one": "x" * 64})},
        {"SecretString": json.dumps({"1": "short"})},
        {"SecretBinary": b"\x00" * 64},
    ],
    ids=["not JSON", "no version", "no number", "too short", "bytes"],
)
def test_a_secret_that_is_not_as_promised_is_a_fault_and_nothing_is_written(
    world: World, secret: dict[str, Any]
) -> None:
    before = world.items()
    client = boto3.client("secretsmanager")
    client.put_secret_value(SecretId=world.runtime.settings.secret_id, **secret)
    with elsewhere(world), pytest.raises(Misconfigured):
        world.login()
    assert world.items() == before


def test_r03_a_key_of_a_version_that_was_added_a_moment_ago_is_known_at_once(world: World) -> None:
    with elsewhere(world):
        assert world.code(world.login().json["license_key"]) == "VALID"
        stale = world.runtime.keyrings
        rotate_secret(world)
        # Another execution environment has noticed and issues under the new version.
        world.runtime.keyrings = SecretsManagerKeyrings(stale.client, stale.secret_id, stale.clock)
        key = world.login(environment="staging").json["license_key"]
        world.runtime.keyrings = stale
        assert world.code(key) == "VALID"


def test_r03_a_strangers_key_does_not_hide_a_new_version_from_the_service(world: World) -> None:
    with elsewhere(world):
        key = parse(world.login().json["license_key"])
        stale = world.runtime.keyrings
        # Anybody can make a key of a version that does not exist yet.
        assert world.code(replace(key, secret_version=99).reveal()) == "NOT_FOUND"
        rotate_secret(world)
        world.runtime.keyrings = SecretsManagerKeyrings(stale.client, stale.secret_id, stale.clock)
        issued = world.login(environment="staging").json["license_key"]
        world.runtime.keyrings = stale
        assert world.code(issued) == "VALID"
        again = world.login(environment="staging")
        assert (again.status, again.json["license_key"]) == (200, issued)
