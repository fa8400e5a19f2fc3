"""What the portal says to the identity provider, request by request, and what it keeps of it."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.troubles import Troubles

pytestmark = pytest.mark.sampled(3)

_PROVIDER = {
    "authorization_endpoint": "/provider/authorize",
    "token_endpoint": "/provider/token",
    "end_session_endpoint": "/provider/end",
    "revocation_endpoint": "/provider/revoke",
    "client_id": "the-client",
    "scope": "openid email",
}
_PUT = """(tokens) => sessionStorage.setItem("session.tokens", JSON.stringify(tokens))"""
_KEPT = """() => JSON.parse(sessionStorage.getItem("session.tokens"))"""
_NOW = "() => Date.now()"


def _token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


class Provider:
    """An identity provider in name alone: what it is asked, and what it answers."""

    def __init__(self, page: Page, parts_url: str) -> None:
        """Nobody has asked anything."""
        self.told: dict[str, Any] = {
            name: f"{parts_url}{value}" if value.startswith("/") else value
            for name, value in _PROVIDER.items()
        }
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tokens: dict[str, Any] = {"id_token": _token(iat=1000, exp=4600)}
        self.status = 200
        self._page = page
        page.route("**/portal/configuration.json", lambda route: route.fulfill(json=self.told))
        page.route("**/provider/**", self._answer)

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        given = dict(parse_qsl(route.request.post_data or parts.query))
        self.asked.append((parts.path.rpartition("/")[2], given))
        if route.request.is_navigation_request():
            route.fulfill(content_type="text/html", body="<!doctype html><title>Provider</title>")
        else:
            route.fulfill(json=self.tokens, status=self.status)

    def leads(self, call: str) -> dict[str, str]:
        """Where a call sends the browser to."""
        self._page.evaluate(f"() => void session.{call}")
        expect(self._page).to_have_title("Provider")
        assert parse_qs(urlsplit(self._page.url).query).keys() == self.asked[-1][1].keys()
        return self.asked[-1][1]


@pytest.fixture
def provider(parts: Page, parts_url: str) -> Provider:
    return Provider(parts, parts_url)


def _signed_in(page: Page, seconds: float, id_: str = "old", refresh: str | None = "r1") -> None:
    now = page.evaluate(_NOW)
    page.evaluate(_PUT, {"id": id_, "refresh": refresh, "expiresAt": now + seconds * 1000})


def test_a_token_is_renewed_a_minute_before_its_end_once_for_all_who_ask(
    parts: Page, provider: Provider
) -> None:
    _signed_in(parts, 90)
    assert parts.evaluate("session.bearer()") == "old"
    assert provider.asked == []
    _signed_in(parts, 50)
    new = provider.tokens["id_token"]
    assert parts.evaluate("Promise.all([session.bearer(), session.bearer()])") == [new, new]
    renewed = {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "the-client"}
    assert provider.asked == [("token", renewed)]
    # It is good for as long as it says, by this computer's clock, and its refresh token goes on.
    kept = parts.evaluate(_KEPT)
    assert kept["refresh"] == "r1"
    assert 0 <= parts.evaluate(_NOW) + 3600_000 - kept["expiresAt"] < 60_000
    # One that is refused is renewed before its time, but not one that has been renewed meanwhile.
    assert parts.evaluate("session.bearer('another')") == new
    provider.tokens = {"id_token": _token(iat=1000, exp=4600, n=2), "refresh_token": "r2"}
    assert (
        parts.evaluate("(refused) => session.bearer(refused)", new) == provider.tokens["id_token"]
    )
    assert parts.evaluate(_KEPT)["refresh"] == "r2"
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("status", "refresh", "said"),
    [
        (400, "r1", "Your session has ended."),
        (503, "r1", "The identity provider does not answer. Try again in a while."),
        (200, None, "Your session has ended."),
    ],
)
def test_what_cannot_be_renewed_ends_the_session_unless_nobody_has_answered(
    parts: Page, provider: Provider, troubles: Troubles, status: int, refresh: str, said: str
) -> None:
    if status != 200:
        troubles.expect(f"status of {status}")
    provider.status = status
    _signed_in(parts, 10, refresh=refresh)
    failed = "session.bearer().then(() => null, (error) => error.message)"
    assert parts.evaluate(failed) == said
    assert parts.evaluate(_KEPT)["id"] == "old"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ada L.", "email": "ada@acme.example", "sub": "1"}, "Ada L."),
        ({"email": "ada@acme.example", "preferred_username": "ada"}, "ada@acme.example"),
        ({"preferred_username": "ada", "cognito:username": "1b9d"}, "ada"),
        ({"cognito:username": "ada", "sub": "1b9d"}, "ada"),
        ({"sub": "1b9d"}, "1b9d"),
        ({"name": "Åsa Ωμέγα"}, "Åsa Ωμέγα"),
    ],
)
@pytest.mark.usefixtures("provider")
def test_who_is_signed_in_is_called_as_their_token_says(
    parts: Page, claims: dict[str, str], name: str
) -> None:
    _signed_in(parts, 3600, _token(**claims))
    assert parts.evaluate("session.name()") == name


def test_signing_in_asks_for_a_code_with_a_challenge_of_its_own(
    parts: Page, provider: Provider
) -> None:
    first = provider.leads("signIn()")
    assert first.keys() == {
        *("response_type", "client_id", "redirect_uri", "scope", "state"),
        *("code_challenge", "code_challenge_method"),
    }
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert (first["client_id"], first["scope"]) == ("the-client", "openid email")
    parts.go_back()
    pending = parts.evaluate("() => JSON.parse(sessionStorage.getItem('session.pending'))")
    assert pending["verifier"] not in first.values()
    assert pending["place"] == "#/agents?status=active&cursor=third"
    second = provider.leads("signIn()")
    assert second["state"] != first["state"]
    assert second["code_challenge"] != first["code_challenge"]


def test_signing_in_without_a_question_leaves_no_page_behind(
    parts: Page, provider: Provider
) -> None:
    before = parts.evaluate("history.length")
    asked = provider.leads("signInSilently()")
    assert asked["prompt"] == "none"
    assert parts.evaluate("history.length") == before


def test_what_was_asked_for_is_forgotten_as_soon_as_it_is_answered(
    parts: Page, parts_url: str, provider: Provider
) -> None:
    state = provider.leads("signIn()")["state"]
    for query, said in [
        ("state=another&code=c", "This sign-in was not started in this tab. Sign in once more."),
        (f"state={state}&code=c", "This sign-in was not started in this tab. Sign in once more."),
    ]:
        parts.goto(f"{parts_url}/?{query}")
        failed = "session.comeBack().then(() => null, (error) => error.message)"
        assert parts.evaluate(failed) == said
        assert parts.url.partition("#")[0] == f"{parts_url}/"
    assert all(path == "authorize" for path, _ in provider.asked)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("error=access_denied", "The identity provider refused: access_denied."),
        (
            "error=x&error_description=Not+in+the+group",
            "The identity provider refused: Not in the group.",
        ),
        ("nothing=", "The identity provider refused: no reason given."),
    ],
)
def test_a_provider_that_refuses_is_quoted(
    parts: Page, parts_url: str, provider: Provider, query: str, said: str
) -> None:
    state = provider.leads("signIn()")["state"]
    parts.goto(f"{parts_url}/?state={state}&{query}")
    failed = "session.comeBack().then(() => null, (error) => error.message)"
    assert parts.evaluate(failed) == said
    assert parts.url == f"{parts_url}/#/agents?status=active&cursor=third"


def test_signing_out_revokes_and_names_the_way_back_as_cognito_and_the_standard_do(
    parts: Page, parts_url: str, provider: Provider
) -> None:
    _signed_in(parts, 3600)
    asked = provider.leads("signOut()")
    back = f"{parts_url}/"
    assert asked == {
        "client_id": "the-client",
        "post_logout_redirect_uri": back,
        "logout_uri": back,
    }
    assert provider.asked[0] == ("revoke", {"token": "r1", "client_id": "the-client"})


@pytest.mark.parametrize(
    ("without", "status", "said"),
    [
        (None, 200, ""),
        ("revocation_endpoint", 200, "Your identity provider revokes no sign-ins"),
        (None, 400, "Your identity provider did not confirm it"),
    ],
)
def test_where_a_provider_ends_no_sessions_the_tab_is_signed_out_all_the_same(
    parts: Page,
    provider: Provider,
    troubles: Troubles,
    without: str | None,
    status: int,
    said: str,
) -> None:
    if status != 200:
        troubles.expect(f"status of {status}")
    provider.told["end_session_endpoint"] = None
    provider.status = status
    if without is not None:
        provider.told[without] = None
    parts.evaluate("() => localStorage.setItem('session.lasting', 'yes')")
    _signed_in(parts, 3600)
    with parts.expect_navigation():
        parts.evaluate("() => void session.signOut()")
    assert parts.evaluate("session.isSignedIn() || session.maySignInSilently()") is False
    told = parts.evaluate("session.farewell()")
    assert told.startswith("You are signed out here.") if said else told == ""
    assert said in told
    assert parts.evaluate("session.farewell()") == ""


def test_a_portal_without_a_client_says_what_to_deploy(parts: Page, provider: Provider) -> None:
    provider.told["client_id"] = None
    failed = "session.signIn().then(() => null, (error) => error.message)"
    assert "with its output ApiUrl as the parameter PortalUrl" in parts.evaluate(failed)
    # It is asked again the next time.
    provider.told["client_id"] = "the-client"
    provider.leads("signIn()")


def test_a_tab_asks_without_a_question_once_until_its_tokens_have_let_somebody_in(
    parts: Page, parts_url: str, provider: Provider
) -> None:
    may = "session.maySignInSilently()"
    assert parts.evaluate(may) is False
    parts.evaluate("() => localStorage.setItem('session.lasting', 'yes')")
    assert parts.evaluate(may) is True
    provider.leads("signInSilently()")
    parts.goto(parts_url)
    assert parts.evaluate(may) is False
    parts.evaluate("session.arrived()")
    assert parts.evaluate(may) is True


def test_signing_out_is_finished_once_it_is_known_where(
    parts: Page, provider: Provider, troubles: Troubles
) -> None:
    troubles.expect("ERR_FAILED")
    troubles.expect("status of 503")
    _signed_in(parts, 3600)
    failed = "session.signOut().then(() => null, (error) => error.message)"
    configuration = "**/portal/configuration.json"
    told = {"detail": "The provider is away."}
    for trouble, said in [
        (lambda route: route.abort(), "The service cannot be reached."),
        (lambda route: route.fulfill(status=503, json=told), "The provider is away."),
    ]:
        parts.route(configuration, trouble)
        assert said in parts.evaluate(failed)
        assert parts.evaluate("session.isSignedIn()") is False
        parts.unroute(configuration, trouble)
    provider.leads("signOut()")
    assert provider.asked[0] == ("revoke", {"token": "r1", "client_id": "the-client"})


@pytest.mark.parametrize("stands", ["the word", "another", ""])
def test_signing_in_without_a_question_brings_nobody_back_who_has_signed_out_meanwhile(
    parts: Page, parts_url: str, provider: Provider, stands: str
) -> None:
    is_in = stands == "the word"
    provider.tokens["refresh_token"] = "r9"
    parts.evaluate("() => localStorage.setItem('session.lasting', 'the word')")
    state = provider.leads("signInSilently()")["state"]
    parts.goto(f"{parts_url}/?state={state}&code=c")
    # The code is being exchanged while another tab signs out, and maybe in again.
    parts.evaluate(
        """async (word) => {
          const done = session.comeBack();
          localStorage.clear();
          if (word) localStorage.setItem("session.lasting", word);
          await done;
        }""",
        stands,
    )
    assert parts.evaluate("session.isSignedIn()") is is_in
    assert parts.evaluate("localStorage.getItem('session.lasting') ?? ''") == stands
    if not is_in:
        parts.evaluate("session.leave()")  # by then what came has been revoked, too
        assert ("revoke", {"token": "r9", "client_id": "the-client"}) in provider.asked


def test_tokens_are_of_the_sign_in_whose_word_stands_and_stay_so_when_renewed(
    parts: Page, parts_url: str, provider: Provider
) -> None:
    words = []
    for _ in range(2):
        state = provider.leads("signIn()")["state"]
        parts.goto(f"{parts_url}/?state={state}&code=c")
        parts.evaluate("session.comeBack()")
        words.append(parts.evaluate("localStorage.getItem('session.lasting')"))
        provider.tokens["refresh_token"] = "r9"
    # Who signs in beside others lets them be.
    assert words[0] == words[1]
    parts.evaluate("session.renewed()")
    assert parts.evaluate("session.hasLeft()") is False
    provider.leads("signOut()")
    parts.goto(parts_url)
    state = provider.leads("signIn()")["state"]
    parts.goto(f"{parts_url}/?state={state}&code=c")
    parts.evaluate("session.comeBack()")
    assert parts.evaluate("localStorage.getItem('session.lasting')") not in (None, *words)
