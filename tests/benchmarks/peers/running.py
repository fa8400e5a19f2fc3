"""The peer up on this machine, with a PostgreSQL of its own: `running`.

PostgreSQL has Debian's settings, so that a commit is on the disk before it is answered. It listens
on a socket in a temporary folder alone, and runs as another user where this process is root's,
since it refuses that. uvicorn runs one process, as one execution environment of Lambda is.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, Final

from tests.benchmarks.served import ServerError
from tests.engine import free_port
from tests.setup import peer

_ROOT: Final = Path(__file__).parents[3]
_SCHEMA: Final = Path(__file__).with_name("schema.sql")
_APPLICATION: Final = "tests.benchmarks.peers.fastapi_postgresql:app"
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_USERS: Final = ("postgres", "nobody")
"""Whom PostgreSQL runs as where it must not run as this process does: the first that there is."""


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL that is up."""

    folder: Path
    """Where its socket is."""
    programs: Path
    pid: int

    def do(self, sql: str, rows: str = "") -> str:
        """What it answers to statements; `rows` are what a `COPY … FROM STDIN` takes."""
        command = (self.programs / "psql", "-h", self.folder, "-U", "peer", "-d", "postgres")
        options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql)
        done = subprocess.run(
            (*command, *options), input=rows, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"PostgreSQL: {done.stderr.strip()}")
        return done.stdout


@dataclass(frozen=True, slots=True)
class Peer:
    """The peer, up; `pid` is its server's."""

    url: str
    pid: int
    database: Database


@contextmanager
def running(settings: Mapping[str, Any]) -> Iterator[Peer]:
    """The peer with its tables, empty.

    `settings` are those of the service: `secret`, `issuer`, `lease_seconds`, `seen_seconds`.
    Raises NotHereError where the machine has not what it takes, and ServerError.
    """
    python = peer.python()
    with _postgresql() as database, tempfile.TemporaryFile() as said:
        database.do(_SCHEMA.read_text(encoding="utf-8"))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        told = {**settings, "database": str(database.folder), "address": url}
        path = os.pathsep.join(str(_ROOT / part) for part in (".", "shared"))
        environment = os.environ | {"PYTHONPATH": path, "PEER": json.dumps(told)}
        options = ("--port", str(port), "--loop", "uvloop", "--http", "httptools")
        server = subprocess.Popen(
            (python, "-m", "uvicorn", _APPLICATION, *options, "--no-access-log"),
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        with _ending(server, signal.SIGTERM):
            _wait(server, said, lambda: _answers(port))
            yield Peer(url, server.pid, database)


@contextmanager
def _postgresql() -> Iterator[Database]:
    programs = peer.postgresql()
    with tempfile.TemporaryDirectory(prefix="peer-") as name, tempfile.TemporaryFile() as said:
        folder, data, user = Path(name), Path(name) / "data", _user()
        if user is not None:
            shutil.chown(folder, user)
        made = subprocess.run(
            (
                programs / "initdb",
                "-D",
                data,
                "-U",
                "peer",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
            ),
            **_as(user, folder),
            stdout=said,
            stderr=said,
            check=False,
        )
        if made.returncode != 0:
            raise ServerError(f"PostgreSQL cannot make a database:\n{_told(said)}")
        server = subprocess.Popen(
            (programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="),
            **_as(user, folder),
            stdout=said,
            stderr=said,
        )
        with _ending(server, signal.SIGINT):
            _wait(server, said, lambda: (data / "postmaster.pid").is_file() and _is_ready(data))
            yield Database(folder, programs, server.pid)


def _is_ready(data: Path) -> bool:
    # Its eighth line says how far the server is.
    lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return len(lines) > 7 and lines[7].strip() == "ready"


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return next(user for user in _USERS if user in known)


def _as(user: str | None, folder: Path) -> dict[str, Any]:
    """How a program is started as somebody else, who may not see where this process is."""
    if user is None:
        return {"cwd": folder}
    account = pwd.getpwnam(user)
    return {"cwd": folder, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def _ending(server: subprocess.Popen[bytes], how: signal.Signals) -> Iterator[None]:
    try:
        yield
    finally:
        server.send_signal(how)
        server.wait()


def _wait(server: subprocess.Popen[bytes], said: IO[bytes], is_up: Callable[[], bool]) -> None:
    """Until it is up. Raises ServerError with what it said if it ends, or is not up in time."""
    until = time.monotonic() + _START_SECONDS
    while not is_up():
        if server.poll() is not None or time.monotonic() > until:
            raise ServerError(f"What the peer is made of did not start:\n{_told(said)}")
        time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _told(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")
