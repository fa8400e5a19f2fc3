"""Who is calling: whatever a token claims is read here, once, and nowhere else (R1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Unauthenticated
from licensing.domain.organization import is_organization_id
from licensing.entrypoints.settings import Settings

_KNOWN_ROLES: Final = frozenset(Role)
_BRACKETED: Final = re.compile(r"\[(.*)\]", re.DOTALL)


def caller(event: APIGatewayProxyEventV2, settings: Settings) -> Caller:
    """Who is calling, by the claims that API Gateway has verified (R1).

    Raises :class:`Unauthenticated` where the gateway verified none.
    """
    authorizer = event.request_context.authorizer
    claims: Mapping[str, Any] = (authorizer.jwt_claim if authorizer else None) or {}
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("Send a token of the identity provider.")
    organization_id = claims.get(settings.organization_claim)
    is_one = isinstance(organization_id, str) and is_organization_id(organization_id)
    return Caller(
        subject=subject,
        organization_id=organization_id if is_one else None,
        roles=_roles(claims.get(settings.roles_claim)),
    )


def _roles(claim: object) -> frozenset[Role]:
    """The roles in a claim: API Gateway hands a list over as ``[org-admin partner]``.

    Blanks alone separate them: the name of a group has none, but it may have a comma in it.
    """
    if isinstance(claim, str):
        bracketed = _BRACKETED.fullmatch(claim.strip())
        claim = (bracketed[1] if bracketed else claim).split()
    if not isinstance(claim, list):
        return frozenset()
    return frozenset(Role(name) for name in claim if isinstance(name, str) and name in _KNOWN_ROLES)


def bearer(event: APIGatewayProxyEventV2) -> str:
    """The token that the caller has shown, ``""`` where there is none."""
    scheme, _, token = event.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else scheme
