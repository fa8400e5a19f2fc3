"""Administrators see licences: one, and an organization's (R8, R14)."""

from licensing.adapters import telemetry
from licensing.contract.licenses import AdministeredLicense, LicenseReply, LicensesReply
from licensing.domain.license import License, Status
from licensing.domain.organization import Organization
from licensing.entrypoints import http
from licensing.usecases.filters import LicenseFilters, LicenseQuery, LicenseSort
from licensing.usecases.list_licenses import Listing, ListLicenses

STATUS = http.Choice("status", Status, "Only licenses of this status.")
ENVIRONMENT = http.Text("environment", "Only licenses of this environment.")
SEARCH = http.SearchText(
    "A part of the computer name, the label or the id, in upper or lower case."
)
PRIMARY = http.Flag("primary", "Only licenses that are marked as primary, or only others.")
DEVICE_KEY = http.Flag("device_key", "Only licenses with a device key, or only others.")
SEEN_BEFORE = http.Instant(
    "seen_before",
    "Only licenses whose agents have not been seen since. One that was never seen counts from the "
    "license's issue. At most 50,000 licenses can be filtered so.",
)
SORT = http.Choice(
    "sort",
    LicenseSort,
    "Licenses without a value come last. By agent_version and last_seen, at most 50,000 licenses "
    "can be sorted.",
)

api = http.Api()
handler = api.handler


@api.serves(
    http.Operation(
        "GET /v1/licenses/{license_id}",
        id="getLicense",
        tag="Licenses",
        summary="Show a license.",
        description="Changes nothing.",
        replies={200: LicenseReply},
        problems=(404,),
        is_tagged=True,
    )
)
def one(call: http.Call, license_id: str) -> http.Reply:
    """Show one licence."""

    def show(found: tuple[License, Organization]) -> http.Reply:
        body = LicenseReply(license=AdministeredLicense.of(*found, call.now))
        return http.tagged(call.request, body, version=found[0].revision, outcome="shown")

    return http.answer(call.use_case(ListLicenses).one(license_id, call.user()), show)


@api.serves(
    http.Operation(
        "GET /v1/organizations/{organization_id}/licenses",
        id="listLicenses",
        tag="Licenses",
        summary="List an organization's licenses.",
        description="Without `sort`: by "
        "state, then by time of issue. Temporary licenses have a list of their own. Changes "
        "nothing.",
        takes=(
            STATUS,
            ENVIRONMENT,
            SEARCH,
            PRIMARY,
            DEVICE_KEY,
            SEEN_BEFORE,
            SORT,
            http.SORTED_PAGE,
        ),
        replies={200: LicensesReply},
        problems=(404,),
    )
)
def listing(call: http.Call, organization_id: str) -> http.Reply:
    """List an organization's licences, page by page."""
    context = call.user()
    query = LicenseQuery(
        status=call.read(STATUS),
        filters=LicenseFilters(
            search=call.read(SEARCH),
            environment=call.read(ENVIRONMENT),
            primary=call.read(PRIMARY),
            device_key=call.read(DEVICE_KEY),
            seen_before=call.read(SEEN_BEFORE),
        ),
        sort=call.read(SORT),
    )
    page = call.sorted_page()
    answer = call.use_case(ListLicenses).listing(organization_id, query, page, context)
    return http.answer(answer, lambda found: _show(found, call))


def _show(page: Listing, call: http.Call) -> http.Reply:
    telemetry.about(organization_id=page.organization.id)
    body = LicensesReply(
        licenses=[
            AdministeredLicense.of(record, page.organization, call.now) for record in page.licenses
        ],
        next_cursor=call.sealed(page.next_cursor),
        total=page.total,
    )
    return http.reply(200, body, outcome="listed")
