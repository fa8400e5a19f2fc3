"""Super-admins find out who holds a machine, and find agents of all organizations (R4, R8)."""

from licensing.contract.licenses import AdministeredLicense
from licensing.contract.machines import ComparedView, HolderView, LookupReply, LookupRequest
from licensing.contract.searches import SearchReply, SearchRequest
from licensing.domain.errors import InvalidInput
from licensing.entrypoints import http
from licensing.usecases.look_up_machine import Lookup, LookUpMachine
from licensing.usecases.pagination import foreign_cursor
from licensing.usecases.search_licenses import Found, SearchLicenses

LOOKUP = http.Body(LookupRequest)
SEARCH = http.Body(SearchRequest)

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


@api.serves(
    http.Operation(
        "POST /v1/licenses/search",
        id="searchLicenses",
        tag="Licenses",
        summary="Search the licenses of all organizations.",
        callers="super-admins",
        description="By the beginning of a computer's name, by license id or by license key. "
        "Changes no license; each organization of which something is found has on record that its "
        "data was read.",
        takes=(SEARCH,),
        replies={200: SearchReply},
    )
)
def search(call: http.Call) -> http.Reply:
    """Find agents by what somebody has of them."""
    context, sent = call.user(), call.read(SEARCH)

    def show(found: Found) -> http.Reply:
        body = SearchReply.of(found, call.now, next_cursor=call.sealed(found.next_cursor))
        return http.reply(200, body, outcome="searched")

    try:
        page = call.page_in_body(sent.limit, sent.cursor)
        answer = call.use_case(SearchLicenses)(sent.text, page, context)
    except InvalidInput as error:
        # A cursor stands in the body here, and in the query everywhere else.
        raise (
            foreign_cursor("/cursor") if error.pointer == foreign_cursor().pointer else error
        ) from None
    return http.answer(answer, show)
