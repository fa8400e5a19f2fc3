"""The portal itself: its page, its files, and where people sign in to it."""

from pathlib import Path

from licensing.contract.portal import PortalConfiguration
from licensing.domain import refusal
from licensing.domain.errors import Unavailable
from licensing.entrypoints import http
from licensing.entrypoints.deployment import Deployment
from licensing.entrypoints.portal import FILE_HEADERS, Portal

PORTAL = Portal.of(Path(__file__).with_name("static"))
# One for all of it: each outcome is a metric that is paid for, and the access log has the paths.
OUTCOME = "portal"

api = http.Api()
handler = api.handler


@api.page("/portal")
def page(call: http.Call) -> http.Reply:
    """The page, unless the browser has it already."""
    headers = PORTAL.page_headers(_origins(call.deployment))
    content_type, page = PORTAL.page.content_type, PORTAL.page.text
    return http.tagged_text(call.event, content_type, page, outcome=OUTCOME, headers=headers)


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
    found = PORTAL.file(version, name)
    if found is None:
        return http.refuse(refusal.portal_file_not_found())
    content_type = found.content_type
    return http.tagged_text(
        call.event, content_type, found.text, outcome=OUTCOME, headers=FILE_HEADERS
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
