"""What goes wrong on the way loses nothing: sessions end, networks fail, answers are late."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.portal import Agent, Portal
from tests.browser.test_agent import dialog, fact, history, place
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_LIST = "/organizations/acme/agents"
_LISTED = "**/v1/organizations/acme/licenses?*"
_PATIENCE_SECONDS = 60


@pytest.fixture
def agent(portal: Portal) -> Agent:
    return portal.log_in_agent("PRESS-PC-1")


class Held(list[Route]):
    """Requests that are not answered until a test wants it."""

    def __call__(self, route: Route) -> None:
        self.append(route)

    def wait(self, page: Page) -> None:
        """Until there is one: a page shows that it asks before the question is on its way."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self:
            assert time.monotonic() < deadline, "nothing has been asked"
            page.wait_for_timeout(10)


def alert(page: Page) -> Locator:
    return page.get_by_role("alert")


# -- the session -----------------------------------------------------------------------------------


def test_a_session_that_ends_in_the_middle_of_an_action_loses_nothing(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Revoke…").click()
    page.get_by_label("Reason").fill("Scrapped in March")
    portal.end_sessions()

    troubles.expect("status of 401")
    troubles.expect("status of 400")  # the refresh token is refused, too
    dialog(page).get_by_role("button", name="Revoke").click()
    expect(alert(page)).to_contain_text("Your session has ended. Sign in again to go on.")
    expect(alert(page)).to_contain_text("What you have typed is kept.")
    expect(page.get_by_label("Reason")).to_have_value("Scrapped in March")
    alert(page).get_by_role("button", name="Sign in again").click()
    portal.fill_in(page, "ada")

    expect(dialog(page)).to_contain_text("Revoke the license of PRESS-PC-1 for good?")
    expect(page.get_by_label("Reason")).to_have_value("Scrapped in March")
    dialog(page).get_by_role("button", name="Revoke").click()
    expect(fact(page, "Status")).to_have_text("Revoked")
    expect(history(page).first).to_contain_text("“Scrapped in March”")
    assert page.url == portal.address(place(agent))


def test_a_session_that_has_ended_is_told_where_a_list_should_be(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    portal.visit(page, "ada", f"{_LIST}?status=active")
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    portal.end_sessions()
    troubles.expect("status of 40[01]")
    page.get_by_label("Status").select_option("Any")
    alert(page).get_by_role("button", name="Sign in again").click()
    portal.fill_in(page, "ada")
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    expect(page.get_by_label("Status")).to_have_value("")


def test_a_session_that_ended_before_the_page_was_opened_is_told(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    portal.end_sessions()
    troubles.expect("status of 40[01]")
    page.reload()
    alert(page).get_by_role("button", name="Sign in again").click()
    portal.fill_in(page, "ada")
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()


def test_a_token_that_is_about_to_end_is_renewed_without_a_word(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Status")).to_have_text("Active")
    page.get_by_label("Label").fill("Half typed")
    before = _tokens(page)
    _change_tokens(page, expiresAt=0)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Block…").click()
    dialog(page).get_by_role("button", name="Block").click()
    expect(fact(page, "Status")).to_have_text("Blocked")
    expect(page.get_by_label("Label")).to_have_value("Half typed")
    assert _tokens(page)["id"] != before["id"]
    assert sum(url.endswith("/oauth2/token") for url in asked) == 1


def test_a_token_that_is_refused_is_renewed_once_for_all_that_asked(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    asked = _asked_with_a_wrong_token(page, portal, agent)
    troubles.expect("status of 401")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(alert(page)).to_have_count(0)
    assert sum(url.endswith("/oauth2/token") for url in asked) == 1


def test_a_token_that_is_refused_late_is_not_renewed_once_more(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    asked = _asked_with_a_wrong_token(page, portal, agent)
    late = Held()
    page.route("**/v1/organizations/acme/statistics?*", late, times=1)
    troubles.expect("status of 401")
    page.get_by_role("link", name="Overview").click()
    late.wait(page)
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    late.pop().continue_()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(alert(page)).to_have_count(0)
    assert sum(url.endswith("/oauth2/token") for url in asked) == 1


def _asked_with_a_wrong_token(page: Page, portal: Portal, agent: Agent) -> list[str]:
    """All addresses that the page asks from now on; its token is refused."""
    portal.visit(page, "ada", place(agent))
    expect(fact(page, "Status")).to_have_text("Active")
    _change_tokens(page, id="e30.e30.e30")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def _tokens(page: Page) -> dict[str, str]:
    kept: dict[str, str] = json.loads(
        page.evaluate("() => sessionStorage.getItem('session.tokens')")
    )
    return kept


def _change_tokens(page: Page, **changed: Any) -> None:
    page.evaluate(
        "(tokens) => sessionStorage.setItem('session.tokens', JSON.stringify(tokens))",
        {**_tokens(page), **changed},
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("error=access_denied&error_description=Locked", "The identity provider refused: Locked."),
        ("code=stolen", "The identity provider refused: invalid_grant."),
        ("code=stolen&state=another", "This sign-in was not started in this tab."),
    ],
)
def test_a_sign_in_that_fails_is_explained_and_can_be_done_again(
    page: Page, portal: Portal, troubles: Troubles, answer: str, said: str
) -> None:
    page.goto(portal.address(_LIST))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/oauth2/authorize?*")
    state = page.evaluate("() => JSON.parse(sessionStorage.getItem('session.pending')).state")
    if answer == "code=stolen":
        troubles.expect("status of 400")
    given = answer if "state=" in answer else f"{answer}&state={state}"
    page.goto(f"{portal.url}/portal?{given}")
    expect(alert(page)).to_contain_text("Signing in did not work")
    expect(alert(page)).to_contain_text(said)
    assert page.url == portal.address(_LIST)
    alert(page).get_by_role("button", name="Try again").click()
    portal.fill_in(page, "ada")
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()


def test_a_clock_that_is_fast_ends_no_session_before_its_time(page: Page, portal: Portal) -> None:
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=5))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    portal.sign_in(page, "ada", _LIST)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    assert sum(url.endswith("/oauth2/token") for url in asked) == 1


def test_a_sign_out_that_gets_stuck_hides_everything_and_can_be_done_again(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    portal.sign_in(page, "ada", _LIST)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/portal/configuration.json", _abort)
    page.reload()  # what it was told of the identity provider is forgotten
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(alert(page)).to_contain_text("No connection.")
    expect(page.get_by_text("No agent has logged in yet.")).to_have_count(0)
    assert page.evaluate("() => sessionStorage.length") == 0
    page.unroute("**/portal/configuration.json")
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_sign_in_that_cannot_start_again_says_so(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    page.evaluate("() => sessionStorage.removeItem('session.tokens')")
    page.get_by_label("Status").select_option("Any")
    page.get_by_label("Status").select_option("Active")
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/portal/configuration.json", _abort)
    alert(page).get_by_role("button", name="Sign in again").click()
    expect(alert(page)).to_contain_text("No connection.")
    page.unroute("**/portal/configuration.json")
    alert(page).get_by_role("button", name="Try again").click()
    portal.fill_in(page, "ada")
    expect(page.get_by_label("Status")).to_have_value("active")


# -- the network -----------------------------------------------------------------------------------


def _abort(route: Route) -> None:
    route.abort("connectionrefused")


def _busy(route: Route) -> None:
    route.fulfill(
        status=503,
        headers={"retry-after": "0", "content-type": "application/problem+json"},
        json={"status": 503, "code": "unavailable", "title": "Unavailable", "detail": "Busy."},
    )


def _throttled(route: Route) -> None:
    route.fulfill(status=429, headers={"retry-after": "0"}, json={"message": "Too Many Requests"})


def _proxy(route: Route) -> None:
    route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")


@pytest.mark.parametrize(
    ("trouble", "told", "said"),
    [
        (_abort, "ERR_CONNECTION_REFUSED", "No connection. The service cannot be reached."),
        (_busy, "status of 503", "The service is busy. "),
        (_throttled, "status of 429", "Too many requests. Wait a moment, then try again."),
        (_proxy, "status of 502", "The service has failed. Try again in a while."),
    ],
)
def test_a_list_that_does_not_come_says_what_to_do_and_is_tried_again(
    page: Page,
    portal: Portal,
    agent: Agent,
    troubles: Troubles,
    trouble: Callable[[Route], None],
    told: str,
    said: str,
) -> None:
    troubles.expect(told)
    page.route(_LISTED, trouble)
    portal.visit(page, "ada", _LIST)
    expect(alert(page)).to_contain_text(said)
    again = alert(page).get_by_role("button", name="Try again")
    again.focus()
    page.keyboard.press("Enter")
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(alert(page)).to_contain_text(said)
    page.unroute(_LISTED)
    again.click()
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    expect(alert(page)).to_have_count(0)


def test_a_service_that_is_busy_for_a_moment_is_asked_again_without_a_word(
    page: Page, portal: Portal, agent: Agent, troubles: Troubles
) -> None:
    troubles.expect("status of 503")
    page.route(_LISTED, _busy, times=2)
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    expect(alert(page)).to_have_count(0)


@pytest.mark.parametrize(
    ("trouble", "told"), [(_abort, "ERR_CONNECTION_REFUSED"), (_busy, "status of 503")]
)
def test_an_action_that_does_not_get_through_stays_open_with_what_was_typed(
    page: Page,
    portal: Portal,
    agent: Agent,
    troubles: Troubles,
    trouble: Callable[[Route], None],
    told: str,
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Block…").click()
    page.get_by_label("Reason").fill("lost laptop")
    troubles.expect(told)
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.route("**/v1/licenses/*/detach", trouble, times=1)
    dialog(page).get_by_role("button", name="Block").click()
    expect(alert(page)).to_have_count(1)
    expect(dialog(page).get_by_role("button", name="Block")).to_be_focused()
    expect(page.get_by_label("Reason")).to_have_value("lost laptop")
    assert len(sent) == 1, "a change is not repeated behind anybody's back"
    dialog(page).get_by_role("button", name="Try again").click()
    expect(fact(page, "Status")).to_have_text("Blocked")
    expect(history(page).first).to_contain_text("“lost laptop”")


def test_a_portal_whose_service_is_down_says_so_at_the_start(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("ERR_CONNECTION_REFUSED")
    page.route("**/v1/me", _abort)
    portal.visit(page, "ada", _LIST)
    expect(alert(page)).to_contain_text("No connection.")
    page.unroute("**/v1/me")
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()


def test_a_sign_in_that_cannot_start_says_so(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 503")
    page.route("**/portal/configuration.json", _busy)
    page.goto(portal.address())
    page.get_by_role("button", name="Sign in").click()
    expect(alert(page)).to_contain_text("Signing in did not work")
    page.unroute("**/portal/configuration.json")
    alert(page).get_by_role("button", name="Try again").click()
    portal.fill_in(page, "ada")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")


# -- waiting ---------------------------------------------------------------------------------------


def test_an_answer_that_is_late_is_waited_for_visibly(
    page: Page, portal: Portal, agent: Agent
) -> None:
    held = Held()
    page.route(_LISTED, held)
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_text("Loading agents…")).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(1)
    held.wait(page)
    held.pop().continue_()
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    expect(page.get_by_text("Loading agents…")).to_have_count(0)


def test_what_is_shown_stays_until_there_is_something_else_and_the_newest_wins(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", _LIST)
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    held = Held()
    page.route(_LISTED, held, times=1)
    page.get_by_label("Status").select_option("Revoked")
    held.wait(page)
    expect(page.locator("main [aria-busy=true]")).to_have_count(1)
    expect(page.get_by_role("link", name=agent.name)).to_be_visible()
    page.get_by_label("Status").select_option("Blocked")
    expect(page.get_by_text("No agent is like this.")).to_be_visible()
    held.pop().fulfill(json=portal.call("GET", "/v1/organizations/acme/licenses").body)
    page.get_by_label("Environment").focus()
    expect(page.get_by_text("No agent is like this.")).to_be_visible()


def test_a_button_that_is_at_work_cannot_be_pressed_again(
    page: Page, portal: Portal, agent: Agent
) -> None:
    portal.visit(page, "ada", place(agent))
    page.get_by_role("button", name="Block…").click()
    held = Held()
    page.route("**/v1/licenses/*/detach", held)
    button = dialog(page).get_by_role("button", name="Block")
    button.click()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("aria-busy", "true")
    held.wait(page)
    page.get_by_label("Reason").press("Enter")
    assert len(held) == 1
    held.pop().continue_()
    expect(fact(page, "Status")).to_have_text("Blocked")
    assert held == []
