"""Why was it refused? The feed says for each cause on which computer, how often, and what to do."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.portal import Agent, Portal
from tests.browser.test_agent import dialog
from tests.browser.test_widgets import EVENT
from tests.local import cast

pytestmark = pytest.mark.sampled(7)

_FEED = "/organizations/acme/feed"
_FOREIGN: dict[str, Any] = {**cast.MACHINE_A, "computer_name": "FOREIGN"}
_CAUSES = {
    "FULL": ("all seats were taken", "more seats", "#/organizations/acme/agents?sort=last_seen"),
    "LIMIT": ("as many agents as they may", "", "#/organizations/acme?do=limit-members"),
    "PAUSED": ("a subscription that is current", "renew or resume", "#/organizations/acme"),
    "KEYLESS": ("a proof of its device key", "", "#/organizations/acme?do=waive-keys"),
    "FOREIGN": ("another's machine", "ask the operator of this service to find out who", None),
}


_ACME = "#/organizations/acme"
_LICENSE = f"{_ACME}/agents/lic_1?do="
_RESET, _DISSOCIATE = f"{_LICENSE}reset-device-key", f"{_LICENSE}dissociate"
_SEATS, _LIMIT = f"{_ACME}/agents?sort=last_seen", f"{_ACME}?do=limit-members"
_KEYS = [f"{_ACME}/agents?search=PC-01", f"{_ACME}?do=waive-keys"]
_LEADS: list[tuple[str, str | None, list[str], list[str]]] = [
    # reason, license, where that leads an administrator, and a super-admin
    ("seat_limit_reached", None, [_SEATS], [f"{_ACME}/edit", _SEATS]),
    ("member_limit_reached", None, [_LIMIT], [_LIMIT]),
    ("subscription_ended", None, [_ACME], [f"{_ACME}/edit"]),
    ("proof_required", None, _KEYS, _KEYS),
    ("proof_required", "lic_1", [_RESET], [_RESET]),
    ("machine_registered_to_other_organization", None, [], ["#/machines"]),
    ("machine_registered_to_other_organization", "lic_1", [_DISSOCIATE], [_DISSOCIATE]),
    ("license_still_bound", "lic_1", [_DISSOCIATE], [_DISSOCIATE]),
    ("device_key", "lic_1", [_RESET], [_RESET]),
    (
        *("on_behalf_login_disabled", "lic_1", [f"{_LICENSE}revoke"]),
        [f"{_ACME}/temporary", f"{_LICENSE}revoke"],
    ),
    # These are in the audit trail alone (R28).
    ("temporary_license_not_usable", "lic_1", [], [f"{_ACME}/temporary"]),
    ("machine_mismatch", "lic_1", [_DISSOCIATE], [_DISSOCIATE]),
    ("proof_invalid", "lic_1", [_RESET], [_RESET]),
]


@pytest.mark.parametrize(("reason", "license_id", "leads", "leads_super_admins"), _LEADS)
def test_r32_what_helps_against_a_refusal_is_where_the_advice_leads(
    parts: Page,
    reason: str,
    license_id: str | None,
    leads: list[str],
    leads_super_admins: list[str],
) -> None:
    refused = {"type": "AccessRefused", "reason": reason, "times": 1, "computer_name": "PC-01"}
    show = "(given) => put(event_list.entries(...given))"
    for is_super_admin, expected in ((False, leads), (True, leads_super_admins)):
        if not expected and reason == "temporary_license_not_usable":
            continue
        event = {**EVENT, **refused, "license_id": license_id}
        parts.evaluate(show, [[event], {"withLicense": False, "isSuperAdmin": is_super_admin}])
        links = parts.locator(".help a")
        assert [link.get_attribute("href") for link in links.all()] == expected


def tried(portal: Portal, name: str) -> None:
    """A login by Alice that is refused."""
    machine = _FOREIGN if name == "FOREIGN" else {"machine_id": str(uuid4()), "computer_name": name}
    answer = portal.call("POST", "/v1/licenses", cast.login(machine), user="alice")
    assert answer.status in {403, 409}, answer


def govern(portal: Portal, **decided: Any) -> None:
    portal.call("PATCH", "/v1/organizations/acme", decided).expect(200)


@pytest.fixture
def refused(portal: Portal) -> None:
    """One login for each cause, and a second for want of a seat."""
    portal.call("POST", "/v1/licenses", cast.login(_FOREIGN), user="boris").expect(201)
    tried(portal, "FOREIGN")
    govern(portal, agents_per_member=0)
    tried(portal, "LIMIT")
    govern(portal, agents_per_member=None, require_device_key=True)
    tried(portal, "KEYLESS")
    govern(portal, require_device_key=False)
    portal.change_organization("acme", max_agents=0)
    tried(portal, "FULL")
    portal.change_organization("acme", status="paused")
    tried(portal, "PAUSED")


def entry(page: Page, name: str) -> Locator:
    return page.locator(".entries li", has_text=f"on {name}")


@pytest.mark.usefixtures("refused")
def test_r32_each_refused_login_says_why_on_which_computer_and_what_to_do(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "ada", "/organizations/acme")
    page.get_by_role("link", name="the feed of refusals").click()
    for name, (why, cure, place) in _CAUSES.items():
        told = entry(page, name)
        expect(told).to_have_count(1)
        expect(told).to_contain_text(why)
        expect(told).to_contain_text(cure)
        if place is not None:
            expect(told.locator(f'a[href="{place}"]')).to_have_count(1)
    expect(page.locator(".entries")).not_to_contain_text("Bolt")
    assert_accessible(page)
    entry(page, "LIMIT").get_by_role("link").click()
    expect(dialog(page)).to_contain_text("How many agents may a member of Acme add?")


@pytest.mark.usefixtures("refused")
def test_r32_a_super_admin_is_led_to_what_only_they_can_do(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", _FEED)
    entry(page, "FOREIGN").get_by_role("link", name="Look up who holds the machine").click()
    expect(page.get_by_role("heading", level=2, name="Who holds a machine?")).to_be_visible()
    for name, verb in {"FULL": "Raise the seats", "PAUSED": "Renew or resume"}.items():
        page.goto(portal.address(_FEED))
        entry(page, name).get_by_role("link", name=verb).click()
        expect(page.get_by_label("Organization id")).to_have_value("acme")


def test_r32_a_refused_validation_leads_to_what_helps_at_its_license(
    page: Page, portal: Portal
) -> None:
    agent = portal.log_in_agent("PRESS-PC-1")
    machine = {**agent.machine, "machine_id": str(uuid4()), "computer_name": "ELSEWHERE"}
    moved = Agent(agent.id, agent.key, agent.organization_id, machine)
    assert portal.validate(moved)["code"] == "MACHINE_MISMATCH"
    portal.visit(page, "ada", _FEED)
    told = page.locator(".entries li", has_text="Used on another machine")
    told.get_by_role("link", name="dissociate the license").click()
    expect(dialog(page)).to_contain_text("Dissociate PRESS-PC-1 from its machine?")
