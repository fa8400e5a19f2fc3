"""How the service is reached: TLS, proxy, time limits.

What this module guarantees: certificates are verified, redirections are not followed, an answer
that is too long is given up, and whatever goes wrong on the way is a :class:`Failed` that says what
to do. Settings of the machine are read when a way is opened, and nothing else reads them.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import Final, TypedDict

import httpx

from licensing_agent import proxies, trust, words
from licensing_agent.configuration import Configuration
from licensing_agent.core import SignInFailed
from licensing_agent.protocol.outcomes import Failed
from licensing_agent.version import __version__
from licensing_agent.wire import LARGEST_ANSWER, Answer, Request

TOO_LONG: Final = Failed(why="The answer is not from the service: it is too long.")
TOO_LATE: Final = Failed(why="The service cannot be reached: its answer takes too long.")

_log = logging.getLogger("licensing_agent")


class Options(TypedDict):
    """What httpx is told, in both of its forms."""

    verify: ssl.SSLContext
    proxy: httpx.Proxy | None
    timeout: float
    follow_redirects: bool
    trust_env: bool
    headers: dict[str, str]


class Sending(TypedDict):
    """One request, as httpx takes it."""

    method: str
    url: str
    content: bytes | None
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach the service, and the proxy that leads there."""

    options: Options
    proxy: proxies.Proxy | None


def way(configuration: Configuration) -> Way:
    """The way as the settings are now. Raises :class:`proxies.Unreadable`."""
    proxy = configuration.given_proxy() or proxies.proxy(configuration.url)
    context = trust.context(configuration.ca_file)
    led = httpx.Proxy(proxy.url) if proxy else None
    if led and led.url.scheme == "https":
        led.ssl_context = context
    return Way(
        {
            "verify": context,
            "proxy": led,
            "timeout": configuration.timeout,
            "follow_redirects": False,
            "trust_env": False,
            "headers": {
                "User-Agent": f"licensing-agent/{__version__}",
                "Accept": "application/json",
            },
        },
        proxy,
    )


def sending(configuration: Configuration, request: Request) -> Sending:
    """A request to the service."""
    return {
        "method": request.method,
        "url": configuration.address(request.path),
        "content": request.body,
        "headers": dict(request.headers),
    }


def failed(error: Exception, way: Way | None) -> Failed:
    """Nobody answered. The words of an HTTP error may show an address, and no secret.

    Not all errors are httpx's: a proxy that speaks no SOCKS raises one of another library.
    """
    if isinstance(error, proxies.Unreadable):
        return Failed(why=str(error))
    by = f" by the proxy of {way.proxy.setting}" if way and way.proxy else ""
    told = f": {error}" if isinstance(error, httpx.HTTPError) else ""
    advice = trust.advice(error)
    why = f"The service cannot be reached{by}: {type(error).__name__}{told}"
    return Failed(why=f"{why}. {advice}" if advice else why)


def sign_in_failed(error: Exception) -> Failed:
    """No token has come. What is not known may have anything in its words, a token, too.

    What a vendor's code raises is logged with its traceback; :class:`SignInFailed` is told alone.
    """
    if not isinstance(error, SignInFailed):
        _log.error("sign_in failed.\n%s", words.trace(error))
    is_known = isinstance(error, SignInFailed | OSError | httpx.HTTPError)
    told = words.without_secrets(str(error)) if is_known else type(error).__name__
    return Failed(why=f"The sign-in failed: {told}")


def answer(response: httpx.Response, body: bytes) -> Answer | Failed:
    """What came back."""
    if len(body) > LARGEST_ANSWER:
        return TOO_LONG
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)
