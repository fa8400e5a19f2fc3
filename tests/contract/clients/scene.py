"""A client as a process, its machine, and the way from there to the local stack."""

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.agent.relay import Relay
from tests.local import pasted
from tests.local.client import Client
from tests.local.events import Request, Response
from tests.local.identity import PASSWORD
from tests.local.server import Server
from tests.local.stack import Stack

PATIENCE: Final = 120
"""Seconds that a process gets on a machine with much to do."""
SUSPICIOUS: Final = frozenset({"AgentReturned", "CloneSuspected"})
_NUMBERS: Final = itertools.count(1)
_CREDENTIALS: Final = frozenset({"authorization", "dpop"})


class Service:
    """The local stack, as its administrators see it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._client = Client(stack.url)
        pasted.seed(self._client, stack.operator_client_id)

    def close(self) -> None:
        self._client.close()

    @property
    def ahead(self) -> int:
        """How many seconds its clock is ahead of this machine's."""
        told = self._client.call("GET", "/_local").expect(200)
        return round(float(told["now"]) - time.time())

    def pass_time(self, seconds: int) -> None:
        """Let time pass there, and at all clients."""
        self._client.call("POST", "/_local/clock", {"advance_seconds": seconds}).expect(200)

    def token(self, person: str = "alice", client_id: str | None = None) -> str:
        """A person's ID token, as agents want it unless another client is named."""
        client_id = client_id or self.stack.agent_client_id
        answer = self._client.log_in(client_id, person, PASSWORD).expect(200)
        return str(answer["AuthenticationResult.IdToken"])

    def asked(self, method: str, path: str) -> Any:
        """What Acme's administrator is answered."""
        token = self.token("ada", self.stack.operator_client_id)
        return self._client.call(method, path, token=token).expect(200).body

    def license(self, id: str) -> dict[str, Any]:
        """A license, as an administrator sees it."""
        licenses = self.asked("GET", "/v1/organizations/acme/licenses")["licenses"]
        return next(one for one in licenses if one["id"] == id)

    def suspected(self, license_id: str) -> list[str]:
        """What is on record of a license about clones."""
        events = self.asked("GET", f"/v1/licenses/{license_id}/events")["events"]
        assert events
        return [event["type"] for event in events if event["type"] in SUSPICIOUS]


class Way:
    """A proxy on the way, behind a cable. It drops headers or an answer, and sees all secrets."""

    def __init__(self, service: Service) -> None:
        self.drops: set[str] = set()
        """The names of headers, in small letters, that it takes out of requests and answers."""
        self.loses_answer = False
        """Whether the cable is cut when the next answer to a question comes."""
        self.page: bytes | None = None
        """What it answers itself, as a network that wants a login."""
        self.requests: list[Request] = []
        self.secrets: set[str] = set()
        self._there = urlsplit(service.stack.url).netloc
        self._server = Server(self._answer)
        self.cable = Relay(self._server.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cable.__exit__()
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        self._see(request)
        if self.page is not None:
            return Response(200, [("content-type", "text/html")], self.page)
        sent = {name: value for name, value in request.headers if name.lower() not in self.drops}
        with closing(HTTPConnection(self._there, timeout=PATIENCE)) as there:
            there.request(request.method, request.target, request.body, sent)
            answer = there.getresponse()
            body = answer.read()
        kept = [(n.lower(), v) for n, v in answer.getheaders() if n.lower() not in self.drops]
        if self.loses_answer and request.method == "POST" and answer.status == 200:
            self.loses_answer = False
            self.cable.cut()
        hop = {"connection", "content-length", "date", "server", "transfer-encoding"}
        return Response(answer.status, [(n, v) for n, v in kept if n not in hop], body)

    def _see(self, request: Request) -> None:
        for name, value in request.headers:
            if name.lower() in _CREDENTIALS:
                self.secrets.add(value.removeprefix("Bearer "))
        told = json.loads(request.body or b"{}")
        machine = told.get("machine", {})
        seen = [told.get("license_key"), told.get("lease"), machine.get("machine_id")]
        self.secrets |= {one for one in (*seen, *machine.get("mac_addresses", [])) if one}


@dataclass
class Agent:
    """One client in its folder, on a machine of its own."""

    program: list[str]
    folder: Path
    service: Service
    way: Way
    ahead: int = 0
    """How many seconds its clock is ahead of the service's."""
    printed: list[str] = field(default_factory=list)
    licenses: set[str] = field(default_factory=set)
    number: int = field(default_factory=lambda: next(_NUMBERS))

    def step(self, token: str | None = None) -> dict[str, Any]:
        """Take one step; what the agent tells."""
        done = self.run("step", **({"ID_TOKEN": token} if token else {}))
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        told: dict[str, Any] = json.loads(line)
        self.licenses |= {told["license"]} - {None}
        return told

    def logged_in(self) -> dict[str, Any]:
        """What the agent tells after its login."""
        return self.step(self.service.token())

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        done = subprocess.run(
            [*self.program, *arguments],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.printed += [done.stdout, done.stderr]
        return done

    def environment(self, **variables: str) -> dict[str, str]:
        """All of its variables."""
        return {
            "PATH": "/usr/bin:/bin",
            "LICENSING_URL": self.way.cable.url,
            "LICENSING_ISSUER": self.service.stack.issuer,
            "AGENT_FOLDER": str(self.folder),
            "AGENT_MACHINE": json.dumps(self.machine),
            "AGENT_CLOCK_AHEAD": str(self.service.ahead + self.ahead),
            **variables,
        }

    @property
    def machine(self) -> dict[str, Any]:
        """Its machine."""
        return {
            "machine_id": f"8f2d6c1e-5b7a-4e93-a1c4-{self.number:012d}",
            "mac_addresses": [f"3c:52:82:9d:{self.number:02x}:7e"],
            "computer_name": f"line-{self.number}-press",
        }


@dataclass
class Stage:
    """A service, and what is started before it."""

    service: Service
    started: ExitStack

    def agent(self, program: list[str], folder: Path) -> Agent:
        """A client on a new machine."""
        way = self.started.enter_context(Way(self.service))
        return Agent(program, folder, self.service, way)


def secrets_told(agent: Agent) -> Iterator[str]:
    """The secrets among what an agent has printed."""
    printed = "".join(agent.printed)
    return (secret for secret in agent.way.secrets if secret in printed)
