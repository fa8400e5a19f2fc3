"""An organization's agents in a table: found, filtered, ordered, and page by page."""

import time
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, expect

from licensing.adapters.dynamo.items import license_item, read_license
from licensing.domain.license import LastSeen, License, State
from tests.benchmarks.population import Agents
from tests.browser.looks import OpenPage
from tests.browser.portal import Portal
from tests.devices import Device

pytestmark = pytest.mark.sampled(7)

_PLACE = "/organizations/acme/agents"
_DAY = 86_400


def _agents(count: int) -> list[License]:
    """Agents that logged in one after the other, a minute each, and have been seen then."""
    now = int(time.time())
    (*items,) = Agents("acme", range(count), now - 2 * _DAY, b"x" * 32, traces=False).items()
    return [
        replace(record, computer_name=f"PC-{number:03}", issued_at=record.issued_at + number * 60)
        for number, record in enumerate(map(read_license, items))
    ]


def _seen(record: License, days_ago: int, version: str) -> License:
    return replace(record, last_seen=LastSeen(int(time.time()) - days_ago * _DAY, version, None))


def varied_agents(count: int = 5) -> list[License]:
    """Agents in several states, environments and versions; those behind the fifth are alike."""
    first, second, third, fourth, fifth, *others = _agents(count)
    return [
        replace(_seen(first, 1, "4.10.0.0"), label="Press hall", primary=True),
        replace(_seen(second, 3, "4.9.0.0"), state=State.DETACHED, environment="test"),
        replace(third, state=State.DISSOCIATED, last_seen=None, agent_version="4.4.1.0"),
        replace(_seen(fourth, 2, "4.5.0.0"), state=State.REVOKED),
        replace(_seen(fifth, 4, "4.5.0.1"), state=State.EXPIRED, environment="test", primary=True),
        *others,
    ]


@pytest.fixture
def varied(portal: Portal) -> Portal:
    """A portal with five such agents."""
    portal.put(map(license_item, varied_agents()))
    return portal


def rows(page: Page) -> Locator:
    return page.locator("tbody tr")


def names(page: Page) -> list[str]:
    """What the agents are called, in the order in which they are shown."""
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    return rows(page).locator("th a").all_inner_texts()


def test_each_agent_is_told_in_all_columns(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    expect(page.get_by_role("columnheader")).to_have_text(
        [
            "Computer",
            "Status",
            "Environment",
            "Primary",
            "Version",
            "Last seen",
            "Issued by",
            "Valid until",
        ]
    )
    cells = page.get_by_role("row", name="Press hall").locator("th, td")
    told = cells.all_inner_texts()
    assert told[0] == "Press hall PC-000"
    assert told[1:6] == ["Active", "production", "Primary", "4.10.0.0", "1 day ago"]
    assert told[6] == "alice"
    valid_until = varied.call("GET", "/v1/organizations/acme")["organization"]["subscription"]
    assert told[7].endswith(valid_until["valid_until"][:4])
    unseen = page.get_by_role("row", name="PC-002").locator("td").all_inner_texts()
    assert unseen[3:5] == ["4.4.1.0", "never"]


def test_agents_are_in_the_order_of_their_names_and_counted(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    expect(page.locator(".above")).to_contain_text("5 agents")
    assert names(page) == ["Press hall", "PC-001", "PC-002", "PC-003", "PC-004"]
    computer = page.get_by_role("columnheader", name="Computer")
    expect(computer).to_have_attribute("aria-sort", "ascending")
    computer.get_by_role("button").click()
    expect(computer).to_have_attribute("aria-sort", "descending")
    computer.get_by_role("button").click()
    expect(page.get_by_label("Order")).to_have_value("")  # which is what this order is called


def test_a_status_is_a_word_and_a_colour(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    badges = rows(page).locator("td:nth-child(2) .badge")
    words = ["Active", "Active", "Blocked", "Dissociated", "Revoked"]
    expect(badges).to_have_count(len(words))
    assert sorted(badges.all_inner_texts()) == words
    colours = badges.evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one, '::before').borderTopColor)"
    )
    assert len(set(colours)) == len(set(words))


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"status": "paused"}, "Suspended"), ({"valid_until": "2026-01-01T00:00:00Z"}, "Expired")],
)
def test_a_subscription_that_does_not_hold_is_seen_in_each_agents_status(
    page: Page, varied: Portal, changed: dict[str, str], status: str
) -> None:
    varied.change_organization("acme", **changed)
    varied.visit(page, "ada", _PLACE)
    expect(page.get_by_role("row", name="Press hall").locator(".badge").first).to_have_text(status)


