"""The API of one Lambda function: its routes, and every error as a problem (RFC 9457).

What this module guarantees: every error that a client can act on
(:mod:`licensing.domain.errors`) becomes a problem with a stable ``code``. Anything else is a
defect: it is raised on, so that it reaches the log and the alarm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from types import MappingProxyType
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.contract.problems import ErrorCode, ProblemError
from licensing.domain.errors import InvalidInput, StaleProof, Unauthenticated, Unavailable
from licensing.domain.refusal import RefusalCode
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.http.calls import Call
from licensing.entrypoints.http.front import has_come_by
from licensing.entrypoints.http.inputs import Input, PayloadTooLarge, WrongFields
from licensing.entrypoints.http.operations import Operation
from licensing.entrypoints.http.proofs import PROOF, next_nonce
from licensing.entrypoints.http.replies import Reply, no_content, problem, text
from licensing.entrypoints.http.routes import Routes
from licensing.entrypoints.lambda_handler import LambdaHandler, entry

SAFE_HEADERS: Final = MappingProxyType(
    {
        # No answer is shown as a page. The portal's page has a policy of its own.
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
    }
)
"""What goes with every answer that does not say otherwise."""

Serve = Callable[..., Reply]
"""Answers a :class:`Call`; the parameters of the path follow, by name."""


class Api:
    """The operations of one function, and its pages, which the API's contract does not mention.

    ``handler`` is the function's Lambda handler.

    >>> from licensing.contract.callers import CallerReply
    >>> api = Api()
    >>> show = Operation(
    ...     "GET /v1/me",
    ...     id="getCurrentUser",
    ...     tag="Service",
    ...     summary="Show who is asking.",
    ...     description="Changes nothing.",
    ...     replies={200: CallerReply},
    ... )
    >>> @api.serves(show)
    ... def me(call: Call) -> Reply: ...
    >>> api.routes
    {'GET /v1/me'}
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._resolver = _resolver()
        self._resolver.not_found(self._no_route)
        self.handler: LambdaHandler = entry(self._resolve)

    def serves(self, operation: Operation) -> Callable[[Serve], Serve]:
        """A decorator: the function answers ``operation``; and ``HEAD``, as :meth:`page` does.

        An operation that needs a token has no ``HEAD``: that would be one more route each, at API
        Gateway, which alone verifies tokens.
        """
        self.operations.append(operation)
        methods = [operation.method, *(["HEAD"] if _is_public(operation) else [])]
        return self._route(methods, operation.path, operation.takes)

    def page(self, path: str) -> Callable[[Serve], Serve]:
        """A decorator: the function answers ``GET`` and ``HEAD`` of ``path`` to browsers."""
        return self._route(["GET", "HEAD"], path, takes=())

    def elsewhere(self, routes: Iterable[str]) -> None:
        """Answer what fits none of the API's ``routes``: API Gateway's route ``$default``.

        405 with ``Allow`` where the path has other methods, 204 with it for ``OPTIONS`` (without
        anything for other origins: none is meant to call), 404 where there is no such path.
        """
        table = Routes.of(routes)

        def answer(error: Exception) -> Reply:
            event = self._resolver.current_event
            if not has_come_by(event, current_deployment().settings):
                return _bypassed()
            methods = table.methods(event.path)
            # What has a route and does not fit it, in API Gateway's eyes, is not there.
            if not methods or event.http_method in methods:
                return self._no_route(error)
            allowed = ", ".join(sorted({*methods, "OPTIONS"}))
            if event.http_method == "OPTIONS":
                return no_content({"allow": allowed}, outcome="options")
            return problem(
                ErrorCode.METHOD_NOT_ALLOWED,
                f"This path takes {allowed}.",
                headers={"allow": allowed},
            )

        self._resolver.not_found(answer)

    @property
    def routes(self) -> set[str]:
        """All routes that are answered, as API Gateway writes them."""
        # Powertools has no public list of them.
        routes = self._resolver._static_routes + self._resolver._dynamic_routes  # noqa: SLF001
        return {f"{route.method} {_as_gateway(route.path)}" for route in routes}

    def _route(
        self, methods: list[str], path: str, takes: tuple[Input[Any], ...]
    ) -> Callable[[Serve], Serve]:
        def register(serve: Serve) -> Serve:
            @wraps(serve)
            def answer(**named: str) -> Reply:
                # For all that is logged from here on.
                telemetry.about(license_id=named.get("license_id"))
                call = Call(self._resolver.current_event, current_deployment(), takes)
                if not has_come_by(call.event, call.deployment.settings):
                    return _bypassed()
                return serve(call, **named)

            for method in methods:
                self._resolver.route(_as_powertools(path), method=method)(answer)
            return serve

        return register

    def _no_route(self, _: Exception) -> Reply:
        help_ = "Check the method and the path."
        # API Gateway leaves the key of a mapping in the path, where no route begins with it.
        if "/v1/" in self._resolver.current_event.path[1:]:
            help_ = "The service answers at the root of its domain, not behind a base path."
        return problem(RefusalCode.NOT_FOUND, f"There is no such route. {help_}")

    def _resolve(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        answer = self._resolver.resolve(event, context)
        answer["headers"] = {**SAFE_HEADERS, **answer["headers"]}
        if APIGatewayProxyEventV2(event).request_context.http.method == "HEAD":
            answer["body"] = ""
        # With each answer to a proof, errors too, comes the nonce of the next one: no agent has to
        # ask for it (RFC 9449, 8.2).
        takes_proofs = any(PROOF in operation.takes for operation in self.operations)
        if takes_proofs and PROOF.read(APIGatewayProxyEventV2(event)) is not None:
            # Without the secret there is no nonce, and the answer says already what is the matter.
            with suppress(Unavailable):
                # A problem that asks for another proof has brought one already.
                answer["headers"].setdefault("dpop-nonce", next_nonce(current_deployment()))
        return answer


def _is_public(operation: Operation) -> bool:
    return operation.method == "GET" and not operation.needs_token


def _as_powertools(path: str) -> str:
    # Powertools writes <id> where API Gateway writes {id}.
    return path.replace("{", "<").replace("}", ">")


def _as_gateway(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")


class _Resolver(APIGatewayHttpResolver):
    """Powertools' own lets a line feed at the end of a path pass, as if it was not there."""

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = r"^{}\Z") -> re.Pattern[str]:
        # Powertools has no public way to say so.
        compiled: re.Pattern[str] = APIGatewayHttpResolver._compile_regex(  # noqa: SLF001
            rule, base_regex
        )
        return compiled


def _resolver() -> APIGatewayHttpResolver:
    """A resolver that answers errors as problems."""
    resolver = _Resolver()
    resolver.exception_handler(WrongFields)(_wrong_fields)
    resolver.exception_handler(PayloadTooLarge)(_too_large)
    resolver.exception_handler(InvalidInput)(_wrong_input)
    resolver.exception_handler(Unauthenticated)(_unauthenticated)
    resolver.exception_handler(StaleProof)(_stale_proof)
    resolver.exception_handler(Unavailable)(_unavailable)
    return resolver


def _wrong_fields(error: WrongFields) -> Reply:
    return problem(ErrorCode.INVALID_REQUEST, error.message, error.errors)


def _too_large(error: PayloadTooLarge) -> Reply:
    return problem(ErrorCode.PAYLOAD_TOO_LARGE, error.message)


def _wrong_input(error: InvalidInput) -> Reply:
    errors = [ProblemError(pointer=error.pointer, detail=error.message)]
    return problem(ErrorCode.INVALID_REQUEST, error.message, errors)


def _unauthenticated(error: Unauthenticated) -> Reply:
    return problem(ErrorCode.UNAUTHORIZED, str(error), headers={"www-authenticate": "Bearer"})


def _stale_proof(error: StaleProof) -> Reply:
    try:
        nonce = next_nonce(current_deployment())
    except Unavailable as unavailable:
        return _unavailable(unavailable)
    # In the body, too: proxies and browsers' rules may keep a header that they do not know.
    headers = {"www-authenticate": f'DPoP error="{ErrorCode.STALE_PROOF}"', "dpop-nonce": nonce}
    return problem(ErrorCode.STALE_PROOF, str(error), headers=headers, dpop_nonce=nonce)


def _unavailable(error: Unavailable) -> Reply:
    telemetry.logger.warning("unavailable", exc_info=True)
    return problem(
        ErrorCode.UNAVAILABLE, str(error), headers={"retry-after": str(error.retry_after)}
    )


def _bypassed() -> Reply:
    # Like API Gateway's own: it is no word of the service, and agents shall not take it for one.
    said = '{"message":"Forbidden: call the service at the address that it was given."}'
    return text(403, "application/json", said, outcome="bypassed_front", headers={})
