"""HTTP requests as API Gateway's HTTP API hands them to Lambda (payload 2.0), and answers back."""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.local.authorizer import as_strings
from tests.local.deployment import Route
from tests.local.template import ACCOUNT

_TEXT = {"application/json", "application/javascript", "application/xml"}


@dataclass(frozen=True)
class Request:
    """One HTTP request, as it came."""

    method: str
    target: str  # path and query, percent-encoded
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The decoded path, which is what the HTTP API routes by and hands over."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """The query as it came."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """All values of a header, joined by commas, or None."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @classmethod
    def of_json(cls, status: int, value: Any, *headers: tuple[str, str]) -> "Response":
        """Answer a JSON document."""
        body = json.dumps(value).encode()
        return cls(status, [("content-type", "application/json"), *headers], body)

    @classmethod
    def message(cls, status: int, message: str, *headers: tuple[str, str]) -> "Response":
        """Answer as API Gateway does when no function is asked."""
        return cls.of_json(status, {"message": message}, *headers)


class MalformedResultError(Exception):
    """A function's result is not one that API Gateway can make an answer of."""


def request_event(
    request: Request,
    route: Route,
    path_parameters: Mapping[str, str],
    claims: Mapping[str, Any] | None,
    now: float,
) -> dict[str, Any]:
    """The event for a function behind `route`; `claims` are those of a verified token."""
    received = datetime.fromtimestamp(now, UTC)
    host = request.header("host") or ""
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": secrets.token_urlsafe(11) + "=",
        "routeKey": route.key,
        "stage": "$default",
        "time": received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": as_strings(claims), "scopes": None}}
    headers = [
        *((key.lower(), value) for key, value in request.headers),
        ("x-forwarded-for", request.source_ip),
        ("x-forwarded-proto", "http"),
    ]
    body, is_base64 = _body(request)
    # What a request does not have, API Gateway leaves out of the event.
    optional = {
        "cookies": [value for key, value in request.headers if key.lower() == "cookie"],
        "queryStringParameters": _joined(parse_qsl(request.query, keep_blank_values=True)),
        "pathParameters": dict(path_parameters),
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _joined([(key, value) for key, value in headers if key != "cookie"]),
        "requestContext": context,
        "isBase64Encoded": is_base64,
    } | {name: value for name, value in optional.items() if value}


def response_of(result: Any) -> Response:
    """The HTTP answer that API Gateway makes of a function's result."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return Response.of_json(200, result)
    try:
        body = str(result.get("body") or "").encode()
        if result.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
        headers = {k.lower(): _header_value(v) for k, v in (result.get("headers") or {}).items()}
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        cookies = [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
        status = int(result["statusCode"])
    except (AttributeError, TypeError, ValueError) as error:
        raise MalformedResultError(str(error)) from error
    return Response(status, [*headers.items(), *cookies], body)


def _header_value(value: Any) -> str:
    if isinstance(value, list | dict):
        raise TypeError("a header has one value")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("a header is one line")
    return text


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: Request) -> tuple[str, bool]:
    """The body as text, or in base64 where API Gateway does not take its type for text."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if not request.body:
        return "", False
    if not kind or kind in _TEXT or kind.startswith("text/"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True
