"""Replies and problems (RFC 9457): each is logged and counted under its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from licensing.adapters import telemetry
from licensing.contract.problems import Problem, ProblemCode, ProblemError
from licensing.domain.refusal import Refused
from licensing.entrypoints.http.encodings import packed, takes_gzip
from licensing.entrypoints.http.etags import etag_of, has_already

if TYPE_CHECKING:
    from pydantic import BaseModel

    from licensing.entrypoints.http.requests import HttpRequest

Given = TypeVar("Given")

BRIEFLY_KEPT: Final = MappingProxyType(
    {"cache-control": "private, max-age=60", "vary": "authorization"}
)
"""Of what is counted: it need not be fresher, and whoever comes next at this browser may see less.
"""
_WORTH_PACKING: Final = 1024
"""Characters; less than that fits a packet or two as it is."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Names of ``headers`` are in lower case; ``body`` is in base64 if ``is_base64``."""

    status: int
    headers: Mapping[str, str]
    body: str = ""
    is_base64: bool = False

    def result(self, *, usual: Mapping[str, str]) -> dict[str, Any]:
        """What a function returns to API Gateway; ``usual`` headers go where it has none such."""
        return {
            "statusCode": self.status,
            "headers": {**usual, **self.headers},
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        }


def reply(
    status: int, body: BaseModel, *, outcome: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """A JSON reply, logged and counted under ``outcome``."""
    headers = {"cache-control": "no-store", **(headers or {})}
    return text(
        status, "application/json", body.model_dump_json(), outcome=outcome, headers=headers
    )


def no_content(headers: Mapping[str, str], *, outcome: str) -> Reply:
    """An answer that is all in its headers, logged and counted under ``outcome``."""
    telemetry.answered(outcome, 204)
    return Reply(204, {"cache-control": "no-store", **headers})


def tagged(
    request: HttpRequest,
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
    if _is_known(request, headers["etag"]):
        return _not_modified(headers, outcome)
    return text(status, "application/json", content, outcome=outcome, headers=headers)


def tagged_text(
    request: HttpRequest,
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
    accepted = request.headers.get("accept-encoding", "")
    is_packed = len(body) >= _WORTH_PACKING and takes_gzip(accepted)
    if is_packed:  # other bytes have another tag (RFC 9110, 8.8.3.3)
        headers["etag"] = f'{headers["etag"][:-1]}-gzip"'
    if _is_known(request, headers["etag"]):
        return _not_modified(headers, outcome)
    if not is_packed:
        return text(200, content_type, body, outcome=outcome, headers=headers)
    headers["content-encoding"] = "gzip"
    return replace(
        text(200, content_type, packed(body), outcome=outcome, headers=headers), is_base64=True
    )


def _is_known(request: HttpRequest, etag: str) -> bool:
    is_reading = request.method in {"GET", "HEAD"}
    return is_reading and has_already(request.headers.get("if-none-match", ""), etag)


def _not_modified(headers: Mapping[str, str], outcome: str) -> Reply:
    telemetry.answered(outcome, 304)
    return Reply(304, headers)


def text(
    status: int, content_type: str, body: str, *, outcome: str, headers: Mapping[str, str]
) -> Reply:
    """A file as a reply, logged and counted under ``outcome``."""
    telemetry.answered(outcome, status)
    return Reply(status, {"content-type": content_type, **headers}, body)


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
    return text(
        body.status,
        "application/problem+json",
        body.model_dump_json(exclude_none=True),
        outcome=code,
        headers={"cache-control": "no-store", **(headers or {})},
    )
