"""Revoking ends a licence, or a temporary one, for good (R18, R25).

POST /v1/licenses/{license_id}/revoke and POST /v1/temporary-licenses/{license_id}/revoke
"""

from licensing.adapters import telemetry
from licensing.contract.licenses import TransitionRequest
from licensing.contract.temporary import TemporaryLicense, TemporaryReply
from licensing.domain.license import Action
from licensing.domain.refusal import Refused
from licensing.entrypoints import http, license_changes
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.change_license import ChangeLicense

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/licenses/<license_id>/revoke")
def revoke(license_id: str) -> http.Reply:
    """Revoke a licence."""
    return license_changes.apply(app.current_event, Action.REVOKE, license_id)


@app.post("/v1/temporary-licenses/<license_id>/revoke")
def revoke_temporary(license_id: str) -> http.Reply:
    """End a temporary licence early."""
    deployment = current_deployment()
    person = http.caller(app.current_event)
    request = http.parse_optional(app.current_event, TransitionRequest)
    telemetry.about(license_id=license_id)
    now = deployment.now()

    answer = ChangeLicense(deployment.store, deployment.entropy).revoke_temporary(
        license_id,
        person,
        http.origin_of_user(app.current_event, person),
        reason=request.reason if request else None,
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    record, term = answer
    body = TemporaryReply(license=TemporaryLicense.of(record, term, now))
    return http.reply(200, body, outcome="revoke_temporary")
