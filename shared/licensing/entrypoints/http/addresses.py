"""At which address the service is called."""

from __future__ import annotations

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.entrypoints.settings import Settings


def own_address(event: APIGatewayProxyEventV2) -> str:
    """Where a request came in, without its path.

    >>> own_address(APIGatewayProxyEventV2({"requestContext": {"domainName": "api.example"}}))
    'https://api.example'
    """
    scheme = "http" if event.headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{event.request_context.domain_name}"


def public_address(event: APIGatewayProxyEventV2, settings: Settings) -> str:
    """The address that clients call: the deployment's, where a domain of its own is in front."""
    return settings.agent_url.rstrip("/") if settings.agent_url else own_address(event)
