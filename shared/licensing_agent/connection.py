"""How the service is reached: TLS, proxy, time limits.

What this module guarantees: certificates are verified, redirections are not followed, an answer
that is too long is given up, and whatever goes wrong on the way is a :class:`Failed`.
"""

from __future__ import annotations

import ssl
from typing import Final, TypedDict

import httpx

from licensing_agent.configuration import Configuration
from licensing_agent.outcomes import Failed
from licensing_agent.wire import LARGEST_ANSWER, Answer, Request

TOO_LONG: Final = Failed(why="What answers is not the service: it goes on and on.")


class Options(TypedDict):
    """What httpx is told, in both of its forms."""

    verify: ssl.SSLContext | bool
    proxy: str | None
    timeout: float
    follow_redirects: bool
    headers: dict[str, str]


class Sending(TypedDict):
    """One request, as httpx takes it."""

    method: str
    url: str
    json: object
    headers: dict[str, str]


def options(configuration: Configuration) -> Options:
    """The connection that a configuration wants. Raises :class:`OSError` without its CA file."""
    authority = configuration.ca_file
    return {
        "verify": ssl.create_default_context(cafile=authority) if authority else True,
        "proxy": configuration.proxy,
        "timeout": configuration.timeout,
        "follow_redirects": False,
        "headers": {"User-Agent": "licensing_agent", "Accept": "application/json"},
    }


def sending(configuration: Configuration, request: Request) -> Sending:
    """A request to the service."""
    return {
        "method": request.method,
        "url": configuration.address(request.path),
        "json": request.body,
        "headers": dict(request.headers),
    }


def failed(error: httpx.HTTPError) -> Failed:
    """Nobody answered. The error's own words may show an address, and no secret."""
    return Failed(why=f"The service cannot be reached: {type(error).__name__}: {error}")


def answer(response: httpx.Response, body: bytes) -> Answer | Failed:
    """What came back."""
    if len(body) > LARGEST_ANSWER:
        return TOO_LONG
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)
