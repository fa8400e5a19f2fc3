"""AWS's own DynamoDB engine (DynamoDB Local) for the tests that need real atomicity.

Each engine is a process of its own, in memory, on a free port, and ends with its context. It takes
access key ids of letters and digits only.
"""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import IO

from tests.setup import dynamodb_local as installed
from tests.setup import java

START_SECONDS = 180.0
POLL_SECONDS = 0.05
STARTS = 3
"""A port that was free may have been taken when the engine wants it."""


class EngineError(Exception):
    """The engine did not start. The message says what it said."""


@contextmanager
def dynamodb_local(*, lasts: bool = False) -> Iterator[str]:
    """Run one engine and yield its endpoint URL; it `lasts` if needed for more than minutes.

    Raises NotHereError where the machine has none, and EngineError where it does not start.
    """
    with tempfile.TemporaryFile() as output:
        engine, port = _started(output, lasts=lasts)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            engine.terminate()
            engine.wait()


def _started(output: IO[bytes], *, lasts: bool) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(STARTS):
        port = free_port()
        command = _command(port, lasts=lasts)
        folder = installed.jar().parent
        engine = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            _wait_until_it_answers_or_ends(engine, port)
        except BaseException:
            engine.kill()
            engine.wait()
            raise
        if engine.poll() is None:
            return engine, port
    output.seek(0)
    raise EngineError(f"DynamoDB Local did not start:\n{output.read().decode(errors='replace')}")


def _command(port: int, *, lasts: bool) -> list[str]:
    # For a minute or two, better code than the first compiler's would come too late.
    compilers = [] if lasts else ["-XX:TieredStopAtLevel=1"]
    library_path = "-Djava.library.path=DynamoDBLocal_lib"
    arguments = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    return [
        java.command(),
        *compilers,
        "--enable-native-access=ALL-UNNAMED",  # else newer runtimes warn
        "-XX:+UseSerialGC",
        library_path,
        "-jar",
        "DynamoDBLocal.jar",
        *arguments,
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_until_it_answers_or_ends(engine: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        try:
            engine.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if _answers(port):
                return
        else:
            return
    raise EngineError(f"DynamoDB Local did not start within {START_SECONDS:.0f} s.")


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
