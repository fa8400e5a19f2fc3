"""POST /v1/machines/lookup: who holds this machine? (R4)."""

from licensing.contract.licenses import AdministeredLicense
from licensing.contract.machines import HolderView, LookupReply, LookupRequest
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.look_up_machine import LookUpMachine

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/machines/lookup")
def lookup() -> http.Reply:
    """Find the organizations that hold a machine, with their licences there."""
    deployment = current_deployment()
    person = http.caller(app.current_event)
    request = http.parse(app.current_event, LookupRequest)
    now = deployment.now()

    answer = LookUpMachine(deployment.store, deployment.keyrings)(
        request.machine.credentials(), person
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    body = LookupReply(
        holders=[
            HolderView(
                organization_id=holder.organization.id,
                name=holder.organization.name,
                licenses=[
                    AdministeredLicense.of(record, holder.organization, now)
                    for record in holder.licenses
                ],
            )
            for holder in answer
        ]
    )
    return http.reply(200, body, outcome="looked_up")
