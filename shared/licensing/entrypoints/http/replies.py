"""Replies and problems (RFC 9457): each is logged and counted under its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from licensing.adapters import telemetry
from licensing.contract.problems import Problem, ProblemCode, ProblemError
from licensing.domain.refusal import Refused

Reply = Response[str]
Given = TypeVar("Given")


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
    return problem(refused.code, refused.message)


def problem(
    code: ProblemCode,
    detail: str,
    errors: list[ProblemError] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """A problem, logged and counted under its ``code``."""
    body = Problem.of(code, detail, errors)
    telemetry.answered(code, body.status)
    return Response(
        status_code=body.status,
        content_type="application/problem+json",
        body=body.model_dump_json(exclude_none=True),
        headers={"cache-control": "no-store", **(headers or {})},
    )
