"""The token that API Gateway has verified, read as the JSON that its issuer signed (R1).

API Gateway hands claims over as text, and a list as ``[one two]``: which blank separates two groups
and which stands in the name of one can no longer be told. So a claim is read from the token itself.

What this module guarantees:

* What is read is the token that was verified: ``sub``, ``iss``, ``exp``, ``aud`` and each claim
  that is asked for are as API Gateway handed them over.
* It is an ID token, wherever the issuer tells kinds of tokens apart (OPERATIONS.md says which do).
* It was made for one client: a token that two clients share is good for more than one purpose.
* Its JSON has one reading (:mod:`licensing.domain.strict_json`).

Anything else is :class:`Unauthenticated`, which never repeats the token (R35).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from licensing.domain import strict_json
from licensing.domain.errors import Unauthenticated

_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_TYPES: Final = frozenset({"JWT"})
"""Types in a header, beside none, that say nothing (RFC 8725, 3.11): ID tokens have no other."""

_OF_ACCESS_TOKENS: Final = (
    *("scope", "client_id"),  # RFC 9068; Auth0, Keycloak, Cognito
    *("scp", "cid"),  # Okta; Microsoft Entra
    *("appid", "appidacr", "azpacr", "idtyp"),  # Microsoft Entra
    "gty",  # Auth0
)
"""Claims that issuers put into access tokens, and not into ID tokens."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """The claims of a verified ID token; ``handed`` are those that API Gateway handed over."""

    claims: Mapping[str, object] = field(repr=False)
    handed: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, token: str, handed: Mapping[str, Any]) -> VerifiedToken:
        """Read the token that a request has shown. Raises :class:`Unauthenticated`."""
        parts = token.split(".")
        if len(parts) != 3:
            raise _not_verified()
        header, claims = _object(parts[0]), _object(parts[1])
        read = cls(claims, handed)
        read._check_identity()
        _check_kind(header, claims)
        _check_client(claims)
        return read

    @property
    def subject(self) -> str:
        """Who it is about; never empty."""
        return str(self.claims["sub"])

    def text(self, name: str) -> str | None:
        """A claim that is text, ``None`` if it is not there or anything else.

        Raises :class:`Unauthenticated` if it is not what API Gateway handed over, as below.
        """
        value = self.claims.get(name)
        if not isinstance(value, str):
            return None
        self._compare(name, value)
        return value

    def told(self, name: str) -> str | None:
        """A claim that is text and decides nothing; ``None`` also if it was handed over otherwise.

        Nobody is refused on account of it.
        """
        value = self.claims.get(name)
        return value if isinstance(value, str) and self.handed.get(name) == value else None

    def texts(self, name: str) -> list[str] | None:
        """A claim that is a list of texts, ``None`` if it is not there or anything else."""
        value = self.claims.get(name)
        if not _is_texts(value):
            return None
        self._compare(name, _as_handed(value))
        return value

    def _check_identity(self) -> None:
        if not self.text("sub") or self.text("iss") is None:
            raise _not_verified()
        ends, handed = self.claims.get("exp"), self.handed.get("exp")
        if isinstance(ends, bool) or not isinstance(ends, int | float) or _number(handed) != ends:
            raise _not_verified()
        # One text or one list of texts: what is neither is compared with nothing, and refused.
        if self.text("aud") is None and self.texts("aud") is None:
            raise _not_verified()

    def _compare(self, name: str, value: str) -> None:
        if self.handed.get(name) != value:
            raise _not_verified()


def _check_kind(header: Mapping[str, object], claims: Mapping[str, object]) -> None:
    """Raises :class:`Unauthenticated` for what says that it is another kind of token."""
    kind = header.get("typ")
    is_plain = kind is None or (isinstance(kind, str) and kind.upper() in _PLAIN_TYPES)
    if (
        not is_plain
        or claims.get("token_use", "id") != "id"  # Cognito
        or claims.get("typ", "ID") != "ID"  # Keycloak
        or any(name in claims for name in _OF_ACCESS_TOKENS)
    ):
        raise Unauthenticated(
            "This is not an ID token. Send the ID token that a person got at the sign-in."
        )


def _check_client(claims: Mapping[str, object]) -> None:
    """Raises :class:`Unauthenticated` for a token of several clients, or lent by another one."""
    audience = claims["aud"]
    clients = audience if isinstance(audience, list) else [audience]
    # OpenID Connect Core 1.0, section 2: `azp` is the client that the token was issued to.
    if len(clients) != 1 or claims.get("azp", clients[0]) != clients[0]:
        raise Unauthenticated(
            "This token is for more than one client. Sign in again, with this client alone."
        )


def _object(part: str) -> dict[str, object]:
    try:
        if not _PART.fullmatch(part):
            raise ValueError  # noqa: TRY301 - as what follows
        value = strict_json.read(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise _not_verified() from None
    if not isinstance(value, dict):
        raise _not_verified()
    return value


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _as_handed(texts: list[str]) -> str:
    return f"[{' '.join(texts)}]"


def _number(handed: object) -> float | None:
    try:
        return float(handed) if isinstance(handed, str) else None
    except ValueError:
        return None


def _not_verified() -> Unauthenticated:
    return Unauthenticated("Send one ID token of the identity provider, in one header.")
