"""Requests in, replies and problems out (RFC 9457), over API Gateway's HTTP API.

What this module guarantees:

* A body is parsed by the contract's models before anything else sees it; every wrong field is
  named by a JSON pointer.
* Every refusal and every error of the package's tree becomes a problem with a stable ``code``;
  anything else is a defect, is not answered for, and reaches the log and the alarm as it is.
* Whatever a token claims is read here, once, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from licensing.adapters import telemetry
from licensing.contract.fields import read_instant
from licensing.contract.problems import Problem, ProblemError
from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.caller import Caller, Role
from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.errors import InvalidInput, StaleProof, Unauthenticated, Unavailable
from licensing.domain.organization import is_organization_id
from licensing.domain.refusal import RefusalCode, Refused
from licensing.entrypoints import deployment as runtime
from licensing.entrypoints.lambda_handler import LambdaHandler, entry
from licensing.usecases.pagination import Search

MAX_BODY_BYTES: Final = 65_536
DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 100
LONGEST_SEARCH: Final = 100

Reply = Response[str]
_Model = TypeVar("_Model", bound=BaseModel)
_OlderModel = TypeVar("_OlderModel", bound=BaseModel)
_Choice = TypeVar("_Choice", bound=StrEnum)

STATUS_OF_REFUSAL: Final = MappingProxyType(
    {
        RefusalCode.FORBIDDEN: 403,
        RefusalCode.ON_BEHALF_DISABLED: 403,
        RefusalCode.TEMPORARY_NOT_USABLE: 403,
        RefusalCode.PROOF_REQUIRED: 403,
        RefusalCode.NOT_FOUND: 404,
        RefusalCode.MACHINE_REGISTERED: 409,
        RefusalCode.AGENT_BLOCKED: 409,
        RefusalCode.LICENSE_STILL_BOUND: 409,
        RefusalCode.SEAT_LIMIT_REACHED: 409,
        RefusalCode.SUBSCRIPTION_ENDED: 409,
        RefusalCode.INVALID_TRANSITION: 409,
        RefusalCode.PRECONDITION_FAILED: 412,
        RefusalCode.PORTAL_NOT_CONFIGURED: 404,
    }
)

_TITLES: Final = MappingProxyType(
    {
        400: "Invalid request",
        401: "Not authenticated",
        403: "Not allowed",
        404: "Not found",
        409: "Conflict",
        412: "Precondition failed",
        413: "Payload too large",
        503: "Temporarily unavailable",
    }
)
_PROOF: Final = "dpop"
_OLDER_NAMES: Final = frozenset({"LicenseKey", "MacId", "ComputerName", "AgentVersion"})
_KNOWN_ROLES: Final = frozenset(Role)
_BRACKETED: Final = re.compile(r"\[(.*)\]", re.DOTALL)


class PayloadTooLarge(InvalidInput):
    """The body is larger than any request of this API."""


class WrongFields(InvalidInput):
    """The body is not as its model says; ``errors`` name every wrong field, but not its value.

    The value may be a licence key (R35).
    """

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The request is not as the contract says.")
        self.errors = [
            ProblemError(
                pointer="".join(f"/{_escaped(part)}" for part in found["loc"]),
                detail=found["msg"],
            )
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]


# -- requests ---------------------------------------------------------------------------------


def parse(event: APIGatewayProxyEventV2, model: type[_Model]) -> _Model:
    """The body, as ``model``. Raises :class:`WrongFields` and :class:`InvalidInput`."""
    return _validated(model, _text(event))


def parse_either(
    event: APIGatewayProxyEventV2, model: type[_Model], older: type[_OlderModel]
) -> _Model | _OlderModel:
    """The body, as ``model``, or as ``older`` when its names are those of agents up to 4.3."""
    text = _text(event)
    return _validated(older if _has_older_names(text) else model, text)


def parse_optional(event: APIGatewayProxyEventV2, model: type[_Model]) -> _Model | None:
    """The body, as ``model``, or ``None`` when there is none."""
    return parse(event, model) if event.body else None


def _validated(model: type[_Model], text: str) -> _Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise WrongFields(error) from None


def _text(event: APIGatewayProxyEventV2) -> str:
    body = event.body or ""
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"A request has at most {MAX_BODY_BYTES} bytes.")
    if not body:
        raise InvalidInput("The request has no body. Send a JSON object.")
    try:
        return event.decoded_body or ""
    except ValueError as error:
        raise InvalidInput("The body is not UTF-8 text. Send a JSON object.") from error


def _has_older_names(text: str) -> bool:
    try:
        document = from_json(text)
    except ValueError:
        return False  # what is wrong with it, the parser of the present form says
    return isinstance(document, dict) and not _OLDER_NAMES.isdisjoint(document)


def caller(event: APIGatewayProxyEventV2) -> Caller:
    """Who is calling, by the claims that API Gateway has verified (R1).

    Raises :class:`Unauthenticated` where the gateway verified none.
    """
    authorizer = event.request_context.authorizer
    claims: Mapping[str, Any] = (authorizer.jwt_claim if authorizer else None) or {}
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("Send a token of the identity provider.")
    settings = runtime.current().settings
    organization_id = claims.get(settings.organization_claim)
    is_one = isinstance(organization_id, str) and is_organization_id(organization_id)
    return Caller(
        subject=subject,
        organization_id=organization_id if is_one else None,
        roles=_roles(claims.get(settings.roles_claim)),
    )


def _roles(claim: object) -> frozenset[Role]:
    """The roles in a claim: API Gateway hands a list over as ``[org-admin partner]``.

    Blanks alone separate them: the name of a group has none, but it may have a comma in it.
    """
    if isinstance(claim, str):
        bracketed = _BRACKETED.fullmatch(claim.strip())
        claim = (bracketed[1] if bracketed else claim).split()
    if not isinstance(claim, list):
        return frozenset()
    return frozenset(Role(name) for name in claim if isinstance(name, str) and name in _KNOWN_ROLES)


def origin_of_user(
    event: APIGatewayProxyEventV2, person: Caller, *, agent_version: str | None = None
) -> Origin:
    """Where a person's request came from."""
    actor = Actor(ActorKind.USER, person.subject, tuple(sorted(person.roles)))
    return _origin(event, actor, agent_version)


