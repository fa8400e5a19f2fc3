"""How the service is reached: TLS, proxy, time limits.

What this module guarantees: certificates are verified, redirections are not followed, an answer
that is too long is given up, and whatever goes wrong on the way is a :class:`Failed`.
"""

from __future__ import annotations

import ssl
from typing import Final, TypedDict

import httpx

from licensing_agent.configuration import Configuration
from licensing_agent.core import SignInFailed
from licensing_agent.protocol.outcomes import Failed
from licensing_agent.wire import LARGEST_ANSWER, Answer, Request

TOO_LONG: Final = Failed(why="The answer is not from the service: it is too long.")
TOO_LATE: Final = Failed(why="The service cannot be reached: its answer takes too long.")


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
    content: bytes | None
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
        "content": request.body,
        "headers": dict(request.headers),
    }


ERRORS: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
"""What a request can end with: a redirection to no address is read, too, and not only followed."""


def failed(error: Exception) -> Failed:
    """Nobody answered. The words of an HTTP error may show an address, and no secret."""
    told = f": {error}" if isinstance(error, httpx.HTTPError) else ""
    return Failed(why=f"The service cannot be reached: {type(error).__name__}{told}")


def sign_in_failed(error: Exception) -> Failed:
    """No token has come. What is not known may have anything in its words, a token, too."""
    is_known = isinstance(error, SignInFailed | OSError | httpx.HTTPError)
    return Failed(why=f"The sign-in failed: {error if is_known else type(error).__name__}")


def answer(response: httpx.Response, body: bytes) -> Answer | Failed:
    """What came back."""
    if len(body) > LARGEST_ANSWER:
        return TOO_LONG
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)
