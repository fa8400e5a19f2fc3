"""An open page says how old it is, and becomes new without losing where its reader is."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import Agent, Portal
from tests.browser.test_agent import dialog, fact, place
from tests.browser.test_troubled_ways import alert
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_LIST = "/organizations/acme/agents"
_MINUTE = 60_000
_TURN = """
(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


@pytest.fixture
def agent(portal: Portal) -> Agent:
    return portal.log_in_agent("PRESS-PC-1")


def come_back(page: Page, minutes: int) -> None:
    """Leave the tab for so many minutes."""
    page.evaluate(_TURN, "hidden")
    page.clock.fast_forward(minutes * _MINUTE)
    page.evaluate(_TURN, "visible")


def test_a_list_says_how_old_it_is_and_is_refreshed_where_one_is(
    page: Page, portal: Portal, agent: Agent
) -> None:
    page.clock.install(time="2027-03-04T14:05:00Z")
    portal.visit(page, "ada")
    page.evaluate(  # by the page's clock, tokens would have ended
        "() => sessionStorage.setItem('session.tokens', JSON.stringify({"
        "...JSON.parse(sessionStorage.getItem('session.tokens')), expiresAt: 1e15}))"
    )
    page.goto(portal.address(f"{_LIST}?status=active&search=PRESS"))
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    expect(page.get_by_text("As of 14:05")).to_be_visible()
    portal.log_in_agent("PRESS-PC-2")
    page.clock.fast_forward(4 * _MINUTE)
    refresh = page.get_by_role("button", name="Refresh")
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("Tab")
    expect(refresh).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="PRESS-PC-2")).to_be_visible()
    expect(page.locator(".freshness")).to_contain_text("As of 14:09")
    expect(page.locator("#announcements")).to_have_text("As of 14:09")
    expect(refresh).to_be_focused()
    expect(page.get_by_label("Search")).to_have_value("PRESS")
    assert page.url == portal.address(f"{_LIST}?status=active&search=PRESS")


def test_a_refresh_that_does_not_work_takes_nothing_away(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/v1/organizations/**", lambda route: route.abort("connectionrefused"))
    for _ in range(2):
        page.get_by_role("button", name="Refresh").click()
        expect(alert(page)).to_contain_text("No connection.")
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    page.unroute("**/v1/organizations/**")
    portal.log_in_agent("PRESS-PC-2")
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="PRESS-PC-2")).to_be_visible()
    expect(alert(page)).to_have_count(0)


def test_what_was_unfolded_stays_so_and_the_reader_of_a_chart_stays_in_it(
    page: Page, portal: Portal, agent: Agent
) -> None:
    page.clock.install()
    portal.visit(page, "ada", "/organizations/acme")
    plots = page.get_by_role("application")
    expect(plots).to_have_count(2)
    page.get_by_text("Show as a table").last.click()
    plots.last.focus()
    portal.call("POST", f"/v1/licenses/{agent.id}/detach").expect(200)
    come_back(page, 6)
    table = page.get_by_role("table", name="Licenses by status")
    expect(table.get_by_role("row", name="now").get_by_role("cell").nth(3)).to_have_text("1")
    expect(plots.last).to_be_focused()


@pytest.mark.parametrize(("minutes", "is_new"), [(6, True), (4, False)])
def test_who_comes_back_to_a_page_after_a_while_sees_how_it_is_now(
    page: Page, portal: Portal, agent: Agent, minutes: int, *, is_new: bool
) -> None:
    page.clock.install()
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Status")).to_have_text("Active")
    portal.call("POST", f"/v1/licenses/{agent.id}/detach").expect(200)
    come_back(page, minutes)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(fact(page, "Status")).to_have_text("Blocked" if is_new else "Active")


def test_nothing_is_loaded_anew_behind_somebody_who_edits(
    page: Page, portal: Portal, agent: Agent
) -> None:
    page.clock.install()
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Status")).to_have_text("Active")
    expect(page).to_have_title(
        "PRESS-PC-1 · production · Active · Acme · Licensing"
    )  # asked for at last
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Block…").click()
    expect(dialog(page)).to_be_visible()
    come_back(page, 6)
    dialog(page).get_by_role("button", name="Cancel").click()
    page.get_by_label("Label").fill("Half typed")
    come_back(page, 6)
    assert asked == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name="Half typed")).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    asked.clear()
    come_back(page, 6)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    assert asked


def test_a_page_is_as_old_as_its_oldest_part(parts: Page) -> None:
    parts.evaluate("""() => {
      const at = (minutes) => Date.parse("2027-03-04T14:05:00Z") + minutes * 60_000;
      const shown = [at(3), null, at(1), at(2)].map((one) => ({ at: () => one }));
      put(freshness.freshness(shown, document.getElementById("part")));
    }""")
    expect(parts.locator(".freshness")).to_contain_text("As of 4 Mar 2027, 14:06")


def test_a_form_is_not_refreshed(page: Page, portal: Portal) -> None:
    portal.visit(page, "olivia", "/organizations/acme/edit")
    expect(page.get_by_label("Organization id")).to_be_visible()
    expect(page.get_by_role("button", name="Refresh")).to_have_count(0)
