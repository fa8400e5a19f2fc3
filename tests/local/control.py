"""What only the local stack answers: `/_local`, and Cognito's own API for logging in.

- `GET /_local`: who can log in, and where
- `POST /_local/schedule/{function}`: run a scheduled function now; answers its result
- `GET /_local/bus`: the events that have been on the event bus, oldest first
- `POST /_local/bus` with `{"source": "...", "detail-type": "...", "detail": {}}`: put one on it
- `GET /_local/dead-letters`: what could not be done, by queue
- `POST /_local/clock` with `{"advance_seconds": n}`: put the service's clock forward
- `PUT /_local/users/{username}/password` with `{"password": "..."}`
- `POST /_local/sessions/end`: from now on, every token that has been issued so far is refused: an
  ID token by the gateway, as if it had expired, and a refresh token by the identity provider
- `POST /` with `X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth`
"""

import json
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from tests.local.aws import DynamoDbError
from tests.local.bus import EntryRefusedError, EventBus
from tests.local.dead_letters import DeadLetters
from tests.local.events import Request, Response
from tests.local.execution import FunctionError
from tests.local.gateway import match
from tests.local.identity import (
    PASSWORD,
    USERS,
    IdentityProvider,
    PasswordRefusedError,
    UnknownUserError,
)
from tests.local.pump import Pump

_INITIATE_AUTH = "AWSCognitoIdentityProviderService.InitiateAuth"
_AMZ_JSON = "application/x-amz-json-1.1"
_ENTRY = {"source": str, "detail-type": str, "detail": dict}


class AdjustableClock:
    """The wall clock, put forward by as much as has been asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ahead = 0.0

    def __call__(self) -> float:
        """Epoch seconds."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward; never back, since nothing in the service expects that."""
        with self._lock:
            self._ahead += seconds


class _BadRequestError(Exception):
    """The body is not what the route wants; the message says what it is."""


class Control:
    """Answers the local routes."""

    def __init__(
        self,
        identity: IdentityProvider,
        clock: AdjustableClock,
        schedules: Mapping[str, Callable[[], Any]],
        bus: EventBus,
        pump: Pump,
        dead_letters: DeadLetters,
    ) -> None:
        """`schedules` run the scheduled functions, by their logical ids."""
        self._identity = identity
        self._clock = clock
        self._schedules = schedules
        self._bus = bus
        self._pump = pump
        self._dead_letters = dead_letters
        self._routes: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "/_local", self._describe),
            ("POST", "/_local/schedule/{function}", self._run_schedule),
            ("GET", "/_local/bus", self._show_bus),
            ("POST", "/_local/bus", self._put_on_bus),
            ("GET", "/_local/dead-letters", self._show_dead_letters),
            ("POST", "/_local/clock", self._advance_clock),
            ("PUT", "/_local/users/{username}/password", self._set_password),
            ("POST", "/_local/sessions/end", self._end_sessions),
        ]

    def answer(self, request: Request) -> Response | None:
        """The answer to a local request, or None when it is one for the service."""
        if request.method == "POST" and request.header("x-amz-target") is not None:
            return self._cognito(request)
        for method, pattern, route in self._routes:
            parameters = match(pattern, request.path)
            if method == request.method and parameters is not None:
                try:
                    return route(request, **parameters)
                except _BadRequestError as error:
                    return Response.message(400, str(error))
                except DynamoDbError as error:
                    return Response.message(503, str(error))
        return None

    def _describe(self, _: Request) -> Response:
        return Response.of_json(
            200,
            {
                "issuer": self._identity.issuer,
                "agent_client_id": self._identity.agent_client_id,
                "operator_client_id": self._identity.command_line.client_id,
                "portal_client_id": self._identity.portal.client_id,
                "now": self._clock(),
                "schedules": sorted(self._schedules),
                "users": [
                    {
                        "username": user.username,
                        "password": PASSWORD,
                        "organization_id": user.organization,
                        "roles": [user.role],
                    }
                    for user in USERS
                ],
            },
        )

    def _run_schedule(self, _: Request, function: str) -> Response:
        if function not in self._schedules:
            return Response.message(404, f"no schedule runs {function}")
        try:
            return Response.of_json(200, self._schedules[function]())
        except FunctionError:
            return Response.message(500, f"{function} failed; the log says why")

    def _show_bus(self, _: Request) -> Response:
        self._pump.drain()
        return Response.of_json(200, {"events": self._bus.events()})

    def _put_on_bus(self, request: Request) -> Response:
        """Put an event on the bus. It has been dealt with, well or badly, when this answers."""
        entry = _json_object(request)
        if entry.keys() != _ENTRY.keys() or any(
            not isinstance(entry[name], kind) for name, kind in _ENTRY.items()
        ):
            raise _BadRequestError("an event has a source, a detail-type and a detail (an object)")
        try:
            event_id = self._bus.put(entry["source"], entry["detail-type"], entry["detail"])
        except EntryRefusedError as error:
            raise _BadRequestError(str(error)) from error
        self._pump.drain()
        # As on AWS, what became of it is not for the sender to know.
        return Response.of_json(202, {"id": event_id, "functions": self._bus.matching(entry)})

    def _show_dead_letters(self, _: Request) -> Response:
        self._pump.drain()
        return Response.of_json(200, {"queues": self._dead_letters.all()})

    def _advance_clock(self, request: Request) -> Response:
        seconds = _field(request, "advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise _BadRequestError("advance_seconds is a number of seconds, not negative")
        self._clock.advance(seconds)
        return Response.of_json(200, {"now": self._clock()})

    def _set_password(self, request: Request, username: str) -> Response:
        password = _field(request, "password")
        if not isinstance(password, str):
            raise _BadRequestError("password is a string")
        try:
            self._identity.set_password(username, password)
        except UnknownUserError:
            return Response.message(404, f"no user is named {username}")
        except PasswordRefusedError as error:
            return Response.message(400, str(error))
        return Response(204, [], b"")

    def _end_sessions(self, _: Request) -> Response:
        return Response.of_json(200, {"tokens": self._identity.sessions.end()})

    def _cognito(self, request: Request) -> Response:
        target = request.header("x-amz-target")
        if target != _INITIATE_AUTH:
            fault = {"__type": "UnknownOperationException", "message": f"{target} is not local"}
            status, answer = 400, fault
        else:
            try:
                status, answer = self._identity.initiate_auth(_json_object(request))
            except _BadRequestError as error:
                status, answer = 400, {"__type": "SerializationException", "message": str(error)}
        return Response(status, [("content-type", _AMZ_JSON)], json.dumps(answer).encode())


def _json_object(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise _BadRequestError("the body is not JSON") from error
    if not isinstance(value, dict):
        raise _BadRequestError("the body is not a JSON object")
    return value


def _field(request: Request, name: str) -> Any:
    return _json_object(request).get(name)
