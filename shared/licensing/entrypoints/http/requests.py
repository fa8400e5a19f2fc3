"""A request as API Gateway hands it over (an HTTP API's payload, format 2.0): what is read of it.

API Gateway leaves out what a request does not have, and SAM says null; here that is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, and the route that it fits.

    ``route`` is written as in the template, ``POST /v1/licenses/{license_id}/revoke``, or
    ``$default`` where no other fits; ``parameters`` are those of its path. Names of ``headers`` are
    in lower case. ``body`` is in base64 where ``is_base64``. ``claims`` are those of the token that
    API Gateway has verified.
    """

    route: str
    method: str
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    is_base64: bool
    domain_name: str
    source_ip: str
    request_id: str
    claims: Mapping[str, Any]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """The request that a function is invoked with.

        >>> event = {"headers": {"If-Match": "*"}, "requestContext": {"http": {"method": "GET"}}}
        >>> request = HttpRequest.of(event)
        >>> request.method, request.headers["if-match"], request.body
        ('GET', '*', '')
        """
        context = _part(event, "requestContext")
        http = _part(context, "http")
        headers = _part(event, "headers")
        return cls(
            route=event.get("routeKey", ""),
            method=http.get("method", ""),
            path=event.get("rawPath", ""),
            parameters=_part(event, "pathParameters"),
            query=_part(event, "queryStringParameters"),
            headers={name.lower(): value for name, value in headers.items()},
            body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            domain_name=context.get("domainName", ""),
            source_ip=http.get("sourceIp", ""),
            request_id=context.get("requestId", ""),
            claims=_part(_part(_part(context, "authorizer"), "jwt"), "claims"),
        )


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return of.get(name) or {}
