"""Administrators block, unblock, dissociate, mark and label an agent's licence (R8, R19, R20).

POST /v1/licenses/{license_id}/attach, /detach and /dissociate, and PATCH /v1/licenses/{license_id}
"""

from licensing.adapters import telemetry
from licensing.contract.licenses import EditRequest
from licensing.domain.license import Action
from licensing.entrypoints import http, license_changes
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.change_license import ChangeLicense, Edit

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/attach")
def attach(license_id: str) -> http.Reply:
    """Unblock an agent."""
    return license_changes.apply(app.current_event, Action.ATTACH, license_id)


@app.post("/v1/licenses/<license_id>/detach")
def detach(license_id: str) -> http.Reply:
    """Block an agent without freeing its machine."""
    return license_changes.apply(app.current_event, Action.DETACH, license_id)


@app.post("/v1/licenses/<license_id>/dissociate")
def dissociate(license_id: str) -> http.Reply:
    """Free an agent's machine and seat; its key waits."""
    return license_changes.apply(app.current_event, Action.DISSOCIATE, license_id)


@app.patch("/v1/licenses/<license_id>")
def edit(license_id: str) -> http.Reply:
    """Mark an agent as primary, or label it."""
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
