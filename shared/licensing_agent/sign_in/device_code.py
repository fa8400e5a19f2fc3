"""Signing in on any other device: a page to open there, and a short code to type (RFC 8628).

What this module guarantees: the provider is asked no more often than it says, and no longer than
its code is good for. One answer that is lost ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from licensing_agent.core import SignInFailed
from licensing_agent.sign_in.attempts import Attempts
from licensing_agent.sign_in.provider import Declined, Unreachable, endpoint, is_safe, needed

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL: Final = 5
_LONGEST: Final = 1800


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a person is shown. As text, it is a sentence.

    ``link`` is the page with the code in it, where the provider has one: for a QR code.
    """

    verification_uri: str
    user_code: str
    link: str

    def __str__(self) -> str:
        return f"To sign in, open {self.verification_uri} and enter the code {self.user_code}"


@dataclass(eq=False, kw_only=True)
class DeviceCode(Attempts):
    """A code that a person types on another device.

    ``show`` is called with the invitation; ``print`` will do. ``sleep`` is for tests: by default,
    :meth:`close` and :meth:`again` end it early.
    """

    show: Callable[[Invitation], object]
    sleep: Callable[[float], object] | None = None

    def _attempt(self) -> str | None:
        described = self.provider.described()
        where = endpoint(described, "device_authorization_endpoint")
        if where is None:
            raise SignInFailed(
                "This identity provider has no device codes (Cognito, for one, has none): use "
                "Pasted, which shows a link to open on another computer and takes the code."
            )
        said = self.provider.posted(where, {"scope": self.provider.scope})
        code = said.get("device_code")
        if not isinstance(code, str):
            raise SignInFailed("The identity provider gave no device code.")
        invitation = _invitation(said)
        self._has_asked = True
        self.show(invitation)
        form = {"grant_type": _GRANT, "device_code": code}
        return self._polled(needed(described, "token_endpoint"), form, said)

    def _polled(
        self, where: str, form: Mapping[str, str], said: Mapping[str, object]
    ) -> str | None:
        interval = _seconds(said.get("interval"), _INTERVAL)
        left = min(_seconds(said.get("expires_in"), _LONGEST), _LONGEST)
        while left > 0:
            interval = min(interval, left)
            (self.sleep or self._woken.wait)(interval)
            if self._woken.is_set():
                return None
            left -= interval
            try:
                return self.provider.id_token(where, form, nonce=None)
            except Unreachable:
                interval *= 2
            except Declined as error:
                if error.code == "slow_down":
                    interval += _INTERVAL
                elif error.code != "authorization_pending":
                    raise
        raise Declined({"error": "expired_token"})


def _invitation(said: Mapping[str, object]) -> Invitation:
    page, code = said.get("verification_uri"), said.get("user_code")
    link = said.get("verification_uri_complete", page)
    if not (isinstance(code, str) and code.isprintable() and isinstance(page, str)):
        raise SignInFailed("The identity provider gave no code to show.")
    if not (isinstance(link, str) and is_safe(page) and is_safe(link)):
        raise SignInFailed("The identity provider's verification_uri must begin with https://.")
    return Invitation(page, code, link)


def _seconds(value: object, default: int) -> int:
    """As the provider says, in whole seconds of at least one."""
    return max(int(value), 1) if isinstance(value, int | float) else default
