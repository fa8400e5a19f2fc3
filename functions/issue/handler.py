"""POST /v1/licenses: the first login of an agent, and every one after it (R1–R6, R20, R26)."""

from licensing.adapters import telemetry
from licensing.contract.agents import (
    Capabilities,
    LeaseView,
    LoginReply,
    LoginRequest,
    OlderLoginRequest,
)
from licensing.contract.licenses import LicenseView
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.log_in import LogIn

app = http.resolver()
handler = http.handler(app, takes_proofs=True)


@app.post("/v1/licenses")
def login() -> http.Reply:
    """Log an agent in."""
    deployment = current_deployment()
    person = http.caller(app.current_event)
    body = http.parse_either(app.current_event, LoginRequest, OlderLoginRequest)
    request = body.login(http.good_proof(app.current_event, http.bearer(app.current_event)))
    telemetry.about(organization_id=person.organization_id)
    now = deployment.now()

    answer = LogIn(
        deployment.store,
        deployment.keyrings,
        deployment.lease_terms,
        deployment.entropy,
        deployment.settings.older_agents,
    )(
        request,
        person,
        http.origin_of_user(app.current_event, person, agent_version=request.agent_version),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)

    telemetry.about(license_id=answer.record.id)
    reply = LoginReply(
        license=LicenseView.of(
            answer.record, answer.organization, now, environment=request.environment
        ),
        license_key=answer.key.reveal(),
        lease=LeaseView.of(answer.lease),
        capabilities=Capabilities(save_configuration=answer.record.term is None),
        created=answer.created,
    )
    if answer.created:
        return http.reply(201, reply, outcome="issued")
    return http.reply(200, reply, outcome="returned")
