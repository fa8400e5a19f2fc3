"""Signing in with this machine's browser, which brings the code back (RFC 8252).

What this module guarantees: a browser is opened only where there is a desktop to open it on, for
one attempt, and waited for no longer than ``patience_seconds``.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from licensing_agent.core import SignInFailed
from licensing_agent.sign_in.attempts import Attempts
from licensing_agent.sign_in.code_request import CodeRequest
from licensing_agent.sign_in.loopback import Listener, PortTaken, listening
from licensing_agent.sign_in.pasted import REDIRECT_URI, pasted

__all__ = ["REDIRECT_URI", "Browser"]


def open_page(link: str) -> bool:
    """Whether a browser has been opened at a link; in a terminal, none is."""
    is_desktop = sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    try:
        return is_desktop and webbrowser.open(link)
    except (OSError, webbrowser.Error):
        return False


@dataclass(eq=False, kw_only=True)
class Browser(Attempts):
    """The browser of the person at this machine.

    ``show``
        is called with the link where no browser can be opened, or the port is taken.
    ``paste``
        gives, after ``show``, what a person brings back from a browser elsewhere
        (:class:`licensing_agent.sign_in.Pasted`). Without it, the answer is waited for here, as
        through an SSH tunnel.
    ``redirect_uri``
        as it is registered at the provider: on ``localhost`` or ``127.0.0.1``, with a port.
    ``patience_seconds``
        how long a person may take.
    ``opens``
        opens a link, and says whether it could; by default the system's browser.
    """

    show: Callable[[str], object] | None = None
    paste: Callable[[], str | None] | None = None
    redirect_uri: str = REDIRECT_URI
    patience_seconds: float = 300.0
    opens: Callable[[str], bool] = open_page

    def __post_init__(self) -> None:
        parts = urlsplit(self.redirect_uri)
        is_here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
        if not (is_here and parts.port) or parts.query:
            raise ValueError("redirect_uri must look like http://localhost:8978/callback.")

    def _attempt(self) -> str | None:
        request = CodeRequest(self.provider, self.redirect_uri, self.provider.described())
        link = request.link()
        try:
            with listening(self.redirect_uri, request.is_answered_by, self._woken) as listener:
                if self._is_awaited(link):
                    return self._answered(request, listener)
        except PortTaken:
            if self.paste is None:
                raise
        if self.show is None or self.paste is None:
            raise SignInFailed(
                "No browser can be opened here: give show and paste, or use DeviceCode."
            )
        self._has_asked = True
        return pasted(request, self.show, self.paste)

    def _is_awaited(self, link: str) -> bool:
        """Whether a person comes back to what listens, and need not paste anything."""
        self._has_asked = self.opens(link)
        if not self._has_asked and self.show is not None and self.paste is None:
            self._has_asked = True
            self.show(link)
        return self._has_asked

    def _answered(self, request: CodeRequest, listener: Listener) -> str | None:
        is_woken = self._woken.wait(self.patience_seconds)
        if listener.answer is not None:
            return request.token(listener.answer)
        if not is_woken:
            raise SignInFailed(
                f"Nobody has signed in for {self.patience_seconds:.0f} seconds. Sign in again."
            )
        return None
