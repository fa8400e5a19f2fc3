"""The API of one Lambda function: its routes, and every error as a problem (RFC 9457).

What this module guarantees: every error that a client can act on
(:mod:`licensing.domain.errors`) becomes a problem with a stable ``code``. Anything else is a
defect: it is raised on, so that it reaches the log and the alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

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
from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.http.routes import Routes, is_of
from licensing.entrypoints.lambda_handler import LambdaHandler, entry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from licensing.entrypoints.deployment import Deployment

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

    API Gateway has found the route of a request already, and names it. ``handler`` is the
    function's Lambda handler.

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
        self._served: dict[str, tuple[Serve, tuple[Input[Any], ...]]] = {}
        self._elsewhere = _no_route
        self.handler: LambdaHandler = entry(self._handle)

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

        def answer(request: HttpRequest) -> Reply:
            methods = table.methods(request.path)
            # What has a route and does not fit it, in API Gateway's eyes, is not there.
            if not methods or request.method in methods:
                return _no_route(request)
            allowed = ", ".join(sorted({*methods, "OPTIONS"}))
            if request.method == "OPTIONS":
                return no_content({"allow": allowed}, outcome="options")
            return problem(
                ErrorCode.METHOD_NOT_ALLOWED,
                f"This path takes {allowed}.",
                headers={"allow": allowed},
            )

        self._elsewhere = answer

    @property
    def routes(self) -> set[str]:
        """All routes that are answered, as API Gateway writes them."""
        return {*self._served}

    def _route(
        self, methods: list[str], path: str, takes: tuple[Input[Any], ...]
    ) -> Callable[[Serve], Serve]:
        def register(serve: Serve) -> Serve:
            for method in methods:
                self._served[f"{method} {path}"] = (serve, takes)
            return serve

        return register

    def _handle(self, event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
        request, deployment = HttpRequest.of(event), current_deployment()
        try:
            reply = self._answer(request, deployment)
        except ANSWERED as error:
            reply = _problem_of(error)
        result = reply.result(usual=SAFE_HEADERS)
        if request.method == "HEAD":
            result["body"] = ""
        # With each answer to a proof, errors too, comes the nonce of the next one: no agent has to
        # ask for it (RFC 9449, 8.2).
        takes_proofs = any(PROOF in operation.takes for operation in self.operations)
        if takes_proofs and PROOF.read(request) is not None:
            # Without the secret there is no nonce, and the answer says already what is the matter.
            with suppress(Unavailable):
                # A problem that asks for another proof has brought one already.
                result["headers"].setdefault("dpop-nonce", next_nonce(deployment))
        return result

    def _answer(self, request: HttpRequest, deployment: Deployment) -> Reply:
        if not has_come_by(request, deployment.settings):
            return _bypassed()
        # API Gateway leaves the key of a mapping in the path, where no route begins with it.
        if request.route not in self._served or not is_of(request.path, request.route):
            return self._elsewhere(request)
        serve, takes = self._served[request.route]
        # For all that is logged from here on.
        telemetry.about(license_id=request.parameters.get("license_id"))
        return serve(Call(request, deployment, takes), **request.parameters)


def _is_public(operation: Operation) -> bool:
    return operation.method == "GET" and not operation.needs_token


def _no_route(request: HttpRequest) -> Reply:
    help_ = "Check the method and the path."
    if "/v1/" in request.path[1:]:
        help_ = "The service answers at the root of its domain, not behind a base path."
    return problem(RefusalCode.NOT_FOUND, f"There is no such route. {help_}")


# -- errors as problems ----------------------------------------------------------------------------

ANSWERED: Final = (InvalidInput, Unauthenticated, StaleProof, Unavailable)
"""What a client can act on. Anything else is a defect."""


def _problem_of(error: InvalidInput | Unauthenticated | StaleProof | Unavailable) -> Reply:
    match error:
        case WrongFields():
            return problem(ErrorCode.INVALID_REQUEST, error.message, error.errors)
        case PayloadTooLarge():
            return problem(ErrorCode.PAYLOAD_TOO_LARGE, error.message)
        case InvalidInput():
            errors = [ProblemError(pointer=error.pointer, detail=error.message)]
            return problem(ErrorCode.INVALID_REQUEST, error.message, errors)
        case Unauthenticated():
            headers = {"www-authenticate": "Bearer"}
            return problem(ErrorCode.UNAUTHORIZED, str(error), headers=headers)
        case StaleProof():
            return _stale_proof(error)
        case Unavailable():
            return _unavailable(error)


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
