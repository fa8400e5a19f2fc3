"""How the service is reached: TLS, proxy, time limits.

What this module guarantees: certificates are verified, redirections are not followed, an answer
that is too long is given up, and whatever goes wrong on the way is a :class:`Failed` that says what
to do. Settings of the machine are read when a way is opened, and nothing else reads them.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Final, TypedDict, TypeVar

import httpx

from licensing_agent import proxies, trust, words
from licensing_agent.configuration import Configuration
from licensing_agent.core import SignInFailed
from licensing_agent.obstacles import Obstacle
from licensing_agent.protocol.outcomes import Failed
from licensing_agent.version import __version__
from licensing_agent.wire import LARGEST_ANSWER, Answer, Request

TOO_LONG: Final = Failed(why=Obstacle.TOO_LONG.told())

_NUMBERS: Final[Mapping[int | None, Obstacle]] = {
    getattr(errno, name, None): found
    for found, names in {
        Obstacle.NO_ROUTE: ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EADDRNOTAVAIL"),
        Obstacle.NO_CONNECTION: ("ETIMEDOUT",),
    }.items()
    for plain in names
    for name in (plain, f"WSA{plain}")
}
"""Errors of the system, also as Windows numbers them."""
_KINDS: Final[tuple[tuple[type[Exception], Obstacle], ...]] = (
    (socket.gaierror, Obstacle.NAME_UNKNOWN),
    (ConnectionRefusedError, Obstacle.CONNECTION_REFUSED),
    (httpx.ConnectTimeout, Obstacle.NO_CONNECTION),
    (httpx.TimeoutException, Obstacle.TOO_SLOW),
    (httpx.DecodingError, Obstacle.NOT_OF_SERVICE),
    (httpx.NetworkError, Obstacle.CUT_OFF),
    (ConnectionError, Obstacle.CUT_OFF),
)
Result = TypeVar("Result")

_TO_CONNECT: Final = 0.5
"""How much of a request's time connecting may take: what is too slow is told apart."""

_log = logging.getLogger("licensing_agent")


class Options(TypedDict):
    """What httpx is told, in both of its forms."""

    verify: ssl.SSLContext
    proxy: httpx.Proxy | None
    timeout: httpx.Timeout
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
    context, timeout = trust.context(configuration.ca_file), configuration.timeout
    led = httpx.Proxy(proxy.url) if proxy else None
    if led and led.url.scheme == "https":
        led.ssl_context = context
    return Way(
        {
            "verify": context,
            "proxy": led,
            "timeout": httpx.Timeout(timeout, connect=_TO_CONNECT * timeout),
            "follow_redirects": False,
            "trust_env": False,
            "headers": {
                "User-Agent": f"licensing-agent/{__version__}",
                "Accept": "application/json",
            },
        },
        proxy,
    )


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """What ``call`` gives, if that is in time. Raises :class:`TimeoutError`, and what it raises.

    Each step of a request has its limit, and there may be any number of steps. One that is late
    goes on in a thread of its own, and nobody hears of it.
    """
    coming = Future[Result]()

    def run() -> None:
        try:
            coming.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
            coming.set_exception(error)

    Thread(target=run, name="licensing_agent request", daemon=True).start()
    return coming.result(seconds)


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
    found = obstacle(error)
    told = words.sentence if isinstance(error, httpx.ProxyError) else words.line
    said = f": {told(str(error))}" if isinstance(error, httpx.HTTPError) else ""
    also = " ".join(trust.unreadable()) if found is Obstacle.ISSUER_UNKNOWN else ""
    details = f"{type(error).__name__}{said}"
    return Failed(why=found.told(details, by=_setting(way), also=also))


def obstacle(error: Exception) -> Obstacle:
    """What stands in the way."""
    found = map(_of_one, trust.causes(error))
    return next((one for one in found if one is not None), Obstacle.NO_HTTP)


def too_late(way: Way | None) -> Failed:
    """Nobody waits for the answer any more."""
    return Failed(why=Obstacle.TOO_SLOW.told(by=_setting(way)))


def _setting(way: Way | None) -> str:
    """That of the proxy, if one leads there."""
    return way.proxy.setting if way and way.proxy else ""


def _of_one(error: BaseException) -> Obstacle | None:
    """What an error says by itself."""
    if isinstance(error, ssl.SSLError):
        return trust.obstacle(error)
    if isinstance(error, httpx.ProxyError):
        return _of_proxy(str(error))
    if isinstance(error, httpx.RemoteProtocolError):
        return _of_words(str(error))
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return _NUMBERS[error.errno]
    return next((found for kind, found in _KINDS if isinstance(error, kind)), None)


def _of_words(text: str) -> Obstacle:
    """What an error of the protocol says."""
    if "location header" in text:
        return Obstacle.LED_ELSEWHERE
    is_cut = any(word in text for word in ("disconnected", "closed connection"))
    return Obstacle.CUT_OFF if is_cut else Obstacle.NO_HTTP


def _of_proxy(answer: str) -> Obstacle:
    """What a proxy means with its answer to ``CONNECT``: its status and its reason."""
    status = answer.partition(" ")[0]
    if status == "407":
        return Obstacle.PROXY_LOGIN
    return Obstacle.PROXY_FAILS if status.startswith("5") else Obstacle.PROXY_REFUSES


def sign_in_failed(error: Exception) -> Failed:
    """No token has come. What is not known may have anything in its words, a token, too.

    What a vendor's code raises is logged with its traceback; :class:`SignInFailed` is told alone.
    """
    if not isinstance(error, SignInFailed):
        _log.error("sign_in failed.\n%s", words.trace(error))
        is_known = isinstance(error, OSError | httpx.HTTPError)
        told = words.without_secrets(str(error)) if is_known else type(error).__name__
        return Failed(why=f"The sign-in failed: {told}")
    return Failed(why=f"The sign-in failed: {error}")


def answer(response: httpx.Response, body: bytes) -> Answer | Failed:
    """What came back."""
    if len(body) > LARGEST_ANSWER:
        return TOO_LONG
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)
