"""The handler of a function behind the API: routes, and every error as a problem.

Every error of the package's tree becomes a problem with a stable ``code``; anything else is a
defect, is not answered for, and reaches the log and the alarm as it is.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

from licensing.adapters import telemetry
from licensing.contract.problems import ProblemError
from licensing.domain.errors import InvalidInput, StaleProof, Unauthenticated, Unavailable
from licensing.entrypoints.http.proofs import PROOF, next_nonce
from licensing.entrypoints.http.replies import Reply, problem
from licensing.entrypoints.http.requests import PayloadTooLarge, WrongFields
from licensing.entrypoints.lambda_handler import LambdaHandler, entry


def _wrong_fields(error: WrongFields) -> Reply:
    return problem(400, "invalid_request", error.message, error.errors)


def _too_large(error: PayloadTooLarge) -> Reply:
    return problem(413, "payload_too_large", error.message)


def _wrong_input(error: InvalidInput) -> Reply:
    errors = [ProblemError(pointer=error.pointer, detail=error.message)]
    return problem(400, "invalid_request", error.message, errors)


def _unauthenticated(error: Unauthenticated) -> Reply:
    return problem(401, "unauthorized", str(error), headers={"www-authenticate": "Bearer"})


def _stale_proof(error: StaleProof) -> Reply:
    # The nonce itself comes with every answer to a proof.
    headers = {"www-authenticate": 'DPoP error="use_dpop_nonce"'}
    return problem(401, "use_dpop_nonce", str(error), headers=headers)


def _unavailable(error: Unavailable) -> Reply:
    telemetry.logger.warning("unavailable", exc_info=True)
    return problem(503, "unavailable", str(error), headers={"retry-after": str(error.retry_after)})


def _no_route(_: Exception) -> Reply:
    return problem(404, "not_found", "There is no such route.")


def resolver() -> APIGatewayHttpResolver:
    """An event handler that answers errors as problems."""
    app = APIGatewayHttpResolver()
    app.exception_handler(WrongFields)(_wrong_fields)
    app.exception_handler(PayloadTooLarge)(_too_large)
    app.exception_handler(InvalidInput)(_wrong_input)
    app.exception_handler(Unauthenticated)(_unauthenticated)
    app.exception_handler(StaleProof)(_stale_proof)
    app.exception_handler(Unavailable)(_unavailable)
    app.not_found(_no_route)
    return app


def handler(app: APIGatewayHttpResolver, *, takes_proofs: bool = False) -> LambdaHandler:
    """The Lambda handler of a resolver.

    One that ``takes_proofs`` tells whoever sends one what the next proof has to carry.
    """
    return entry(_with_nonce(app.resolve) if takes_proofs else app.resolve)


def _with_nonce(resolve: LambdaHandler) -> LambdaHandler:
    def resolved(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        answer = resolve(event, context)
        if PROOF in event["headers"]:
            # Without the secret there is no nonce, and the answer says already what is the matter.
            with suppress(Unavailable):
                answer["headers"] |= next_nonce()
        return answer

    return resolved
