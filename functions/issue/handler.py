"""The first login of an agent, and every one after it (R1–R6, R20, R26)."""

from licensing.adapters import telemetry
from licensing.contract.agents import (
    Capabilities,
    LeaseView,
    LoginReply,
    LoginRequest,
    OlderLoginRequest,
)
from licensing.contract.fields import instant
from licensing.contract.licenses import LicenseView
from licensing.entrypoints import http
from licensing.usecases.log_in import LogIn
from licensing.usecases.login import Issued

LOGIN = http.VersionedBody(LoginRequest, OlderLoginRequest)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "POST /v1/licenses",
        id="logInAgent",
        tag="Agents",
        summary="Log an agent in.",
        callers="agents",
        description="An agent calls it with the token of a person of the organization. The first "
        "login issues a license for this machine and environment, and takes a seat (201); later "
        "ones, by whomever of the organization, return the same license and key (200). With the "
        "key of a dissociated license it binds that license to this machine; with that of a "
        "temporary one it lets a partner in. Safe to repeat, also after an answer was lost.",
        takes=(LOGIN, http.PROOF, http.PREVIOUS_PROOF),
        for_agents=True,
        replies={201: LoginReply, 200: LoginReply},
        problems=(404, 409),
    )
)
def login(call: http.Call) -> http.Reply:
    """Log an agent in."""
    person = call.user().caller
    request = call.read(LOGIN).login(call.proof_for_token(), call.previous_proof_for_token())
    telemetry.about(organization_id=person.organization_id)
    context = call.user(
        agent_version=request.agent_version, computer_name=request.credentials.display_name
    )
    answer = call.use_case(LogIn)(request, context)
    return http.answer(answer, lambda issued: _show(issued, call, request.environment))


def _show(issued: Issued, call: http.Call, environment: str) -> http.Reply:
    record = issued.record
    telemetry.about(license_id=record.id)
    body = LoginReply(
        license=LicenseView.of(record, issued.organization, call.now, environment=environment),
        license_key=issued.key.reveal(),
        lease=LeaseView.of(issued.lease),
        capabilities=Capabilities(save_configuration=record.term is None),
        created=issued.created,
        server_time=instant(call.now),
    )
    if issued.created:
        return http.reply(201, body, outcome="issued")
    return http.reply(200, body, outcome="returned")
