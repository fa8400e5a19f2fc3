"""An organization's licences as a whole, for charts (R14, R17, R32).

GET /v1/organizations/{organization_id}/statistics and /v1/organizations/{organization_id}/activity
"""

from types import MappingProxyType
from typing import Final

from licensing.contract.statistics import ActivityReply, StatisticsReply
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.show_statistics import ShowStatistics

USUAL_DAYS: Final = 30
MOST_DAYS: Final = 90

# A chart need not be fresher, and whoever comes next at this browser may see less of it.
_KEPT: Final = MappingProxyType({"cache-control": "private, max-age=60", "vary": "authorization"})

app = http.resolver()
handler = http.handler(app)


@app.get("/v1/organizations/<organization_id>/statistics")
def statistics(organization_id: str) -> http.Reply:
    """Count licences by status over time, and refusals by reason."""
    deployment = current_deployment()
    event = app.current_event
    answer = ShowStatistics(deployment.store).statistics(
        organization_id,
        http.caller(event),
        days=http.query_number(event, "days", usual=USUAL_DAYS, largest=MOST_DAYS),
        now=deployment.now(),
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return http.reply(200, StatisticsReply.of(answer), outcome="counted", headers=_KEPT)


@app.get("/v1/organizations/<organization_id>/activity")
def activity(organization_id: str) -> http.Reply:
    """Count the licences whose agents were seen, hour by hour of a week."""
    deployment = current_deployment()
    event = app.current_event
    answer = ShowStatistics(deployment.store).activity(
        organization_id,
        http.caller(event),
        cursor=http.cursor(event),
        now=deployment.now(),
    )
    if isinstance(answer, Refused):
        return http.refuse(answer)
    return http.reply(200, ActivityReply.of(answer), outcome="counted", headers=_KEPT)
