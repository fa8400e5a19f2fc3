"""Replies and problems (RFC 9457): each is logged and counted under its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from licensing.adapters import telemetry
from licensing.contract.problems import Problem, ProblemError
from licensing.domain.refusal import RefusalCode, Refused

Reply = Response[str]
Given = TypeVar("Given")
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


def answer(given: Given | Refused, show: Callable[[Given], Reply]) -> Reply:
    """The reply to what a use case gave: a refusal as a problem, all else as ``show`` shows it."""
    return refuse(given) if isinstance(given, Refused) else show(given)


def refuse(refused: Refused) -> Reply:
    """A refusal, as a problem."""
    return problem(STATUS_OF_REFUSAL[refused.code], refused.code, refused.message)


def problem(
    status: int,
    code: str,
    detail: str,
    errors: list[ProblemError] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A problem, logged and counted under its ``code``."""
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
