"""Every wait ends in a sentence and a way on, whatever does not come."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.portal import Agent, Portal
from tests.browser.test_agent import dialog, fact, history, place
from tests.browser.test_troubled_ways import Held, alert
from tests.browser.troubles import Troubles
from tests.devices import Device

pytestmark = pytest.mark.sampled(7)

_LIST = "/organizations/acme/agents"
_LISTED = "**/v1/organizations/acme/licenses?*"
_LIMIT = 20_000
_SAFE = "It is not known whether this was done. Doing it again is safe"


@pytest.fixture
def agent(portal: Portal) -> Agent:
    return portal.log_in_agent("PRESS-PC-1")


def _of_an_older_version(route: Route) -> None:
    """The page as it was sent before a deployment."""
    answer = route.fetch()
    text = re.sub(r"/portal/[0-9a-f]{32}/", f"/portal/{'0' * 32}/", answer.text())
    route.fulfill(response=answer, body=text)


def _abort(route: Route) -> None:
    route.abort("connectionrefused")


def _web_page(route: Route) -> None:
    route.fulfill(status=200, content_type="text/html", body="<h1>Welcome to our guests</h1>")


# -- the page itself -------------------------------------------------------------------------------


def test_a_page_that_loads_across_a_deployment_loads_itself_anew_and_keeps_what_was_typed(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Half typed")
    troubles.expect("status of 404|Refused to apply style|Failed to fetch dynamically")
    outdated: list[str] = []

    # The route stays: one that ends with its first request may leave another hanging just then.
    def serve(route: Route) -> None:
        if outdated:
            outdated.clear()
            _of_an_older_version(route)
        else:
            route.continue_()

    page.route("**/portal", serve)
    for _ in range(2):  # two deployments, one after the other
        outdated.append("page")
        page.reload()
        expect(page.get_by_label("Label")).to_have_value("Half typed")
        expect(alert(page)).to_have_count(0)
    assert page.url == portal.address(place(agent))


@pytest.mark.parametrize("name", ["main.js", "charts.js"])
def test_a_file_that_is_not_there_is_asked_for_once_more_and_then_said(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles, name: str
) -> None:
    troubles.expect("ERR_CONNECTION_REFUSED")
    troubles.expect("Failed to fetch dynamically imported module")
    page.route(f"**/portal/*/{name}", _abort)
    loads: list[str] = []
    page.on("request", lambda one: loads.append(one.url) if one.is_navigation_request() else None)
    portal.visit(page, "ada", _LIST)
    expect(alert(page)).to_contain_text("The portal has not loaded. Check the connection")
    expect(page.get_by_text("Starting…")).to_have_count(0)
    assert len(loads) == 2, "never in a loop"
    page.unroute(f"**/portal/*/{name}")
    alert(page).get_by_role("button", name="Load the page anew").click()
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()


def test_a_page_is_not_loaded_anew_where_there_is_none(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("ERR_CONNECTION_REFUSED")
    troubles.expect("Failed to fetch dynamically imported module")

    def refuse_to_look(route: Route) -> None:
        if route.request.method == "HEAD":
            _abort(route)
        else:
            route.fallback()

    page.route("**/portal/*/main.js", _abort)
    page.route("**/portal", refuse_to_look)
    loads: list[str] = []
    page.on("request", lambda one: loads.append(one.url) if one.is_navigation_request() else None)
    page.goto(portal.address(_LIST))
    expect(alert(page)).to_contain_text("The portal has not loaded. Check the connection")
    assert len(loads) == 1, "the browser would show a page of its own"


def test_a_file_that_never_comes_is_not_waited_for_without_end(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("It has taken too long")
    page.clock.install()
    held = Held()
    page.route("**/portal/*/main.js", held)
    page.goto(portal.address(_LIST), wait_until="domcontentloaded")  # it has begun to wait
    held.wait(page)
    expect(page.get_by_text("Starting…")).to_be_visible()
    page.clock.fast_forward(_LIMIT)
    expect(alert(page)).to_contain_text("The portal has not loaded.")


def test_a_page_without_any_script_says_how_to_go_on(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/portal/*/starting.js", _abort)
    page.goto(portal.address(_LIST))
    page.evaluate("() => document.getAnimations().forEach((one) => one.finish())")
    page.unroute("**/portal/*/starting.js")
    page.get_by_role("link", name="open the portal anew").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


# -- what a page asks for --------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [_LISTED, "**/v1/me", "**/portal/configuration.json"])
def test_an_answer_that_is_not_the_services_is_said_to_be_so(
    page: Page, portal: Portal, agent: Agent, asked: str
) -> None:
    page.route(asked, _web_page)
    if asked.endswith("configuration.json"):
        page.goto(portal.address(_LIST))
        page.get_by_role("button", name="Sign in").click()
    else:
        portal.visit(page, "ada", _LIST)
    expect(alert(page)).to_contain_text("This was not the service. Something on the way answered")
    page.unroute(asked)
    alert(page).get_by_role("button", name="Try again").click()
    if asked.endswith("configuration.json"):
        portal.fill_in(page, "ada")
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()


@pytest.mark.parametrize("asked", [_LISTED, "**/v1/me", "**/portal/configuration.json"])
def test_an_answer_that_never_comes_is_not_waited_for_without_end(
    page: Page, portal: Portal, agent: Agent, asked: str
) -> None:
    page.clock.install()
    held = Held()
    page.route(asked, held)
    if asked.endswith("configuration.json"):
        page.goto(portal.address(_LIST))
        sign_in = page.get_by_role("button", name="Sign in")
        sign_in.click()
        expect(sign_in).to_be_disabled()
    else:
        portal.visit(page, "ada", _LIST)
    held.wait(page)
    page.clock.fast_forward(_LIMIT - 1000)
    expect(alert(page)).to_have_count(0)
    page.clock.fast_forward(1000)
    expect(alert(page)).to_contain_text("No answer. Nothing has come for 20 seconds.")
    page.unroute(asked)
    alert(page).get_by_role("button", name="Try again").click()
    if asked.endswith("configuration.json"):
        portal.fill_in(page, "ada")
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()


def test_an_answer_that_this_page_does_not_understand_ends_the_wait_too(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("exception: ")
    page.route(_LISTED, lambda route: route.fulfill(json={"surprise": True}))
    portal.visit(page, "ada", _LIST)
    expect(alert(page)).to_contain_text("This page has failed. ")
    expect(page.get_by_text("Loading agents…")).to_have_count(0)
    page.unroute(_LISTED)
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()


# -- what somebody does ----------------------------------------------------------------------------


def test_an_action_that_hangs_gives_its_button_back_and_says_what_is_not_known(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Block…").click()
    page.clock.install()
    held = Held()
    page.route("**/v1/licenses/*/detach", held)
    button = dialog(page).get_by_role("button", name="Block", exact=True)
    button.click()
    held.wait(page)
    # It was done, and the answer does not come.
    portal.call("POST", f"/v1/licenses/{agent.id}/detach").expect(200)
    expect(button).to_be_disabled()
    page.clock.fast_forward(_LIMIT)
    expect(alert(page)).to_contain_text(f"No answer. {_SAFE}")
    expect(button).to_be_enabled()
    page.unroute("**/v1/licenses/*/detach")
    alert(page).get_by_role("button", name="Try again").click()
    expect(fact(page, "Status")).to_have_text("Blocked")
    expect(history(page).filter(has_text="Agent blocked")).to_have_count(1)


def _failed(route: Route) -> None:
    route.fulfill(status=500, json={"message": "Internal Server Error"})


@pytest.mark.parametrize(
    ("trouble", "told", "said"),
    [
        (_abort, "ERR_CONNECTION_REFUSED", "No connection. "),
        (_failed, "status of 500", "The service has failed. "),
        (_web_page, None, "This was not the service. "),
    ],
)
def test_after_an_action_without_a_good_answer_it_is_said_that_its_end_is_not_known(
    page: Page,
    portal: Portal,
    agent: Agent,
    troubles: Troubles,
    trouble: Callable[[Route], None],
    told: str | None,
    said: str,
) -> None:
    if told:
        troubles.expect(told)
    portal.visit(page, "ada", place(agent))
    page.get_by_label("Label").fill("Press hall")
    page.route(f"**/v1/licenses/{agent.id}", trouble)
    page.get_by_role("button", name="Save").click()
    expect(alert(page)).to_contain_text(f"{said}{_SAFE}")
    page.unroute(f"**/v1/licenses/{agent.id}")
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1, name="Press hall")).to_be_visible()


def test_what_is_not_safe_to_do_again_is_not_offered_again(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    agent = portal.log_in_agent("PRESS-PC-2", device=Device())
    troubles.expect("ERR_CONNECTION_REFUSED")
    portal.visit(page, "ada", place(agent))
    page.route("**/v1/licenses/*/reset-device-key", _abort)
    page.get_by_role("button", name="Reset device key…").click()
    dialog(page).get_by_role("button", name="Reset device key").click()
    expect(alert(page)).to_contain_text("Look at the history before you do it again.")
    expect(alert(page).get_by_role("button")).to_have_count(0)
