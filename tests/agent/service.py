"""A service of few words: it answers an agent as the real one does, or as a test says."""

import json
from datetime import UTC, datetime
from typing import Any, Self

from licensing.domain.machine import Credentials
from tests.agent.samples import JWKS, LICENSE_ID, LICENSE_KEY, lease_token
from tests.local.events import Request, Response
from tests.local.server import Server
from tests.unit.samples import DAY, NOW


def instant(epoch: float) -> str:
    """As the API writes it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")


class Service:
    """`answers` are given first, one to a question; `now` is its clock."""

    def __init__(self) -> None:
        self.now: float = NOW
        self.answers: list[Response] = []
        self.requests: list[Request] = []
        self._server = Server(self.answer)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def paths(self) -> list[str]:
        """What has been asked for."""
        return [request.path.rpartition("/")[2] for request in self.requests]

    def answer(self, request: Request) -> Response:
        """One request."""
        self.requests.append(request)
        if self.answers and request.body:
            return self.answers.pop(0)
        match request.path.rpartition("/")[2]:
            case "jwks.json":
                return Response.of_json(200, JWKS)
            case "licenses":
                return Response.of_json(201, self.login(json.loads(request.body)))
            case _:
                return Response.of_json(200, self.valid(json.loads(request.body)))

    def login(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The first login."""
        return {
            "license": {"id": LICENSE_ID, "organization_id": "acme"},
            "license_key": LICENSE_KEY,
            "lease": {"token": self.lease(asked)},
            "capabilities": {"save_configuration": True},
            "created": True,
            "server_time": instant(self.now),
        }

    def valid(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A validation."""
        now = int(self.now)
        return {
            "valid": True,
            "code": "VALID",
            "message": "The license is valid.",
            "action": "continue",
            "license": {},
            "lease": {
                "token": self.lease(asked),
                "expires_at": instant(now + DAY),
                "renew_after": instant(now + DAY // 2),
            },
            "nonce": asked["nonce"],
            "server_time": instant(now),
        }

    def lease(self, asked: dict[str, Any]) -> str:
        """A lease for whoever has asked."""
        thumbprint = Credentials.of(**asked["machine"]).thumbprint()
        now, nonce = int(self.now), asked["nonce"]
        return lease_token(now=now, nonce=nonce, machine_thumbprint=thumbprint)


def refused(code: str, action: str) -> Response:
    """A validation that says no."""
    answer = {"valid": False, "code": code, "message": f"{code}.", "action": action}
    return Response.of_json(200, answer | {"license": None, "lease": None, "server_time": ""})
