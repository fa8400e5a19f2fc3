"""POST /v1/licenses/{license_id}/revoke: ends a licence for good (R18)."""

from licensing import http, runtime, telemetry
from licensing.contract import AdministeredLicense, LicenseReply, TransitionRequest
from licensing.license import Action
from licensing.refusal import Refused
from licensing.transition import ChangeLicense

app = http.resolver()
handler = http.entry(app)


@app.post("/v1/licenses/<license_id>/revoke")
def revoke(license_id: str) -> http.Reply:
    """Revoke a licence."""
    deployment = runtime.current()
    person = http.caller(app.current_event)
    request = http.parse_optional(app.current_event, TransitionRequest)
    telemetry.about(license_id=license_id)
    now = deployment.now()

    answer = ChangeLicense(deployment.store, deployment.entropy)(
        Action.REVOKE,
        license_id,
        person,
        http.origin_of_user(app.current_event, person),
        reason=request.reason if request else None,
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    body = LicenseReply(license=AdministeredLicense.of(answer, None, now))
    return http.reply(200, body, outcome="revoked")
