"""An organization at a glance, and its feed: what is shown is what has happened."""

import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from licensing.domain.audit import EventType
from tests.browser.dates import in_words
from tests.browser.looks import DESKTOP, OpenPage
from tests.browser.portal import Agent, Portal
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_OVERVIEW = "/organizations/acme"
_FEED = "/organizations/acme/feed"
_SECONDS_TO_BE_TOLD = 60


def fact(page: Page, name: str) -> Locator:
    return page.locator("dl > div").filter(has=page.get_by_text(name, exact=True)).locator("dd")


def chart(page: Page, title: str) -> Locator:
    return page.locator("figure").filter(has=page.get_by_text(title, exact=True))


def table(page: Page, title: str) -> list[list[str]]:
    """A chart's numbers as its table has them, without the heads of the columns."""
    shown = chart(page, title)
    expect(shown).to_be_visible()
    # A part that comes later moves those below it, maybe away from under the mouse.
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    shown.locator("summary").click()
    expect(shown.locator("tbody tr").first).to_be_visible()
    return [
        row.locator("th, td").all_inner_texts()
        for row in shown.locator("tbody").locator("tr").all()
    ]


def on(days: int, **more: int) -> str:
    instant = datetime.now(UTC) + timedelta(days=days, **more)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"valid_until": on(90, hours=1)}, ["Current", "90 days left", "(in 90 days)"]),
        ({"valid_until": on(1, hours=23)}, ["Current", "1 day left", "(in 1 day)"]),
        ({"valid_until": on(0, hours=2)}, ["Current", "ends within a day"]),
        (
            {"valid_until": on(-1)},
            ["Ended", "ended", "Agents are refused until the subscription is renewed."],
        ),
        ({"status": "cancelled"}, ["Suspended (cancelled)", "paused or cancelled"]),
    ],
)
def test_the_subscription_is_told_with_what_is_left_of_it(
    page: Page, portal: Portal, changed: dict[str, str], said: list[str]
) -> None:
    portal.change_organization("acme", **changed)
    portal.visit(page, "ada", _OVERVIEW)
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    for words in said:
        expect(page.get_by_role("main")).to_contain_text(words)
    expect(page.get_by_role("link", name="Change…")).to_have_count(0)


def test_seats_are_counted_and_their_end_is_said(page: Page, portal: Portal) -> None:
    portal.log_in_agent("PC-1")
    portal.visit(page, "ada", _OVERVIEW)
    expect(fact(page, "Seats")).to_have_text("1 used, without a limit")
    portal.change_organization("acme", max_agents=2)
    page.reload()
    expect(fact(page, "Seats")).to_contain_text("1 of 2 used")
    expect(page.get_by_role("meter")).to_have_js_property("value", 1)
    expect(page.get_by_text("No seat is free")).to_have_count(0)
    portal.log_in_agent("PC-2")
    page.reload()
    expect(fact(page, "Seats")).to_contain_text("2 of 2 used")
    expect(page.get_by_text("No seat is free: a new agent cannot log in.")).to_be_visible()


@pytest.fixture
def agents(portal: Portal) -> list[Agent]:
    """Five agents of which one is blocked, one dissociated and one revoked; two have validated."""
    # What is counted by the hour is all in one: midnights are beginnings of hours, too.
    left = 3600 - time.time() % 3600
    if left < _SECONDS_TO_BE_TOLD:
        time.sleep(left)
    made = [portal.log_in_agent(f"PC-{number}") for number in range(5)]
    for agent in made[:2]:
        assert portal.validate(agent)["valid"]
    for agent, action in zip(made[2:], ["detach", "dissociate", "revoke"], strict=True):
        portal.call("POST", f"/v1/licenses/{agent.id}/{action}", {"reason": "sold"}).expect(200)
    for _ in range(3):
        assert portal.validate(made[4])["code"] == "REVOKED"
    return made


