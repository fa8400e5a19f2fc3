"""The built service: functions in processes of their own, beside a world that shares their table.

DynamoDB is AWS's own engine. Secrets and buses are those of the world, in the moto of this process.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.artefacts.answering import answering
from tests.artefacts.sandbox import Function, Process, Sandbox, running
from tests.template.deployed import deployed as template
from tests.world import World, new_world

_GIVEN = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class Deployed:
    """What was built, deployed."""

    world: World
    sandbox: Sandbox
    _built: Path
    _given: dict[str, str]

    def function(self, name: str) -> Function:
        """A function with all that the template says of it."""
        told = self.world.deployed.functions[name]
        return Function(
            name,
            self._built / name,
            told.handler,
            {**self._given, **told.environment},
            told.timeout,
            told.memory,
        )

    def running(self, name: str, *, snapstart: bool = False) -> AbstractContextManager[Process]:
        """Start a function."""
        return running(self.function(name), self.sandbox, snapstart=snapstart)


@contextmanager
def deployed(engine: str, built: Path, sandbox: Sandbox) -> Iterator[Deployed]:
    """Deploy what was built, over a table at an engine."""
    with new_world(engine) as world, answering() as endpoint:
        logging = template().function("ValidateFunction", "LoggingConfig")["LoggingConfig"]
        given = {name: os.environ[name] for name in _GIVEN} | {
            # As Lambda tells its runtime of a function's LoggingConfig.
            "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"],
            "DYNAMODB_ENDPOINT": engine,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": endpoint,
        }
        yield Deployed(world, sandbox, built, given)
