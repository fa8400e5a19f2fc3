"""Organizations with name, subscription and seats, and who is asking (R6, R14, R24).

GET /v1/me, GET /v1/organizations, GET, PUT and PATCH /v1/organizations/{organization_id}
"""

from licensing.adapters import telemetry
from licensing.contract.callers import CallerReply
from licensing.contract.organizations import (
    OrganizationReply,
    OrganizationRequest,
    OrganizationsReply,
    OrganizationView,
    PolicyRequest,
)
from licensing.domain.errors import InvalidInput
from licensing.domain.organization import Organization, Standing, is_organization_id
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.change_policy import ChangePolicy, Decision
from licensing.usecases.change_subscription import ChangeSubscription, OrganizationSpec
from licensing.usecases.filters import OrganizationFilters, OrganizationSort
from licensing.usecases.list_licenses import ListLicenses

app = http.resolver()
handler = http.handler(app)


@app.get("/v1/me")
def me() -> http.Reply:
    """Show who is asking."""
    return http.reply(200, CallerReply.of(http.caller(app.current_event)), outcome="shown")


@app.get("/v1/organizations")
def listing() -> http.Reply:
    """List all organizations, page by page."""
    deployment = current_deployment()
    event = app.current_event
    now = deployment.now()

    answer = ListLicenses(deployment.store).organizations(
        http.caller(event),
        OrganizationFilters(
            search=http.search(event),
            standing=http.query_choice(event, "standing", Standing),
            ends_from=http.query_instant(event, "ends_from"),
            ends_before=http.query_instant(event, "ends_before"),
        ),
        sort=http.query_choice(event, "sort", OrganizationSort) or OrganizationSort.NAME,
        limit=http.page_size(event),
        cursor=http.cursor(event),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    body = OrganizationsReply(
        organizations=[OrganizationView.of(one, now) for one in answer.organizations],
        next_cursor=answer.next_cursor,
        total=answer.total,
    )
    return http.reply(200, body, outcome="listed")


@app.get("/v1/organizations/<organization_id>")
def show(organization_id: str) -> http.Reply:
    """Show an organization."""
    deployment = current_deployment()
    answer = ListLicenses(deployment.store).organization(
        organization_id, http.caller(app.current_event)
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return _reply(answer, deployment.now(), created=False)


@app.put("/v1/organizations/<organization_id>")
def put(organization_id: str) -> http.Reply:
    """Create an organization, or change it as it was last read."""
    deployment = current_deployment()
    event = app.current_event
    person = http.caller(event)
    now = deployment.now()
    if not is_organization_id(organization_id):
        raise InvalidInput(
            "An organization id has 2 to 63 lower-case letters, digits and hyphens.",
            pointer="/path/organization_id",
        )
    request = http.parse(event, OrganizationRequest)

    answer = ChangeSubscription(deployment.store, deployment.entropy).by_administrator(
        OrganizationSpec(organization_id, request.name, request.subscription(), request.max_agents),
        person,
        http.origin_of_user(event, person),
        expected_version=http.if_match(event),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return _reply(answer.organization, now, created=answer.created)


@app.patch("/v1/organizations/<organization_id>")
def govern(organization_id: str) -> http.Reply:
    """Change what an organization has decided about its agents."""
    deployment = current_deployment()
    person = http.caller(app.current_event)
    request = http.parse(app.current_event, PolicyRequest)
    now = deployment.now()

    answer = ChangePolicy(deployment.store, deployment.entropy)(
        organization_id,
        Decision(request.require_device_key, request.block_clones),
        person,
        http.origin_of_user(app.current_event, person),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return _reply(answer, now, created=False)


def _reply(organization: Organization, now: int, *, created: bool) -> http.Reply:
    telemetry.about(organization_id=organization.id)
    body = OrganizationReply(organization=OrganizationView.of(organization, now))
    return http.reply(
        201 if created else 200,
        body,
        outcome="registered" if created else "shown",
        headers={"etag": f'"{organization.version}"'},
    )
