"""Signing in with a browser: the answer comes back to this machine (RFC 8252, section 7.3).

What this module guarantees:

* What listens is heard on this machine alone, for one sign-in, and no longer than five minutes.
* An answer that does not carry this sign-in's ``state`` is told so, and waited past: another page
  of the browser can neither sign anybody in nor end the waiting.
* The page that the browser ends up on runs nothing, loads nothing, and repeats nothing.
"""

from __future__ import annotations

import hmac
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx

from licensing_cli.errors import SignedOut, WrongUse
from licensing_cli.provider import Registration, Tokens

PORT: Final = 8977
"""Where the answer comes back to: providers compare the whole address, so it is a fixed one."""

REDIRECT_URI: Final = f"http://localhost:{PORT}/callback"
PATIENCE_SECONDS: Final = 300

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>licensing</title><p>{}</p></html>
"""


def sign_in(
    registration: Registration, client: httpx.Client, show: Callable[[str], None]
) -> Tokens:
    """Have a person sign in on the page that ``show`` is handed.

    Raises :class:`SignedOut` if nobody does, and :class:`WrongUse` if nothing can listen here.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    with _listening(state) as listener:
        show(registration.page(REDIRECT_URI, state=state, verifier=verifier))
        code = listener.code(PATIENCE_SECONDS)
    return registration.tokens(client, code, REDIRECT_URI, verifier=verifier)


class _Listener(HTTPServer):
    """Waits for the browser to come back with this sign-in's state."""

    # Where there is something to come after; on Windows it would let two listen at once.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, state: str) -> None:
        self.state = state
        self.answer: dict[str, str] | None = None
        super().__init__(("127.0.0.1", PORT), _Answering)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke off: browsers open some that they never use."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def code(self, seconds: float) -> str:
        """The code that the provider has sent the browser back with."""
        until = time.monotonic() + seconds
        while self.answer is None:
            self.timeout = until - time.monotonic()
            if self.timeout <= 0:
                raise SignedOut("Nobody has signed in for five minutes.")
            self.handle_request()
        if "code" not in self.answer:
            why = self.answer.get("error_description") or self.answer.get("error", "no code")
            raise SignedOut(f"The identity provider refused the sign-in: {why}.")
        return self.answer["code"]


class _Answering(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 5  # seconds for a connection on which nothing is said: browsers open some ahead

    def do_GET(self) -> None:
        """The browser comes back, or asks for an icon."""
        path, _, query = self.path.partition("?")
        answer = dict(parse_qsl(query))
        if path != urlsplit(REDIRECT_URI).path:
            self._reply(404, "There is nothing here.")
        elif not hmac.compare_digest(answer.get("state", "").encode(), self.server.state.encode()):
            self._reply(
                400, "This sign-in does not belong to the command that is waiting. Run it again."
            )
        else:
            self.server.answer = answer
            if "code" in answer:
                self._reply(200, "You can close this page and go back to the terminal.")
            else:
                self._reply(200, "You are not signed in. The terminal shows why.")

    def _reply(self, status: int, sentence: str) -> None:
        body = _PAGE.format(sentence).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        # A browser that has gone away misses nothing but the page.
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the address has the code in it."""


def _listening(state: str) -> _Listener:
    try:
        return _Listener(state)
    except OSError as error:
        raise WrongUse(
            f"Port {PORT} of this computer cannot be used ({error.strerror}).",
            "Another sign-in may be using it: end that, or use licensing login --token -",
        ) from error
