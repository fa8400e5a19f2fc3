"""The records under `events/`: what was there before each, and what has to come of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration import pages
from tests.integration.billing import bill
from tests.integration.partner import generate, generated, login_with, revoke
from tests.world import (
    ADA,
    ALICE,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    YEAR,
    Person,
    World,
    instant,
    unsigned,
)

EVENTS = Path(__file__).parents[2] / "events"
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
Values = dict[str, str]


def nothing(_world: World) -> Values:
    """An empty table."""
    return {}


def acme(world: World) -> Values:
    """Acme is registered, and Bolt."""
    answer = world.request(
        "PUT",
        "/v1/organizations/acme",
        person=OLIVIA,
        json={
            "name": "Acme",
            "valid_until": instant(NOON + YEAR),
            "status": "active",
            "max_agents": 25,
        },
    )
    assert answer.status == 201
    world.register("bolt")
    return {"one_megabyte": "x" * 1_000_000}


def two_organizations(world: World) -> Values:
    """Of both, the first page of one has been read."""
    acme(world)
    page = pages.page(world, "/v1/organizations", limit=1)
    return {"organizations_cursor": page.json["next_cursor"]}


def agent(world: World) -> Values:
    """Acme has an agent in production on machine A."""
    values = acme(world)
    issued = world.login(ALICE).json
    key = issued["license_key"]
    return values | {
        "license_key": key,
        "license_key_in_lower_case": key.lower(),
        "license_id": issued["license"]["id"],
    }


def revoked(world: World) -> Values:
    """The agent's licence has been revoked."""
    values = agent(world)
    world.revoke(values["license_id"])
    return values


def paused(world: World) -> Values:
    """Acme's subscription is paused."""
    values = agent(world)
    world.change("acme", status="paused")
    return values


def ended(world: World) -> Values:
    """Acme's subscription has ended."""
    values = agent(world)
    world.change("acme", seconds=0)
    return values


def full(world: World) -> Values:
    """Acme's only seat is taken."""
    values = agent(world)
    world.change("acme", max_agents=1)
    return values


def two_agents(world: World) -> Values:
    """Acme has two agents, and the first page of one has been read."""
    values = agent(world)
    world.login(ALICE, environment="staging")
    page = world.request("GET", "/v1/organizations/acme/licenses?limit=1", person=ADA)
    return values | {"cursor": page.json["next_cursor"]}


def dissociated(world: World) -> Values:
    """The agent's licence has been separated from its machine."""
    return _after(world, "dissociate")


def detached(world: World) -> Values:
    """The agent has been blocked."""
    return _after(world, "detach")


def older_agent(world: World) -> Values:
    """Acme has an agent from before 4.4."""
    values = acme(world)
    machine = {name: MACHINE_A[name] for name in ("mac_addresses", "computer_name")}
    answer = world.login(ALICE, machine, agent_version="4.2")
    return values | {"license_key": answer.json["license_key"]}


def with_temporary(world: World) -> Values:
    """Acme has an agent, and two temporary licences, of which one page has been read."""
    values = agent(world)
    generated(world, "7d")
    operator = Person("0a1b2c3d-0006-4000-8000-000000000006", "vendor", ("super-admin",))
    one = generate(world, "1h", person=operator, idempotency_key="order-17").json
    listing = pages.page(world, "/v1/organizations/acme/temporary-licenses", limit=1)
    return values | {
        "temporary_id": one["license"]["id"],
        "temporary_key": one["license_key"],
        "temporary_cursor": listing.json["next_cursor"],
    }


def with_temporary_in_use(world: World) -> Values:
    """The partner of the records has used one on machine A."""
    values = with_temporary(world)
    pavel = Person("0a1b2c3d-0007-4000-8000-000000000007", "partner-works", ("partner",))
    assert login_with(world, values["temporary_key"], pavel).status == 200
    return values


def with_temporary_ended(world: World) -> Values:
    """Its hour is over."""
    values = with_temporary_in_use(world)
    world.clock.advance(3600)
    return values


def with_temporary_revoked(world: World) -> Values:
    """It has been ended early."""
    values = with_temporary_in_use(world)
    assert revoke(world, values["temporary_id"]).status == 200
    return values


