"""The pages for browsers, with their files: the portal, and the API's documentation.

The latter is Swagger UI, in which people read and try what `/v1/openapi.json` says.
"""

from pathlib import Path

from licensing.contract.portal import PortalConfiguration
from licensing.domain import refusal
from licensing.domain.errors import Unavailable
from licensing.entrypoints import http
from licensing.entrypoints.deployment import Deployment
from licensing.entrypoints.site import (
    FILE_HEADERS,
    Site,
    documentation_policy,
    portal_policy,
    swagger_ui,
)

STATIC = Path(__file__).with_name("static")
PORTAL = Site.of(STATIC)
DOCUMENTATION = Site.of(STATIC / "docs", beside=[*swagger_ui(), STATIC / "icon.svg"])
# One for all of it: each outcome is a metric that is paid for, and the access log has the paths.
OUTCOME = "portal"

api = http.Api()
handler = api.handler


@api.page("/portal")
def page(call: http.Call) -> http.Reply:
    """The page, unless the browser has it already."""
    return _page(call, PORTAL, portal_policy(_origins(call.deployment)))


@api.page("/portal/configuration.json")
def configuration(call: http.Call) -> http.Reply:
    """Where people sign in."""
    registration = call.deployment.settings.sign_in
    endpoints = call.deployment.discovery.endpoints()
    body = PortalConfiguration(
        issuer=registration.issuer,
        authorization_endpoint=endpoints.authorization,
        token_endpoint=endpoints.token,
        end_session_endpoint=endpoints.end_session,
        revocation_endpoint=endpoints.revocation,
        client_id=registration.client_id if registration.is_complete else None,
        command_line_client_id=registration.command_line_client_id or None,
        scope=registration.scope,
    )
    return http.reply(200, body, outcome=OUTCOME)


@api.page("/portal/{version}/{name}")
def file(call: http.Call, version: str, name: str) -> http.Reply:
    """A script, a style sheet or a picture."""
    return _file(call, PORTAL, version, name)


@api.page("/docs")
def documentation(call: http.Call) -> http.Reply:
    """The page, unless the deployment has it not, or the browser has it already."""
    if not call.deployment.settings.api_documentation:
        return http.refuse(refusal.documentation_off())
    return _page(call, DOCUMENTATION, documentation_policy())


@api.page("/docs/{version}/{name}")
def documentation_file(call: http.Call, version: str, name: str) -> http.Reply:
    """A script, a style sheet or a picture, likewise."""
    if not call.deployment.settings.api_documentation:
        return http.refuse(refusal.documentation_off())
    return _file(call, DOCUMENTATION, version, name)


def _page(call: http.Call, site: Site, policy: str) -> http.Reply:
    headers = site.page_headers(policy)
    return http.tagged_text(
        call.request, site.page.content_type, site.page.text, outcome=OUTCOME, headers=headers
    )


def _file(call: http.Call, site: Site, version: str, name: str) -> http.Reply:
    found = site.file(version, name)
    if found is None:
        return http.refuse(refusal.file_not_found())
    # What an address of a version names is always the same.
    headers = {**FILE_HEADERS, "etag": f'"{version}"'}
    return http.tagged_text(
        call.request, found.content_type, found.text, outcome=OUTCOME, headers=headers
    )


def _origins(deployment: Deployment) -> list[str]:
    """Where scripts get tokens and end them, other than the portal's own origin."""
    registration = deployment.settings.sign_in
    if not registration.is_complete:
        return []
    try:
        endpoints = deployment.discovery.endpoints()
    except Unavailable:
        # The page is there all the same, asks for its configuration, and says what is the matter.
        return []
    return registration.foreign_origins(endpoints)
