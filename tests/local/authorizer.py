"""Which tokens a JWT authorizer lets through, and what it hands to the function.

A token passes when its RS256 signature is by a key of the issuer and it is an ID token of this
issuer for this audience, now. Everything else is refused with the reason that API Gateway gives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.local.deployment import Authorizer


class RefusedError(Exception):
    """The token does not let anybody in; the message says why."""


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens for one authorizer."""

    authorizer: Authorizer
    keys: KeySet
    has_ended: Callable[[str], bool] = lambda _token: False

    def claims(self, token: str, now: float) -> Mapping[str, Any]:
        """The claims of a good token, at `now` in epoch seconds; else RefusedError is raised."""
        try:
            # One algorithm, named here and not by the token: neither `none` nor a MAC made with
            # the public key gets any further.
            decoded = jwt.decode(token, self.keys, algorithms=["RS256"])
        except (JoseError, ValueError) as error:
            raise RefusedError("the token is malformed or its signature is not valid") from error
        if "kid" not in decoded.header:
            raise RefusedError("the token does not name its key")
        claims: Mapping[str, Any] = decoded.claims
        if claims.get("iss") != self.authorizer.issuer:
            raise RefusedError("the token does not have a valid issuer")
        # Stricter than API Gateway: there an access token, whose client_id stands in for an
        # audience, reaches the function and is refused for want of an organization (R1).
        if claims.get("token_use") != "id":
            raise RefusedError("the token is not an ID token")
        if not self._is_audience(claims.get("aud")):
            raise RefusedError("the token does not have a valid audience")
        if not _instant(claims, "exp") > now or self.has_ended(token):
            raise RefusedError("the token has expired")
        for not_before in {"nbf", "iat"} & claims.keys():
            if _instant(claims, not_before) > now:
                raise RefusedError("the token is not valid yet")
        return claims

    def _is_audience(self, audience: Any) -> bool:
        named = audience if isinstance(audience, list) else [audience]
        return any(one in self.authorizer.audience for one in named)


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"the token has no valid {name}")
    return value


def bearer(header: str) -> str:
    """The token in an `Authorization` header; API Gateway does not insist on the scheme."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header.strip()


def as_strings(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as API Gateway hands them over: all strings, a list as `[one two]`."""
    return {name: _as_string(value) for name, value in claims.items()}


def _as_string(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_as_string, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{_as_string(v)}' for k, v in sorted(value.items()))}]"
    return str(value)