@pytest.mark.usefixtures("agents")
def test_the_charts_show_the_numbers_that_there_are(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _OVERVIEW)
    licenses = table(page, "Licenses by status")
    statuses = ["Active", "Suspended", "Expired", "Blocked", "Dissociated", "Revoked"]
    heads = chart(page, "Licenses by status").locator("thead th").all_inner_texts()
    assert heads[1:] == [*statuses, "All"]
    assert len(licenses) == 31
    assert [int(count) for count in licenses[-1][1:]] == [2, 0, 0, 1, 1, 1, 5]
    assert all(set(row[1:]) == {"0"} for row in licenses[:-1])
    refusals = table(page, "Refusals by reason")
    assert [row[:2] for row in refusals] == [["Used after it was revoked", "3"]]
    hours = table(page, "Validations per hour")
    assert len(hours) == 168
    expect(chart(page, "Validations per hour").get_by_role("link")).to_have_count(
        0
    )  # none has a list
    assert [row[1] for row in hours[-2:]] in (["0", "5"], ["5", "0"])

    page.get_by_role("combobox", name="Period").select_option("7 days")
    expect(chart(page, "Licenses by status").locator("tbody tr")).to_have_count(8)
    assert page.url == portal.address(f"{_OVERVIEW}?days=7")


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_each_day_of_the_statuses_is_told_once_and_then_now(
    open_page: OpenPage, portal: Portal, zone: str
) -> None:
    portal.log_in_agent("PC-1")
    page = open_page(DESKTOP, timezone_id=zone)

    def days() -> list[str]:
        today = datetime.now(UTC)
        return [in_words(page, today - timedelta(days=back)) for back in range(6, -1, -1)]

    before = days()
    portal.visit(page, "ada", f"{_OVERVIEW}?days=7")
    told = [row[0] for row in table(page, "Licenses by status")]
    assert told in ([*before, "now"], [*days(), "now"])  # a midnight may come in between


def test_a_time_that_is_not_told_whole_is_told_as_such(page: Page, portal: Portal) -> None:
    portal.log_in_agent("PC-1")

    def only_the_last_part(route: Route) -> None:
        answer = route.fetch()
        found = {**answer.json(), "complete_from": "2026-03-01T12:00:00Z"}
        route.fulfill(response=answer, json=found)

    portal.visit(page, "ada", _OVERVIEW)
    left_out = page.get_by_text("this tells of the time from 1 Mar 2026, 12:00 on.")
    expect(chart(page, "Licenses by status")).to_be_visible()
    expect(left_out).to_have_count(0)
    page.route("**/v1/organizations/acme/statistics?*", only_the_last_part)
    page.reload()
    expect(left_out).to_have_count(2)


def test_all_pages_of_the_activity_are_added_up(page: Page, portal: Portal) -> None:
    pages: dict[str | None, tuple[list[int], str | None]] = {
        None: ([40, 1, 0], "second"),
        "second": ([2, 0, 0], "third"),
        "third": ([5, 0, 7], None),
    }

    def one_of_three(route: Route) -> None:
        (cursor,) = parse_qs(urlsplit(route.request.url).query).get("cursor", [None])
        licenses, next_cursor = pages[cursor]
        hours = [
            {"at": f"2026-11-20T{hour:02}:00:00Z", "licenses": count}
            for hour, count in enumerate(licenses)
        ]
        not_seen = [{"days": 7, "licenses": licenses[0]}, {"days": 30, "licenses": 0}]
        route.fulfill(json={"hours": hours, "not_seen": not_seen, "next_cursor": next_cursor})

    page.route("**/v1/organizations/acme/activity*", one_of_three)
    portal.visit(page, "ada", _OVERVIEW)
    assert [count for _, count in table(page, "Validations per hour")] == ["47", "1", "7"]
    silent = page.locator(".attention").get_by_role("link", name="agents not seen for 7 days")
    expect(silent).to_have_text("47agents not seen for 7 days")


def test_without_agents_each_chart_says_what_would_be_in_it(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _OVERVIEW)
    for words in (
        "No license has been issued yet.",
        "No license was used where it does not belong.",
        "No agent has validated within the last week.",
    ):
        expect(page.get_by_text(words)).to_be_visible()


# -- what an organization decides about its agents -------------------------------------------------


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def policy(portal: Portal) -> tuple[bool, bool, bool]:
    """Whether Acme requires device keys, blocks clones, and locks device keys."""
    found = portal.call("GET", "/v1/organizations/acme").expect(200)["organization.policy"]
    return found["require_device_key"], found["block_clones"], found["lock_device_keys"]


