"""Which proxy leads to the service, as the settings of the machine say.

What this module guarantees:

* A setting that cannot be read is named and never shown: it may have a password in it (R35).
* What does not concern the service stops nothing: proxies for other addresses are not read, and an
  exception that cannot be read is none.
* Nothing is sent past a proxy whose setting cannot be read.
* This machine is spoken to directly, unless the vendor names a proxy: plain HTTP never leaves it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import httpx

THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_HOST: Final = re.compile(rb"[\w.:-]+")
_WITH_PORT: Final = re.compile(r"(\[.*\]|[^:]*):(\d{1,5})")
_SYSTEM: Final = "the system's proxy settings"


class Unreadable(ValueError):
    """A setting cannot be read. The words name it and say how it should look."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's address, and the setting that names it."""

    url: str = field(repr=False)
    setting: str


def read(value: str, setting: str) -> Proxy:
    """The proxy that a setting names. Raises :class:`Unreadable`."""
    text = value.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        url = httpx.Proxy(text).url
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    is_port = (url.port or 80) < 65_536
    if not (_HOST.fullmatch(url.raw_host) and is_port and url.raw_path in {b"", b"/"}):
        raise Unreadable(
            f"{setting} cannot be read: it must look like http://proxy:3128 or "
            "socks5://proxy:1080, with special characters of a password spelled as in %40."
        )
    if url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise Unreadable(f"{setting} cannot be used: socks5:// needs the package httpx[socks].")
    return Proxy(text, setting)


def proxy(address: str) -> Proxy | None:
    """What leads to an address now, if not the direct way. Raises :class:`Unreadable`."""
    url = httpx.URL(address)
    host = url.raw_host.decode("ascii")
    if host in THIS_MACHINE:
        return None
    try:
        from_environment = getproxies_environment()
        told = from_environment or getproxies()
        kind = next((one for one in ("https", "all") if told.get(one)), None)
        if kind is None:
            return None
        is_direct = (
            _is_excepted(host, url.port or 443, told.get("no", ""))
            if from_environment
            else proxy_bypass(host)
        )
    except (OSError, ValueError) as error:
        raise Unreadable(f"{_SYSTEM} cannot be read: {type(error).__name__}") from None
    if is_direct:
        return None
    return read(told[kind], _variable(f"{kind}_proxy") if from_environment else _SYSTEM)


def _variable(name: str) -> str:
    """Which spelling of a variable counts: the small one goes first, as everywhere."""
    return name if os.environ.get(name) else name.upper()


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether ``NO_PROXY`` names an address: by name, address, network, ending or wildcard."""
    entries = re.split(r"[\s,;]+", exceptions.lower())
    return any(_names(entry, host, port) for entry in entries)


def _names(entry: str, host: str, port: int) -> bool:
    text = entry.rpartition("://")[2].rstrip("/")
    with_port = _WITH_PORT.fullmatch(text)
    if with_port and int(with_port[2]) != port:
        return False
    name = re.sub(r"[\[\]]", "", with_port[1] if with_port else text)
    with suppress(ValueError):
        return ip_address(host) in ip_network(name, strict=False)
    ending = name.removeprefix("*.").strip(".")
    is_named = bool(ending) and f".{host.rstrip('.')}".endswith(f".{ending}")
    return is_named or fnmatchcase(host, name)
