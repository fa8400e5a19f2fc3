"""Nothing is lost or stopped by a keystroke.

What one person saves is not undone by another, what is final or stops agents is asked about and
pressed, and closing a dialog leaves the browser's history as it was.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.looks import DARK, DESKTOP, Look
from tests.browser.portal import Agent, Portal
from tests.browser.site import site
from tests.browser.test_agent import dialog, fact, place, status
from tests.browser.test_super_admin import (
    fits,
    generate,
    in_days,
    loses_the_answer,
    subscription,
)
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_ACME = "/organizations/acme"
_EDIT = f"{_ACME}/edit"
_MANY = 1980
_NARROW = Look("dark-narrow", width=360, height=740, touch=True, scheme="dark")


@pytest.fixture
def agent(portal: Portal) -> Agent:
    return portal.log_in_agent("PRESS-PC-1")


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


@pytest.fixture
def plain() -> Iterator[str]:
    with site({"index.html": "<!doctype html><title>Plain</title>"}) as url:
        yield url


def has_seats(page: Page, count: int) -> None:
    """Acme has so many agents, as far as the page is told."""

    def more(route: Route) -> None:
        if route.request.method != "GET":
            route.fallback()
            return
        answer = route.fetch()
        found = answer.json()
        found["organization"]["seats"] = count
        route.fulfill(response=answer, json=found)

    page.route("**/v1/organizations/acme", more)


# -- two people ------------------------------------------------------------------------------------


def test_creating_an_organization_changes_none_whatever_is_pressed(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    before = subscription(portal, "bolt")
    portal.visit(page, "olivia", "/new-organization")
    page.get_by_label("Organization id").fill("bolt")
    page.get_by_label("Name", exact=True).fill("Another Bolt")
    page.keyboard.press("Enter")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("This organization exists already: Bolt.")
    expect(told).to_contain_text("Subscription: Active")
    expect(page.get_by_label("Organization id")).to_be_focused()
    assert_accessible(page)
    with page.expect_response("**/v1/organizations/bolt"):
        page.keyboard.press("Enter")
    expect(told).to_contain_text("It has not been changed.")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Another Bolt")
    assert subscription(portal, "bolt") == before
    told.get_by_role("link", name="Open Bolt").click()
    expect(page.get_by_role("heading", name="Bolt")).to_be_visible()


def test_what_is_there_already_is_not_said_to_be_created_however_alike_it_is(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.change_organization("bolt", valid_until="2037-06-30T12:00:00Z", max_agents=3)
    portal.visit(page, "olivia", "/new-organization")
    typed = {"Organization id": "bolt", "Name": "Bolt", "Valid until": "2037-06-30T12:00"}
    for label, text in {**typed, "Seats": "3"}.items():
        page.get_by_label(label, exact=True).fill(text)
    for _ in range(2):
        with page.expect_response("**/v1/organizations/bolt"):
            button(page, "Create").click()
        expect(button(page, "Create")).to_be_enabled()
        expect(page.get_by_role("alert")).to_contain_text("This organization exists already")
        expect(page.locator("#announcements")).not_to_contain_text("created")


def test_a_rename_undoes_nothing_that_somebody_else_has_changed_meanwhile(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Name", exact=True).fill("Acme Works")
    portal.change_organization("acme", status="paused", max_agents=7)
    page.reload()  # what was typed was typed into what was read before
    expect(page.get_by_label("Name", exact=True)).to_have_value("Acme Works")
    button(page, "Save").click()
    changed = page.get_by_role("alert").locator("tbody tr")
    expect(changed).to_have_text(
        ["SubscriptionActivePausednot changed", "Seatsno limit7not changed"]
    )
    expect(button(page, "Go on editing")).to_be_focused()
    assert_accessible(page)
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.get_by_label("Seats")).to_have_value("7")
    expect(page.get_by_label("Subscription")).to_have_value("paused")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Acme Works")
    assert subscription(portal, "acme")["name"] == "Acme"
    button(page, "Save").click()
    expect(page.get_by_role("heading", name="Acme Works")).to_be_visible()
    made = subscription(portal, "acme")
    assert (made["subscription"]["status"], made["max_agents"]) == ("paused", 7)


def test_what_does_not_concern_the_form_is_in_nobodys_way(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Seats").fill("40")
    portal.call("PATCH", "/v1/organizations/acme", {"block_clones": True}).expect(200)
    button(page, "Save").click()
    expect(fact(page, "Seats")).to_contain_text("0 of 40 used")
    expect(fact(page, "Clones")).to_have_text("blocked at once")


def test_what_two_change_alike_is_in_nobodys_way(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Name", exact=True).fill("Acme Works")
    page.get_by_label("Seats").fill("40")
    portal.change_organization("acme", max_agents=40)
    button(page, "Save").click()
    expect(page.get_by_role("heading", name="Acme Works")).to_be_visible()
    expect(fact(page, "Seats")).to_contain_text("0 of 40 used")


def test_who_cancels_a_form_has_typed_nothing(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Seats").fill("40")
    button(page, "Cancel").click()
    expect(fact(page, "Seats")).to_contain_text("0 used")
    page.get_by_role("link", name="Change…").click()
    expect(page.get_by_label("Seats")).to_have_value("")
    page.goto(portal.address("/new-organization"))
    page.get_by_label("Organization id").fill("deichwerk")
    button(page, "Cancel").click()
    page.get_by_role("link", name="New organization").click()
    expect(page.get_by_label("Organization id")).to_have_value("")


def test_who_saves_what_was_there_is_told_that_nothing_was_changed(
    page: Page, portal: Portal
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    portal.visit(page, "olivia", _EDIT)
    button(page, "Save").click()
    expect(page.locator("#announcements")).to_have_text("Nothing was changed.")
    assert "PATCH" not in asked


def test_a_change_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("CONNECTION_RESET")
    troubles.expect("status of 412")
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Seats").fill("40")
    loses_the_answer(page, "**/v1/organizations/acme")
    button(page, "Save").click()
    again = button(page.get_by_role("alert"), "Try again")
    expect(again).to_be_visible()
    portal.call("PATCH", "/v1/organizations/acme", {"block_clones": True}).expect(200)
    again.click()
    expect(page.locator("#announcements")).to_have_text("Saved.")
    expect(fact(page, "Seats")).to_contain_text("0 of 40 used")


def test_a_label_is_not_saved_over_one_that_somebody_else_has_written(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Mine")
    edited = {"label": "Theirs", "primary": True}
    portal.call("PATCH", f"/v1/licenses/{agent.id}", edited).expect(200)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").locator("tbody tr")).to_have_text(["LabelnoneTheirsMine"])
    assert_accessible(page)
    expect(button(page, "Go on editing")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    found = portal.call("GET", f"/v1/licenses/{agent.id}")["license"]
    assert found["label"] == "Theirs"
    expect(page.get_by_label("Label")).to_have_value("Mine")
    expect(page.get_by_label("Primary agent")).to_be_checked()
    button(page, "Save").click()
    expect(page.get_by_role("heading", level=1, name="Mine")).to_be_visible()
    expect(fact(page, "Primary")).to_have_text("Primary")


def test_a_mark_of_ones_own_is_gone_on_with_beside_a_label(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Mine")
    page.get_by_label("Primary agent").check()
    portal.call("PATCH", f"/v1/licenses/{agent.id}", {"label": "Theirs"}).expect(200)
    button(page, "Save").click()
    button(page, "Go on editing").click()
    expect(page.get_by_label("Primary agent")).to_be_checked()
    button(page, "Save").click()
    expect(page.get_by_role("heading", level=1, name="Mine")).to_be_visible()
    expect(fact(page, "Primary")).to_have_text("Primary")


def test_a_label_of_somebody_else_is_kept_if_one_wants_that(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Mine")
    portal.call("PATCH", f"/v1/licenses/{agent.id}", {"label": "Theirs"}).expect(200)
    button(page, "Save").click()
    button(page, "Keep theirs").click()
    expect(page.get_by_role("heading", level=1, name="Theirs")).to_be_visible()
    expect(page.get_by_label("Label")).to_have_value("Theirs")


def test_r38_a_limit_is_not_saved_over_one_that_somebody_else_has_set(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    portal.visit(page, "ada", f"{_ACME}?do=limit-members")
    dialog(page).get_by_label("Agents per member").fill("3")
    portal.call("PATCH", "/v1/organizations/acme", {"agents_per_member": 7}).expect(200)
    page.keyboard.press("Enter")  # which saves nothing
    button(dialog(page), "Limit members").click()
    told = dialog(page).get_by_role("alert")
    expect(told).to_contain_text("It was without a limit and is 7 now; you have typed 3.")
    expect(button(dialog(page), "Cancel")).to_be_focused()
    assert subscription(portal, "acme")["policy"]["agents_per_member"] == 7
    button(dialog(page), "Limit members").click()
    expect(fact(page, "Agents per member")).to_have_text("3")


# -- what stops agents -----------------------------------------------------------------------------


_NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_STOP_NOW = "3 agents with a seat stop at the next validation."
_STOP_THEN = "3 agents with a seat stop then, unless it is renewed before."
_GO_ON = (
    "those that are there go on, but nobody can add one, or bind one anew, before 2 are revoked or "
    "dissociated."
)
_HARMS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    # what is special of an organization of 3 agents, what it shall be, and what is said of that
    ({}, {"name": "Other", "max_agents": 3}, []),
    ({}, {"valid_until": 301}, []),
    ({}, {"status": "paused"}, [f"The subscription is paused: {_STOP_NOW}"]),
    (
        {},
        {"status": "cancelled"},
        [f"The subscription is cancelled: {_STOP_NOW}"],
    ),
    (
        {},
        {"valid_until": -2500},
        [f"Ends at once instead of in 300 days. {_STOP_NOW}"],
    ),
    (
        {},
        {"valid_until": 5},
        [f"Ends in 5 days instead of in 300 days. {_STOP_THEN}"],
    ),
    (
        {},
        {"valid_until": 300 - 1 / 24},
        [f"Ends in 299 days instead of in 300 days. {_STOP_THEN}"],
    ),
    (
        {"valid_until": 300.5},
        {"valid_until": 300.25},
        [f"Ends on 26 Sept 2027, 18:00 instead of 27 Sept 2027, 00:00. {_STOP_THEN}"],
    ),
    (
        {"max_agents": 5},
        {"max_agents": 2},
        [f"2 seats for 3 agents: {_GO_ON}"],
    ),
    ({"max_agents": 1}, {"max_agents": 2}, []),  # better than it was
    (
        {"seats": 1},
        {"status": "paused", "max_agents": 0},
        [
            "The subscription is paused: one agent with a seat stops at the next validation.",
            f"0 seats for one agent: {_GO_ON}",
        ],
    ),
    ({"seats": 0}, {"status": "paused", "valid_until": -1, "max_agents": 0}, []),
    ({"status": "paused"}, {"status": "cancelled", "valid_until": -1}, []),  # stopped already
    ({"valid_until": -1}, {"valid_until": -2, "status": "paused"}, []),
]


def _terms(changed: dict[str, Any]) -> dict[str, Any]:
    usual = {"name": "Acme", "status": "active", "valid_until": 300, "max_agents": None, "seats": 3}
    terms = {**usual, **changed}
    end = _NOW + timedelta(days=terms["valid_until"])
    return {**terms, "valid_until": end.isoformat()}


def test_what_a_change_does_to_agents_is_said_in_words(page: Page, plain: str) -> None:
    page.goto(plain)
    told = page.evaluate(
        """async ([cases, now]) => {
          const { harm } = await import("/consequences.js");
          return cases.map(([before, after]) => harm(before, after, now));
        }""",
        [
            [[_terms(before), _terms({**before, **after})] for before, after, _ in _HARMS],
            _NOW.timestamp() * 1000,
        ],
    )
    assert told == [said for *_, said in _HARMS]


@pytest.mark.parametrize(
    ("label", "value", "shown"),
    [("Subscription", "paused", "Suspended (paused)"), ("Seats", "1", "No seat is free")],
)
def test_what_stops_agents_is_asked_about_and_not_done_by_enter(
    page: Page, portal: Portal, label: str, value: str, shown: str
) -> None:
    before = subscription(portal, "acme")
    has_seats(page, 3)
    portal.visit(page, "olivia", _EDIT)
    field = page.get_by_label(label, exact=True)
    (field.select_option if label == "Subscription" else field.fill)(value)
    page.get_by_label("Name", exact=True).press("Enter")
    expect(dialog(page).locator("li")).to_contain_text("3 agents")
    expect(dialog(page)).to_contain_text("runs on until its present lease ends")
    expect(button(dialog(page), "Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    assert subscription(portal, "acme") == before
    button(page, "Save").click()
    button(dialog(page), "Save it").click()
    expect(page.locator("main .card")).to_contain_text(shown)
    assert subscription(portal, "acme") != before


def test_who_stops_many_agents_types_whose_they_are(page: Page, portal: Portal) -> None:
    portal.change_organization("acme", name="Küstenwerft\N{ZERO WIDTH SPACE} Nord")
    has_seats(page, _MANY)
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Subscription").select_option("Paused")
    button(page, "Save").click()
    expect(dialog(page)).to_contain_text("1,980 agents")
    name = dialog(page).get_by_role("textbox")
    expect(name).to_be_focused()
    save = button(dialog(page), "Save it")
    save.click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    name.fill("Küstenwerft")
    save.click()
    expect(dialog(page)).to_contain_text("It is called Küstenwerft")
    page.reload()  # the question is part of the place, and what was chosen is kept
    expect(dialog(page)).to_contain_text("1,980 agents")
    name.fill("  Küstenwerft Nord")  # as it looks
    name.press("Enter")
    expect(dialog(page)).to_be_visible()
    assert subscription(portal, "acme")["subscription"]["status"] == "active"
    save.click()
    expect(fact(page, "Subscription")).to_have_text("Suspended (paused)")


def test_what_stops_nobody_is_not_asked_about_and_another_end_is_told(
    page: Page, portal: Portal
) -> None:
    portal.change_organization("acme", valid_until=in_days(10.5))
    has_seats(page, _MANY)
    portal.visit(page, "olivia", _EDIT)
    end = page.get_by_label("Valid until")
    told = page.locator("form p[aria-live]")
    expect(told).to_be_empty()
    end.fill(in_days(5.5)[:16])
    expect(told).to_have_text("Ends in 5 days instead of in 10 days.")
    end.fill("2020-01-01T12:00")
    expect(told).to_have_text("Ends at once instead of in 10 days.")
    end.fill(in_days(375.5)[:16])
    expect(told).to_have_text("Ends in 375 days instead of in 10 days.")
    page.get_by_label("Seats").fill("2000")
    button(page, "Save").click()
    expect(fact(page, "Seats")).to_contain_text("1,980 of 2,000 used")
    expect(dialog(page)).to_have_count(0)


def test_what_is_stopped_already_is_changed_without_a_question(page: Page, portal: Portal) -> None:
    portal.change_organization("acme", status="paused", valid_until=in_days(10.5))
    has_seats(page, _MANY)
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Subscription").select_option("Cancelled")
    page.get_by_label("Valid until").fill("2020-01-01T12:00")
    button(page, "Save").click()
    expect(fact(page, "Subscription")).to_have_text("Suspended (cancelled)")


def test_requiring_device_keys_says_how_many_agents_that_may_stop_if_they_cannot_be_counted(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    has_seats(page, _MANY)
    page.route("**/v1/organizations/acme/summary", lambda route: route.fulfill(status=500))
    troubles.expect("status of 500")
    portal.visit(page, "ada", _ACME)
    button(page, "Require device keys…").click()
    expect(dialog(page)).to_contain_text("This may stop 1,980 agents")
    name = dialog(page).get_by_label("Type Acme to go on")
    name.press("Enter")
    button(dialog(page), "Require device keys").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    assert not subscription(portal, "acme")["policy"]["require_device_key"]
    name.fill("Acme")
    button(dialog(page), "Require device keys").click()
    expect(fact(page, "Device keys")).to_have_text("required")
    assert subscription(portal, "acme")["policy"]["require_device_key"]


def test_who_stops_few_of_many_agents_types_no_name(page: Page, portal: Portal) -> None:
    portal.log_in_agent("PC-1")  # the one that has no device key
    has_seats(page, _MANY)
    portal.visit(page, "ada", f"{_ACME}?do=require-keys")
    expect(dialog(page)).to_contain_text("This stops 1 of 1 agent")
    expect(dialog(page).get_by_role("textbox")).to_have_count(0)


@pytest.mark.parametrize("look", [DESKTOP, DARK, _NARROW], ids=str)
def test_the_questions_can_be_used_by_everybody_on_any_screen(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 412")
    has_seats(page, _MANY)
    portal.visit(page, "olivia", _EDIT)
    page.get_by_label("Subscription").select_option("Paused")
    button(page, "Save").click()
    button(dialog(page), "Save it").click()
    expect(dialog(page).locator("[aria-invalid]")).to_have_count(1)
    assert_accessible(page)
    fits(page)
    button(dialog(page), "Cancel").click()
    page.get_by_label("Subscription").select_option("Active")
    page.get_by_label("Seats").fill("3000")
    portal.change_organization("acme", max_agents=4000)
    button(page, "Save").click()
    expect(page.get_by_role("alert")).to_contain_text("yours takes the place of theirs: seats.")
    assert_accessible(page)
    fits(page)


# -- Enter -----------------------------------------------------------------------------------------


def test_enter_in_the_reason_does_nothing_to_an_agent(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    for verb in ("Block", "Dissociate", "Revoke"):
        button(page, f"{verb}…").focus()
        page.keyboard.press("Enter")
        expect(dialog(page).get_by_label("Reason")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.type("sold")
        page.keyboard.press("Enter")
        expect(dialog(page).get_by_label("Reason")).to_have_value("sold")
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
    assert "POST" not in sent
    assert status(portal, agent) == "active"
    button(page, "Block…").click()  # nor has Escape lost what was typed
    expect(dialog(page).get_by_label("Reason")).to_have_value("sold")


def test_enter_in_the_reason_is_enough_to_unblock_an_agent(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.call("POST", f"/v1/licenses/{agent.id}/detach").expect(200)
    portal.visit(page, "ada", place(agent))
    button(page, "Unblock…").click()
    dialog(page).get_by_label("Reason").fill("found again")
    page.keyboard.press("Enter")
    expect(fact(page, "Status")).to_have_text("Active")
    assert status(portal, agent) == "active"


def test_enter_ends_no_temporary_license(page: Page, portal: Portal) -> None:
    generate(portal)
    portal.visit(page, "olivia", f"{_ACME}/temporary")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    button(page, "End…").click()
    dialog(page).get_by_label("Reason").press("Enter")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert "POST" not in sent


# -- the browser's history -------------------------------------------------------------------------


def test_back_after_a_dialog_leads_back(page: Page, portal: Portal, agent: Agent) -> None:
    portal.visit(page, "ada", f"{_ACME}/agents")
    page.get_by_role("link", name=agent.name).click()
    for way in ("Escape", "Cancel", "Block"):
        button(page, "Block…").click()
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            button(dialog(page), way).click()
        expect(dialog(page)).to_have_count(0)
        expect(page).to_have_url(portal.address(place(agent)))
    expect(fact(page, "Status")).to_have_text("Blocked")
    page.go_back()
    expect(page.get_by_role("table", name="Agents")).to_be_visible()


def test_back_after_a_change_that_was_asked_about_leads_to_the_form(
    page: Page, portal: Portal
) -> None:
    has_seats(page, 3)
    portal.visit(page, "olivia", _ACME)
    page.get_by_role("link", name="Change…").click()
    page.get_by_label("Subscription").select_option("Paused")
    button(page, "Save").click()
    button(dialog(page), "Save it").click()
    expect(fact(page, "Subscription")).to_have_text("Suspended (paused)")
    page.go_back()
    expect(page).to_have_url(portal.address(_EDIT))
    expect(page.get_by_label("Subscription")).to_have_value("paused")
    page.go_back()
    expect(fact(page, "Subscription")).to_have_text("Suspended (paused)")
    expect(page).to_have_url(portal.address(_ACME))


# -- one cause -------------------------------------------------------------------------------------


def test_one_cause_is_told_once_and_tried_again_for_all(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/v1/organizations/acme**", _refuse)
    portal.visit(page, "ada", _ACME)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(1)
    button(page, "Try again").click()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(1)
    page.unroute("**/v1/organizations/acme**")
    page.route("**/v1/organizations/acme/activity", _refuse)
    button(page, "Try again").click()
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    expect(page.get_by_role("figure", name="Licenses by status")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(1)  # of what has still not come
    page.unroute("**/v1/organizations/acme/activity")
    button(page, "Try again").click()
    expect(page.get_by_role("figure", name="Validations per hour")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def _refuse(route: Route) -> None:
    route.abort("connectionrefused")