def with_history(world: World) -> Values:
    """A little has happened to the agent, and the first page of it has been read."""
    values = with_temporary_in_use(world)
    for action in ("detach", "attach"):
        assert world.act(action, values["license_id"]).status == 200
    lists = {
        "history_cursor": f"/v1/licenses/{values['license_id']}/events",
        "feed_cursor": "/v1/organizations/acme/events",
    }
    cursors = {
        name: pages.page(world, path, ADA, limit=1).json["next_cursor"]
        for name, path in lists.items()
    }
    return values | cursors


def refused(world: World) -> Values:
    """The agent's key was used on another machine."""
    values = agent(world)
    assert world.code(values["license_key"], MACHINE_B) == "MACHINE_MISMATCH"
    return values


def portal(world: World) -> Values:
    """Somebody has opened the portal."""
    page = world.request("GET", "/portal")
    # A JSON text stands in quotes already.
    etag = json.dumps(page.headers["etag"])[1:-1]
    return {"etag": etag, "version": re.findall(r"/portal/(\w+)/", page.text)[0]}


def documentation(world: World) -> Values:
    """Somebody has opened the API's documentation."""
    page = world.request("GET", "/docs")
    return {"version": re.findall(r"/docs/(\w+)/", page.text)[0]}


def billed(world: World) -> Values:
    """Billing has told of Acme in its version 9, and Acme has an agent."""
    assert bill(world, 9, max_agents=25)
    return {"license_key": world.login(ALICE).json["license_key"]}


def _after(world: World, action: str) -> Values:
    values = agent(world)
    assert world.act(action, values["license_id"]).status == 200
    return values


@dataclass(frozen=True)
class Case:
    """What is there before; the status, and the code of a problem or of a validation."""

    before: Callable[[World], Values]
    status: int
    code: str | None = None


INVALID = "invalid_request"
NOT_USABLE = "temporary_license_not_usable"

