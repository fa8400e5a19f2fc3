"""The HTTP API: finds the route, asks its authorizer, calls its function.

Tokens are checked by the wall clock, which is the identity provider's; `clock` is the service's,
which may have been put forward.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.local.authorizer import RefusedError, TokenVerifier, bearer
from tests.local.deployment import Authorizer, Route
from tests.local.events import (
    MalformedResultError,
    Request,
    Response,
    request_event,
    response_of,
)
from tests.local.execution import FunctionError

Invoke = Callable[[str, Mapping[str, Any]], Any]


class Gateway:
    """Answers requests as the deployed HTTP API would."""

    def __init__(
        self,
        routes: Sequence[Route],
        verifiers: Mapping[Authorizer, TokenVerifier],
        invoke: Invoke,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`verifiers` hold one for every authorizer that a route names."""
        # The most specific route wins: `/licenses/validate` before `/licenses/{license_id}`.
        self._routes = sorted(routes, key=lambda route: _is_parameter_by_segment(route.path))
        self._verifiers = verifiers
        self._invoke = invoke
        self._clock = clock

    def answer(self, request: Request) -> Response:
        """Answer one request; a request that is refused reaches no function."""
        found = self._find(request)
        if found is None:
            return Response.message(404, "Not Found")
        route, parameters = found
        claims = None
        if route.authorizer is not None:
            header = request.header("authorization")
            if not header:
                return Response.message(401, "Unauthorized", ("www-authenticate", "Bearer"))
            try:
                claims = self._verifiers[route.authorizer].claims(bearer(header), time.time())
            except RefusedError as error:
                challenge = f'Bearer scope="" error="invalid_token" error_description="{error}"'
                return Response.message(401, "Unauthorized", ("www-authenticate", challenge))
        event = request_event(request, route, parameters, claims, self._clock())
        try:
            answer = response_of(self._invoke(route.function, event))
        except (FunctionError, MalformedResultError):
            answer = Response.message(500, "Internal Server Error")
        request_id = ("apigw-requestid", event["requestContext"]["requestId"])
        return Response(answer.status, [*answer.headers, request_id], answer.body)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        for route in self._routes:
            if route.method == request.method:
                parameters = match(route.path, request.path)
                if parameters is not None:
                    return route, parameters
        return next(((route, {}) for route in self._routes if route.is_default), None)


def match(pattern: str, path: str) -> dict[str, str] | None:
    """The parameters of a path that fits a route's, or None."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parameters: dict[str, str] = {}
    for segment, value in zip(wanted, given, strict=True):
        if _is_parameter(segment) and value:
            parameters[segment[1:-1]] = value
        elif segment != value:
            return None
    return parameters


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _is_parameter_by_segment(path: str) -> list[bool]:
    return [_is_parameter(segment) for segment in path.split("/")]
