"""What the portal's page and the command line have to know before anybody has signed in."""

from __future__ import annotations

from licensing.contract.fields import Reply


class PortalConfiguration(Reply):
    """Where and as what people sign in (OIDC authorization code flow with PKCE).

    ``command_line_client_id`` is null where a command line is registered elsewhere, or not at all.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    client_id: str
    command_line_client_id: str | None
    scope: str