_DECISIONS = [
    # verb, what is said beforehand, whose fact, what it is then, the policy, what the feed tells
    (
        "Require device keys",
        [
            "is refused at its next validation, until somebody logs in again on it",
            "Older agents have none: they stop, and nobody can log in on them.",
            "An agent that cannot reach the service runs on until its present lease ends.",
        ],
        ("Device keys", "required"),
        (True, False, False),
        "device keys required: no → yes",
    ),
    (
        "Block clones",
        [
            "is blocked at once, and both are told “Agent is Blocked.”",
            "until an administrator has looked",
        ],
        ("Clones", "blocked at once"),
        (True, True, False),
        "clones blocked: no → yes",
    ),
    (
        "Do without device keys",
        ["Nobody has to log in.", "still has to prove it"],
        ("Device keys", "not required"),
        (False, True, False),
        "device keys required: yes → no",
    ),
    (
        "Only report clones",
        ["both go on", "stays blocked until an administrator unblocks it"],
        ("Clones", "reported"),
        (False, False, False),
        "clones blocked: yes → no",
    ),
    (
        "Lock device keys",
        ["needs an administrator", "proves its old key still replaces it"],
        ("Lost device keys", "locked"),
        (False, False, True),
        "device keys locked: no → yes",
    ),
    (
        "Let logins replace keys",
        ["can replace its device key"],
        ("Lost device keys", "replaced by a login"),
        (False, False, False),
        "device keys locked: yes → no",
    ),
]


@pytest.mark.parametrize(("user", "role"), [("ada", "org-admin"), ("olivia", "super-admin")])
def test_device_keys_and_clones_are_decided_about_after_it_is_said_what_will_happen(
    page: Page, portal: Portal, user: str, role: str
) -> None:
    portal.visit(page, user, _OVERVIEW)
    for verb, said, (name, value), decided, _ in _DECISIONS:
        page.get_by_role("button", name=f"{verb}…").click()
        for words in said:
            expect(dialog(page)).to_contain_text(words)
        expect(dialog(page).get_by_role("textbox")).to_have_count(0)
        dialog(page).get_by_role("button", name=verb).click()
        expect(fact(page, name)).to_have_text(value)
        expect(dialog(page)).to_have_count(0)
        expect(page.get_by_role("button", name=f"{verb}…")).to_have_count(0)
        assert policy(portal) == decided
        expect(page).to_have_url(portal.address(_OVERVIEW))
    page.goto(portal.address(f"{_FEED}?type=OrganizationUpdated"))
    told = page.locator(".entries li")
    expect(told).to_have_count(6)
    for entry, (*_, change) in zip(reversed(told.all()), _DECISIONS, strict=True):
        expect(entry).to_contain_text("Rules for agents changed")
        expect(entry.locator(".change")).to_have_text(change)
        expect(entry).to_contain_text(f"({role})")


def test_r38_a_limit_of_agents_per_member_is_a_number_or_none(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _OVERVIEW)
    for before, typed, shown in (("", "2", "2"), ("2", "0", "0"), ("0", "", "without a limit")):
        page.get_by_role("button", name="Limit members…").click()
        expect(dialog(page)).to_contain_text("Empty sets no limit. 0 leaves it to administrators")
        expect(dialog(page).get_by_label("Agents per member")).to_have_value(before)
        dialog(page).get_by_label("Agents per member").fill(typed)
        dialog(page).get_by_role("button", name="Limit members").click()
        expect(fact(page, "Agents per member")).to_have_text(shown)
        expect(dialog(page)).to_have_count(0)


def test_r38_what_the_vendors_floor_demands_cannot_be_undone(page: Page, portal: Portal) -> None:
    def under_a_floor(route: Route) -> None:
        answer = route.fetch()
        shown = answer.json()
        floor = {"require_device_key": True, "agents_per_member": 2}
        shown["organization"]["policy"] |= floor
        shown["organization"]["policy_floor"] |= floor
        route.fulfill(response=answer, json=shown)

    portal.visit(page, "ada", "/portal")
    page.route("**/v1/organizations/acme", under_a_floor)
    page.goto(portal.address(f"{_OVERVIEW}?do=waive-keys"))
    undoing = page.get_by_role("button", name="Do without device keys…")
    expect(undoing).to_be_disabled()
    expect(undoing).to_have_attribute("title", re.compile("Fixed by the operator"))
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Block clones…")).to_be_enabled()
    page.get_by_role("button", name="Limit members…").click()
    most = dialog(page).get_by_label("Agents per member")
    expect(most).to_have_attribute("max", "2")
    expect(most).to_have_js_property("required", value=True)  # no limit would be more than that


def test_a_decision_is_taken_by_keyboard_alone_and_undoing_it_is_one_key_away(
    page: Page, portal: Portal
) -> None:
    portal.visit(page, "ada", _OVERVIEW)
    page.get_by_role("button", name="Require device keys…").focus()
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Require device keys…")).to_be_focused()
    assert policy(portal) == (False, False, False)
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#announcements")).to_have_text("Device keys are required.")
    expect(page.get_by_role("button", name="Do without device keys…")).to_be_focused()
    assert policy(portal) == (True, False, False)


