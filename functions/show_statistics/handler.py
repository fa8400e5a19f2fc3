"""An organization's licences as a whole: what there is now, and charts (R14, R17, R32)."""

from licensing.contract.statistics import ActivityReply, StatisticsReply
from licensing.contract.summaries import OrganizationSummaryReply
from licensing.entrypoints import http
from licensing.usecases.show_statistics import Activity, ShowStatistics, Statistics
from licensing.usecases.show_summary import LicensesNow, ShowSummary

DAYS = http.Number(
    "days",
    usual=30,
    largest=90,
    description="How many days (UTC), up to and including today.",
)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/statistics",
        id="getLicenseStatistics",
        tag="Licenses",
        summary="Count an organization's licenses by status over time.",
        description="How many there were at each midnight, and refusals by reason. Changes "
        "nothing.",
        takes=(DAYS,),
        replies={200: StatisticsReply},
        problems=(404,),
    )
)
def statistics(call: http.Call, organization_id: str) -> http.Reply:
    """Count licences by status over time, and refusals by reason."""
    context = call.user()
    days = call.read(DAYS)
    answer = call.use_case(ShowStatistics).statistics(organization_id, context, days=days)

    def show(found: Statistics) -> http.Reply:
        return http.reply(
            200, StatisticsReply.of(found), outcome="counted", headers=http.BRIEFLY_KEPT
        )

    return http.answer(answer, show)


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/activity",
        id="getAgentActivity",
        tag="Licenses",
        summary="Count the agents that were seen in each hour of a week.",
        description="A page is about some of the licenses: add all pages up. Changes nothing.",
        takes=(http.CURSOR,),
        replies={200: ActivityReply},
        problems=(404,),
    )
)
def activity(call: http.Call, organization_id: str) -> http.Reply:
    """Count the licences whose agents were seen, hour by hour of a week."""
    context = call.user()
    cursor = call.cursor()
    answer = call.use_case(ShowStatistics).activity(organization_id, context, cursor=cursor)

    def show(found: Activity) -> http.Reply:
        return http.reply(
            200,
            ActivityReply.of(found, next_cursor=call.sealed(found.next_cursor)),
            outcome="counted",
            headers=http.BRIEFLY_KEPT,
        )

    return http.answer(answer, show)


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/summary",
        id="getOrganizationSummary",
        tag="Licenses",
        summary="Count an organization's licenses as they are now.",
        description="By status; of those that hold a seat, by environment and by whether they have "
        "a device key. Changes nothing.",
        replies={200: OrganizationSummaryReply},
        problems=(404,),
    )
)
def summary(call: http.Call, organization_id: str) -> http.Reply:
    """Count an organization's licences."""
    answer = call.use_case(ShowSummary).of_organization(organization_id, call.user())

    def show(found: LicensesNow) -> http.Reply:
        body = OrganizationSummaryReply.of(found)
        return http.reply(200, body, outcome="counted", headers=http.BRIEFLY_KEPT)

    return http.answer(answer, show)
