"""Who is calling: whatever a token claims is read here, once, and nowhere else (R1).

What this module guarantees: nobody has a role that is not, letter by letter, one element of the
roles claim of a token that was verified. A claim that is one text is one role, unless the
deployment says what separates several.
"""

from __future__ import annotations

from typing import Final

from licensing.domain.caller import Caller, Role, shown_name
from licensing.domain.errors import Unauthenticated
from licensing.domain.organization import is_organization_id
from licensing.entrypoints.http.requests import HttpRequest
from licensing.entrypoints.http.tokens import VerifiedToken
from licensing.entrypoints.settings import Settings

_KNOWN_ROLES: Final = frozenset(Role)

_NAMES: Final = ("name", "email", "preferred_username", "cognito:username", "username")
"""The claims that tell a person's name, the best one first; the portal reads the same."""


def caller(request: HttpRequest, settings: Settings) -> Caller:
    """Who is calling, by the ID token that API Gateway has verified (R1).

    Raises :class:`Unauthenticated` where the gateway verified none, or another than is here.
    """
    if not request.claims:
        raise Unauthenticated("Send a token of the identity provider.")
    token = VerifiedToken.of(bearer(request), request.claims)
    organization_id = token.text(settings.organization_claim) or ""
    return Caller(
        subject=token.subject,
        organization_id=organization_id if is_organization_id(organization_id) else None,
        roles=_roles(token, settings),
        name=_name(token),
    )


def _name(token: VerifiedToken) -> str | None:
    told = (token.told(claim) for claim in _NAMES)
    shown = (shown_name(one) for one in told if one is not None)
    return next((name for name in shown if name is not None), None)


def _roles(token: VerifiedToken, settings: Settings) -> frozenset[Role]:
    names = token.texts(settings.roles_claim)
    if names is None:
        text = token.text(settings.roles_claim) or ""
        names = text.split(settings.roles_separator) if settings.roles_separator else [text]
    return frozenset(Role(name) for name in names if name in _KNOWN_ROLES)


def bearer(request: HttpRequest) -> str:
    """The token that the caller has shown, ``""`` where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else scheme
