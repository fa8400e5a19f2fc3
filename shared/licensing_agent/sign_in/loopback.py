"""Where the browser comes back to: this machine (RFC 8252, section 7.3).

What this module guarantees:

* What listens is heard on this machine alone, for one sign-in.
* An answer that is not to this sign-in is told so, and waited past: another page of the browser can
  neither sign anybody in nor end the waiting.
* The page that the browser ends up on runs nothing, loads nothing, and repeats nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Event, Thread
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from licensing_agent.core import SignInFailed

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Sign-in</title><p>{}</p></html>
"""


class PortTaken(SignInFailed):
    """Nothing can listen where the browser would come back to."""


class Listener(ThreadingTCPServer):
    """Waits for an answer; ``answer`` is the first that counts, and ``arrived`` is set then."""

    daemon_threads = True
    # Where there is something to come after; on Windows it would let two listen at once.
    allow_reuse_address = sys.platform != "win32"

    def __init__(
        self, redirect_uri: str, counts: Callable[[Mapping[str, str]], bool], arrived: Event
    ) -> None:
        parts = urlsplit(redirect_uri)
        self.path, self.counts, self.arrived = parts.path or "/", counts, arrived
        self.answer: Mapping[str, str] | None = None
        super().__init__(("127.0.0.1", parts.port or 80), _Answering)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke off: browsers open some that they never use."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def listening(
    redirect_uri: str, counts: Callable[[Mapping[str, str]], bool], arrived: Event
) -> Iterator[Listener]:
    """Listen while the block runs. Raises :class:`PortTaken` if nothing can."""
    try:
        listener = Listener(redirect_uri, counts, arrived)
    except OSError as error:
        raise PortTaken(
            f"Port {urlsplit(redirect_uri).port} of this computer cannot be used "
            f"({error.strerror}): another sign-in may be using it. End that, or register another "
            "redirect_uri."
        ) from error
    with listener:
        thread = Thread(
            target=listener.serve_forever, args=(0.05,), name="licensing_agent sign-in", daemon=True
        )
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()


class _Answering(BaseHTTPRequestHandler):
    server: Listener
    timeout = 5  # seconds for a connection on which nothing is said

    def do_GET(self) -> None:
        """The browser comes back, or asks for an icon."""
        path, _, query = self.path.partition("?")
        answer = dict(parse_qsl(query))
        if path != self.server.path:
            self._reply(404, "There is nothing here.")
        elif not self.server.counts(answer):
            self._reply(400, "This sign-in is not the one that is waited for. Start it again.")
        else:
            is_code = "code" in answer
            self._reply(
                200,
                "You can close this page and go back to the program."
                if is_code
                else "You are not signed in. The program knows why.",
            )
            if self.server.answer is None:
                self.server.answer = answer
            self.server.arrived.set()

    def _reply(self, status: int, sentence: str) -> None:
        body = _PAGE.format(sentence).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        # A browser that has gone away misses nothing but the page.
        with suppress(OSError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the address has the code in it."""
