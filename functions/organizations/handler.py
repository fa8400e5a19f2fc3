"""GET and PUT /v1/organizations/{organization_id}: name, subscription, seats (R6, R14, R24)."""

from licensing import http, runtime, telemetry
from licensing.contract.organizations import (
    OrganizationReply,
    OrganizationRequest,
    OrganizationView,
)
from licensing.errors import InvalidInput
from licensing.organization import Organization, is_organization_id
from licensing.read import ReadLicenses
from licensing.refusal import Refused
from licensing.subscribe import ChangeOrganization, Wanted

app = http.resolver()
handler = http.handler(app)


@app.get("/v1/organizations/<organization_id>")
def show(organization_id: str) -> http.Reply:
    """Show an organization."""
    answer = ReadLicenses(runtime.current().store).organization(
        organization_id, http.caller(app.current_event)
    )
    return http.refuse(answer) if isinstance(answer, Refused) else _reply(answer, created=False)


@app.put("/v1/organizations/<organization_id>")
def put(organization_id: str) -> http.Reply:
    """Create an organization, or change it as it was last read."""
    deployment = runtime.current()
    event = app.current_event
    person = http.caller(event)
    if not is_organization_id(organization_id):
        raise InvalidInput(
            "An organization id has 2 to 63 lower-case letters, digits and hyphens.",
            pointer="/path/organization_id",
        )
    request = http.parse(event, OrganizationRequest)

    answer = ChangeOrganization(deployment.store, deployment.entropy).by_administrator(
        Wanted(organization_id, request.name, request.subscription(), request.max_agents),
        person,
        http.origin_of_user(event, person),
        expected_version=http.if_match(event),
        now=deployment.now(),
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return _reply(answer.organization, created=answer.created)


def _reply(organization: Organization, *, created: bool) -> http.Reply:
    telemetry.about(organization_id=organization.id)
    body = OrganizationReply(organization=OrganizationView.of(organization))
    return http.reply(
        201 if created else 200,
        body,
        outcome="registered" if created else "shown",
        headers={"etag": f'"{organization.version}"'},
    )
