"""PATCH /v1/licenses/{license_id}: marks an agent as primary, or labels it (R8)."""

from licensing.adapters import telemetry
from licensing.contract.licenses import EditRequest
from licensing.entrypoints import http, license_changes
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.change_license import ChangeLicense, Edit

app = http.resolver()
handler = http.handler(app)


@app.patch("/v1/licenses/<license_id>")
def edit(license_id: str) -> http.Reply:
    """Mark a licence."""
    deployment = current_deployment()
    person = http.caller(app.current_event)
    request = http.parse(app.current_event, EditRequest)
    telemetry.about(license_id=license_id)
    now = deployment.now()

    answer = ChangeLicense(deployment.store, deployment.entropy).edit(
        Edit(request.primary, request.label),
        license_id,
        person,
        http.origin_of_user(app.current_event, person),
        now=now,
    )
    return license_changes.show(answer, outcome="edit", now=now)
