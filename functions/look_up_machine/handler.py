"""Super-admins find out who holds a machine (R4)."""

from collections.abc import Sequence

from licensing.contract.licenses import AdministeredLicense
from licensing.contract.machines import HolderView, LookupReply, LookupRequest
from licensing.entrypoints import http
from licensing.usecases.look_up_machine import Holder, LookUpMachine

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
    return http.answer(answer, lambda holders: _show(holders, call.now))


def _show(holders: Sequence[Holder], now: int) -> http.Reply:
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
            for holder in holders
        ]
    )
    return http.reply(200, body, outcome="looked_up")
