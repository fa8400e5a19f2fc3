"""Fixtures: a service in a process of its own, and who operates it.

Of its own, since the functions write their metrics to standard output, which is the commands' here.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Terminal
from tests.local.cast import login
from tests.local.client import Answer, Client
from tests.local.identity import PASSWORD

ROOT = Path(__file__).parents[2]
UP = "The service is up at "


def machine(name: str) -> dict[str, Any]:
    """A computer of this name, and of no other test."""
    digits = sha256(name.encode()).hexdigest()
    mac = ":".join(["3c", *(digits[i : i + 2] for i in range(0, 10, 2))])
    return {"machine_id": digits[:32], "mac_addresses": [mac], "computer_name": name}


@dataclass
class Site:
    """A service that is up, beside the command line."""

    url: str
    service: Client
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def _local(self) -> Answer:
        return self.service.call("GET", "/_local").expect(200)

    def token(self, user: str, client: str = "operator") -> str:
        """That of somebody who has signed in."""
        if (user, client) not in self._tokens:
            client_id = self._local[f"{client}_client_id"]
            answer = self.service.log_in(client_id, user, PASSWORD).expect(200)
            self._tokens[user, client] = answer["AuthenticationResult.IdToken"]
        return self._tokens[user, client]

    def end_sessions(self) -> None:
        """Everybody has to sign in anew."""
        self._tokens.clear()
        self.service.call("POST", "/_local/sessions/end").expect(200)

    def call(self, method: str, path: str, body: Any = None, *, user: str = "olivia") -> Answer:
        """The API itself."""
        return self.service.call(method, path, body, token=self.token(user))

    def agent(self, machine: Any, environment: str = "production", user: str = "alice") -> Answer:
        """A person logs in on an agent."""
        sent, token = login(machine, environment), self.token(user, "agent")
        return self.service.call("POST", "/v1/licenses", sent, token=token).expect(201)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of a process: each has organizations or machines of its own."""
    log = tmp_path_factory.mktemp("service") / "log"
    paths = os.pathsep.join(str(ROOT / name) for name in ("", "shared", "functions"))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.local", "run", "--port", "0", "--log", log],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "DYNAMODB_ENDPOINT"}
        | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            told = next(line for line in process.stdout if line.startswith(UP))
            url = told.removeprefix(UP).partition(",")[0]
            with closing(Client(url)) as service:
                yield Site(url, service)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=180)


@pytest.fixture
def olivia(site: Site, tmp_path: Path) -> Terminal:
    """The vendor's operator."""
    return Terminal(site.url, tmp_path, site.token("olivia"))


@pytest.fixture
def ada(site: Site, tmp_path: Path) -> Terminal:
    """Acme's administrator."""
    return Terminal(site.url, tmp_path, site.token("ada"))


@pytest.fixture
def nowhere(tmp_path: Path) -> Terminal:
    """A machine without a network, on which nobody is signed in."""
    return Terminal("", tmp_path)
