"""Signing in on another computer: a link to open there, and a code to bring back.

It is for a machine without a browser, at a provider without device codes (Cognito has none). The
browser is sent back to the redirect address and finds nothing there. Its address bar then has the
answer: a person copies it, all of it or the code alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from licensing_agent.core import SignInFailed
from licensing_agent.sign_in.attempts import Attempts
from licensing_agent.sign_in.code_request import CodeRequest

REDIRECT_URI: Final = "http://localhost:8978/callback"
"""What is registered at the provider; the stack's own user pool has it."""

_TRIES: Final = 3


@dataclass(eq=False, kw_only=True)
class Pasted(Attempts):
    """A link to open elsewhere, and what is pasted here.

    ``show``
        is called with the link.
    ``paste``
        gives what a person pastes, or ``None`` if nobody does. It may wait as long as it likes.
    ``redirect_uri``
        as it is registered at the provider.
    """

    show: Callable[[str], object]
    paste: Callable[[], str | None]
    redirect_uri: str = REDIRECT_URI

    def _attempt(self) -> str | None:
        request = CodeRequest(self.provider, self.redirect_uri, self.provider.described())
        request.link()  # where there is none, nobody is asked
        self._has_asked = True
        return pasted(request, self.show, self.paste)


def pasted(
    request: CodeRequest, show: Callable[[str], object], paste: Callable[[], str | None]
) -> str | None:
    """The token for what a person pastes. Raises :class:`SignInFailed`."""
    for _ in range(_TRIES):
        show(request.link())
        text = (paste() or "").strip()
        if not text:
            return None
        if not ("code=" in text or "error=" in text):
            return request.token_for(text)
        answer = dict(parse_qsl(urlsplit(text).query or text))
        if request.is_answered_by(answer):
            return request.token(answer)
    raise SignInFailed(
        "What was pasted is of another sign-in. Sign in anew: open the link shown then, and "
        "paste the address that the browser ends up at."
    )
