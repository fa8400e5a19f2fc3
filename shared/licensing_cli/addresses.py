"""Where tokens may be sent to.

What this module guarantees: by https alone; by http to this machine only, for a local stack. No
error repeats a password or token that somebody has put into an address.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from licensing_cli.errors import WrongUse

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def checked(url: str) -> str:
    """An address without its last slash. Raises :class:`WrongUse` if no token may go there."""
    if "@" in url:
        raise WrongUse(
            "The address must not contain a user name or password.", "Use --url https://…"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise WrongUse(f"{url!r} is not the address of a service.", "Use --url https://…")
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        raise WrongUse(f"Tokens are sent only over https, not to http://{parts.netloc}.")
    return url.rstrip("/")


def service(url: str) -> str:
    """The address of a service, to which paths are added. Raises :class:`WrongUse` as above."""
    if "?" in url or "#" in url:
        raise WrongUse("The address must not contain ? or #.", "Use --url https://…")
    return checked(url)
