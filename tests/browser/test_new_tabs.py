"""A second tab: whoever has signed in is in there, too, and whoever has signed out is out."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.portal import Portal
from tests.browser.test_signing_in import _refresh_token, _renews
from tests.browser.test_troubled_ways import Held
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(3)

_AGENTS = "/organizations/acme/agents"
_KEPT = "() => Object.entries(localStorage).flat()"


def _asked(page: Page) -> list[str | None]:
    """How the identity provider is asked from now on: each time the `prompt`, if there is one."""
    asked: list[str | None] = []

    def note(request: Request) -> None:
        if request.method == "GET" and "/oauth2/authorize" in request.url:
            asked.append(parse_qs(urlsplit(request.url).query).get("prompt", [None])[0])

    page.on("request", note)
    return asked


def _sign_in_button(page: Page) -> None:
    expect(page.get_by_role("main").get_by_role("button", name="Sign in")).to_be_enabled()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_agent_opens_in_a_tab_of_its_own_without_a_question(page: Page, portal: Portal) -> None:
    agent = portal.log_in_agent("ACME-PC-1")
    portal.sign_in(page, "ada", _AGENTS)
    link = page.get_by_role("link", name="ACME-PC-1")
    with page.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    tab = opened.value
    expect(tab.get_by_role("heading", level=1)).to_have_text("ACME-PC-1 · production")
    assert tab.url == portal.address(f"{_AGENTS}/{agent.id}")
    # It has tokens of its own, and none is kept where tabs share it.
    assert _refresh_token(tab) != _refresh_token(page)
    key, word = page.evaluate(_KEPT)
    assert key == "session.lasting"
    assert 40 < len(word) < 50  # made up, and shorter than any token


def test_nobody_is_signed_in_before_they_have_been_in_this_browser(
    page: Page, portal: Portal
) -> None:
    asked = _asked(page)
    page.goto(portal.address(_AGENTS))
    _sign_in_button(page)
    assert asked == []


def test_where_the_providers_session_is_over_the_tab_asks_once_and_keeps_its_place(
    page: Page, portal: Portal
) -> None:
    portal.sign_in(page, "ada")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.context.clear_cookies()
    tab = page.context.new_page()
    asked = _asked(tab)
    tab.goto(portal.address(_AGENTS))
    _sign_in_button(tab)
    assert tab.url == portal.address(_AGENTS)
    tab.reload()
    _sign_in_button(tab)
    assert asked == ["none"]
    # The first tab goes on, and signing in by hand leads to the place that was wanted.
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab.get_by_role("button", name="Sign in").click()
    portal.fill_in(tab, "ada")
    expect(tab.get_by_text("No agent has logged in yet.")).to_be_visible()
    assert asked == ["none", None]


def _refusing(route: Route) -> None:
    """A provider that wants something else: here, another scope."""
    route.continue_(url=route.request.url.replace("openid", "other"))


def _not_knowing(route: Route) -> None:
    """A provider that knows of no prompt, and shows its form."""
    route.continue_(url=route.request.url.replace("&prompt=none", ""))


def _forgetting(route: Route) -> None:
    """A provider that sends back without saying what it was asked."""
    back = parse_qs(urlsplit(route.request.url).query)["redirect_uri"][0]
    route.fulfill(status=302, headers={"location": back})


@pytest.mark.parametrize("provider", [_refusing, _not_knowing, _forgetting])
def test_a_provider_that_does_not_do_as_asked_ends_in_no_circle(
    page: Page, portal: Portal, provider: Callable[[Route], None]
) -> None:
    portal.sign_in(page, "ada")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab = page.context.new_page()
    tab.route(re.compile(r"/oauth2/authorize\?.*prompt=none"), provider)
    asked = _asked(tab)
    tab.goto(portal.address(_AGENTS))
    if provider is _not_knowing:
        expect(tab.get_by_label("Password")).to_be_visible()
        tab.goto(portal.address(_AGENTS))
    _sign_in_button(tab)
    tab.reload()
    _sign_in_button(tab)
    assert asked == ["none"]


def test_where_it_is_not_known_whom_to_ask_nobody_is_troubled_before_signing_in(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 503")
    portal.sign_in(page, "ada")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab = page.context.new_page()
    busy = {"code": "unavailable", "detail": "Try again."}
    configuration = "**/portal/configuration.json"
    tab.route(configuration, lambda route: route.fulfill(status=503, json=busy))
    tab.goto(portal.address(_AGENTS))
    _sign_in_button(tab)
    tab.unroute(configuration)
    tab.get_by_role("button", name="Sign in").click()
    portal.fill_in(tab, "ada")
    expect(tab.get_by_text("No agent has logged in yet.")).to_be_visible()


def test_a_code_that_is_good_for_nothing_signs_nobody_in_and_is_no_trouble(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    portal.sign_in(page, "ada")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab = page.context.new_page()
    refused = {"error": "invalid_grant"}
    tab.route("**/oauth2/token", lambda route: route.fulfill(status=400, json=refused))
    tab.goto(portal.address(_AGENTS))
    _sign_in_button(tab)


def test_signing_out_in_one_tab_signs_out_in_all(page: Page, portal: Portal) -> None:
    portal.sign_in(page, "ada")
    tab = page.context.new_page()
    tab.goto(portal.address(_AGENTS))
    expect(tab.get_by_text("No agent has logged in yet.")).to_be_visible()
    tokens = [_refresh_token(page), _refresh_token(tab)]

    page.get_by_role("button", name="Sign out").click()

    _sign_in_button(tab)
    _sign_in_button(page)
    expect(tab.get_by_role("navigation")).to_have_count(0)
    for one in (page, tab):
        assert one.evaluate("() => sessionStorage.length + localStorage.length") == 0
    assert [_renews(page, portal, token) for token in tokens] == [False, False]
    third = page.context.new_page()
    asked = _asked(third)
    third.goto(portal.address())
    _sign_in_button(third)
    assert asked == []


def test_a_question_that_is_open_in_another_tab_goes_with_who_has_signed_out(
    page: Page, portal: Portal
) -> None:
    portal.sign_in(page, "ada")
    tab = page.context.new_page()
    tab.goto(portal.address("/organizations/acme?do=block-clones"))
    expect(tab.get_by_role("dialog")).to_contain_text("among the agents of Acme?")
    page.get_by_role("button", name="Sign out").click()
    _sign_in_button(tab)
    expect(tab.get_by_role("dialog")).to_have_count(0)
    _sign_in_button(page)


def test_a_tab_whose_tokens_are_over_gets_others_as_it_is_opened_again(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    troubles.expect("status of 400")
    portal.sign_in(page, "ada", _AGENTS)
    over = _refresh_token(page)
    page.evaluate(
        """() => {
          const tokens = JSON.parse(sessionStorage.getItem("session.tokens"));
          sessionStorage.setItem("session.tokens",
            JSON.stringify({ ...tokens, refresh: "over", expiresAt: 0 }));
        }"""
    )
    asked = _asked(page)
    page.reload()
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    assert asked == ["none"]
    assert _refresh_token(page) not in ("over", over)


def test_a_tab_that_was_not_running_is_out_as_it_is_opened_again(
    page: Page, portal: Portal
) -> None:
    portal.sign_in(page, "ada")
    tab = page.context.new_page()
    tab.goto(portal.address(_AGENTS))
    token = _refresh_token(tab)
    tab.goto("about:blank")
    page.get_by_role("button", name="Sign out").click()
    _sign_in_button(page)
    # Somebody has signed in since.
    page.evaluate("() => localStorage.setItem('session.lasting', 'another')")

    tab.goto(portal.address(_AGENTS))

    _sign_in_button(tab)
    assert tab.evaluate("() => sessionStorage.length") == 0
    assert not _renews(tab, portal, token)
    assert tab.evaluate(_KEPT) == ["session.lasting", "another"]


_TOLD = [
    "dispatchEvent(new StorageEvent('storage', { key: 'session.lasting', newValue: 'any' }))",
    "dispatchEvent(new Event('focus'))",
    "document.dispatchEvent(new Event('visibilitychange'))",
    "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
]


def _keeping_tokens(page: Page) -> list[str]:
    """What is revoked from now on; it stays good for other tests."""
    revoked: list[str] = []

    def answer(route: Route) -> None:
        revoked.append(str(route.request.post_data))
        route.fulfill(status=200)

    page.route("**/oauth2/revoke", answer)
    return revoked


@pytest.mark.parametrize("told", _TOLD)
def test_what_stands_there_decides_who_is_out_and_not_what_is_told(
    page: Page, portal: Portal, told: str
) -> None:
    revoked = _keeping_tokens(page)
    portal.visit(page, "ada", _AGENTS)
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    # What is told of an earlier sign-out comes late: somebody has signed in since.
    page.evaluate("() => sessionStorage.setItem('draft.any', '{}')")
    page.evaluate(
        "() => void dispatchEvent(new StorageEvent('storage',"
        " { key: 'session.lasting', newValue: null }))"
    )
    page.evaluate(f"() => void {told}")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('draft.any')") == "{}"

    page.evaluate("() => localStorage.setItem('session.lasting', 'another')")
    page.evaluate(f"() => void {told}")

    _sign_in_button(page)
    assert page.evaluate("() => sessionStorage.length") == 0
    assert page.evaluate(_KEPT) == ["session.lasting", "another"]
    assert len(revoked) == 1


@pytest.mark.parametrize("status", [200, 403])
def test_nothing_comes_back_over_the_page_of_who_has_left(
    page: Page, portal: Portal, troubles: Troubles, status: int
) -> None:
    if status == 403:
        troubles.expect("status of 403")
    _keeping_tokens(page)
    held = Held()
    page.route("**/v1/me", held)
    portal.visit(page, "ada", _AGENTS)
    held.wait(page)
    page.evaluate("() => { localStorage.clear(); dispatchEvent(new Event('focus')); }")
    _sign_in_button(page)
    with page.expect_response("**/v1/me") as late:
        if status == 403:
            held.pop().fulfill(status=403, json={"code": "forbidden", "detail": "No."})
        else:
            held.pop().continue_()
    late.value.finished()
    page.evaluate("() => fetch('/portal/configuration.json').then((told) => told.text())")
    _sign_in_button(page)
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_a_name_that_comes_late_is_no_title_of_the_page_of_who_has_left(
    page: Page, portal: Portal
) -> None:
    _keeping_tokens(page)
    held = Held()
    page.route("**/v1/organizations/acme", held)
    portal.visit(page, "ada", _AGENTS)
    held.wait(page)
    page.evaluate("() => { localStorage.clear(); dispatchEvent(new Event('focus')); }")
    _sign_in_button(page)
    with page.expect_response("**/v1/organizations/acme") as late:
        held.pop().continue_()
    late.value.finished()
    page.evaluate("() => fetch('/portal/configuration.json').then((told) => told.text())")
    expect(page).to_have_title("Licensing")
