"""POST /v1/licenses/validate: an agent proves itself with its key alone (R7, R13–R17, R30)."""

from licensing.adapters import telemetry
from licensing.contract.agents import (
    LeaseView,
    OlderValidateRequest,
    ValidateReply,
    ValidateRequest,
)
from licensing.contract.fields import instant
from licensing.contract.licenses import LicenseView
from licensing.domain.refusal import Refused
from licensing.domain.validation import Code
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.validate import ValidateLicense

app = http.resolver()
handler = http.handler(app, takes_proofs=True)


@app.post("/v1/licenses/validate")
def validate() -> http.Reply:
    """Validate a licence key."""
    deployment = current_deployment()
    body = http.parse_either(app.current_event, ValidateRequest, OlderValidateRequest)
    request = body.validation(http.proof(app.current_event, body.license_key))
    license_id = request.key.license_id
    telemetry.about(license_id=license_id)
    now = deployment.now()

    verdict = ValidateLicense(
        deployment.store,
        deployment.keyrings,
        deployment.lease_terms,
        deployment.entropy,
        deployment.settings.last_seen_seconds,
        deployment.settings.older_agents,
    )(
        request,
        http.origin_of_agent(app.current_event, license_id, agent_version=request.agent_version),
        now=now,
    )
    if isinstance(verdict, Refused):
        return http.refuse(verdict)
    if verdict.organization:
        telemetry.about(organization_id=verdict.organization.id)
    if verdict.last_seen_deferred:
        telemetry.logger.warning("the agent's last-seen time could not be kept")
        telemetry.count("SightingsDeferred")

    reply = ValidateReply(
        valid=verdict.code is Code.VALID,
        code=verdict.code,
        message=verdict.message,
        action=verdict.action,
        license=verdict.record
        and LicenseView.of(
            verdict.record, verdict.organization, now, environment=request.environment
        ),
        lease=LeaseView.of(verdict.lease) if verdict.lease else None,
        server_time=instant(now),
    )
    return http.reply(200, reply, outcome=verdict.code)
