"""Which tokens a JWT authorizer lets through, and what it hands to the function.

A token passes when its RS256 signature is by the key of the issuer that its `kid` names, and it is
of this issuer, for this audience, now. As at API Gateway, `client_id` stands in for an audience
where there is none, and the kind of token is not asked for: access tokens pass, and telling them
apart is the service's own part. Scopes are checked where a route has some, and none here has.
Everything else is refused with the reason that API Gateway gives.
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
        if not self._is_audience(claims.get("aud", claims.get("client_id"))):
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
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_as_string, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{_as_string(v)}' for k, v in sorted(value.items()))}]"
    return str(value)
