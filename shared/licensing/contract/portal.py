"""What the portal's page and the command line have to know before anybody has signed in."""

from __future__ import annotations

from licensing.contract.fields import Reply


class PortalConfiguration(Reply):
    """Where and as what people sign in (OIDC authorization code flow with PKCE).

    ``client_id``, the portal's, is null until the deployment knows where the portal is opened.
    ``revocation_endpoint`` ends refresh tokens (RFC 7009); not every provider has one.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    client_id: str | None
    command_line_client_id: str | None
    scope: str
