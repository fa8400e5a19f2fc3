"""One agent: what it is, what has happened to it, and what an administrator does to it."""

import re
from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.looks import OpenPage
from tests.browser.portal import Agent, Portal
from tests.browser.test_requests import Api, api
from tests.browser.test_subjects import _license
from tests.browser.test_widgets import EVENT
from tests.browser.troubles import Troubles
from tests.devices import Device

__all__ = ["api"]  # a fixture

pytestmark = pytest.mark.sampled(7)


@pytest.fixture
def agent(portal: Portal) -> Agent:
    return portal.log_in_agent("PRESS-PC-1")


def place(agent: Agent) -> str:
    return f"/organizations/{agent.organization_id}/agents/{agent.id}"


def fact(page: Page, name: str) -> Locator:
    """What the page says about the agent."""
    return page.locator("dl > div").filter(has=page.get_by_text(name, exact=True)).locator("dd")


def history(page: Page) -> Locator:
    return page.locator(".entries li")


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def status(portal: Portal, agent: Agent) -> str:
    answer = portal.call("GET", f"/v1/licenses/{agent.id}").expect(200)
    return str(answer["license.status"])


def test_people_are_told_by_name_and_computers_too(
    page: Page, portal: Portal, agent: Agent
) -> None:
    reason = {"reason": "stolen"}
    portal.call("POST", f"/v1/licenses/{agent.id}/detach", reason).expect(200)
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Issued by")).to_have_text("Alice Moreau")
    blocked = history(page).first
    expect(blocked).to_contain_text("Agent blocked")
    expect(blocked.get_by_text("Ada Novak", exact=True)).to_have_attribute("title", re.compile("-"))
    page.get_by_role("link", name="Feed").click()
    expect(history(page).first.get_by_role("link")).to_have_text(agent.name)
    page.get_by_role("link", name="Agents").click()
    expect(page.get_by_role("row", name=agent.name)).to_contain_text("Alice Moreau")


def test_an_agent_is_told_with_its_history(page: Page, portal: Portal, agent: Agent) -> None:
    portal.validate(agent)
    portal.visit(page, "ada", place(agent))
    expect(page.get_by_role("heading", level=1, name="PRESS-PC-1")).to_be_visible()
    expect(fact(page, "Status")).to_have_text("Active")
    expect(fact(page, "Primary")).to_have_text("no")
    expect(fact(page, "Environment")).to_have_text("production")
    expect(fact(page, "Agent version")).to_have_text("4.5.0.0")
    expect(fact(page, "Last seen")).to_contain_text("(just now)")
    expect(fact(page, "Seen from")).to_have_text("127.0.0.1")
    expect(fact(page, "License id")).to_have_text(agent.id)
    expect(fact(page, "Valid until")).to_contain_text("(in 36")
    expect(history(page)).to_have_count(1)
    expect(history(page).first).to_contain_text("License issued")
    expect(history(page).first).to_contain_text("(member) · from 127.0.0.1 · agent 4.5.0.0")


def test_a_history_is_turned_over_and_the_agent_is_not_asked_for_again(
    parts: Page, api: Api
) -> None:
    license_ = {**_license(), "actions": [], "valid_until": None, "leased_until": None}
    nobody = {"primary": False, "agent_version": None, "device_key": None}
    issued = {"pending_device_key": None, "issued_by": "1b9d6bcd", "issued_by_name": "Alice"}
    pages = [{"json": {"events": [EVENT] * 25, "next_cursor": one}} for one in ("second", None)]
    told = {"json": {"license": {**license_, **nobody, **issued}}}
    api.answers = [told, *pages]
    parts.evaluate("router.go('#/agents')")
    parts.evaluate(
        """() => {
          const params = { organization: "acme", license: "lic_1" };
          globalThis.made = agent.agent({ params, query: router.here().query });
          put(made.element);
          router.onMove(() => made.update(router.here().query));
        }"""
    )
    expect(history(parts)).to_have_count(25)
    parts.get_by_role("button", name="Next page").click()
    expect(parts.locator(".pager")).to_contain_text("26–50")
    assert [asked["ask"] for asked in api.asked] == [
        "GET /licenses/lic_1",
        "GET /licenses/lic_1/events?limit=25",
        "GET /licenses/lic_1/events?cursor=second&limit=25",
    ]