def origin_of_agent(
    event: APIGatewayProxyEventV2, license_id: str, *, agent_version: str | None
) -> Origin:
    """Where an agent's request came from."""
    return _origin(event, Actor(ActorKind.AGENT, license_id), agent_version)


def _origin(event: APIGatewayProxyEventV2, actor: Actor, agent_version: str | None) -> Origin:
    return Origin(
        actor=actor,
        request_id=event.request_context.request_id,
        source_address=event.request_context.http.source_ip,
        agent_version=agent_version,
    )


def page_size(event: APIGatewayProxyEventV2) -> int:
    """How many entries of a list the caller wants on a page. Raises :class:`InvalidInput`."""
    return query_number(event, "limit", usual=DEFAULT_PAGE, largest=LARGEST_PAGE)


def cursor(event: APIGatewayProxyEventV2) -> str | None:
    """Where the caller wants to go on in a list."""
    return event.query_string_parameters.get("cursor")


def query_number(event: APIGatewayProxyEventV2, name: str, *, usual: int, largest: int) -> int:
    """A number of one or more from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return usual
    is_number = value.isascii() and value.isdecimal() and len(value) < 20
    if not (is_number and 1 <= int(value) <= largest):
        raise InvalidInput(f"A number from 1 to {largest}.", pointer=f"/query/{name}")
    return int(value)


def query_choice(
    event: APIGatewayProxyEventV2, name: str, choices: type[_Choice]
) -> _Choice | None:
    """One of a few words from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return None
    if value not in {choice.value for choice in choices}:
        raise InvalidInput(f"One of: {', '.join(choices)}.", pointer=f"/query/{name}")
    return choices(value)


def query_text(event: APIGatewayProxyEventV2, name: str, *, longest: int) -> str | None:
    """Some text from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is not None and not 1 <= len(value) <= longest:
        raise InvalidInput(f"It has 1 to {longest} characters.", pointer=f"/query/{name}")
    return value


def query_flag(event: APIGatewayProxyEventV2, name: str) -> bool | None:
    """A truth from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value not in {None, "true", "false"}:
        raise InvalidInput("true or false.", pointer=f"/query/{name}")
    return None if value is None else value == "true"


