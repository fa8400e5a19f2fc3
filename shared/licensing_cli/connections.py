"""How the service and the identity provider are reached: TLS, proxy, time limit.

What this module guarantees: each address is reached by the one proxy that the machine's settings
name for it, or directly, and certificates are trusted, as agents do both
(:mod:`licensing_agent.proxies`, :mod:`licensing_agent.trust`). A setting that cannot be read is
named and not shown; nothing is sent past it.
"""

from __future__ import annotations

from typing import Final

import httpx

from licensing_agent import proxies, trust
from licensing_cli.errors import WrongUse

_USUAL: Final = "Check the address, the network and HTTPS_PROXY."
_OF_TLS: Final = (
    "Check the address, this computer's clock, and whose certificates it trusts: a company's own "
    "CA belongs in the system's store, or in the file that SSL_CERT_FILE names."
)


def client(timeout: float) -> httpx.Client:
    """Connections; ``timeout`` is the limit of one request in seconds.

    A request raises :class:`WrongUse` where a proxy's setting cannot be read.
    """
    return httpx.Client(transport=_Ways(), timeout=timeout, trust_env=False)


def advice(error: Exception) -> str:
    """What to do about a connection that failed."""
    return _OF_TLS if any(map(trust.obstacle, trust.causes(error))) else _USUAL


class _Ways(httpx.BaseTransport):
    """Sends each request the way that leads to its host."""

    def __init__(self) -> None:
        self._to: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request."""
        origin = str(request.url.copy_with(raw_path=b"/"))
        if origin not in self._to:
            self._to[origin] = _way(origin)
        return self._to[origin].handle_request(request)

    def close(self) -> None:
        """End all connections."""
        for way in self._to.values():
            way.close()


def _way(address: str) -> httpx.HTTPTransport:
    try:
        proxy = proxies.proxy(address)
    except proxies.Unreadable as error:
        raise WrongUse(f"{error}".rstrip(".") + ".", "Correct or unset it.") from None
    context = trust.context(None)
    led = httpx.Proxy(proxy.url) if proxy else None
    if led and led.url.scheme == "https":
        led.ssl_context = context
    return httpx.HTTPTransport(verify=context, proxy=led, trust_env=False)
