"""A way on which something is amiss, for as long as is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Final

import httpx

from licensing_agent import Configuration, connection, wire
from licensing_agent.lifecycle import FetchKeys, Login, Validate
from licensing_agent.protocol.outcomes import Failed, Outcome
from licensing_agent.wire import Answer
from tests.agent.driven import Driven
from tests.agent.in_process import HOST, Way
from tests.agent.ways.memory import Memory
from tests.agent.ways.parts import HTML, Delivery, Exchange, Fault, is_challenge
from tests.local.events import Request, Response

ALWAYS: Final = 1_000_000
_BAD_REQUEST: Final = Response(400, [("content-type", "text/html")], HTML)


@dataclass
class TroubledWay(Way):
    """What HTTP and API Gateway do is done here; ``fault`` befalls exchanges on a ``path``.

    It befalls the next ``times`` of them, after ``skipped`` ones. ``exchanges`` keeps what has been
    sent and told as it left the agent and the service; ``refused`` counts what the service itself
    has refused.
    """

    fault: Fault | None = None
    path: str = ""
    times: int = 0
    skipped: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    refused: int = 0
    befallen: int = 0
    _late: list[Request] = field(default_factory=list)

    def troubles(self, fault: Fault | None, path: str, *, times: int, skipped: int = 0) -> None:
        """From now on."""
        self.fault, self.path, self.times, self.skipped = fault, path, times, skipped

    def clear(self) -> None:
        """Nothing is amiss any more."""
        self.fault = None

    def handle(self, sent: httpx.Request) -> httpx.Response:
        """One request, as the client's own HTTP sends it, and what it makes of the answer."""
        headers = [(name.lower(), value) for name, value in sent.headers.multi_items()]
        target = sent.url.raw_path.decode()
        answered = self.answer(Request(sent.method, target, headers, sent.read(), "203.0.113.7"))
        return _read(answered)

    def answer(self, request: Request) -> Response:
        """One request, and what comes back; :class:`httpx.HTTPError` if nothing does."""
        fault = self._befalls(request)
        if fault is None:
            return self._arrives(request)
        match fault.delivery:
            case Delivery.CACHED:
                self._counts()
                assert fault.cached is not None
                return fault.cached
            case Delivery.LOST:
                self._counts()
                raise httpx.ConnectError("nobody is there")
            case Delivery.LATE:
                self._counts()
                self._late.append(request)
                raise httpx.ReadTimeout("no answer")
            case Delivery.UNANSWERED:
                self._counts()
                self._arrives(request)
                raise httpx.ReadTimeout("no answer")
            case Delivery.TWICE:
                self._counts()
                answered = self._arrives(request)
                self._arrives(request)
                return answered
            case Delivery.TWICE_LATER:
                self._counts()
                self._arrives(request)
                return self._arrives(request)
            case _:
                return self._changed(fault, request)

    def _befalls(self, request: Request) -> Fault | None:
        if self.fault is None or request.target != self.path or self.times <= 0:
            return None
        if self.skipped > 0:
            self.skipped -= 1
            return None
        return self.fault

    def _counts(self) -> None:
        self.times -= 1
        self.befallen += 1

    def _changed(self, fault: Fault, request: Request) -> Response:
        answered = self._arrives(fault.on_request(request), request)
        if fault.of_challenge is None or fault.of_challenge == is_challenge(answered):
            self._counts()
            return fault.on_answer(answered)
        return answered

    def _arrives(self, request: Request, sent: Request | None = None) -> Response:
        late, self._late = self._late, []
        answered = self._at_gateway(request)
        self.exchanges.append(Exchange(sent or request, answered))
        for one in late:
            self._at_gateway(one)
        return answered

    def _at_gateway(self, request: Request) -> Response:
        length = request.header("content-length")
        if not request.method or not request.header("host"):
            return _BAD_REQUEST
        if length is None:
            request = replace(request, body=b"")
        elif not length.isdigit() or int(length) > len(request.body):
            return _BAD_REQUEST
        else:
            request = replace(request, body=request.body[: int(length)])
        answered = self.served(request)
        self.refused += _is_refusal(answered)
        body = b"" if request.method == "HEAD" else answered.body
        now = datetime.fromtimestamp(self.now, UTC)
        headers = [
            *((name.lower(), value) for name, value in answered.headers),
            ("date", format_datetime(now, usegmt=True)),
            ("content-length", str(len(body))),
            ("apigw-requestid", "QkY3ZiGHDoEEPjw="),
        ]
        return Response(answered.status, headers, body)


@dataclass
class RememberedWay(TroubledWay):
    """It leads to a service that is asked each question once."""

    memory: Memory | None = None

    def served(self, request: Request) -> Response:
        """What API Gateway answers."""
        assert self.memory is not None
        return self.memory.served(request, super().served)


def _is_refusal(answered: Response) -> bool:
    if 400 <= answered.status < 500:
        return not is_challenge(answered)
    return answered.status == 200 and json.loads(answered.body or b"{}").get("valid") is False


def _read(answered: Response) -> httpx.Response:
    """What the client's HTTP reads, of a length that is told."""
    length = _joined(answered.headers, "content-length")
    body = answered.body
    if not 100 <= answered.status <= 599:
        raise httpx.RemoteProtocolError("illegal status line")
    if length is not None and (not length.isdigit() or int(length) > len(body)):
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message")
    if length is not None:
        body = body[: int(length)]
    return httpx.Response(answered.status, headers=list(answered.headers), content=body)


def _joined(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    values = {value for key, value in headers if key == name}  # as h11 takes equal ones for one
    return ",".join(sorted(values)) if values else None


@cache
def _headers() -> Mapping[str, str]:
    """What the client sends with each request."""
    any_service = Configuration(url=f"http://{HOST}", issuer="", folder=Path())
    return connection.way(any_service).options["headers"]


class Sent(Driven):
    """An agent whose requests go through the client's own HTTP; counts how often it asks to log in.

    That is while it waits for somebody to sign in.
    """

    service: TroubledWay

    def __init__(self, way: TroubledWay) -> None:
        super().__init__(way)
        self.asked_to_log_in = 0
        self._http = httpx.Client(transport=httpx.MockTransport(way.handle), headers=_headers())

    def sent(self, request: wire.Request) -> Answer | Failed:
        """What comes back for a request."""
        try:
            with self._http.stream(**connection.sending(self.configuration, request)) as response:
                return connection.answer(response, response.read())
        except httpx.HTTPError as error:
            return connection.failed(error, None)

    def _carried_out(self, step: Login | Validate | FetchKeys) -> Outcome:
        self.asked_to_log_in += isinstance(step, Login) and self.signed_in is None
        return super()._carried_out(step)
