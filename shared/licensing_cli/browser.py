"""Signing in with a browser: the answer comes back to this machine (RFC 8252, section 7.3).

What this module guarantees: what listens is heard for one sign-in, and no longer than five minutes.
An answer that does not carry this sign-in's ``state`` is waited past
(:mod:`licensing_agent.sign_in.loopback`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from threading import Event
from typing import Final

import httpx

from licensing_agent.sign_in.loopback import PortTaken, listening
from licensing_cli.errors import SignedOut, WrongUse
from licensing_cli.provider import Registration, Tokens

PORT: Final = 8977
"""Where the answer comes back to: providers compare the whole address, so it is a fixed one."""

REDIRECT_URI: Final = f"http://localhost:{PORT}/callback"
PATIENCE_SECONDS: Final = 300


def sign_in(
    registration: Registration, client: httpx.Client, show: Callable[[str], None]
) -> Tokens:
    """Have a person sign in on the page that ``show`` is handed.

    Raises :class:`SignedOut` if nobody does, and :class:`WrongUse` if nothing can listen here.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)

    def is_its_own(answer: Mapping[str, str]) -> bool:
        return hmac.compare_digest(answer.get("state", "").encode(), state.encode())

    try:
        with listening(REDIRECT_URI, is_its_own, arrived := Event()) as listener:
            show(registration.page(REDIRECT_URI, state=state, verifier=verifier))
            arrived.wait(PATIENCE_SECONDS)
    except PortTaken as error:
        raise WrongUse(
            f"Port {PORT} of this computer cannot be used ({error.__cause__}).",
            "Another sign-in may be using it: end that, or use licensing login --token -",
        ) from error
    return registration.tokens(client, _code(listener.answer), REDIRECT_URI, verifier=verifier)


def _code(answer: Mapping[str, str] | None) -> str:
    """The code that the provider has sent the browser back with."""
    if answer is None:
        raise SignedOut("Nobody has signed in for five minutes.")
    if "code" not in answer:
        why = answer.get("error_description") or answer.get("error", "no code")
        raise SignedOut(f"The identity provider refused the sign-in: {why}.")
    return answer["code"]
