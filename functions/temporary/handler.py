"""POST and GET /v1/organizations/{organization_id}/temporary-licenses (R25)."""

from licensing.adapters import telemetry
from licensing.contract.temporary import (
    GeneratedReply,
    TemporaryLicense,
    TemporaryListReply,
    TemporaryRequest,
)
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.generate_temporary import GenerateTemporary
from licensing.usecases.list_licenses import ListLicenses

app = http.resolver()
handler = http.handler(app)


@app.post("/v1/organizations/<organization_id>/temporary-licenses")
def generate(organization_id: str) -> http.Reply:
    """Generate a temporary licence and show its key."""
    deployment = current_deployment()
    event = app.current_event
    person = http.caller(event)
    request = http.parse(event, TemporaryRequest)
    now = deployment.now()

    answer = GenerateTemporary(deployment.store, deployment.keyrings, deployment.entropy)(
        organization_id,
        request.ttl,
        person,
        http.origin_of_user(event, person),
        idempotency_key=http.idempotency_key(event),
        now=now,
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    telemetry.about(license_id=answer.record.id, organization_id=answer.record.organization_id)
    body = GeneratedReply(
        license=TemporaryLicense.of(answer.record, answer.term, now),
        license_key=answer.key.reveal(),
    )
    return http.reply(201, body, outcome="generated")


@app.get("/v1/organizations/<organization_id>/temporary-licenses")
def listing(organization_id: str) -> http.Reply:
    """List temporary licences: active ones first, then ended ones, newest first."""
    deployment = current_deployment()
    event = app.current_event
    now = deployment.now()

    answer = ListLicenses(deployment.store).temporary(
        organization_id,
        http.caller(event),
        limit=http.page_size(event),
        cursor=http.cursor(event),
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    body = TemporaryListReply(
        licenses=[
            TemporaryLicense.of(record, record.term, now)
            for record in answer.licenses
            if record.term is not None
        ],
        next_cursor=answer.next_cursor,
    )
    return http.reply(200, body, outcome="listed")
