"""What needs attention comes first, says how urgent it is, and leads to the list behind it."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.dates import in_words
from tests.browser.portal import Portal
from tests.browser.test_overview import chart, fact, on
from tests.browser.test_super_admin import register, rows, shows, subscription
from tests.browser.test_troubled_ways import Held
from tests.browser.troubles import Troubles
from tests.devices import Device

pytestmark = pytest.mark.sampled(7)

_OVERVIEW = "/organizations/acme"
_URGENT = re.compile("urgency-urgent")


def test_an_end_and_seats_that_run_out_are_not_told_like_all_is_well(
    page: Page, portal: Portal
) -> None:
    portal.log_in_agent("PC-1")
    portal.change_organization("acme", valid_until=on(5, hours=1), max_agents=1)
    register(portal, "soon", "Soon Mill", valid_until=on(20, hours=1))
    register(portal, "paused", "Paused Mill", status="paused", valid_until=on(5, hours=1))
    portal.visit(page, "olivia", "/organizations")
    paused = rows(page, "Organizations").filter(has_text="Paused")
    expect(paused).to_contain_text("5 days left")
    expect(paused.locator(".urgency").filter(has_text="left")).to_have_count(0)  # it is over now
    acme, soon = (rows(page, "Organizations").filter(has_text=name) for name in ("Acme", "Soon"))
    for row, left, urgency in ((acme, "5 days left", "urgent"), (soon, "20 days left", "soon")):
        expect(row.locator(f".urgency-{urgency}").filter(has_text=left)).to_be_visible()
        expect(row.locator(f".badge-current-{urgency}")).to_have_text("Current")
    expect(acme).to_contain_text("1 of 1, none left")
    page.get_by_role("link", name="Acme").click()
    expect(fact(page, "Time left").locator("span")).to_have_class(_URGENT)
    expect(fact(page, "Seats").locator("span")).to_have_class(_URGENT)
    expect(fact(page, "Seats")).to_contain_text("1 of 1 used none left")
    expect(page.get_by_role("meter")).to_have_js_property("high", 0.5)


def test_a_bar_leads_to_the_organizations_that_end_then(page: Page, portal: Portal) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = midnight + timedelta(days=12)
    for name, end in {"eve": -1, "first": 0, "last": 86_399, "after": 86_400}.items():
        at = (day + timedelta(seconds=end)).isoformat().replace("+00:00", "Z")
        register(portal, name, name.capitalize(), valid_until=at)
    at = (day + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    register(portal, "paused", "Paused", valid_until=at, status="paused")  # which is not counted
    portal.visit(page, "olivia", "/organizations")
    ends = chart(page, "Subscriptions that end within 90 days")
    ends.locator("summary").click()
    ends.get_by_role("link", name=in_words(page, day)).click()
    shows(page, "First", "Last")
    expect(page.get_by_label("Ends")).to_have_value(f"{day:%Y-%m-%d}")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.reload()
    shows(page, "First", "Last")
    expect(page.get_by_label("Ends").locator("option:checked")).to_have_text(
        f"On {in_words(page, day)} (UTC)"
    )


def test_bars_and_states_lead_to_the_agents_and_entries_that_they_count(
    page: Page, portal: Portal
) -> None:
    blocked, revoked = portal.log_in_agent("PC-1"), portal.log_in_agent("PC-2")
    for agent, action in ((blocked, "detach"), (revoked, "revoke")):
        portal.call("POST", f"/v1/licenses/{agent.id}/{action}", {}).expect(200)
    portal.validate(revoked)
    portal.visit(page, "ada", _OVERVIEW)
    statuses = chart(page, "Licenses by status")
    statuses.locator(".chart-legend").get_by_role("link", name="Blocked").click()
    expect(rows(page, "Agents").get_by_role("link")).to_have_text(["PC-1"])
    page.go_back()
    refusals = chart(page, "Refusals by reason").locator(".chart-plot")
    refusals.focus()
    expect(refusals.locator(".chart-hint")).to_contain_text("lists all refusals of that time")
    page.keyboard.press("Enter")
    told = page.locator(".entries li")
    expect(told).to_have_count(1)
    expect(told).to_contain_text("Used after it was revoked")


def test_a_renewal_is_one_press_and_says_what_it_changes_before_it_is_saved(
    page: Page, portal: Portal
) -> None:
    portal.change_organization("acme", valid_until=on(-3))
    portal.visit(page, "olivia", f"{_OVERVIEW}/edit")
    page.get_by_role("button", name="+1 year").click()
    said = page.locator("form [aria-live=polite]")
    expect(said).to_contain_text(re.compile(r"Ends in 36[56] days\. It has ended 3 days ago\."))
    expect(said).to_contain_text("work again, with the keys that they have.")
    assert subscription(portal, "acme")["standing"] == "ended"
    page.reload()  # it is kept like what is typed
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".card .badge-current")).to_be_visible()
    end = datetime.fromisoformat(subscription(portal, "acme")["subscription"]["valid_until"])
    assert 364 <= (end - datetime.now(UTC)).days <= 366


def test_how_many_agents_a_resumed_subscription_lets_work_again_is_told_before(
    page: Page, portal: Portal
) -> None:
    for name in ("PC-1", "PC-2"):
        portal.log_in_agent(name)
    portal.change_organization("acme", status="paused")
    portal.visit(page, "olivia", f"{_OVERVIEW}/edit")
    page.get_by_label("Subscription").select_option("Active")
    said = page.locator("form [aria-live=polite]")
    expect(said).to_have_text("2 stopped agents work again, with the keys that they have.")


def matters(page: Page) -> dict[str, str]:
    """What needs attention: each number by its words."""
    row = page.locator(".attention")
    expect(row.locator("p")).to_be_visible()
    words = row.locator(".words").all_text_contents()
    return dict(zip(words, row.locator("a .urgency").all_text_contents(), strict=True))


def pressing(page: Page) -> list[str]:
    """The words of those of them that are not calm."""
    return page.locator(".attention li:not(.matter-calm) .words").all_text_contents()


def test_where_nothing_is_urgent_an_administrators_home_says_so_in_a_line(
    page: Page, portal: Portal
) -> None:
    portal.log_in_agent("PC-1")
    portal.change_organization("acme", valid_until=on(200, hours=1), max_agents=40)
    portal.visit(page, "ada")
    assert matters(page) == {
        "suspected clones in 7 days": "0",
        "refusals in 7 days": "0",
        "seats left of 40": "39",
        "days until the subscription ends": "200",
        "agents not seen for 7 days": "0",
    }
    expect(page.locator(".attention p")).to_have_text("Nothing needs attention.")
    assert pressing(page) == []
    top = page.locator(".attention").bounding_box()
    card = page.locator(".card").bounding_box()
    assert top
    assert card
    assert top["y"] < card["y"]


def test_an_administrators_home_begins_with_what_needs_attention_and_leads_there(
    page: Page, portal: Portal
) -> None:
    blocked, revoked, *_ = [portal.log_in_agent(f"PC-{number}") for number in range(4)]
    for agent, action in ((blocked, "detach"), (revoked, "revoke")):
        portal.call("POST", f"/v1/licenses/{agent.id}/{action}", {}).expect(200)
    portal.validate(revoked)
    portal.change_organization("acme", valid_until=on(5, hours=1), max_agents=3)
    portal.visit(page, "ada")
    assert matters(page) == {
        "suspected clones in 7 days": "0",
        "refusal in 7 days": "1",
        "seats left of 3": "0",
        "days until the subscription ends": "5",
        "agents not seen for 7 days": "0",
        "blocked agent": "1",
    }
    expect(page.locator(".attention p")).to_have_text("4 things need attention.")
    assert pressing(page) == [
        "refusal in 7 days",
        "seats left of 3",
        "days until the subscription ends",
        "blocked agent",
    ]
    page.locator(".attention").get_by_role("link", name="refusal").click()
    expect(page.locator(".entries li")).to_have_count(1)
    page.go_back()
    page.locator(".attention").get_by_role("link", name="blocked agent").click()
    expect(rows(page, "Agents").get_by_role("link")).to_have_text(["PC-0"])


def test_a_super_admins_home_counts_customers_and_leads_to_each_list(
    page: Page, portal: Portal
) -> None:
    portal.log_in_agent("PC-1")
    portal.change_organization("acme", max_agents=1)
    register(portal, "soon", "Soon Mill", valid_until=on(9))
    register(portal, "later", "Later Mill", valid_until=on(30))  # a day is counted as a whole
    register(portal, "past", "Past Mill", valid_until=on(-9))
    register(portal, "long-past", "Long Past Mill", valid_until=on(-40))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(portal.url)))
    portal.visit(page, "olivia")
    told = matters(page)
    assert told["suspected clones in 7 days"] == told["refusals in 7 days"] == "0"
    found = {
        "subscriptions end within 30 days": ("2", ["Later Mill", "Soon Mill"]),
        "subscription ended in the last 30 days": ("1", ["Past Mill"]),
        "organization without a free seat": ("1", ["Acme"]),
        "organizations nearly full": ("0", []),
    }
    expect(chart(page, "Subscriptions that end within 90 days")).to_be_visible()
    assert len([one for one in asked if one.startswith("/v1/organizations")]) == 1
    assert len([one for one in asked if one.startswith("/v1/summary")]) == 1
    for words, (number, names) in found.items():
        assert told[words] == number
        page.locator(".attention").get_by_role("link", name=re.compile(rf" ?{words}$")).click()
        shows(page, *names)
        page.go_back()


def _height_of(link: Locator) -> float:
    """Where on the screen it stands, from above."""
    box = link.bounding_box()
    assert box
    return box["y"]


@pytest.mark.parametrize("way", ["comes back", "reloads"])
def test_rows_stay_where_they_were_though_what_needs_attention_comes_later(
    page: Page, portal: Portal, way: str
) -> None:
    for number in range(40):
        register(portal, f"mill-{number}", f"Mill {number:02}", valid_until=on(9))
    portal.visit(page, "olivia", "/organizations")
    mill = rows(page, "Organizations").get_by_role("link", name="Mill 35")
    matters(page)
    mill.scroll_into_view_if_needed()
    page.wait_for_function("() => history.state?.left?.y === scrollY && scrollY > 0")
    before = _height_of(mill)
    held = Held()
    page.route("**/v1/summary", held)
    if way == "comes back":
        mill.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Mill 35")
        page.go_back()
    else:
        page.reload()
    held.wait(page)
    expect(mill).to_be_in_viewport()
    expect(page.locator(".attention")).to_have_count(0)
    page.wait_for_function("() => scrollY === history.state.left.y")
    assert abs(_height_of(mill) - before) < 2
    for route in held:
        route.continue_()
    matters(page)
    assert abs(_height_of(mill) - before) < 2


def test_required_device_keys_say_how_many_agents_stop(page: Page, portal: Portal) -> None:
    portal.log_in_agent("PC-1")
    portal.visit(page, "ada", f"{_OVERVIEW}?do=require-keys")
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("This stops 1 of 1 agent: it has no device key.")
    portal.log_in_agent("PC-2", device=Device())
    page.reload()
    expect(asked).to_contain_text("This stops 1 of 2 agents: it has no device key.")
    expect(asked).to_contain_text("Show them, with dissociated and revoked ones that have none.")
    asked.get_by_role("link", name="Show them").click()
    expect(asked).to_have_count(0)
    expect(page).to_have_url(re.compile("/agents\\?device_key=false$"))


def test_clones_and_refusals_of_all_customers_are_counted_and_lead_there(
    page: Page, portal: Portal
) -> None:
    for user in ("alice", "boris"):
        revoked = portal.log_in_agent(f"PC-{user}", user)
        portal.call("POST", f"/v1/licenses/{revoked.id}/revoke", {}, user="olivia").expect(200)
        portal.validate(revoked)
    portal.visit(page, "olivia")
    assert matters(page)["refusals in 7 days"] == "2"
    assert pressing(page) == ["refusals in 7 days"]
    page.locator(".attention").get_by_role("link", name="refusals in 7 days").click()
    expect(page).to_have_url(re.compile("#/events\\?type=AccessRefused&from=20"))


def _refuse(route: Route) -> None:
    route.abort("connectionrefused")


@pytest.mark.parametrize("way", ["fail", "wait"])
def test_what_needs_no_entries_is_told_and_asked_though_they_do_not_come(
    page: Page, portal: Portal, troubles: Troubles, way: str
) -> None:
    portal.log_in_agent("PC-1")
    portal.change_organization("acme", max_agents=40)
    portal.visit(page, "ada", "/portal")
    if way == "fail":
        troubles.expect("ERR_CONNECTION_REFUSED")
        page.route("**/v1/organizations/acme/events*", _refuse)
    else:
        page.route("**/v1/organizations/acme/events*", Held())
    page.goto(portal.address(_OVERVIEW))
    expect(page.locator(".attention").get_by_role("link", name="seats left of 40")).to_be_visible()
    expect(page.locator(".attention p")).to_have_count(0)  # not all is known
    page.get_by_role("button", name="Require device keys…").click()
    expect(page.get_by_role("dialog")).to_contain_text("This stops 1 of 1 agent")


def test_silent_agents_are_counted_and_listed_up_to_the_same_instant(
    page: Page, portal: Portal
) -> None:
    portal.log_in_agent("PC-1")
    with page.expect_response("**/v1/organizations/acme/activity*") as counted:
        portal.visit(page, "ada", _OVERVIEW)
    until = datetime.fromisoformat(counted.value.json()["until"])
    page.clock.set_fixed_time(until - timedelta(minutes=59))
    with page.expect_request("**/v1/organizations/acme/licenses?*") as listed:
        page.locator(".attention").get_by_role("link", name="not seen for 7 days").click()
    (since,) = parse_qs(urlsplit(listed.value.url).query)["seen_before"]
    assert datetime.fromisoformat(since) == until - timedelta(days=7)


@pytest.mark.parametrize(("user", "home"), [("ada", _OVERVIEW), ("olivia", "/organizations")])
def test_who_is_at_a_matter_stays_there_when_its_number_changes(
    page: Page, portal: Portal, user: str, home: str
) -> None:
    agents = [portal.log_in_agent(f"PC-{number}") for number in range(2)]
    for agent in agents:
        portal.call("POST", f"/v1/licenses/{agent.id}/revoke", {}).expect(200)
    portal.validate(agents[0])
    portal.visit(page, user, home)
    refusals = page.locator(".attention").get_by_role("link", name="refusal")
    expect(page.locator(".attention p")).to_be_visible()
    refusals.focus()
    portal.validate(agents[1])
    page.get_by_role("button", name="Refresh").evaluate("(button) => button.click()")
    expect(refusals.locator(".urgency")).to_have_text("2")
    expect(refusals).to_be_focused()
