"""What a page is about is said in its heading and title: the thing, how it is, and what to do."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import Portal
from tests.browser.test_overview import on

pytestmark = pytest.mark.sampled(7)

_SHOW_AGENT = """([license, isSuperAdmin]) => {
  const { name, state, told } = subject.ofAgent(license, isSuperAdmin);
  put(dom.h("p", {}, name), dom.h("p", {}, state), dom.h("p", {}, ...told));
}"""
_SHOW_ORGANIZATION = _SHOW_AGENT.replace("ofAgent", "ofOrganization")
_AGENT_HREF = "#/organizations/acme/agents/lic_1?do="
_EDIT = "#/organizations/acme/edit"


def _license(**others: Any) -> dict[str, Any]:
    seen = {"at": on(0), "agent_version": None, "source_address": None}
    return {
        "id": "lic_1",
        "organization_id": "acme",
        "status": "active",
        "environment": "production",
        "label": None,
        "computer_name": "BUILD-SRV-07",
        "issued_at": on(-90),
        "last_seen": seen,
        **others,
    }


def _told(parts: Page) -> tuple[str, str, str, list[str]]:
    """Name, state, the line under the heading, and where that leads."""
    name, state, line = parts.locator("#part > p").all_text_contents()
    links = parts.locator("#part a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    return name, state, line, links


@pytest.mark.parametrize(
    ("status", "state", "meaning", "to_do", "leads_to"),
    [
        ("active", "Active", "It validates and runs.", "", []),
        (
            "detached",
            "Blocked",
            "An administrator has blocked it, or it was blocked as a clone.",
            "Unblock it when the cause is settled",
            [f"{_AGENT_HREF}attach"],
        ),
        (
            "suspended",
            "Suspended",
            "The organization's subscription is paused or cancelled.",
            "Ask the operator of this service to resume the subscription.",
            [],
        ),
        (
            "expired",
            "Expired",
            "The organization's subscription has ended.",
            "Ask the operator of this service to renew the subscription.",
            [],
        ),
        (
            "dissociated",
            "Dissociated",
            "Its key waits to be bound to another machine.",
            "Log in with its key on the machine that is to have it",
            [f"{_AGENT_HREF}revoke"],
        ),
        ("revoked", "Revoked", "It has ended for good.", "gets a new license", []),
    ],
)
def test_an_agent_is_told_by_name_and_place_with_its_state_and_what_to_do(
    parts: Page, status: str, state: str, meaning: str, to_do: str, leads_to: list[str]
) -> None:
    parts.evaluate(_SHOW_AGENT, [_license(status=status), False])
    name, word, line, links = _told(parts)
    assert (name, word, links) == ("BUILD-SRV-07 · production", state, leads_to)
    assert line.startswith(f"{state} {meaning}")
    assert to_do in line


def test_a_super_admin_is_led_to_the_subscription_that_holds_an_agent_up(parts: Page) -> None:
    for status, to_do in [("suspended", "Resume"), ("expired", "Renew")]:
        parts.evaluate(_SHOW_AGENT, [_license(status=status), True])
        _, _, line, links = _told(parts)
        assert line.endswith(f"{to_do} the subscription.")
        assert links == [_EDIT]


def test_an_agent_that_nobody_uses_can_give_its_seat_back(parts: Page) -> None:
    seen = _license()["last_seen"]
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"last_seen": {**seen, "at": on(-30, hours=-1)}}, "It was seen 30 days ago."),
        ({"last_seen": {**seen, "at": on(-30, hours=1)}}, None),
        ({"last_seen": None}, "It has never been seen."),
        ({"last_seen": None, "issued_at": on(-1)}, None),
    ]
    for given, said in cases:
        parts.evaluate(_SHOW_AGENT, [_license(**given), False])
        _, _, line, links = _told(parts)
        assert links == ([f"{_AGENT_HREF}dissociate"] if said else [])
        assert said is None or said in line


@pytest.mark.parametrize(
    ("given", "state", "line", "order"),
    [
        ({}, "Current", "Its agents validate and run.", None),
        (
            {"valid_until": on(5, hours=1)},
            "Current",
            "The subscription ends in 5 days.",
            "Renew it",
        ),
        (  # as soon as the badge beside it says so
            {"valid_until": on(30, hours=1)},
            "Current",
            "The subscription ends in 30 days.",
            "Renew it",
        ),
        ({"valid_until": on(31, hours=1)}, "Current", "Its agents validate and run.", None),
        (
            {"standing": "suspended", "status": "paused"},
            "Suspended (paused)",
            "Agents are refused while the subscription is paused or cancelled.",
            "Resume it",
        ),
        (
            {"standing": "suspended", "status": "cancelled"},
            "Suspended (cancelled)",
            "Agents are refused while",
            "Take it up again",
        ),
        (
            {"standing": "ended", "valid_until": on(-3)},
            "Ended",
            "Agents are refused until the subscription is renewed. No key is lost.",
            "Renew it",
        ),
    ],
)
def test_an_organization_is_told_with_what_its_subscription_needs(
    parts: Page, given: dict[str, str], state: str, line: str, order: str | None
) -> None:
    subscription = {"status": "active", "valid_until": on(90), **given}
    standing = subscription.pop("standing", "current")
    organization = {
        "id": "acme",
        "name": "Küstenwerft",
        "standing": standing,
        "subscription": subscription,
    }
    for is_super_admin in (False, True):
        parts.evaluate(_SHOW_ORGANIZATION, [organization, is_super_admin])
        name, word, said, links = _told(parts)
        assert (name, word) == ("Küstenwerft", state)
        assert said.startswith(f"{state} {line}")
        assert links == ([_EDIT] if order and is_super_admin else [])
        if order is None:
            assert said.endswith(line)
        elif is_super_admin:
            assert said.endswith(f"{order}.")
        else:
            lower = order[0].lower() + order[1:]
            assert said.endswith(f"Ask the operator of this service to {lower}.")


def test_an_agents_page_is_called_what_the_agent_is_called(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("BUILD-SRV-07")
    portal.call("POST", f"/v1/licenses/{agent.id}/detach").expect(200)
    portal.visit(page, "ada", f"/organizations/acme/agents/{agent.id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("BUILD-SRV-07 · production")
    expect(page).to_have_title("BUILD-SRV-07 · production · Blocked · Acme · Licensing")
    # The frame tells the organization by name, too, wherever one comes from.
    expect(page.locator(".within .organization")).to_have_text("Acmeacme")
    expect(page.get_by_role("navigation", name="Organization Acme")).to_be_visible()
    around = page.get_by_role("link", name="Agents", exact=True)
    expect(around).to_have_attribute("aria-current", "true")  # not the place itself
    page.locator(".subject").get_by_role("link", name="Unblock it").click()
    page.get_by_role("dialog").get_by_role("button", name="Unblock").click()
    expect(page).to_have_title("BUILD-SRV-07 · production · Active · Acme · Licensing")
    expect(page.locator(".subject")).to_have_text("Active It validates and runs. ")


def test_the_form_of_an_organization_names_it(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations/acme/edit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change Acme")
    expect(page).to_have_title("Change Acme · Acme · Licensing")


def test_the_fields_own_word_leads_to_temporary_licenses(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations/acme")
    entry = page.get_by_role("link", name="Temporary licenses")
    expect(entry).to_have_attribute("title", "Rolling Window: lets a partner in for a while")
    entry.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rolling Window")
    expect(page.get_by_role("main")).to_contain_text("A Rolling Window: a partner logs in")
