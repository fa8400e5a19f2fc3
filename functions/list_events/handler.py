"""What happened, newest first (R32, R33).

GET /v1/licenses/{license_id}/events and GET /v1/organizations/{organization_id}/events
"""

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.adapters import telemetry
from licensing.contract.events import EventsReply, EventView
from licensing.domain.audit import EventType
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.filters import EventFilters
from licensing.usecases.list_events import ListEvents
from licensing.usecases.ports import EventPage

app = http.resolver()
handler = http.handler(app)


@app.get("/v1/licenses/<license_id>/events")
def of_license(license_id: str) -> http.Reply:
    """Show a licence's history."""
    event = app.current_event
    telemetry.about(license_id=license_id)
    return _reply(
        ListEvents(current_deployment().store).of_license(
            license_id,
            http.caller(event),
            _filters(event),
            limit=http.page_size(event),
            cursor=http.cursor(event),
        )
    )


@app.get("/v1/organizations/<organization_id>/events")
def of_organization(organization_id: str) -> http.Reply:
    """Show an organization's feed; for super-admins, the complete trail."""
    event = app.current_event
    return _reply(
        ListEvents(current_deployment().store).of_organization(
            organization_id,
            http.caller(event),
            _filters(event),
            limit=http.page_size(event),
            cursor=http.cursor(event),
        )
    )


def _filters(event: APIGatewayProxyEventV2) -> EventFilters:
    return EventFilters(
        type=http.query_choice(event, "type", EventType),
        since=http.query_instant(event, "from"),
        before=http.query_instant(event, "before"),
    )


def _reply(answer: EventPage | Refused) -> http.Reply:
    if isinstance(answer, Refused):
        return http.refuse(answer)
    body = EventsReply(
        events=[EventView.of(entry) for entry in answer.events], next_cursor=answer.next_cursor
    )
    return http.reply(200, body, outcome="listed")
