"""A service of few words: it answers what a test has it say, and keeps what it was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.local.events import Request, Response
from tests.local.server import Server

ME = {"subject": "ada", "organization_id": "acme", "roles": ["org-admin"]}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """An answer as the service refuses."""
    return Response.of_json(status, {"code": code, "detail": detail, **more})


@dataclass
class Scripted:
    """`answers` are given first, one to a request; then whatever `usual` says."""

    usual: Callable[[Request], Response] = field(default=lambda _: Response.of_json(200, ME))
    answers: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.url

    @property
    def asked(self) -> list[Mapping[str, str]]:
        """The queries of all requests."""
        return [dict(parse_qsl(request.query)) for request in self.requests]

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests that have one."""
        return [json.loads(request.body) for request in self.requests if request.body]

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else self.usual(request)