def test_what_is_typed_about_one_agent_is_not_put_to_another(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Half typed")
    page.get_by_role("button", name="Revoke…").click()
    page.get_by_label("Reason").fill("scrapped")
    page.keyboard.press("Escape")
    page.goto(portal.address(place(portal.log_in_agent("PRESS-PC-2"))))
    expect(page.get_by_role("heading", level=1, name="PRESS-PC-2")).to_be_visible()
    expect(page.get_by_label("Label")).to_have_value("")
    page.get_by_role("button", name="Revoke…").click()
    expect(page.get_by_label("Reason")).to_have_value("")


def test_what_cannot_be_done_to_an_agent_is_not_asked_about_by_its_address(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    for action in ("attach", "reset-device-key", "nothing"):
        page.goto(portal.address(f"{place(agent)}?do={action}"))
        expect(fact(page, "Status")).to_have_text("Active")
        expect(page).to_have_url(portal.address(place(agent)))
        expect(dialog(page)).to_have_count(0)


def test_what_cannot_be_undone_looks_like_it_before_it_is_asked_about(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    look = "(button) => { const s = getComputedStyle(button); return [s.color, s.borderTopColor]; }"
    looks = [
        page.get_by_role("button", name=f"{verb}…").evaluate(look)
        for verb in ("Block", "Dissociate", "Revoke")
    ]
    assert looks[0] == looks[1] != looks[2]
    asked = []
    for verb in ("Dissociate", "Revoke"):
        page.get_by_role("button", name=f"{verb}…").click()
        verbs = dialog(page).get_by_role("button", name=verb, exact=True)
        asked.append(verbs.evaluate("(button) => getComputedStyle(button).backgroundColor"))
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
    assert asked[0] != asked[1]


_ACTIONS = [
    # verb, what is said beforehand, done, status, event, what the agent is told
    ("Block", "It keeps its machine and its seat.", "Blocked", "Agent blocked", "DETACHED"),
    ("Unblock", "Nobody has to log in.", "Active", "Agent unblocked", "VALID"),
    (
        "Dissociate",
        "another organization may take the machine",
        "Dissociated",
        "Key dissociated from its machine",
        "DISSOCIATED",
    ),
    ("Revoke", "This cannot be undone.", "Revoked", "License revoked", "REVOKED"),
]


def test_r36_a_device_key_that_waits_is_shown_and_both_are_reset(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.log_in_again(agent, Device())
    other = Device()
    portal.log_in_again(agent, other)
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Another device key")).to_contain_text(other.thumbprint)
    page.get_by_role("button", name="Reset device key…").click()
    expect(dialog(page)).to_contain_text("The next login binds the device key")
    expect(dialog(page).locator("p.help")).to_have_count(0)
    page.get_by_label("Reason").fill("a new disk")
    dialog(page).get_by_role("button", name="Reset device key").click()
    expect(fact(page, "Device key")).to_have_text("none")
    expect(fact(page, "Another device key")).to_have_count(0)
    expect(page.get_by_role("button", name="Reset device key…")).to_have_count(0)
    expect(history(page).first).to_contain_text("Device key reset by an administrator")
    expect(history(page).first).to_contain_text("“a new disk”")


def test_an_agent_is_blocked_unblocked_dissociated_and_revoked(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    for verb, said, state, event, code in _ACTIONS:
        page.get_by_role("button", name=f"{verb}…").click()
        expect(dialog(page)).to_contain_text(said)
        # How long a lease lets it go on is told where it is refused.
        expect(dialog(page).locator("p.help")).to_have_count(int(verb != "Unblock"))
        page.get_by_label("Reason").fill(f"because of {verb}")
        dialog(page).get_by_role("button", name=verb).click()
        expect(dialog(page)).to_have_count(0)
        expect(page.locator("#announcements")).to_contain_text("PRESS-PC-1 is")
        expect(fact(page, "Status")).to_have_text(state)
        expect(history(page).first).to_contain_text(event)
        expect(history(page).first).to_contain_text(f"“because of {verb}”")
        expect(history(page).first).to_contain_text("(org-admin)")
        assert portal.validate(agent)["code"] == code
    expect(page.get_by_text("Nothing can be done to it any more.")).to_be_visible()


_LEASES = [
    # its end, what the page says of that, and what is said before the agent is blocked or ended
    ("2037-01-31T12:00:00Z", "can go on without asking", "at the latest 31 Jan 2037"),
    ("2026-01-31T12:00:00Z", None, None),
    (None, None, "until its present lease ends"),  # a licence from before it was kept
]


def leased(end: str | None, route: Route) -> None:
    """The agent, as if its longest lease ended then."""
    answer = route.fetch()
    found = answer.json()
    assert found["license"]["leased_until"] is not None
    found["license"]["leased_until"] = end
    route.fulfill(response=answer, json=found)


def test_r37_until_when_a_computer_can_go_on_is_told_while_that_is_to_come(
    page: Page, portal: Portal, agent: Agent
) -> None:
    for end, told, noted in _LEASES:
        page.route(f"**/v1/licenses/{agent.id}", partial(leased, end))
        portal.visit(page, "ada", place(agent))
        page.reload()
        expect(fact(page, "Status")).to_have_text("Active")
        expect(fact(page, "Lease ends")).to_have_text([re.compile(told)] if told else [])
        for verb in ("Block", "Dissociate", "Revoke"):
            page.get_by_role("button", name=f"{verb}…").click()
            note = dialog(page).locator("p.help")
            expect(note).to_have_text([re.compile(noted)] if noted else [])
            dialog(page).get_by_role("button", name="Cancel").click()


def test_an_action_is_done_by_keyboard_alone(page: Page, portal: Portal, agent: Agent) -> None:
    portal.visit(page, "ada", place(agent))
    button = page.get_by_role("button", name="Block…")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("lost laptop")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(fact(page, "Status")).to_have_text("Blocked")
    expect(history(page).first).to_contain_text("“lost laptop”")
    # Undoing it is one key away.
    expect(page.get_by_role("button", name="Unblock…")).to_be_focused()


def test_after_the_last_action_the_reader_is_still_where_it_was(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Revoke…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(fact(page, "Status")).to_have_text("Revoked")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Label")).to_be_focused()


@pytest.mark.parametrize("way", ["Cancel", "Escape", "back"])
def test_who_thinks_better_of_it_changes_nothing(
    page: Page, portal: Portal, agent: Agent, way: str
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Revoke…").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Reason").fill("a mistake")
    if way == "Cancel":
        dialog(page).get_by_role("button", name="Cancel").click()
    elif way == "Escape":
        page.keyboard.press("Escape")
    else:
        page.go_back()
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Revoke…")).to_be_focused()
    expect(page).to_have_url(portal.address(place(agent)))
    assert status(portal, agent) == "active"
    page.reload()
    expect(fact(page, "Status")).to_have_text("Active")
    expect(dialog(page)).to_have_count(0)


def test_tab_does_not_leave_a_dialog_for_the_page_behind(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Block…").click()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("() => !document.activeElement.closest('#main, #header')")


def test_it_is_asked_once_even_if_the_button_is_pressed_twice(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Block…").click()
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    dialog(page).get_by_role("button", name="Block").dblclick()
    expect(fact(page, "Status")).to_have_text("Blocked")
    assert len(sent) == 1


def test_a_label_and_the_mark_primary_are_kept(page: Page, portal: Portal, agent: Agent) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Press hall, left")
    page.get_by_label("Primary agent").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#announcements")).to_have_text("Saved.")
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    expect(page.get_by_role("heading", level=1, name="Press hall, left")).to_be_visible()
    expect(fact(page, "Primary")).to_have_text("Primary")
    expect(history(page).first).to_contain_text("label: none → Press hall, left")
    expect(history(page).first).to_contain_text("primary: no → yes")
    page.get_by_role("link", name="Agents").click()
    row = page.get_by_role("row", name="Press hall, left")
    expect(row).to_contain_text("PRESS-PC-1")
    expect(row.locator(".badge-primary")).to_have_text("Primary")


def test_a_label_that_was_typed_survives_a_reload(page: Page, portal: Portal, agent: Agent) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Not saved yet")
    page.reload()
    expect(page.get_by_label("Label")).to_have_value("Not saved yet")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name="Not saved yet")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Label")).to_have_value("Not saved yet")


def test_a_label_that_is_being_typed_is_not_lost_to_an_action(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Half typed")
    page.get_by_role("button", name="Block…").click()
    dialog(page).get_by_role("button", name="Block").click()
    expect(fact(page, "Status")).to_have_text("Blocked")
    expect(page.get_by_label("Label")).to_have_value("Half typed")


# -- device keys and clones -----------------------------------------------------------------------


def test_an_agent_shows_the_device_key_that_it_proves_and_what_became_of_it(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Device key")).to_have_text("none")
    device, other = Device(), Device()
    portal.log_in_again(agent, device)
    for use in (agent, replace(agent, device=other), replace(agent, device=device)):
        portal.validate(use)
    page.reload()
    expect(fact(page, "Device key")).to_have_text(f"proved {device.thumbprint}")  # all of it
    shown = fact(page, "Device key").locator("code").bounding_box()
    assert shown is not None
    assert shown["width"] < 150  # pixels: its start
    expect(history(page)).to_have_count(4)
    told = history(page).filter(has_text="Device key changed")
    expect(told).to_contain_text(f"device key: none → {device.thumbprint[:12]}…")
    expect(told).to_contain_text("(member)")
    for said in (
        "Used without a proof of its device key",
        "Used with a proof that is not its device key's",
    ):
        expect(history(page).filter(has_text=f"Access refused: {said}")).to_have_count(1)


def shared_by_two(portal: Portal, agent: Agent) -> str:
    """What an agent is told whose licence another one, without its lease, has logged in with."""
    assert portal.validate(agent, lease=agent.lease)["code"] == "VALID"
    portal.log_in_again(agent)
    return str(portal.validate(agent, lease=agent.lease)["code"])


def test_a_clone_is_told_with_where_the_other_one_is(
    page: Page, portal: Portal, agent: Agent
) -> None:
    def elsewhere(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for event in found["events"]:
            if event["other_address"] == "127.0.0.1":  # where every agent of a test is
                event["other_address"] = "198.51.100.66"
        route.fulfill(response=answer, json=found)

    assert shared_by_two(portal, agent) == "VALID"
    assert portal.validate(agent)["code"] == "VALID"
    page.route("**/v1/licenses/*/events?*", elsewhere)
    portal.visit(page, "ada", place(agent))
    told = history(page).filter(has_text="Clone suspected")
    expect(told).to_contain_text("Clone suspected: Two agents seem to use one license")
    expect(told).to_contain_text("from 127.0.0.1 · also used from 198.51.100.66")
    expect(told).not_to_contain_text("unblock it")
    expect(told).to_contain_text("Both go on.")
    returned = history(page).filter(has_text="Agent has come back")
    expect(returned.filter(has_text="with an older lease")).to_contain_text("a clone is reported")
    expect(returned.filter(has_text="key alone")).to_contain_text("somebody else has the key")
    expect(fact(page, "Status")).to_have_text("Active")


def test_r11_what_was_not_followed_and_what_came_back_is_told_with_what_helps(
    page: Page, portal: Portal, agent: Agent
) -> None:
    whole = replace(agent, machine={**agent.machine, "mac_addresses": ["3c:52:82:0a:1b:2c"]})
    portal.log_in_again(whole)
    renamed = replace(whole, machine={**whole.machine, "computer_name": "PRESS-PC-2"})
    changed_again = replace(
        whole, machine={**renamed.machine, "mac_addresses": ["3c:52:82:0a:1b:77"]}
    )
    for use in (renamed, changed_again, whole):
        assert portal.validate(use)["code"] == "VALID"
    portal.visit(page, "ada", place(agent))
    changed = history(page).filter(has_text="Machine has changed")
    expect(changed.filter(has_text="changed: computer name")).to_have_count(2)
    withheld = history(page).filter(has_text="too soon to follow")
    expect(withheld).to_contain_text("log in on it: the license follows at once")
    came_back = history(page).filter(has_text="Clone suspected")
    expect(came_back).to_contain_text("A machine that the license has left is still in use")
    expect(came_back).to_contain_text("follows no change before that")


def test_an_agent_that_was_blocked_as_a_clone_says_what_to_do_next(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.call("PATCH", "/v1/organizations/acme", {"block_clones": True}).expect(200)
    assert shared_by_two(portal, agent) == "DETACHED"
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Status")).to_have_text("Blocked")
    told = history(page).first
    expect(told).to_contain_text("Clone suspected")
    expect(told).to_contain_text("state: Active → Blocked")
    expect(told).to_contain_text(
        "The agent · on PRESS-PC-1 · from 127.0.0.1 · also used from 127.0.0.1"
    )
    expect(told).to_contain_text("unblock it: a new chain of leases begins.")
    expect(told).to_contain_text("dissociate or revoke the license")
    page.get_by_role("button", name="Unblock…").click()
    dialog(page).get_by_role("button", name="Unblock").click()
    expect(fact(page, "Status")).to_have_text("Active")
    for _ in range(2):
        assert portal.validate(agent, lease=agent.lease)["code"] == "VALID"


# -- two people at once ----------------------------------------------------------------------------


def test_who_comes_second_is_told_and_sees_how_it_is_now(
    open_page: OpenPage, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    first, second = open_page(), open_page()
    for page in (first, second):
        portal.visit(page, "ada", place(agent))
    second.get_by_role("button", name="Block…").click()
    second.get_by_label("Reason").fill("the seat is needed")
    first.get_by_role("button", name="Revoke…").click()
    dialog(first).get_by_role("button", name="Revoke").click()
    expect(fact(first, "Status")).to_have_text("Revoked")

    troubles.expect("status of 409")
    dialog(second).get_by_role("button", name="Block").click()
    expect(dialog(second).get_by_role("alert")).to_contain_text("That was refused. ")
    expect(dialog(second).get_by_role("alert")).not_to_contain_text("invalid_transition")
    expect(second.get_by_label("Reason")).to_have_value("the seat is needed")
    expect(fact(second, "Status")).to_have_text("Revoked")
    expect(history(second).first).to_contain_text("License revoked")
    dialog(second).get_by_role("button", name="Cancel").click()
    expect(second.get_by_role("heading", level=1)).to_be_focused()
    expect(second.get_by_text("Nothing can be done to it any more.")).to_be_visible()
    assert status(portal, agent) == "revoked"


def test_two_who_want_the_same_both_have_it(
    open_page: OpenPage, portal: Portal, agent: Agent
) -> None:
    pages = [open_page(), open_page()]
    for page in pages:
        portal.visit(page, "ada", place(agent))
        page.get_by_role("button", name="Block…").click()
    for page in pages:
        dialog(page).get_by_role("button", name="Block").click()
        expect(fact(page, "Status")).to_have_text("Blocked")
        expect(dialog(page)).to_have_count(0)
    assert status(portal, agent) == "detached"
    expect(history(pages[1])).to_have_count(2)


def test_a_label_and_a_block_at_once_are_both_kept(
    open_page: OpenPage, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 412")  # and then it is sent for the present version
    first, second = open_page(), open_page()
    for page in (first, second):
        portal.visit(page, "ada", place(agent))
    second.get_by_label("Label").fill("Press hall")
    first.get_by_role("button", name="Block…").click()
    dialog(first).get_by_role("button", name="Block").click()
    expect(fact(first, "Status")).to_have_text("Blocked")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("heading", level=1, name="Press hall")).to_be_visible()
    expect(fact(second, "Status")).to_have_text("Blocked")


def test_a_label_and_the_mark_primary_at_once_are_both_kept(
    open_page: OpenPage, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 412")  # and then it is sent for the present version
    first, second = open_page(), open_page()
    for page in (first, second):
        portal.visit(page, "ada", place(agent))
        expect(page.get_by_label("Label")).to_have_value("")
    first.get_by_label("Label").fill("Press hall")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("heading", level=1, name="Press hall")).to_be_visible()
    second.get_by_label("Primary agent").check()
    second.get_by_role("button", name="Save").click()
    expect(fact(second, "Primary")).to_have_text("Primary")
    expect(second.get_by_role("heading", level=1, name="Press hall")).to_be_visible()
    expect(second.get_by_label("Label")).to_have_value("Press hall")