def query_instant(event: APIGatewayProxyEventV2, name: str) -> int | None:
    """The first second from an instant in the query on. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return None
    try:
        return read_instant(value)
    except ValueError as error:
        raise InvalidInput(f"{error}.", pointer=f"/query/{name}") from None


def search(event: APIGatewayProxyEventV2) -> Search | None:
    """What the caller looks for in a list. Raises :class:`InvalidInput`."""
    text = query_text(event, "search", longest=LONGEST_SEARCH)
    return None if text is None else Search.of(text)


def if_match(event: APIGatewayProxyEventV2) -> int | None:
    """The version that the request wants to change, ``None`` if it names none.

    Raises :class:`InvalidInput` for anything but an ETag of this API.
    """
    value = event.headers.get("if-match")
    if value is None:
        return None
    version = value.strip().strip('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 20):
        raise InvalidInput("Send the ETag as it was received.", pointer="/headers/if-match")
    return int(version)


def has_already(event: APIGatewayProxyEventV2, etag: str) -> bool:
    """Whether whoever asks says that it has this version (``If-None-Match``, RFC 9110)."""
    named = {
        tag.strip().removeprefix("W/") for tag in event.headers.get("if-none-match", "").split(",")
    }
    return etag in named or "*" in named


def idempotency_key(event: APIGatewayProxyEventV2) -> str | None:
    """The ``Idempotency-Key`` header. Raises :class:`InvalidInput`."""
    value = event.headers.get("idempotency-key")
    if value is not None and not 1 <= len(value) <= 255:
        raise InvalidInput("It has 1 to 255 characters.", pointer="/headers/idempotency-key")
    return value


def proof(event: APIGatewayProxyEventV2, credential: str) -> Proof | InvalidProof | None:
    """The proof of a device key that came along (RFC 9449), for the token or key it goes with.

    Raises :class:`StaleProof` for one that has to be made anew, with a nonce of now.
    """
    token = event.headers.get(_PROOF)
    if token is None:
        return None
    # Most functions do without the cryptography that this brings in.
    from licensing.domain import dpop  # noqa: PLC0415

    deployment = runtime.current()
    http = event.request_context.http
    scheme = event.headers.get("x-forwarded-proto", "https")
    own = f"{scheme}://{event.request_context.domain_name}{event.raw_path}"
    urls = {dpop.plain_url(own)}
    if deployment.settings.agent_url:
        urls.add(dpop.plain_url(deployment.settings.agent_url.rstrip("/") + event.raw_path))
    return dpop.verify(
        token,
        method=http.method,
        urls=frozenset(url for url in urls if url is not None),
        credential=credential,
        nonce_key=deployment.keyrings.keyring().nonce_key,
        now_ms=deployment.now_ms(),
    )


def good_proof(event: APIGatewayProxyEventV2, credential: str) -> Proof | None:
    """A proof that has to be good, see :func:`proof`. Raises :class:`InvalidInput`, too."""
    found = proof(event, credential)
    if isinstance(found, InvalidProof):
        raise InvalidInput(f"No proof (RFC 9449): {found.reason}.", pointer="/headers/dpop")
    return found


def bearer(event: APIGatewayProxyEventV2) -> str:
    """The token that the caller has shown, ``""`` where there is none."""
    scheme, _, token = event.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else scheme


# -- replies ----------------------------------------------------------------------------------


def reply(
    status: int, body: BaseModel, *, outcome: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """A JSON reply, logged and counted under ``outcome``."""
    telemetry.answered(outcome, status)
    return Response(
        status_code=status,
        content_type="application/json",
        body=body.model_dump_json(),
        headers={"cache-control": "no-store", **(headers or {})},
    )


def text(
    status: int, content_type: str, body: str, *, outcome: str, headers: Mapping[str, str]
) -> Reply:
    """A file as a reply, logged and counted under ``outcome``."""
    telemetry.answered(outcome, status)
    return Response(status_code=status, content_type=content_type, body=body, headers=dict(headers))


def refuse(refused: Refused) -> Reply:
    """A refusal, as a problem."""
    return _problem(STATUS_OF_REFUSAL[refused.code], refused.code, refused.message)


def _problem(
    status: int,
    code: str,
    detail: str,
    errors: list[ProblemError] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    telemetry.answered(code, status)
    body = Problem(
        type=f"urn:licensing:problem:{code}",
        title=_TITLES[status],
        status=status,
        detail=detail,
        code=code,
        errors=errors,
    )
    return Response(
        status_code=status,
        content_type="application/problem+json",
        body=body.model_dump_json(exclude_none=True),
        headers={"cache-control": "no-store", **(headers or {})},
    )


# -- errors -----------------------------------------------------------------------------------


def _wrong_fields(error: WrongFields) -> Reply:
    return _problem(400, "invalid_request", error.message, error.errors)


def _too_large(error: PayloadTooLarge) -> Reply:
    return _problem(413, "payload_too_large", error.message)


def _wrong_input(error: InvalidInput) -> Reply:
    errors = [ProblemError(pointer=error.pointer, detail=error.message)]
    return _problem(400, "invalid_request", error.message, errors)


def _unauthenticated(error: Unauthenticated) -> Reply:
    return _problem(401, "unauthorized", str(error), headers={"www-authenticate": "Bearer"})


def _stale_proof(error: StaleProof) -> Reply:
    # The nonce itself comes with every answer to a proof.
    headers = {"www-authenticate": 'DPoP error="use_dpop_nonce"'}
    return _problem(401, "use_dpop_nonce", str(error), headers=headers)


def _unavailable(error: Unavailable) -> Reply:
    telemetry.logger.warning("unavailable", exc_info=True)
    return _problem(503, "unavailable", str(error), headers={"retry-after": str(error.retry_after)})


def _no_route(_: Exception) -> Reply:
    return _problem(404, "not_found", "There is no such route.")


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


# -- functions --------------------------------------------------------------------------------


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
        if _PROOF in event["headers"]:
            # Without the secret there is no nonce, and the answer says already what is the matter.
            with suppress(Unavailable):
                answer["headers"] |= _next_nonce()
        return answer

    return resolved


def _next_nonce() -> dict[str, str]:
    """The header that names what the next proof has to carry. Raises :class:`Unavailable`."""
    from licensing.domain import dpop  # noqa: PLC0415 - as in :func:`proof`

    deployment = runtime.current()
    nonce_key = deployment.keyrings.keyring().nonce_key
    return {"dpop-nonce": dpop.new_nonce(nonce_key, deployment.now_ms())}
