"""What both clients share, driven in this process: no socket, no thread, the files as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from licensing_agent import Configuration, Status, System
from licensing_agent.core import NO_PROOF_TAKEN, PROOFS, Engine
from licensing_agent.lifecycle import FetchKeys, Login, Validate, Wait
from licensing_agent.machine.sources import Platform
from licensing_agent.protocol.outcomes import Failed, NobodySignedIn, Outcome
from licensing_agent.telling import Callbacks
from licensing_agent.wire import Answer
from licensing_agent.wire import Request as WireRequest
from tests.local.events import Request, Response

TOKEN = "the.person's.token"


class Asked(Protocol):
    """The service as an agent asks it, and its clock."""

    requests: list[Request]
    statuses: list[int]

    @property
    def now(self) -> float:
        """Epoch seconds."""

    def answer(self, request: Request) -> Response:
        """One request."""


class Driven:
    """An agent, on the service's clock; `name` is its machine's, whose files are under `root`."""

    def __init__(self, service: Asked) -> None:
        self.service = service
        self.root = Path("/nowhere")
        self.name = "ACME-PC-01"
        self.chance = 0.5
        self.looked = 0
        """How often the machine has been read."""
        self.told: list[str] = []
        self.signed_in: str | None = TOKEN
        """The token of who is there: each time it is another one, that ends with a number."""
        self.logins = 0
        self.engine: Engine

    def start(self, configuration: Configuration) -> "Driven":
        """The process starts."""
        callbacks = {
            f"on_{name}": self._teller(name)
            for name in ("valid", "grace", "refused", "unreachable")
        }
        system = System(
            wall=lambda: self.service.now,
            monotonic=lambda: self.service.now,
            chance=lambda: self.chance,
            platform=Platform(
                system="Linux", root=self.root, name=self._named, permanent=lambda _: ""
            ),
        )
        self.configuration = configuration
        self.engine = Engine(configuration, Callbacks(**callbacks), system)
        return self

    def killed(self) -> "Driven":
        """The process ends as it is, and starts anew from its disk."""
        vars(self.engine)["_is_closed"] = True  # it writes nothing any more
        self.engine.close()
        return self.start(self.configuration)

    def check(self, *, at_once: bool = False) -> Status:
        """What :meth:`licensing_agent.Client.check` does."""
        if at_once:
            self.engine.hurry()
        while not isinstance(step := self.engine.step(), Wait):
            self.engine.take(self._carried_out(step))
        self.engine.tell()
        return self.engine.status()

    def forget(self) -> None:
        """Look at what comes from here on."""
        self.service.requests.clear()
        self.service.statuses.clear()
        self.told.clear()

    def _named(self) -> str:
        self.looked += 1
        return self.name

    def _token(self) -> str:
        self.logins += 1
        return f"{self.signed_in}{self.logins}"

    def _teller(self, name: str) -> Callable[[Status], None]:
        return lambda _: self.told.append(name)

    def _carried_out(self, step: Login | Validate | FetchKeys) -> Outcome:
        if isinstance(step, Login) and self.signed_in is None:
            return NobodySignedIn()
        token = self._token() if isinstance(step, Login) else ""
        for _ in range(PROOFS):
            request = self.engine.request(step, token)
            if not isinstance(request, WireRequest):
                return request
            answer = self.sent(request)
            if isinstance(answer, Failed):
                return answer
            outcome = self.engine.understood(request, answer)
            if outcome is not None:
                return outcome
        return NO_PROOF_TAKEN

    def sent(self, request: WireRequest) -> Answer | Failed:
        """What comes back for a request."""
        headers = [(name.lower(), value) for name, value in request.headers.items()]
        target, body = request.path, request.body or b""
        answered = self.service.answer(Request(request.method, target, headers, body, ""))
        told = {name.lower(): value for name, value in answered.headers}
        return Answer(status=answered.status, headers=told, body=answered.body)
