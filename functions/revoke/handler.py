"""Revoking ends a licence, or a temporary one, for good (R18, R25)."""

from licensing.contract.temporary import TemporaryLicense, TemporaryReply
from licensing.domain.license import Action, License
from licensing.domain.temporary_license import Term
from licensing.entrypoints import http
from licensing.entrypoints.license_changes import WHY, apply, transition
from licensing.usecases.change_license import ChangeLicense

api = http.Api()
handler = api.handler


@api.serves(
    transition(
        Action.REVOKE,
        "End a license for good.",
        "Its key is dead, its machine and seat are free, and a login from there gets a new "
        "license. It cannot be undone. An agent that does not ask can go on until `leased_until`.",
    )
)
def revoke(call: http.Call, license_id: str) -> http.Reply:
    """Revoke a licence."""
    return apply(call, Action.REVOKE, license_id)


@api.serves(
    http.Operation(
        "POST /v1/temporary-licenses/{license_id}/revoke",
        id="revokeTemporaryLicense",
        tag="Temporary licenses",
        summary="End a temporary license early.",
        callers="super-admins",
        description="The partner's next validation is refused. Safe to repeat.",
        takes=(WHY,),
        replies={200: TemporaryReply},
        problems=(404,),
    )
)
def revoke_temporary(call: http.Call, license_id: str) -> http.Reply:
    """End a temporary licence early."""
    context = call.user()
    why = call.read(WHY)
    answer = call.use_case(ChangeLicense).revoke_temporary(
        license_id, context, reason=why.reason if why else None
    )

    def show(ended: tuple[License, Term]) -> http.Reply:
        body = TemporaryReply(license=TemporaryLicense.of(*ended, call.now))
        return http.reply(200, body, outcome="revoke_temporary")

    return http.answer(answer, show)
