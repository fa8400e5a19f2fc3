"""Signing in, who is let in, and what the others are told."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.chromium import keeping_pages, keeps_no_page
from tests.browser.looks import OpenPage
from tests.browser.portal import Portal
from tests.browser.test_troubled_ways import Held
from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(7)

_ATTEMPTS = 5


def test_an_administrator_signs_in_by_keyboard_and_out_again(page: Page, portal: Portal) -> None:
    page.goto(portal.address())
    page.get_by_role("button", name="Sign in").focus()
    page.keyboard.press("Enter")
    page.get_by_label("User name").press_sequentially("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("Correct-Horse-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_focused()
    expect(page.get_by_role("navigation", name="Organization acme")).to_be_visible()
    subject = portal.call("GET", "/v1/me").expect(200)["subject"]
    expect(page.locator(".who").get_by_title(subject)).to_have_text("Ada Novak")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("() => sessionStorage.length") == 0


def test_a_page_that_comes_back_as_it_was_left_shows_nothing_after_signing_out(
    page: Page, portal: Portal
) -> None:
    portal.sign_in(page, "ada")
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    # What a browser does that has kept the page, while what it was signed in with has gone.
    page.evaluate(
        """() => {
          sessionStorage.clear();
          localStorage.clear();
          dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        }"""
    )
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Acme")).to_have_count(0)


def test_going_back_after_signing_out_shows_nothing_of_what_was_there(
    browser: Browser, portal: Portal
) -> None:
    with keeping_pages(browser) as chromium:
        if keeps_no_page(chromium, portal.url):
            pytest.skip("this Chromium keeps no page that it leaves: it is made for servers")
    # Chromium may drop a page that it has left, so it gets a few attempts to keep one.
    for _ in range(_ATTEMPTS):
        with keeping_pages(browser) as chromium:
            page = chromium.new_page()
            if _is_kept_while_signing_out_and_going_back(page, portal):
                return
    pytest.fail(f"Chromium kept none of {_ATTEMPTS} pages that it left", pytrace=False)


def _is_kept_while_signing_out_and_going_back(page: Page, portal: Portal) -> bool:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    portal.sign_in(page, "ada")
    expect(page.get_by_role("heading", level=1, name="Acme")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.evaluate("() => addEventListener('pageshow', () => console.log('as it was left'))")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.evaluate("() => { document.title = 'signed out' }")
    page.evaluate("() => void setTimeout(() => history.back(), 0)")
    expect(page).not_to_have_title("signed out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Acme")).to_have_count(0)
    return "as it was left" in said


def test_who_came_to_a_place_is_there_after_signing_in(page: Page, portal: Portal) -> None:
    portal.sign_in(page, "ada", "/organizations/acme/agents?status=detached")
    expect(page.get_by_label("Status")).to_have_value("detached")
    assert page.url == portal.address("/organizations/acme/agents?status=detached")


@pytest.mark.parametrize(("user", "role"), [("alice", "member"), ("pavel", "partner")])
@pytest.mark.parametrize("place", ["", "/organizations/acme/agents"])
def test_who_administers_nothing_is_told_so_and_shown_nothing_else(
    page: Page, portal: Portal, user: str, role: str, place: str
) -> None:
    portal.log_in_agent("ACME-PC-1")
    portal.visit(page, user, place)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing to administer")
    main = page.get_by_role("main")
    expect(main).to_contain_text("This portal is for administrators.")
    expect(main).to_contain_text(f"({role})")
    expect(main).to_contain_text("Ask whoever manages your organization's users")
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_text("ACME-PC-1")).to_have_count(0)


@pytest.mark.parametrize(
    "place",
    [
        "/organizations",
        "/new-organization",
        "/organizations/acme/edit",
        "/organizations/acme/temporary",
        "/machines",
        "/nowhere",
        "/organizations/%",
    ],
)
def test_an_org_admin_finds_no_super_admin_page_by_its_address(
    page: Page, portal: Portal, place: str, troubles: Troubles
) -> None:
    portal.visit(page, "ada", place)
    if place.endswith("%"):
        troubles.expect("status of 404")
        expect(page.get_by_role("alert").first).to_contain_text("There is no such thing")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    else:
        expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
        expect(page.get_by_role("link", name="Organizations")).to_have_count(0)
        page.get_by_role("link", name="Go to the start").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Acme")
    expect(page.get_by_role("link", name="Temporary licenses")).to_have_count(0)


@pytest.mark.parametrize("rest", ["", "/agents", "/feed", "/agents/"])
def test_another_organization_is_answered_like_one_that_does_not_exist(
    open_page: OpenPage, portal: Portal, rest: str, troubles: Troubles
) -> None:
    agent = portal.log_in_agent("BOLT-PC-1", "boris")
    troubles.expect("status of 404")
    told = []
    for organization, license_id in [("bolt", agent.id), ("nobody", "lic_" + "0" * 16)]:
        page = open_page()
        place = f"/organizations/{organization}{rest}"
        portal.visit(page, "ada", place + (license_id if rest.endswith("/") else ""))
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text("It does not exist, or it belongs to another organization.")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        expect(page.get_by_text("BOLT-PC-1")).to_have_count(0)
        told.append(page.get_by_role("main").inner_text().replace(organization, "it"))
    assert told[0] == told[1]


def test_whoever_signs_out_or_in_anew_leaves_no_refresh_token_behind(
    page: Page, portal: Portal, troubles: Troubles
) -> None:
    portal.sign_in(page, "ada")
    first = _refresh_token(page)
    assert _renews(page, portal, first)

    # Somebody else signs in in the same tab.
    page.evaluate(
        """async () => {
          const first = document.querySelector("script[type=module]").src;
          (await import(first.replace("starting.js", "session.js"))).signIn();
        }"""
    )
    portal.fill_in(page, "olivia")
    second = _refresh_token(page)
    assert second != first
    assert not _renews(page, portal, first)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("status")).to_have_count(0)
    assert not _renews(page, portal, second)

    # Where the provider cannot be told, it is told to the person, once.
    troubles.expect("status of 503")
    page.route("**/oauth2/revoke", lambda route: route.fulfill(status=503))
    portal.sign_in(page, "ada")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("did not confirm it")
    assert page.evaluate("() => sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("status")).to_have_count(0)


def _refresh_token(page: Page) -> str:
    """What the page keeps, once it is signed in."""
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tokens = page.evaluate("() => JSON.parse(sessionStorage.getItem('session.tokens'))")
    return str(tokens["refresh"])


def _renews(page: Page, portal: Portal, refresh_token: str) -> bool:
    """Whether a refresh token is good for anything."""
    told = page.request.get(f"{portal.url}/portal/configuration.json").json()
    form = {
        "grant_type": "refresh_token",
        "client_id": told["client_id"],
        "refresh_token": refresh_token,
    }
    return page.request.post(told["token_endpoint"], form=form).ok


# -- roles that change -----------------------------------------------------------------------------


def _granted(portal: Portal) -> Callable[[Route], None]:
    """An identity provider that has given a role, which the next token says."""
    token = portal.tokens("ada")["AuthenticationResult.IdToken"]

    def answer(route: Route) -> None:
        route.fulfill(json={"id_token": token, "token_type": "Bearer"})

    return answer


def test_a_role_that_was_granted_is_seen_by_looking_again(page: Page, portal: Portal) -> None:
    portal.visit(page, "alice")
    expect(page.get_by_text("This portal is for administrators.")).to_be_visible()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("button", name="Look again")).to_be_enabled()
    page.route("**/oauth2/token", _granted(portal))
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")


def test_a_role_that_was_granted_is_seen_after_a_reload(page: Page, portal: Portal) -> None:
    portal.visit(page, "alice")
    expect(page.get_by_text("This portal is for administrators.")).to_be_visible()
    page.route("**/oauth2/token", _granted(portal))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme")


def test_an_administrator_of_no_organization_is_told_what_is_missing(
    page: Page, portal: Portal
) -> None:
    me = {"subject": "ada", "organization_id": None, "roles": ["org-admin"]}
    page.route("**/v1/me", lambda route: route.fulfill(json=me))
    portal.visit(page, "ada")
    expect(page.get_by_text("Your account belongs to no organization.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("You have the role org-admin.")
    expect(page.locator("main")).not_to_contain_text("for the role org-admin")
    assert_accessible(page)


def test_who_signs_out_while_a_token_is_renewed_stays_signed_out(
    page: Page, portal: Portal
) -> None:
    portal.sign_in(page, "ada", "/organizations/acme/agents")
    expect(page.get_by_text("No agent has logged in yet.")).to_be_visible()
    held = Held()
    page.route("**/oauth2/token", held)
    page.reload()
    held.wait(page)
    leaving = Held()
    page.route("**/oauth2/revoke", leaving)
    page.get_by_role("button", name="Sign out").click()
    leaving.wait(page)
    _granted(portal)(held.pop())
    expect(page.get_by_text("Signing out…")).to_be_visible()
    leaving.pop().continue_()
    page.unroute("**/oauth2/revoke")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('session.tokens')") is None
