"""An agent proves itself with its key alone (R7, R13–R17, R30)."""

from licensing.adapters import telemetry
from licensing.contract.agents import (
    LeaseView,
    OlderValidateRequest,
    ValidateReply,
    ValidateRequest,
)
from licensing.contract.fields import instant
from licensing.contract.licenses import LicenseView
from licensing.domain.validation import Code
from licensing.entrypoints import http
from licensing.usecases.agent_requests import Validation
from licensing.usecases.validate import ValidateLicense, Verdict

QUESTION = http.VersionedBody(ValidateRequest, OlderValidateRequest)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "POST /v1/licenses/validate",
        id="validateLicense",
        tag="Agents",
        summary="Validate a license key.",
        callers="agents",
        description="An agent calls it with its license key; no person and no token take part. The "
        "answer says whether the agent may work and what it does next, and brings a signed lease "
        "on which it works while the service is out of reach. A key that is not valid is a 200, "
        "too: read `valid` and `code`. Safe to repeat: the same `nonce` and `lease` get the same "
        "lease.",
        takes=(QUESTION, http.PROOF),
        replies={200: ValidateReply},
        problems=(403,),
        needs_token=False,
    )
)
def validate(call: http.Call) -> http.Reply:
    """Validate a licence key."""
    body = call.read(QUESTION)
    request = body.validation(call.proof_for_key(body.license_key))
    license_id = request.key.license_id
    telemetry.about(license_id=license_id)
    context = call.agent(
        license_id,
        agent_version=request.agent_version,
        computer_name=request.credentials.display_name,
    )
    answer = call.use_case(ValidateLicense)(request, context)
    return http.answer(answer, lambda verdict: _show(verdict, call, request))


def _show(verdict: Verdict, call: http.Call, asked: Validation) -> http.Reply:
    record, organization = verdict.record, verdict.organization
    if organization:
        telemetry.about(organization_id=organization.id)
    if verdict.last_seen_deferred:
        telemetry.logger.warning("the agent's last-seen time could not be kept")
        telemetry.count("SightingsDeferred")
    body = ValidateReply(
        valid=verdict.code is Code.VALID,
        code=verdict.code,
        message=verdict.message,
        action=verdict.action,
        license=record
        and LicenseView.of(record, organization, call.now, environment=asked.environment),
        lease=LeaseView.of(verdict.lease) if verdict.lease else None,
        nonce=asked.nonce,
        server_time=instant(call.now),
    )
    return http.reply(200, body, outcome=verdict.code)
