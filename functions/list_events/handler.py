"""What happened, newest first (R32, R33)."""

from licensing.contract.events import EventsReply, EventView
from licensing.domain.audit import AcrossType, EventType
from licensing.entrypoints import http
from licensing.usecases.filters import EventFilters
from licensing.usecases.list_events import ListEvents
from licensing.usecases.ports import EventPage

TYPE = http.Choice("type", EventType, "Only events of this type.")
FROM = http.Instant(
    "from",
    "Events at this time or later. The refusals of an hour are one entry, with the time at which "
    "the hour began.",
)
BEFORE = http.Instant("before", "Events before this time. For refusals, see from.")
TAKEN = (TYPE, FROM, BEFORE, http.PAGE)
ACROSS_TYPE = http.Choice("type", AcrossType, "Only events of this type.")

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "GET /v1/licenses/{license_id}/events",
        id="listLicenseEvents",
        tag="Licenses",
        summary="List a license's events.",
        description="The whole history, newest first. Changes nothing.",
        takes=TAKEN,
        replies={200: EventsReply},
        problems=(404,),
    )
)
def of_license(call: http.Call, license_id: str) -> http.Reply:
    """Show a licence's history."""
    context = call.user()
    filters, page = _filters(call), call.page()
    answer = call.use_case(ListEvents).of_license(license_id, filters, page, context)
    return http.answer(answer, lambda found: _show(found, call))


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/events",
        id="listOrganizationEvents",
        tag="Organizations",
        summary="List an organization's events.",
        description="Its feed, newest first; for super-admins, the complete trail. Changes "
        "nothing.",
        takes=TAKEN,
        replies={200: EventsReply},
        problems=(404,),
    )
)
def of_organization(call: http.Call, organization_id: str) -> http.Reply:
    """Show an organization's feed; for super-admins, the complete trail."""
    context = call.user()
    filters, page = _filters(call), call.page()
    answer = call.use_case(ListEvents).of_organization(organization_id, filters, page, context)
    return http.answer(answer, lambda found: _show(found, call))


@api.serves(
    http.Operation(
        "GET /v1/events",
        id="listEvents",
        tag="Organizations",
        summary="List suspected clones and refusals of all organizations.",
        callers="super-admins",
        description="Newest first. Changes nothing but that each organization of which something "
        "is shown has on record that its data was read.",
        takes=(ACROSS_TYPE, FROM, BEFORE, http.PAGE),
        replies={200: EventsReply},
    )
)
def of_all(call: http.Call) -> http.Reply:
    """Show what happened in all organizations."""
    context, asked = call.user(), call.read(ACROSS_TYPE)
    filters = EventFilters(
        type=None if asked is None else EventType(asked),
        since=call.read(FROM),
        before=call.read(BEFORE),
    )
    answer = call.use_case(ListEvents).of_all(filters, call.page(), context)
    return http.answer(answer, lambda found: _show(found, call))


def _filters(call: http.Call) -> EventFilters:
    return EventFilters(type=call.read(TYPE), since=call.read(FROM), before=call.read(BEFORE))


def _show(page: EventPage, call: http.Call) -> http.Reply:
    body = EventsReply(
        events=[EventView.of(entry) for entry in page.events],
        next_cursor=call.sealed(page.next_cursor),
    )
    return http.reply(200, body, outcome="listed")