CASES = {
    "issue/first": Case(acme, 201),
    "issue/repeated": Case(agent, 200),
    "issue/second_environment": Case(agent, 201),
    "issue/renamed_machine": Case(agent, 200),
    "issue/base64": Case(acme, 201),
    "issue/machine_of_another_organization": Case(
        agent, 409, "machine_registered_to_other_organization"
    ),
    "issue/no_free_seat": Case(full, 409, "seat_limit_reached"),
    "issue/subscription_ended": Case(ended, 409, "subscription_ended"),
    "issue/no_organization": Case(acme, 403, "forbidden"),
    "issue/unregistered_organization": Case(acme, 403, "forbidden"),
    "issue/no_token": Case(acme, 401, "unauthorized"),
    "issue/no_body": Case(acme, 400, INVALID),
    "issue/not_json": Case(acme, 400, INVALID),
    "issue/a_list": Case(acme, 400, INVALID),
    "issue/wrong_types": Case(acme, 400, INVALID),
    "issue/unknown_fields": Case(acme, 400, INVALID),
    "issue/one_component": Case(acme, 400, INVALID),
    "issue/invalid_utf8": Case(acme, 400, INVALID),
    "issue/deep_nesting": Case(acme, 400, INVALID),
    "issue/one_megabyte": Case(acme, 413, "payload_too_large"),
    "validate/valid": Case(agent, 200, "VALID"),
    "validate/key_in_lower_case": Case(agent, 200, "VALID"),
    "validate/renamed_machine": Case(agent, 200, "VALID"),
    "validate/new_network_card": Case(agent, 200, "VALID"),
    "validate/re_imaged_machine": Case(agent, 200, "VALID"),
    "validate/not_found": Case(agent, 200, "NOT_FOUND"),
    "validate/organization_mismatch": Case(agent, 200, "ORGANIZATION_MISMATCH"),
    "validate/revoked": Case(revoked, 200, "REVOKED"),
    "validate/machine_mismatch": Case(agent, 200, "MACHINE_MISMATCH"),
    "validate/environment_mismatch": Case(agent, 200, "MACHINE_MISMATCH"),
    "validate/suspended": Case(paused, 200, "SUSPENDED"),
    "validate/expired": Case(ended, 200, "EXPIRED"),
    "validate/mistyped_key": Case(agent, 400, INVALID),
    "validate/no_body": Case(agent, 400, INVALID),
    "validate/not_json": Case(agent, 400, INVALID),
    "validate/nothing": Case(agent, 400, INVALID),
    "validate/wrong_types": Case(agent, 400, INVALID),
    "validate/unknown_fields": Case(agent, 400, INVALID),
    "validate/one_component": Case(agent, 400, INVALID),
    "validate/one_megabyte": Case(agent, 413, "payload_too_large"),
    "revoke/by_org_admin": Case(agent, 200),
    "revoke/with_reason": Case(agent, 200),
    "revoke/by_super_admin": Case(agent, 200),
    "revoke/repeated": Case(revoked, 200),
    "revoke/by_member": Case(agent, 403, "forbidden"),
    "revoke/by_partner": Case(agent, 403, "forbidden"),
    "revoke/of_another_organization": Case(agent, 404, "not_found"),
    "revoke/absent": Case(agent, 404, "not_found"),
    "revoke/no_license_id": Case(agent, 404, "not_found"),
    "revoke/no_token": Case(agent, 401, "unauthorized"),
    "revoke/not_json": Case(agent, 400, INVALID),
    "revoke/unknown_fields": Case(agent, 400, INVALID),
    "licenses/get": Case(agent, 200),
    "licenses/get_by_super_admin": Case(agent, 200),
    "licenses/get_by_member": Case(agent, 403, "forbidden"),
    "licenses/get_of_another_organization": Case(agent, 404, "not_found"),
    "licenses/get_absent": Case(agent, 404, "not_found"),
    "licenses/get_no_token": Case(agent, 401, "unauthorized"),
    "licenses/list": Case(agent, 200),
    "licenses/list_first_page": Case(two_agents, 200),
    "licenses/list_next_page": Case(two_agents, 200),
    "licenses/list_filtered": Case(two_agents, 200),
    "licenses/list_searched": Case(two_agents, 200),
    "licenses/list_sorted": Case(two_agents, 200),
    "licenses/list_silent": Case(two_agents, 200),
    "licenses/list_jump": Case(two_agents, 200),
    "licenses/list_unsorted_jump": Case(two_agents, 400, INVALID),
    "licenses/list_empty_search": Case(agent, 400, INVALID),
    "licenses/list_no_such_primary": Case(agent, 400, INVALID),
    "licenses/list_no_such_sort": Case(agent, 400, INVALID),
    "licenses/list_by_partner": Case(agent, 403, "forbidden"),
    "licenses/list_of_another_organization": Case(agent, 404, "not_found"),
    "licenses/list_no_such_status": Case(agent, 400, INVALID),
    "licenses/list_no_such_limit": Case(agent, 400, INVALID),
    "licenses/list_no_cursor": Case(agent, 400, INVALID),
    "licenses/list_no_token": Case(agent, 401, "unauthorized"),
    "organizations/put_new": Case(nothing, 201),
    "organizations/put_repeated": Case(acme, 200),
    "organizations/put_renewed": Case(acme, 200),
    "organizations/put_paused": Case(acme, 200),
    "organizations/put_without_version": Case(acme, 412, "precondition_failed"),
    "organizations/put_stale_version": Case(acme, 412, "precondition_failed"),
    "organizations/put_no_etag": Case(acme, 400, INVALID),
    "organizations/put_by_org_admin": Case(acme, 403, "forbidden"),
    "organizations/put_no_such_id": Case(acme, 400, INVALID),
    "organizations/put_no_body": Case(acme, 400, INVALID),
    "organizations/put_not_json": Case(acme, 400, INVALID),
    "organizations/put_wrong_fields": Case(acme, 400, INVALID),
    "organizations/put_in_part": Case(acme, 400, INVALID),
    "organizations/patch_renewed": Case(acme, 200),
    "organizations/patch_renewed_by_org_admin": Case(acme, 403, "forbidden"),
    "organizations/patch_billing_version": Case(acme, 200),
    "organizations/patch_by_org_admin": Case(acme, 200),
    "organizations/patch_by_super_admin": Case(acme, 200),
    "organizations/patch_by_member": Case(acme, 403, "forbidden"),
    "organizations/patch_of_another_organization": Case(acme, 404, "not_found"),
    "organizations/patch_wrong_types": Case(acme, 400, INVALID),
    "organizations/patch_unknown_fields": Case(acme, 400, INVALID),
    "organizations/patch_no_token": Case(acme, 401, "unauthorized"),
    "organizations/put_no_token": Case(acme, 401, "unauthorized"),
    "organizations/me": Case(nothing, 200),
    "organizations/me_no_token": Case(nothing, 401, "unauthorized"),
    "organizations/list": Case(acme, 200),
    "organizations/list_filtered": Case(acme, 200),
    "organizations/list_by_seats": Case(acme, 200),
    "organizations/summary": Case(acme, 200),
    "organizations/summary_by_org_admin": Case(acme, 403, "forbidden"),
    "organizations/summary_no_token": Case(acme, 401, "unauthorized"),
    "organizations/list_next_page": Case(two_organizations, 200),
    "organizations/list_by_org_admin": Case(acme, 403, "forbidden"),
    "organizations/list_no_such_sort": Case(acme, 400, INVALID),
    "organizations/list_no_such_time": Case(acme, 400, INVALID),
    "organizations/list_no_token": Case(acme, 401, "unauthorized"),
    "organizations/get": Case(acme, 200),
    "organizations/get_by_member": Case(acme, 403, "forbidden"),
    "organizations/get_of_another_organization": Case(acme, 404, "not_found"),
    "organizations/get_absent": Case(acme, 404, "not_found"),
    "organizations/get_no_token": Case(acme, 401, "unauthorized"),
    "discovery/jwks": Case(nothing, 200),
    "discovery/openapi": Case(nothing, 200),
    "issue/older-4.2": Case(acme, 201),
    "issue/older-4.3.0.12": Case(acme, 201),
    "issue/login-4.4.0.0": Case(acme, 201),
    "issue/login-4.5": Case(agent, 200),
    "issue/reassigned": Case(dissociated, 200),
    "issue/still_bound": Case(agent, 409, "license_still_bound"),
    "issue/on_behalf": Case(agent, 403, "on_behalf_login_disabled"),
    "issue/by_partner": Case(with_temporary, 200),
    "issue/by_partner_on_a_free_machine": Case(with_temporary, 200),
    "issue/by_partner_on_another_machine": Case(with_temporary_in_use, 403, NOT_USABLE),
    "issue/by_partner_after_its_end": Case(with_temporary_ended, 403, NOT_USABLE),
    "issue/with_temporary_key_by_member": Case(with_temporary, 403, NOT_USABLE),
    "validate/older-4.2": Case(older_agent, 200, "VALID"),
    "validate/older-4.3.0.12": Case(older_agent, 200, "VALID"),
    "validate/validate-4.4.0.0": Case(agent, 200, "VALID"),
    "validate/validate-4.5": Case(agent, 200, "VALID"),
    "validate/temporary": Case(with_temporary_in_use, 200, "VALID"),
    "validate/temporary_ended": Case(with_temporary_ended, 200, "EXPIRED"),
    "validate/temporary_revoked": Case(with_temporary_revoked, 200, "REVOKED"),
    "revoke/temporary": Case(with_temporary_in_use, 200),
    "revoke/temporary_without_reason": Case(with_temporary, 200),
    "revoke/temporary_by_org_admin": Case(with_temporary, 403, "forbidden"),
    "revoke/temporary_by_partner": Case(with_temporary, 403, "forbidden"),
    "revoke/temporary_of_standard": Case(agent, 404, "not_found"),
    "revoke/temporary_absent": Case(acme, 404, "not_found"),
    "revoke/temporary_no_token": Case(with_temporary, 401, "unauthorized"),
    "change_license/detach_by_org_admin": Case(agent, 200),
    "change_license/detach_by_super_admin": Case(agent, 200),
    "change_license/detach_repeated": Case(detached, 200),
    "change_license/detach_revoked": Case(revoked, 409, "invalid_transition"),
    "change_license/detach_by_member": Case(agent, 403, "forbidden"),
    "change_license/detach_of_another_organization": Case(agent, 404, "not_found"),
    "change_license/detach_no_token": Case(agent, 401, "unauthorized"),
    "change_license/attach_by_org_admin": Case(detached, 200),
    "change_license/attach_by_super_admin": Case(detached, 200),
    "change_license/attach_repeated": Case(agent, 200),
    "change_license/attach_revoked": Case(revoked, 409, "invalid_transition"),
    "change_license/attach_by_member": Case(detached, 403, "forbidden"),
    "change_license/attach_of_another_organization": Case(detached, 404, "not_found"),
    "change_license/attach_no_token": Case(detached, 401, "unauthorized"),
    "change_license/dissociate_by_org_admin": Case(agent, 200),
    "change_license/dissociate_by_super_admin": Case(agent, 200),
    "change_license/dissociate_repeated": Case(dissociated, 200),
    "change_license/dissociate_revoked": Case(revoked, 409, "invalid_transition"),
    "change_license/dissociate_by_member": Case(agent, 403, "forbidden"),
    "change_license/dissociate_of_another_organization": Case(agent, 404, "not_found"),
    "change_license/dissociate_no_token": Case(agent, 401, "unauthorized"),
    "change_license/reset_device_key_by_org_admin": Case(agent, 200),
    "change_license/reset_device_key_by_super_admin": Case(agent, 200),
    "change_license/reset_device_key_by_member": Case(agent, 403, "forbidden"),
    "change_license/reset_device_key_of_another_organization": Case(agent, 404, "not_found"),
    "change_license/reset_device_key_no_token": Case(agent, 401, "unauthorized"),
    "change_license/edit_primary": Case(agent, 200),
    "change_license/edit_label": Case(agent, 200),
    "change_license/edit_unknown_fields": Case(agent, 400, INVALID),
    "change_license/edit_by_member": Case(agent, 403, "forbidden"),
    "change_license/edit_of_another_organization": Case(agent, 404, "not_found"),
    "change_license/edit_no_token": Case(agent, 401, "unauthorized"),
    "look_up_machine/held": Case(agent, 200),
    "look_up_machine/free": Case(agent, 200),
    "look_up_machine/one_component": Case(agent, 400, INVALID),
    "look_up_machine/by_org_admin": Case(agent, 403, "forbidden"),
    "look_up_machine/no_token": Case(agent, 401, "unauthorized"),
    "look_up_machine/search_by_name": Case(agent, 200),
    "look_up_machine/search_by_key": Case(agent, 200),
    "look_up_machine/search_mistyped_key": Case(agent, 400, INVALID),
    "look_up_machine/search_by_org_admin": Case(agent, 403, "forbidden"),
    "look_up_machine/search_no_token": Case(agent, 401, "unauthorized"),
    "list_events/all": Case(refused, 200),
    "list_events/all_of_a_type": Case(refused, 200),
    "list_events/all_no_such_type": Case(nothing, 400, INVALID),
    "list_events/all_by_org_admin": Case(refused, 403, "forbidden"),
    "list_events/all_no_token": Case(nothing, 401, "unauthorized"),
    "temporary/generate": Case(acme, 201),
    "temporary/generate_with_idempotency_key": Case(with_temporary, 201),
    "temporary/generate_with_used_idempotency_key": Case(
        with_temporary, 422, "idempotency_key_reused"
    ),
    "temporary/generate_with_long_idempotency_key": Case(acme, 400, INVALID),
    "temporary/generate_no_such_ttl": Case(acme, 400, INVALID),
    "temporary/generate_unknown_fields": Case(acme, 400, INVALID),
    "temporary/generate_no_body": Case(acme, 400, INVALID),
    "temporary/generate_for_absent_organization": Case(acme, 404, "not_found"),
    "temporary/generate_by_org_admin": Case(acme, 403, "forbidden"),
    "temporary/generate_by_partner": Case(acme, 403, "forbidden"),
    "temporary/generate_no_token": Case(acme, 401, "unauthorized"),
    "temporary/list": Case(with_temporary, 200),
    "temporary/list_first_page": Case(with_temporary, 200),
    "temporary/list_next_page": Case(with_temporary, 200),
    "temporary/list_no_cursor": Case(with_temporary, 400, INVALID),
    "temporary/list_of_absent_organization": Case(acme, 404, "not_found"),
    "temporary/list_by_org_admin": Case(with_temporary, 403, "forbidden"),
    "temporary/list_no_token": Case(with_temporary, 401, "unauthorized"),
    "list_events/license": Case(with_history, 200),
    "list_events/license_by_super_admin": Case(with_history, 200),
    "list_events/license_first_page": Case(with_history, 200),
    "list_events/license_next_page": Case(with_history, 200),
    "list_events/license_cursor_of_the_feed": Case(with_history, 400, INVALID),
    "list_events/license_no_such_limit": Case(with_history, 400, INVALID),
    "list_events/license_of_another_organization": Case(with_history, 404, "not_found"),
    "list_events/license_absent": Case(acme, 404, "not_found"),
    "list_events/license_temporary": Case(with_history, 404, "not_found"),
    "list_events/license_temporary_by_super_admin": Case(with_history, 200),
    "list_events/license_by_member": Case(with_history, 403, "forbidden"),
    "list_events/license_no_token": Case(with_history, 401, "unauthorized"),
    "list_events/organization": Case(with_history, 200),
    "list_events/organization_by_super_admin": Case(with_history, 200),
    "list_events/organization_first_page": Case(with_history, 200),
    "list_events/organization_next_page": Case(with_history, 200),
    "list_events/organization_filtered": Case(with_history, 200),
    "list_events/organization_no_such_type": Case(agent, 400, INVALID),
    "list_events/organization_no_such_time": Case(agent, 400, INVALID),
    "list_events/organization_no_cursor": Case(with_history, 400, INVALID),
    "list_events/organization_of_another_organization": Case(with_history, 404, "not_found"),
    "list_events/organization_by_partner": Case(with_history, 403, "forbidden"),
    "list_events/organization_no_token": Case(with_history, 401, "unauthorized"),
    "portal/page": Case(nothing, 200),
    "portal/page_head": Case(nothing, 200),
    "portal/page_unchanged": Case(portal, 304),
    "portal/file": Case(portal, 200),
    "portal/file_of_another_version": Case(nothing, 404, "not_found"),
    "portal/file_absent": Case(portal, 404, "not_found"),
    "portal/documentation": Case(nothing, 200),
    "portal/documentation_file": Case(documentation, 200),
    "show_statistics/statistics": Case(with_history, 200),
    "show_statistics/statistics_of_a_week": Case(with_history, 200),
    "show_statistics/statistics_by_super_admin": Case(with_history, 200),
    "show_statistics/statistics_of_too_many_days": Case(with_history, 400, INVALID),
    "show_statistics/statistics_of_another_organization": Case(with_history, 404, "not_found"),
    "show_statistics/statistics_by_member": Case(with_history, 403, "forbidden"),
    "show_statistics/statistics_no_token": Case(with_history, 401, "unauthorized"),
    "show_statistics/activity": Case(with_history, 200),
    "show_statistics/activity_cursor_of_the_feed": Case(with_history, 400, INVALID),
    "show_statistics/activity_of_another_organization": Case(with_history, 404, "not_found"),
    "show_statistics/activity_by_member": Case(with_history, 403, "forbidden"),
    "show_statistics/activity_no_token": Case(with_history, 401, "unauthorized"),
    "show_statistics/summary": Case(with_history, 200),
    "show_statistics/summary_by_super_admin": Case(with_history, 200),
    "show_statistics/summary_of_another_organization": Case(with_history, 404, "not_found"),
    "show_statistics/summary_by_member": Case(with_history, 403, "forbidden"),
    "show_statistics/summary_no_token": Case(with_history, 401, "unauthorized"),
}
SWEEP = "expiry_sweep/schedule"
BILLING = {  # what the agent is told afterwards, if it is told the same no more
    "billing/new_organization": "VALID",
    "billing/renewed": "VALID",
    "billing/shortened": "EXPIRED",
    "billing/paused": "SUSPENDED",
    "billing/cancelled": "SUSPENDED",
    "billing/unknown_fields": "VALID",
    "billing/paused_alone": "SUSPENDED",
    "billing/contradicting": None,
    "billing/repeated": None,
    "billing/older_version": None,
}
BAD_BILLING = {  # what the dead letter names
    "billing/no_version": "version",
    "billing/no_such_status": "status",
    "billing/end_in_digits": "valid_until",
    "billing/version_in_text": "version",
    "billing/no_such_organization_id": "organization_id",
    "billing/no_detail": "detail",
    "billing/new_organization_in_part": "valid_until",
}
PUBLISHED = {  # what arrives on the bus
    "publish/one": ["LicenseIssued"],
    "publish/batch": [
        "SubscriptionChanged",
        "LicenseIssued",
        "LicenseRevoked",
        "MachineDrifted",
        "TemporaryLicenseUsed",
    ],
    "publish/refusal": ["AccessRefused"],
}


def recorded(name: str, values: Mapping[str, str]) -> Any:
    """A record, in which `values` stand for its placeholders, and a token for its claims."""
    known = {**values, "token": _token(json.loads(text(name)))}
    return json.loads(PLACEHOLDER.sub(lambda match: known[match[1]], text(name)))


def _token(event: Any) -> str:
    """The token whose claims API Gateway has handed over, `""` where there are none."""
    if "authorizer" not in event.get("requestContext", {}):
        return ""
    claims = dict(event["requestContext"]["authorizer"]["jwt"]["claims"])
    claims["cognito:groups"] = claims["cognito:groups"][1:-1].split()
    return unsigned(claims | {name: int(claims[name]) for name in ("auth_time", "exp", "iat")})


def text(name: str) -> str:
    """A record as it is written down."""
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")