def test_agents_are_filtered_by_status_and_environment(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    expect(rows(page)).to_have_count(5)
    page.get_by_label("Status").select_option("Blocked")
    expect(rows(page)).to_have_count(1)
    assert names(page) == ["PC-001"]
    page.get_by_label("Status").select_option("Any")
    environment = page.get_by_label("Environment")
    expect(environment.get_by_role("option")).to_have_text(["Any", "test", "production"])
    environment.select_option("test")
    expect(rows(page)).to_have_count(2)
    assert page.url == varied.address(f"{_PLACE}?environment=test")
    page.reload()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_label("Environment")).to_have_value("test")
    expect(environment.get_by_role("option")).to_have_text(["Any", "test", "production"])
    page.get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(5)
    assert page.url == varied.address(_PLACE)


def test_agents_are_filtered_by_primary(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    page.get_by_label("Primary").select_option("Primary only")
    expect(rows(page)).to_have_count(2)
    assert set(names(page)) == {"Press hall", "PC-004"}
    page.get_by_label("Primary").select_option("Others only")
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".pager")).to_contain_text("1–3 of 3")


def test_agents_are_filtered_by_how_long_nobody_has_seen_them(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    seen = page.get_by_label("Last seen")
    seen.select_option("Not for a day")
    expect(page.locator(".above")).to_contain_text("5 agents")
    seen.select_option("Not for 7 days")
    expect(page.get_by_text("No agent is like this.")).to_be_visible()
    page.goto(varied.address(f"{_PLACE}?unseen=1&sort=last_seen"))
    expect(rows(page)).to_have_count(5)
    assert names(page)[:2] == ["PC-004", "PC-001"]
    page.goto(varied.address(f"{_PLACE}?unseen=3.5"))  # which is none of the choices
    expect(page.locator(".above")).to_contain_text("5 agents")


def test_agents_are_filtered_by_whether_they_have_a_device_key(page: Page, portal: Portal) -> None:
    portal.log_in_agent("OLD")
    portal.log_in_agent("NEW", device=Device())
    portal.visit(page, "ada", _PLACE)
    page.get_by_label("Device key").select_option("Without one")
    expect(rows(page)).to_have_count(1)
    assert names(page) == ["OLD"]
    page.get_by_label("Device key").select_option("With one")
    expect(rows(page).first).to_contain_text("NEW")


@pytest.mark.parametrize(("searched", "found"), [("PRESS", "Press hall"), ("pc-003", "PC-003")])
def test_an_agent_is_found_by_its_label_and_by_its_computer(
    page: Page, varied: Portal, searched: str, found: str
) -> None:
    varied.visit(page, "ada", _PLACE)
    page.get_by_label("Search").press_sequentially(searched)
    expect(rows(page)).to_have_count(1)
    assert names(page) == [found]
    expect(page.get_by_label("Search")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("one agent found")


@pytest.mark.parametrize(
    ("column", "ascending"),
    [
        ("Computer", ["PC-000", "PC-001", "PC-002", "PC-003", "PC-004"]),
        ("Version", ["PC-002", "PC-003", "PC-004", "PC-001", "PC-000"]),
    ],
)
def test_a_columns_head_orders_by_it_one_way_and_the_other(
    page: Page, varied: Portal, column: str, ascending: list[str]
) -> None:
    shown = ["Press hall" if name == "PC-000" else name for name in ascending]
    varied.visit(page, "ada", f"{_PLACE}?sort=environment")
    head = page.get_by_role("columnheader", name=column)
    button = head.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert names(page) == shown
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert names(page) == shown[::-1]


def test_agents_that_were_never_seen_come_last_whichever_way(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", f"{_PLACE}?sort=-last_seen")
    expect(rows(page)).to_have_count(5)
    assert names(page) == ["Press hall", "PC-003", "PC-001", "PC-004", "PC-002"]
    page.get_by_label("Order").select_option("Not seen for longest first")
    expect(rows(page).first).to_contain_text("PC-004")
    assert names(page) == ["PC-004", "PC-001", "PC-003", "Press hall", "PC-002"]


def test_pages_are_turned_forth_and_back_and_the_place_is_kept(page: Page, portal: Portal) -> None:
    portal.put(map(license_item, _agents(120)))
    portal.visit(page, "ada", _PLACE)
    turn = page.get_by_role("navigation", name="Pages")
    expect(turn).to_contain_text("1–50")
    first = names(page)
    assert len(first) == 50
    expect(turn.get_by_role("button", name="Previous page")).to_be_disabled()
    turn.get_by_role("button", name="Next page").click()
    expect(turn).to_contain_text("51–100")
    second = names(page)
    turn.get_by_role("button", name="Next page").click()
    expect(turn).to_contain_text("101–120")
    third = names(page)
    assert sorted(first + second + third) == [f"PC-{number:03}" for number in range(120)]
    expect(turn.get_by_role("button", name="Next page")).to_be_disabled()

    page.reload()
    expect(turn).to_contain_text("101–120")
    assert names(page) == third
    page.go_back()
    expect(turn).to_contain_text("51–100")
    assert names(page) == second
    turn.get_by_role("button", name="Previous page").click()
    expect(turn).to_contain_text("1–50")
    assert names(page) == first
    page.go_back()
    expect(turn).to_contain_text("51–100")
    turn.get_by_role("button", name="First page").click()
    expect(turn).to_contain_text("1–50")


def test_a_page_can_be_sent_to_a_colleague(open_page: OpenPage, page: Page, portal: Portal) -> None:
    portal.put(map(license_item, _agents(60)))
    portal.visit(page, "ada", _PLACE)
    page.get_by_role("button", name="Next page").click()
    expect(rows(page)).to_have_count(10)
    colleague = open_page()
    portal.visit(colleague, "ada", page.url.partition("#")[2])
    expect(rows(colleague)).to_have_count(10)
    assert names(colleague) == names(page)


def test_any_page_is_gone_to_and_is_the_same_for_a_colleague(
    open_page: OpenPage, page: Page, portal: Portal
) -> None:
    portal.put(map(license_item, _agents(120)))
    portal.visit(page, "ada", f"{_PLACE}?sort=-computer_name")
    turn = page.get_by_role("navigation", name="Pages")
    expect(turn).to_contain_text("of 3")
    field = turn.get_by_role("spinbutton", name="Page")
    field.fill("3")
    field.press("Enter")
    expect(turn).to_contain_text("101–120 of 120")
    assert names(page) == [f"PC-{number:03}" for number in range(19, -1, -1)]
    colleague = open_page()
    portal.visit(colleague, "ada", page.url.partition("#")[2])
    turned = colleague.get_by_role("navigation", name="Pages")
    expect(turned).to_contain_text("101–120 of 120")
    turned.get_by_role("button", name="Previous page").click()
    expect(turned).to_contain_text("51–100 of 120")
    # What is narrowed or ordered anew begins at its first page.
    page.get_by_label("Search").fill("PC-00")
    expect(turn).to_contain_text("1–10 of 10")
    assert "page=" not in page.url


def test_from_an_agent_one_comes_back_to_the_same_page(page: Page, portal: Portal) -> None:
    portal.put(map(license_item, _agents(60)))
    portal.visit(page, "ada", f"{_PLACE}?status=active")
    page.get_by_role("button", name="Next page").click()
    expect(rows(page)).to_have_count(10)
    listed = names(page)
    rows(page).nth(3).get_by_role("link").click()
    expect(page.get_by_role("heading", name=listed[3])).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(10)
    assert names(page) == listed
    expect(page.get_by_label("Status")).to_have_value("active")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("51–60")


def _scrolled(page: Page) -> int:
    place: int = page.evaluate("() => Math.round(scrollY)")
    return place


def test_back_leads_to_where_in_the_list_one_was(page: Page, portal: Portal) -> None:
    portal.put(map(license_item, _agents(60)))
    portal.visit(page, "ada", f"{_PLACE}?status=active")
    link = rows(page).nth(40).get_by_role("link")
    link.scroll_into_view_if_needed()
    before, name = _scrolled(page), link.inner_text()
    assert before > 300
    link.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=name)).to_be_focused()
    assert abs(_scrolled(page) - before) < 2
    # What was left by is kept whatever is clicked meanwhile, as long as one stays where one came.
    rows(page).nth(40).get_by_role("cell").first.dispatch_event("click")
    page.reload()
    expect(page.get_by_role("link", name=name)).to_be_focused()
    assert abs(_scrolled(page) - before) < 2
    # Another page begins at its top, and Back leads to the place on the one before.
    page.get_by_role("button", name="Next page").click()
    expect(rows(page)).to_have_count(10)
    assert _scrolled(page) < 200
    page.go_back()
    expect(rows(page)).to_have_count(50)
    page.wait_for_function("() => scrollY > 300")


def test_lists_stay_narrowed_while_one_goes_round_by_the_menu(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", _PLACE)
    page.get_by_label("Status").select_option("Blocked")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="Feed").click()
    page.get_by_label("What").select_option("License revoked")
    page.get_by_role("link", name="Agents").click()
    expect(page.get_by_label("Status")).to_have_value("detached")
    assert names(page) == ["PC-001"]
    page.get_by_role("link", name="PC-001").click()
    expect(page.get_by_role("heading", name="PC-001")).to_be_visible()
    page.get_by_role("link", name="Feed").click()
    expect(page.get_by_label("What")).to_have_value("LicenseRevoked")
    page.get_by_role("link", name="Agents").click()
    page.get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(5)
    page.get_by_role("link", name="Agents").click()  # it means the list as it is now
    expect(rows(page)).to_have_count(5)
    assert page.url == varied.address(_PLACE)


def test_without_agents_it_is_said_how_one_gets_here(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", _PLACE)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    expect(page.get_by_text("Install an agent and log in on it")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


def test_where_nothing_is_found_it_is_said_what_to_do(page: Page, varied: Portal) -> None:
    varied.visit(page, "ada", f"{_PLACE}?environment=nowhere")
    expect(page.get_by_text("No agent is like this.")).to_be_visible()
    expect(page.get_by_text("clear the filters")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(5)
