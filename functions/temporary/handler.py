"""Super-admins generate and list temporary licences for partners (R25)."""

from licensing.adapters import telemetry
from licensing.contract.temporary import (
    GeneratedReply,
    TemporaryLicense,
    TemporaryListReply,
    TemporaryRequest,
)
from licensing.entrypoints import http
from licensing.usecases.generate_temporary import Generated, GenerateTemporary
from licensing.usecases.list_licenses import ListLicenses
from licensing.usecases.ports import LicensePage

TERMS = http.Body(TemporaryRequest)
IDEMPOTENCY_KEY = http.IdempotencyKey(
    "For 24 hours, requests of yours with the same key return the same license, however many you "
    "send. A request with a used key and another ttl or note is refused."
)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "POST /v1/organizations/{organization_id}/temporary-licenses",
        id="generateTemporaryLicense",
        tag="Temporary licenses",
        summary="Generate a temporary license.",
        callers="super-admins",
        description="It lets a partner into an agent of this organization for "
        "the time of `ttl`. The key is shown in this answer alone. Safe to repeat with the same "
        "`Idempotency-Key`.",
        takes=(TERMS, IDEMPOTENCY_KEY),
        replies={201: GeneratedReply},
        problems=(404, 422),
    )
)
def generate_one(call: http.Call, organization_id: str) -> http.Reply:
    """Generate a temporary licence and show its key."""
    context = call.user()
    asked, key = call.read(TERMS).asked(), call.read(IDEMPOTENCY_KEY)
    generate = call.use_case(GenerateTemporary)
    answer = generate(organization_id, asked, context, idempotency_key=key)
    return http.answer(answer, lambda generated: _show(generated, call.now))


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/temporary-licenses",
        id="listTemporaryLicenses",
        tag="Temporary licenses",
        summary="List an organization's temporary licenses.",
        callers="super-admins",
        description="Active ones first, then ended ones, newest first. Changes nothing.",
        takes=(http.PAGE,),
        replies={200: TemporaryListReply},
        problems=(404,),
    )
)
def listing(call: http.Call, organization_id: str) -> http.Reply:
    """List temporary licences: active ones first, then ended ones, newest first."""
    context = call.user()
    answer = call.use_case(ListLicenses).temporary(organization_id, call.page(), context)
    return http.answer(answer, lambda page: _show_page(page, call))


def _show(generated: Generated, now: int) -> http.Reply:
    record = generated.record
    telemetry.about(license_id=record.id, organization_id=record.organization_id)
    body = GeneratedReply(
        license=TemporaryLicense.of(record, generated.term, now),
        license_key=generated.key.reveal(),
    )
    return http.reply(201, body, outcome="generated")


def _show_page(page: LicensePage, call: http.Call) -> http.Reply:
    body = TemporaryListReply(
        licenses=[
            TemporaryLicense.of(record, record.term, call.now)
            for record in page.licenses
            if record.term is not None
        ],
        next_cursor=call.sealed(page.next_cursor),
    )
    return http.reply(200, body, outcome="listed")
