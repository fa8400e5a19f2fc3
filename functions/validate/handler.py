"""POST /v1/licenses/validate: an agent proves itself with its key alone (R7, R13–R17)."""

from licensing import http, keys, runtime, telemetry
from licensing.contract import LeaseView, LicenseView, ValidateReply, ValidateRequest, instant
from licensing.license import Code
from licensing.validate import MESSAGES, NEXT_STEPS, ValidateLicense, Validation

app = http.resolver()
handler = http.entry(app)


@app.post("/v1/licenses/validate")
def validate() -> http.Reply:
    """Validate a licence key."""
    deployment = runtime.current()
    request = http.parse(app.current_event, ValidateRequest)
    key = keys.parse(request.license_key)
    telemetry.about(license_id=key.license_id)
    now = deployment.now()

    verdict = ValidateLicense(
        deployment.store,
        deployment.keyrings,
        deployment.lease_terms,
        deployment.settings.last_seen_seconds,
    )(
        Validation(
            key,
            request.organization_id,
            request.environment,
            request.machine.credentials(),
            request.nonce,
        ),
        http.origin_of_agent(
            app.current_event, key.license_id, agent_version=request.agent_version
        ),
        now=now,
    )
    if verdict.organization:
        telemetry.about(organization_id=verdict.organization.id)
    if verdict.sighting_deferred:
        telemetry.logger.warning("the agent's last-seen time could not be kept")
        telemetry.count("SightingsDeferred")

    body = ValidateReply(
        valid=verdict.code is Code.VALID,
        code=verdict.code,
        message=MESSAGES[verdict.code],
        action=NEXT_STEPS[verdict.code],
        license=verdict.record and LicenseView.of(verdict.record, verdict.organization, now),
        lease=LeaseView.of(verdict.lease) if verdict.lease else None,
        server_time=instant(now),
    )
    return http.reply(200, body, outcome=verdict.code)
