"""GET /v1/licenses/{license_id} and GET /v1/organizations/{organization_id}/licenses (R8, R14)."""

from licensing.adapters import telemetry
from licensing.contract.licenses import AdministeredLicense, LicenseReply, LicensesReply
from licensing.domain.license import Status
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.filters import LicenseFilters, LicenseSort
from licensing.usecases.list_licenses import ListLicenses

app = http.resolver()
handler = http.handler(app)


@app.get("/v1/licenses/<license_id>")
def one(license_id: str) -> http.Reply:
    """Show one licence."""
    deployment = current_deployment()
    telemetry.about(license_id=license_id)
    answer = ListLicenses(deployment.store).one(license_id, http.caller(app.current_event))
    if isinstance(answer, Refused):
        return http.refuse(answer)
    record, organization = answer
    body = LicenseReply(license=AdministeredLicense.of(record, organization, deployment.now()))
    return http.reply(200, body, outcome="shown")


@app.get("/v1/organizations/<organization_id>/licenses")
def listing(organization_id: str) -> http.Reply:
    """List an organization's licences, page by page."""
    deployment = current_deployment()
    event = app.current_event
    now = deployment.now()

    answer = ListLicenses(deployment.store).listing(
        organization_id,
        http.caller(event),
        status=http.query_choice(event, "status", Status),
        filters=LicenseFilters(
            search=http.search(event),
            environment=event.query_string_parameters.get("environment"),
            primary=http.query_flag(event, "primary"),
        ),
        sort=http.query_choice(event, "sort", LicenseSort),
        limit=http.page_size(event),
        cursor=http.cursor(event),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    telemetry.about(organization_id=answer.organization.id)
    body = LicensesReply(
        licenses=[
            AdministeredLicense.of(record, answer.organization, now) for record in answer.licenses
        ],
        next_cursor=answer.next_cursor,
        total=answer.total,
    )
    return http.reply(200, body, outcome="listed")
