"""At which address the service is called."""

from __future__ import annotations

from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.settings import Settings


def own_address(request: HttpRequest) -> str:
    """Where a request came in, without its path.

    >>> own_address(HttpRequest.of({"requestContext": {"domainName": "api.example"}}))
    'https://api.example'
    """
    scheme = "http" if request.headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{request.domain_name}"


def public_address(request: HttpRequest, settings: Settings) -> str:
    """The address that clients call: the deployment's, where a domain of its own is in front."""
    return settings.agent_url.rstrip("/") if settings.agent_url else own_address(request)
