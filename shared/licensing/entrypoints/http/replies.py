"""Replies and problems (RFC 9457): each is logged and counted under its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel

from licensing.adapters import telemetry
from licensing.contract.problems import Problem, ProblemCode, ProblemError
from licensing.domain.refusal import Refused
from licensing.entrypoints.http.encodings import packed, takes_gzip
from licensing.entrypoints.http.etags import etag_of, has_already

Reply = Response[str]
Given = TypeVar("Given")

BRIEFLY_KEPT: Final = MappingProxyType(
    {"cache-control": "private, max-age=60", "vary": "authorization"}
)
"""Of what is counted: it need not be fresher, and whoever comes next at this browser may see less.
"""
_WORTH_PACKING: Final = 1024
"""Characters; less than that fits a packet or two as it is."""


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


def no_content(headers: Mapping[str, str], *, outcome: str) -> Reply:
    """An answer that is all in its headers, logged and counted under ``outcome``."""
    telemetry.answered(outcome, 204)
    return Response(status_code=204, body="", headers={"cache-control": "no-store", **headers})


def tagged(
    event: APIGatewayProxyEventV2,
    body: BaseModel,
    *,
    version: int,
    outcome: str,
    status: int = 200,
) -> Reply:
    """A JSON reply that shows a record of this ``version``, with its ETag (RFC 9110, 8.8.3).

    304 and no body where a ``GET`` names that ETag as one that the client has (``If-None-Match``).
    """
    content = body.model_dump_json()
    headers = {"cache-control": "no-store", "etag": etag_of(content, version)}
    if _is_known(event, headers["etag"]):
        return _not_modified(headers, outcome)
    return text(status, "application/json", content, outcome=outcome, headers=headers)


def tagged_text(
    event: APIGatewayProxyEventV2,
    content_type: str,
    body: str,
    *,
    outcome: str,
    headers: Mapping[str, str],
) -> Reply:
    """A file as a reply, with its ETag; 304 as for :func:`tagged`.

    It is the same for everybody, and packed for who takes that. ``headers`` may have another ETag,
    which stands for more than the file.
    """
    headers = {"etag": etag_of(body), "vary": "accept-encoding", **headers}
    accepted = event.headers.get("accept-encoding", "")
    is_packed = len(body) >= _WORTH_PACKING and takes_gzip(accepted)
    if is_packed:  # other bytes have another tag (RFC 9110, 8.8.3.3)
        headers["etag"] = f'{headers["etag"][:-1]}-gzip"'
    if _is_known(event, headers["etag"]):
        return _not_modified(headers, outcome)
    if not is_packed:
        return text(200, content_type, body, outcome=outcome, headers=headers)
    headers["content-encoding"] = "gzip"
    answered = text(200, content_type, packed(body), outcome=outcome, headers=headers)
    answered.base64_encoded = True
    return answered


def _is_known(event: APIGatewayProxyEventV2, etag: str) -> bool:
    is_reading = event.request_context.http.method in {"GET", "HEAD"}
    return is_reading and has_already(event.headers.get("if-none-match", ""), etag)


def _not_modified(headers: Mapping[str, str], outcome: str) -> Reply:
    telemetry.answered(outcome, 304)
    return Response(status_code=304, body="", headers=dict(headers))


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
    named = refused.pointer and [ProblemError(pointer=refused.pointer, detail=refused.message)]
    return problem(refused.code, refused.message, named or None)


def problem(
    code: ProblemCode,
    detail: str,
    errors: list[ProblemError] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    dpop_nonce: str | None = None,
) -> Reply:
    """A problem, logged and counted under its ``code``."""
    body = Problem.of(code, detail, errors, dpop_nonce=dpop_nonce)
    telemetry.answered(code, body.status)
    return Response(
        status_code=body.status,
        content_type="application/problem+json",
        body=body.model_dump_json(exclude_none=True),
        headers={"cache-control": "no-store", **(headers or {})},
    )
