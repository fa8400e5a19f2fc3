"""One request of each kind as it went through the service: the event, the AWS calls, their answers.

Recorded once on moto; what is measured later is fed with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber

from tests.world import ALICE, NOON, Answer, World, new_world

NONCE = "tDjh4k1rW0mTqz6yJc9Yxw"
VERSION = "4.5.0.0"


@dataclass(frozen=True, slots=True)
class Recording:
    """One request. ``calls`` are operations with their parameters, ``answers`` their bodies."""

    function: str
    event: Mapping[str, Any]
    calls: tuple[tuple[str, Mapping[str, Any]], ...]
    answers: Mapping[str, str]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Recordings:
    """What was recorded in one world, by its clock and in its environment.

    ``secret`` answers GetSecretValue.
    """

    validate: Recording
    first_login: Recording
    secret: str
    environment: Mapping[str, str]
    now: float = NOON


def record() -> Recordings:
    """Log an agent in for the first time and validate it, as agents from 4.5 on do."""
    with new_world() as world, listening(world) as heard:
        world.register("acme", max_agents=1000)
        login = _recording(
            world, heard, "IssueFunction", lambda: world.login(ALICE, agent_version=VERSION)
        )
        key = login.answer.json["license_key"]
        validate = _recording(
            world,
            heard,
            "ValidateFunction",
            lambda: world.validate(
                key, environment="production", agent_version=VERSION, nonce=NONCE
            ),
        )
        return Recordings(validate, login, heard["GetSecretValue"], world.deployed.environment)


def _recording(world: World, heard: Mapping[str, str], function: str, act: Any) -> Recording:
    first = len(world.calls)
    answer = act()
    assert answer.status in (200, 201), answer
    calls = tuple(call for call in world.calls[first:] if call[0] != "GetSecretValue")
    answers = {operation: heard[operation] for operation, _ in calls}
    return Recording(function, world.exchanges[-1].event, calls, answers, answer)


@contextmanager
def listening(world: World) -> Iterator[dict[str, str]]:
    """The body of the latest answer to each operation."""
    heard: dict[str, str] = {}

    def answer(request: AWSPreparedRequest, event_name: str, **_: Any) -> Any:
        found = botocore_stubber("before-send", request)
        assert found is not None, "moto answers everything"
        heard[event_name.rpartition(".")[2]] = found.content.decode()
        return found

    for client in (world.runtime.dynamodb, world.runtime.secrets):
        client.meta.events.register_first("before-send", answer)
    yield heard
