"""The local stack in a process of its own, with organizations registered: `running`.

It is the stack that `make run` starts, on AWS's own DynamoDB engine; its log goes nowhere.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.engine import dynamodb_local
from tests.local import pasted, stack
from tests.local.client import Client
from tests.local.identity import PASSWORD

_ROOT: Final = Path(__file__).parents[2]


class ServerError(Exception):
    """The local stack did not start; the message shows what it said."""


@contextmanager
def running() -> Iterator[stack.Stack]:
    """The stack, up until the context is left."""
    with dynamodb_local(lasts=True) as endpoint, running_on(endpoint) as (up, _):
        yield up


@contextmanager
def running_on(endpoint: str) -> Iterator[tuple[stack.Stack, int]]:
    """The stack, up on that engine until the context is left, and the id of its process."""
    path = os.pathsep.join(str(_ROOT / part) for part in (".", "shared", "functions"))
    environment = os.environ | {"PYTHONPATH": path, "DYNAMODB_ENDPOINT": endpoint}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.served"],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # It stops when its input ends, which leaving the context sees to.
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        if not line:
            assert process.stderr is not None
            raise ServerError(process.stderr.read())
        yield stack.Stack(**json.loads(line)), process.pid
        process.stdin.close()


def token(client: Client, client_id: str, username: str) -> str:
    """A user's token."""
    answer = client.log_in(client_id, username, PASSWORD).expect(200)
    found: Any = answer["AuthenticationResult.IdToken"]
    return str(found)


def _serve() -> None:
    out = sys.stdout
    with Path(os.devnull).open("w", buffering=1, encoding="utf-8") as log, redirect_stdout(log):
        logging.basicConfig(stream=log, level=logging.INFO, force=True)
        with stack.running() as up:
            with closing(Client(up.url)) as client:
                pasted.seed(client, up.operator_client_id)
            print(json.dumps(asdict(up)), file=out, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    _serve()
