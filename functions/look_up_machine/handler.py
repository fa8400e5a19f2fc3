"""Super-admins find out who holds a machine (R4)."""

from licensing.contract.licenses import AdministeredLicense
from licensing.contract.machines import ComparedView, HolderView, LookupReply, LookupRequest
from licensing.entrypoints import http
from licensing.usecases.look_up_machine import Lookup, LookUpMachine

LOOKUP = http.Body(LookupRequest)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "POST /v1/machines/lookup",
        id="lookUpMachine",
        tag="Machines",
        summary="Find out who holds a machine.",
        callers="super-admins",
        description="It helps where a login was refused because another organization holds "
        "the machine. Changes no license; each organization that is found has on record that its "
        "data was read.",
        takes=(LOOKUP,),
        replies={200: LookupReply},
    )
)
def lookup(call: http.Call) -> http.Reply:
    """Find the organizations that hold a machine, with their licences there."""
    context = call.user()
    credentials = call.read(LOOKUP).machine.credentials()
    answer = call.use_case(LookUpMachine)(credentials, context)
    return http.answer(answer, lambda found: _show(found, call.now))


def _show(found: Lookup, now: int) -> http.Reply:
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
            for holder in found.holders
        ],
        compared=[ComparedView.of(compared) for compared in found.compared],
        not_counted=list(found.not_counted),
    )
    return http.reply(200, body, outcome="looked_up")
