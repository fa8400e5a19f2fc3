"""The identity provider: its endpoints, and how it gives tokens (RFC 6749, OpenID Connect).

What this module guarantees:

* What is secret goes to the provider's own endpoints alone: by HTTPS, in the body of a request
  that is not redirected. Plain HTTP is for this machine.
* A discovery document counts only if it is of the issuer that it was asked for (RFC 8414).
* Of an answer, nothing but the ID token is kept.
* Of a refusal, a message has no more than the error's code.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import httpx

from licensing_agent import connection, proxies
from licensing_agent.configuration import Configuration
from licensing_agent.core import SignInFailed
from licensing_agent.obstacles import Obstacle
from licensing_agent.protocol import strict_json
from licensing_agent.wire import LARGEST_ANSWER

_CODE: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_ADVICE: Final = {
    "access_denied": "The person, or a rule of the provider, has declined.",
    "invalid_grant": "The code is used up, too old, or of another sign-in. Sign in again.",
    "invalid_scope": "Allow the client the scope that is asked for.",
    **dict.fromkeys(("expired_token",), "Nobody has entered the code in time. Sign in again."),
    **dict.fromkeys(
        ("invalid_client", "unauthorized_client"),
        "Check client_id: a public client, without a secret, that may sign people in this way.",
    ),
}


class Unreachable(SignInFailed):
    """The provider gave no answer that counts. To ask again may help."""


class Declined(SignInFailed):
    """The provider says no. ``code`` is its reason (RFC 6749, section 5.2)."""

    def __init__(self, answer: Mapping[str, object]) -> None:
        told = str(answer.get("error", ""))
        self.code = told if _CODE.fullmatch(told) else "no reason that can be shown"
        advice = _ADVICE.get(self.code, "")
        super().__init__(f"The identity provider refused: {self.code}. {advice}".strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where people sign in.

    ``service``
        the client's own configuration: its ``proxy``, ``ca_file`` and ``timeout`` count here, too.
    ``issuer``
        the provider's, to the letter. Its discovery document names the endpoints.
    ``client_id``
        the public client for agents there (the stack's output ``AgentClientId``).
    ``scope``
        what is asked for. It must contain ``openid``; ``offline_access`` is of no use.
    ``authorization_endpoint``, ``token_endpoint``, ``device_authorization_endpoint``
        for a provider without discovery: with ``token_endpoint``, no document is read.

    Raises :class:`ValueError` for an address that is not ``https://``.
    """

    service: Configuration
    issuer: str
    client_id: str
    scope: str = "openid"
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    device_authorization_endpoint: str | None = None

    def __post_init__(self) -> None:
        for name in ("issuer", *_ENDPOINTS):
            value = getattr(self, name)
            if value is not None and not is_safe(value):
                raise ValueError(f"{name} must begin with https://.")
        if "openid" not in self.scope.split():
            raise ValueError("scope must contain openid: otherwise there is no ID token.")

    def described(self) -> Mapping[str, object]:
        """What the provider says of itself. Raises :class:`SignInFailed`."""
        given = {name: value for name in _ENDPOINTS if (value := getattr(self, name)) is not None}
        if "token_endpoint" in given:
            return given
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, said = self._answer("GET", address, None)
        if status != 200 or "issuer" not in said:
            raise Unreachable(
                f"The identity provider has no description (status {status}): check issuer, at "
                f"{address}"
            )
        if said["issuer"] != self.issuer:
            raise SignInFailed(
                "The identity provider describes another issuer than this one: check that issuer "
                "is spelled as there, to the letter."
            )
        return {**said, **given}

    def posted(self, endpoint: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """The answer to a form. Raises :class:`Declined` and :class:`Unreachable`."""
        status, said = self._answer("POST", endpoint, {**form, "client_id": self.client_id})
        if not said or (status != 200 and not isinstance(said.get("error"), str)):
            raise Unreachable(
                f"The answer (status {status}) is not the identity provider's: check what is on "
                "the way, and the provider's address."
            )
        if status != 200:
            raise Declined(said)
        return said

    def id_token(self, endpoint: str, form: Mapping[str, str], *, nonce: str | None) -> str:
        """The ID token for a form; with ``nonce``, one that was made for it.

        The service verifies it. Raises :class:`Declined`, :class:`Unreachable` and
        :class:`SignInFailed`.
        """
        token = self.posted(endpoint, form).get("id_token")
        if not isinstance(token, str):
            raise SignInFailed("The identity provider gave no ID token: allow the client openid.")
        if nonce is not None and _claims(token).get("nonce") != nonce:
            raise SignInFailed(
                "The identity provider's token is of another sign-in. Sign in again."
            )
        return token

    def _answer(
        self, method: str, address: str, form: dict[str, str] | None
    ) -> tuple[int, dict[str, object]]:
        try:
            return connection.within(
                self.service.timeout, lambda: self._asked(method, address, form)
            )
        except TimeoutError:
            found = Obstacle.TOO_SLOW.value
            why = f"The identity provider cannot be reached: {found.what}. {found.helps}"
            raise Unreachable(why) from None

    def _asked(
        self, method: str, address: str, form: dict[str, str] | None
    ) -> tuple[int, dict[str, object]]:
        body = bytearray()
        origin = urlsplit(address)._replace(path="", query="", fragment="").geturl()
        try:
            way = connection.way(replace(self.service, url=origin))
            with (
                httpx.Client(**way.options) as http,
                http.stream(method, address, data=form) as response,
            ):
                for part in response.iter_bytes():
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise httpx.ReadTimeout("too long")  # noqa: TRY301 - as if it had ended so
        except proxies.Unreadable as error:
            raise Unreachable(str(error)) from error
        except Exception as error:  # what lies below httpx has errors of its own
            found = connection.obstacle(error).value
            why = f"{found.what} ({type(error).__name__}). {found.helps}"
            raise Unreachable(f"The identity provider cannot be reached: {why}") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise Unreachable(f"The identity provider is down (status {response.status_code}).")
        try:
            return response.status_code, strict_json.read_object(bytes(body))
        except ValueError:
            return response.status_code, {}


_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")


def endpoint(described: Mapping[str, object], name: str) -> str | None:
    """An endpoint, where the provider has it. Raises :class:`SignInFailed` if it is not safe."""
    value = described.get(name)
    if value is None:
        return None
    if not (isinstance(value, str) and is_safe(value)):
        raise SignInFailed(f"The identity provider's {name} must begin with https://.")
    return value


def needed(described: Mapping[str, object], name: str) -> str:
    """An endpoint that there has to be. Raises :class:`SignInFailed`."""
    found = endpoint(described, name)
    if found is None:
        raise SignInFailed(f"The identity provider names no {name}: give it to Provider.")
    return found


def is_safe(address: str) -> bool:
    """Whether secrets may go to an address, and people be sent there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_here = parts.scheme == "http" and parts.hostname in proxies.THIS_MACHINE
    is_plain = address.isprintable() and " " not in address
    return is_plain and (is_here or (parts.scheme == "https" and bool(parts.hostname)))


def _claims(token: str) -> Mapping[str, object]:
    try:
        _, payload, _ = token.split(".")
        return strict_json.read_object(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
    except ValueError:
        raise SignInFailed("The identity provider's ID token cannot be read.") from None
