"""What the portal's page has to know before anybody has signed in."""

from __future__ import annotations

from licensing.contract.fields import Reply


class PortalConfiguration(Reply):
    """Where and as what people sign in (OIDC authorization code flow with PKCE)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    client_id: str
    scope: str