@pytest.mark.parametrize("way", ["Try again", "Cancel"])
def test_a_decision_whose_answer_is_lost_is_shown_as_it_stands(
    page: Page, portal: Portal, troubles: Troubles, way: str
) -> None:
    def carry_out(route: Route) -> None:
        if route.request.method == "PATCH":
            route.fetch()
            route.abort("connectionreset")
        else:
            route.fallback()

    portal.visit(page, "ada", f"{_OVERVIEW}?do=require-keys")
    expect(dialog(page)).to_be_visible()
    page.reload()  # what was asked is asked still
    troubles.expect("ERR_CONNECTION_RESET")
    page.route("**/v1/organizations/acme", carry_out)
    dialog(page).get_by_role("button", name="Require device keys").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("No connection.")
    expect(fact(page, "Device keys")).to_have_text("not required")
    page.unroute("**/v1/organizations/acme")
    dialog(page).get_by_role("button", name=way).click()
    expect(fact(page, "Device keys")).to_have_text("required")
    expect(dialog(page)).to_have_count(0)
    assert policy(portal) == (True, False, False)


@pytest.mark.parametrize("decision", ["waive-keys", "nonsense", "toString"])
def test_what_is_decided_already_is_not_asked_again(
    page: Page, portal: Portal, decision: str
) -> None:
    portal.visit(page, "ada", f"{_OVERVIEW}?do={decision}&days=7")
    expect(fact(page, "Device keys")).to_have_text("not required")
    expect(page).to_have_url(portal.address(f"{_OVERVIEW}?days=7"))
    expect(dialog(page)).to_have_count(0)


# -- the feed --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("agents")
def test_the_feed_tells_what_happened_and_leads_to_the_agent(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _FEED)
    expect(page.get_by_role("heading", level=1)).to_have_text("Feed")
    told = page.locator(".entries li")
    expect(told).to_have_count(10)
    refused = told.filter(has_text="Access refused")
    expect(refused).to_contain_text("Access refused: Used after it was revoked (3 times)")
    expect(refused).to_contain_text("The agent")
    revoked = told.filter(has_text="License revoked")
    expect(revoked).to_contain_text("License revoked · PC-4")
    expect(revoked).to_contain_text("“sold”")
    expect(revoked).to_contain_text("(org-admin) · from 127.0.0.1")
    revoked.get_by_role("link", name="PC-4").click()
    expect(page.get_by_role("heading", level=1, name="PC-4")).to_be_visible()


@pytest.mark.usefixtures("agents")
def test_the_feed_is_narrowed_to_one_kind_of_event(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _FEED)
    page.get_by_label("What").select_option("Agent blocked")
    expect(page.locator(".entries li")).to_have_count(1)
    expect(page.locator(".entries li")).to_contain_text("PC-2")
    assert page.url == portal.address(f"{_FEED}?type=LicenseDetached")


def test_every_kind_of_event_has_words_and_can_be_chosen(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", _FEED)
    options = page.get_by_label("What").locator("option")
    expect(options.first).to_have_text("Everything")
    told = dict(options.evaluate_all("(all) => all.map((one) => [one.value, one.textContent])"))
    told.pop("")
    assert told.keys() == set(EventType)
    assert all(" " in words for words in told.values())


@pytest.mark.usefixtures("agents")
def test_the_feed_is_narrowed_to_a_time(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _FEED)
    page.get_by_label("Until").fill(on(-3)[:10])
    expect(page.locator(".entries li")).to_have_count(0)
    page.get_by_label("Until").fill("")
    page.get_by_label("From").fill(on(-3)[:10])
    expect(page.locator(".entries li")).to_have_count(10)


def test_a_day_of_the_feed_is_as_long_as_it_is_where_the_reader_is(
    open_page: OpenPage, portal: Portal
) -> None:
    page = open_page(DESKTOP, timezone_id="Europe/Berlin")
    day = "2026-10-25"  # the clocks are put back, and it has 25 hours
    with page.expect_request("**/v1/organizations/acme/events?*") as asked:
        portal.visit(page, "ada", f"{_FEED}?from={day}&until={day}")
    query = parse_qs(urlsplit(asked.value.url).query)
    assert query["from"] == ["2026-10-24T22:00:00.000Z"]
    assert query["before"] == ["2026-10-25T23:00:00.000Z"]


def test_a_feed_in_which_nothing_is_like_that_says_what_to_do(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", f"{_FEED}?type=LicenseRevoked")
    expect(page.get_by_text("Nothing like this has happened.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".entries li")).to_contain_text("Organization created")
