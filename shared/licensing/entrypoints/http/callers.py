"""Who is calling: whatever a token claims is read here, once, and nowhere else (R1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.caller import Caller, Role
from licensing.domain.errors import Unauthenticated
from licensing.domain.organization import is_organization_id
from licensing.entrypoints.deployment import current_deployment

_KNOWN_ROLES: Final = frozenset(Role)
_BRACKETED: Final = re.compile(r"\[(.*)\]", re.DOTALL)


def caller(event: APIGatewayProxyEventV2) -> Caller:
    """Who is calling, by the claims that API Gateway has verified (R1).

    Raises :class:`Unauthenticated` where the gateway verified none.
    """
    authorizer = event.request_context.authorizer
    claims: Mapping[str, Any] = (authorizer.jwt_claim if authorizer else None) or {}
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("Send a token of the identity provider.")
    settings = current_deployment().settings
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


def origin_of_user(
    event: APIGatewayProxyEventV2, person: Caller, *, agent_version: str | None = None
) -> Origin:
    """Where a person's request came from."""
    actor = Actor(ActorKind.USER, person.subject, tuple(sorted(person.roles)))
    return _origin(event, actor, agent_version)


def origin_of_agent(
    event: APIGatewayProxyEventV2, license_id: str, *, agent_version: str | None
) -> Origin:
    """Where an agent's request came from."""
    return _origin(event, Actor(ActorKind.AGENT, license_id), agent_version)


def _origin(event: APIGatewayProxyEventV2, actor: Actor, agent_version: str | None) -> Origin:
    return Origin(
        actor=actor,
        request_id=event.request_context.request_id,
        source_address=event.request_context.http.source_ip,
        agent_version=agent_version,
    )


def bearer(event: APIGatewayProxyEventV2) -> str:
    """The token that the caller has shown, ``""`` where there is none."""
    scheme, _, token = event.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else scheme
