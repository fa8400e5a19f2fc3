"""GET /portal, /portal/configuration.json and /portal/{version}/{file}: the portal itself."""

from pathlib import Path

from licensing.contract.portal import PortalConfiguration
from licensing.domain import refusal
from licensing.domain.errors import Unavailable
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.portal import FILE_HEADERS, HEADERS, Portal

PORTAL = Portal.of(Path(__file__).with_name("static"))
# One for all of it: each outcome is a metric that is paid for, and the access log has the paths.
OUTCOME = "portal"

app = http.resolver()
handler = http.handler(app)


@app.get("/portal")
@app.head("/portal")
def page() -> http.Reply:
    """The page, unless the browser has it already."""
    event = app.current_event
    headers = PORTAL.page_headers(_token_origin())
    if http.has_already(event, headers["etag"]):
        return http.text(304, PORTAL.page.content_type, "", outcome=OUTCOME, headers=headers)
    body = "" if event.request_context.http.method == "HEAD" else PORTAL.page.text
    return http.text(200, PORTAL.page.content_type, body, outcome=OUTCOME, headers=headers)


@app.get("/portal/configuration.json")
def configuration() -> http.Reply:
    """Where people sign in."""
    deployment = current_deployment()
    registration = deployment.settings.sign_in
    if not registration.is_complete:
        return http.refuse(refusal.portal_not_configured())
    endpoints = deployment.discovery.endpoints()
    body = PortalConfiguration(
        issuer=registration.issuer,
        authorization_endpoint=endpoints.authorization,
        token_endpoint=endpoints.token,
        end_session_endpoint=endpoints.end_session,
        client_id=registration.client_id,
        command_line_client_id=registration.command_line_client_id or None,
        scope=registration.scope,
    )
    return http.reply(200, body, outcome=OUTCOME, headers=HEADERS)


@app.get("/portal/<version>/<name>")
def file(version: str, name: str) -> http.Reply:
    """A script, a style sheet or a picture."""
    found = PORTAL.file(version, name)
    if found is None:
        return http.refuse(refusal.portal_file_not_found())
    return http.text(200, found.content_type, found.text, outcome=OUTCOME, headers=FILE_HEADERS)


def _token_origin() -> str | None:
    deployment = current_deployment()
    registration = deployment.settings.sign_in
    if not registration.is_complete:
        return None
    try:
        return registration.foreign_origin(deployment.discovery.endpoints().token)
    except Unavailable:
        # The page is there all the same, asks for its configuration, and says what is the matter.
        return None
