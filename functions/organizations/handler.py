"""Organizations with name, subscription and seats, and who is asking (R6, R14, R24)."""

from licensing.adapters import telemetry
from licensing.contract.callers import CallerReply
from licensing.contract.organizations import (
    AmendmentRequest,
    OrganizationReply,
    OrganizationRequest,
    OrganizationsReply,
    OrganizationView,
)
from licensing.contract.summaries import SummaryReply
from licensing.domain.errors import InvalidInput
from licensing.domain.organization import Organization, SeatUse, Standing, is_organization_id
from licensing.entrypoints import http
from licensing.usecases.amend_organization import AmendOrganization
from licensing.usecases.change_subscription import ChangeSubscription, Registered
from licensing.usecases.filters import OrganizationFilters, OrganizationSort
from licensing.usecases.list_licenses import ListLicenses, OrganizationListing
from licensing.usecases.show_summary import OrganizationsNow, ShowSummary

SEARCH = http.SearchText("A part of the id or of the name, in upper or lower case.")
STANDING = http.Choice("standing", Standing, "Only organizations whose subscription stands so.")
SEATS = http.Choice(
    "seats", SeatUse, "Only organizations without a free seat, or with nine tenths of them used."
)
ENDS_FROM = http.Instant("ends_from", "The subscription ends at this time or later.")
ENDS_BEFORE = http.Instant("ends_before", "The subscription ends before this time.")
SORT = http.Choice(
    "sort", OrganizationSort, "What they are ordered by.", usual=OrganizationSort.NAME
)
SEEN = http.IfMatch("The ETag of the organization as you read it. Leave it out to create one.")
NEW = http.IfNoneMatch("Send * to create the organization, and never to change it.")
ORGANIZATION = http.Body(OrganizationRequest)
AMENDMENT = http.Body(AmendmentRequest)
UNCHANGED = http.IfMatch("The ETag of the organization, to change it only if it is still that.")

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "GET /v1/me",
        id="getCurrentUser",
        tag="Service",
        summary="Show who is asking.",
        callers="operators",
        description="The person, as the token has it. Changes nothing.",
        replies={200: CallerReply},
    )
)
def me(call: http.Call) -> http.Reply:
    """Show who is asking."""
    return http.reply(200, CallerReply.of(call.user().caller), outcome="shown")


@api.serves(
    http.Operation(
        "GET /v1/organizations",
        id="listOrganizations",
        tag="Organizations",
        summary="List all organizations.",
        callers="super-admins",
        description="Changes nothing.",
        takes=(SEARCH, STANDING, SEATS, ENDS_FROM, ENDS_BEFORE, SORT, http.SORTED_PAGE),
        replies={200: OrganizationsReply},
    )
)
def listing(call: http.Call) -> http.Reply:
    """List all organizations, page by page."""
    context = call.user()
    filters = OrganizationFilters(
        search=call.read(SEARCH),
        standing=call.read(STANDING),
        seats=call.read(SEATS),
        ends_from=call.read(ENDS_FROM),
        ends_before=call.read(ENDS_BEFORE),
    )
    sort = call.read(SORT) or OrganizationSort.NAME
    page = call.sorted_page()
    answer = call.use_case(ListLicenses).organizations(filters, sort, page, context)
    return http.answer(answer, lambda found: _show_page(found, call))


@api.serves(
    http.Operation(
        "GET /v1/summary",
        id="getSummary",
        tag="Organizations",
        summary="Count all organizations as they are now.",
        callers="super-admins",
        description="By what their subscriptions mean, by the day on which these end, and by "
        "whether seats are left. Changes nothing.",
        replies={200: SummaryReply},
    )
)
def summary(call: http.Call) -> http.Reply:
    """Count all organizations."""
    answer = call.use_case(ShowSummary).of_all(call.user())

    def show(found: OrganizationsNow) -> http.Reply:
        return http.reply(200, SummaryReply.of(found), outcome="counted", headers=http.BRIEFLY_KEPT)

    return http.answer(answer, show)


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}",
        id="getOrganization",
        tag="Organizations",
        summary="Show an organization.",
        description="Its subscription, seats and policy. Changes nothing.",
        replies={200: OrganizationReply},
        problems=(404,),
        is_tagged=True,
    )
)
def one(call: http.Call, organization_id: str) -> http.Reply:
    """Show an organization."""
    answer = call.use_case(ListLicenses).organization(organization_id, call.user())
    return http.answer(answer, lambda found: _show(found, call))


@api.serves(
    http.Operation(
        "PUT /v1/organizations/{organization_id}",
        id="createOrUpdateOrganization",
        tag="Organizations",
        summary="Create an organization, or set its name, subscription and seats.",
        callers="super-admins",
        description="Without `If-Match` it creates the organization; with it, it "
        "changes the version that was read. The policy stays. Safe to repeat: what is so already "
        "is answered with 200.",
        takes=(ORGANIZATION, SEEN, NEW),
        replies={201: OrganizationReply, 200: OrganizationReply},
        problems=(404, 412),
        is_tagged=True,
    )
)
def put(call: http.Call, organization_id: str) -> http.Reply:
    """Create an organization, or change it as it was last read."""
    context = call.user()
    if not is_organization_id(organization_id):
        raise InvalidInput(
            "An organization id has 2 to 63 lower-case letters, digits and hyphens.",
            pointer="/path/organization_id",
        )
    wanted, seen = call.read(ORGANIZATION).spec(organization_id), call.read(SEEN)
    change = call.use_case(ChangeSubscription)
    answer = change.by_administrator(wanted, context, expected_version=seen, is_new=call.read(NEW))

    def show(registered: Registered) -> http.Reply:
        if registered.created:
            telemetry.count("OrganizationsCreated")
        return _show(registered.organization, call, created=registered.created)

    return http.answer(answer, show)


@api.serves(
    http.Operation(
        "PATCH /v1/organizations/{organization_id}",
        id="updateOrganization",
        tag="Organizations",
        summary="Change an organization in what the request names.",
        description="The policy; and, for super-admins alone, name, subscription and seats. What "
        "the request leaves out stays as it is. Safe to repeat; with `If-Match`, only the version "
        "that was read is changed.",
        takes=(AMENDMENT, UNCHANGED),
        replies={200: OrganizationReply},
        problems=(404, 409, 412),
        is_tagged=True,
    )
)
def amend(call: http.Call, organization_id: str) -> http.Reply:
    """Change an organization in what the request names."""
    context = call.user()
    wanted, seen = call.read(AMENDMENT).amendment(), call.read(UNCHANGED)
    amend_organization = call.use_case(AmendOrganization)
    answer = amend_organization(organization_id, wanted, context, expected_version=seen)
    return http.answer(answer, lambda amended: _show(amended, call))


def _show_page(page: OrganizationListing, call: http.Call) -> http.Reply:
    body = OrganizationsReply(
        organizations=[_view(one, call) for one in page.organizations],
        next_cursor=call.sealed(page.next_cursor),
        total=page.total,
    )
    return http.reply(200, body, outcome="listed")


def _show(organization: Organization, call: http.Call, *, created: bool = False) -> http.Reply:
    telemetry.about(organization_id=organization.id)
    return http.tagged(
        call.request,
        OrganizationReply(organization=_view(organization, call)),
        version=organization.version,
        outcome="registered" if created else "shown",
        status=201 if created else 200,
    )


def _view(organization: Organization, call: http.Call) -> OrganizationView:
    return OrganizationView.of(organization, call.deployment.policy_floor, call.now)
