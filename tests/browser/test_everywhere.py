"""What holds on every page of an administrator: it can be used by everybody, on any screen."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.looks import DARK, DESKTOP, Look
from tests.browser.portal import Agent, Portal
from tests.browser.troubles import Troubles
from tests.devices import Device

pytestmark = pytest.mark.sampled(7)

_NARROW = Look("narrow", width=360, height=740, touch=True)
_DARK_NARROW = Look("dark-narrow", width=360, height=740, touch=True, scheme="dark")
_LOOKS = [DESKTOP, DARK, _NARROW, _DARK_NARROW]

_LONG = "A-COMPUTER-WITH-A-VERY-LONG-NAME-INDEED-OF-63-CHARACTERS-IN-ALL"

_HEADINGS = """
() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((one) => one.checkVisibility())
  .map((one) => Number(one.tagName.slice(1)))
"""


@pytest.fixture
def agent(portal: Portal) -> Agent:
    """One of four agents of which things can be told, with a long label."""
    made = [portal.log_in_agent("PC-1", device=Device())]
    made += [portal.log_in_agent(name) for name in ("PC-2", "PC-3", _LONG)]
    portal.validate(made[0])
    for agent, action in zip(made[1:3], ["detach", "revoke"], strict=True):
        portal.call("POST", f"/v1/licenses/{agent.id}/{action}", {"reason": "sold"}).expect(200)
    portal.validate(made[2])
    label = {"label": "Press hall, behind the second door on the left", "primary": True}
    portal.call("PATCH", f"/v1/licenses/{made[0].id}", label).expect(200)
    return made[0]


def places(agent: Agent) -> Iterator[tuple[str, str]]:
    """Where an administrator can be, and what is to be seen once all of it is there."""
    here = "/organizations/acme"
    yield here, "3 of 10 used"
    yield f"{here}?do=require-keys", "Older agents have none"
    yield f"{here}/agents", "Press hall"
    yield f"{here}/agents?environment=nowhere", "No agent is like this."
    yield f"{here}/agents/{agent.id}", "License issued"
    for action in ("detach", "dissociate", "revoke"):
        yield f"{here}/agents/{agent.id}?do={action}", "Reason (optional, for the history)"
    yield f"{here}/feed", "Used after it was revoked"
    yield "/machines", "There is nothing here, or not for you."


def assert_fine(page: Page) -> None:
    """A page that everybody can use."""
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    assert_accessible(page)
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    levels = page.evaluate(_HEADINGS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("look", _LOOKS, ids=str)
def test_every_page_and_dialog_can_be_used_by_everybody(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.change_organization("acme", max_agents=10)
    portal.visit(page, "ada")
    for place, seen in places(agent):
        page.goto(portal.address(place))
        expect(page.get_by_text(seen).first).to_be_visible()
        assert_fine(page)


@pytest.mark.parametrize("look", [DESKTOP, _DARK_NARROW], ids=str)
def test_pages_without_anything_and_with_trouble_can_be_used_by_everybody(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    page.goto(portal.address())
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert_fine(page)
    portal.visit(page, "ada", "/organizations/acme")
    page.reload()  # which is no other page to the browser, but for what stands behind the #
    expect(page.get_by_text("No agent has validated within the last week.")).to_be_visible()
    assert_fine(page)
    page.goto(portal.address("/organizations/acme/agents"))
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    assert_fine(page)
    troubles.expect("status of 404")
    page.goto(portal.address("/organizations/bolt/feed"))
    expect(page.get_by_role("alert")).to_be_visible()
    assert_fine(page)


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("look", [DESKTOP, _NARROW], ids=str)
def test_the_way_past_the_menu_leads_to_the_content(page: Page, portal: Portal) -> None:
    place = "/organizations/acme/agents?status=active"
    portal.visit(page, "ada", place)
    expect(page.get_by_role("link", name="Press hall")).to_be_visible()
    skip = page.get_by_role("link", name="Skip to content")
    skip.focus()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Press hall")).to_be_visible()
    assert page.url == portal.address(place)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()


@pytest.mark.usefixtures("agent")
def test_a_list_is_gone_through_by_keyboard_alone(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", "/organizations/acme/agents")
    expect(page.get_by_role("link", name="Press hall")).to_be_visible()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.textContent.trim()"))
        if reached[-1].startswith("Press hall"):
            break
    assert "Clear" in reached, "the filters come before what they narrow"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_role("heading", level=1, name="Press hall")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("table", name="Agents")).to_be_visible()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("look", [_NARROW], ids=str)
def test_on_a_narrow_screen_each_agent_is_a_card_with_titles(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada", "/organizations/acme/agents")
    row = page.get_by_role("row", name="Press hall")
    expect(row).to_be_visible()
    assert row.evaluate("(one) => getComputedStyle(one).display") == "block"
    expect(page.get_by_role("columnheader")).to_have_count(0)  # the order is chosen above
    cells = row.locator("td:visible").evaluate_all(
        "(all) => all.map((one) => [getComputedStyle(one, '::before').content, one.textContent])"
    )
    # What would not be understood without its column has that before it; nothing, no place.
    assert [text for _, text in cells[:4]] == ["Active", "production", "Primary", "4.5.0.0"]
    assert [title for title, _ in cells[:4]] == ["none"] * 4
    assert [title.strip('"') for title, _ in cells[4:]] == [
        "Last seen ",
        "Issued by ",
        "Valid until ",
    ]


@pytest.mark.usefixtures("agent")
def test_the_page_says_in_its_title_where_one_is(page: Page, portal: Portal) -> None:
    portal.visit(page, "ada")
    titles = {
        "Agents": "Agents · Acme · Licensing",
        "Feed": "Feed · Acme · Licensing",
        "Overview": "Acme · Current · Licensing",
    }
    for name, title in titles.items():
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(title)
        expect(page.get_by_role("heading", level=1, name=title.partition(" ·")[0])).to_be_focused()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
