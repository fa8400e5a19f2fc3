"""Signing in to the portal, step by step as a browser does it."""

import base64
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from licensing.domain import strict_json
from tests.local import stack
from tests.local.client import Client
from tests.local.identity import PASSWORD, USERS
from tests.local.stack import Stack

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DYNAMODB_ENDPOINT", raising=False)
        with stack.running() as running:
            yield running


@dataclass(frozen=True)
class Seen:
    """What a browser gets to see."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return strict_json.read(self.text)

    @property
    def returned(self) -> dict[str, str]:
        """What the portal is told by the address that the browser is sent back to."""
        assert self.status == 302, self
        return dict(parse_qsl(urlsplit(self.headers["location"]).query))


@dataclass
class Browser:
    """A browser with the portal open; it follows nothing by itself."""

    url: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    cookie: str = ""

    def send(
        self, method: str, url: str, form: dict[str, str] | None = None, token: str | None = None
    ) -> Seen:
        parts = urlsplit(url)
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            target = f"{parts.path}?{parts.query}"
            headers = FORM if form is not None else {}
            if token is not None:
                headers = {**headers, "authorization": f"Bearer {token}"}
            if self.cookie:
                headers = {**headers, "cookie": self.cookie}
            connection.request(method, target, urlencode(form) if form else None, headers)
            response: HTTPResponse = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            if "set-cookie" in got:
                self.cookie = got["set-cookie"].partition(";")[0]
            return Seen(response.status, got, response.read().decode())
        finally:
            connection.close()

    @property
    def configuration(self) -> Any:
        return self.send("GET", "/portal/configuration.json").json

    @property
    def asked(self) -> dict[str, str]:
        """What the portal asks for."""
        digest = sha256(self.verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.configuration["client_id"],
            "redirect_uri": f"{self.url}/portal",
            "scope": self.configuration["scope"],
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }

    def opens(self, **changed: str | None) -> Seen:
        """The page that the portal sends the browser to."""
        asked = {k: v for k, v in (self.asked | changed).items() if v is not None}
        return self.send(
            "GET", f"{self.configuration['authorization_endpoint']}?{urlencode(asked)}"
        )

    def fills(self, page: Seen, username: str, password: str) -> Seen:
        """The form on a page, filled in and sent."""
        action = unescape(re.findall(r'<form method="post" action="([^"]+)"', page.text)[0])
        return self.send("POST", action, {"username": username, "password": password})

    def redeems(self, code: str, **changed: str) -> Seen:
        """Tokens for a code."""
        asked = {
            "grant_type": "authorization_code",
            "client_id": self.configuration["client_id"],
            "redirect_uri": f"{self.url}/portal",
            "code": code,
            "code_verifier": self.verifier,
        }
        return self.send("POST", self.configuration["token_endpoint"], asked | changed)

    def refreshes(self, refresh_token: str) -> Seen:
        """New tokens for a refresh token."""
        asked = {
            "grant_type": "refresh_token",
            "client_id": self.configuration["client_id"],
            "refresh_token": refresh_token,
        }
        return self.send("POST", self.configuration["token_endpoint"], asked)

    def gets_code(self, username: str = "ada") -> str:
        back = self.fills(self.opens(), username, PASSWORD).returned
        assert back["state"] == self.state
        return back["code"]

    def signs_in(self, username: str = "ada") -> Any:
        answer = self.redeems(self.gets_code(username))
        assert answer.status == 200, answer
        return answer.json

    def is_let_in(self, tokens: Any) -> bool:
        """Whether the API takes the ID token."""
        answer = self.send("GET", "/v1/organizations/nobody", token=tokens["id_token"])
        assert answer.status in {401, 403, 404}, answer
        return answer.status != 401


@pytest.fixture
def browser(up: Stack) -> Browser:
    return Browser(up.url)


def test_the_stack_tells_where_the_portal_is(up: Stack, browser: Browser) -> None:
    assert up.portal_url == f"{up.url}/portal"
    page = browser.send("GET", up.portal_url)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("user", USERS, ids=lambda user: user.username)
def test_everybody_can_sign_in_to_the_portal(browser: Browser, user: Any) -> None:
    tokens = browser.signs_in(user.username)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert browser.is_let_in(tokens)
    assert claims(tokens)["custom:organization_id"] == user.organization
    assert claims(tokens)["cognito:groups"] == [user.role]
    assert claims(tokens)["aud"] == browser.configuration["client_id"]


def claims(tokens: Any) -> Any:
    """What the ID token claims."""
    payload = tokens["id_token"].split(".")[1]
    return strict_json.read(base64.urlsafe_b64decode(payload + "=="))


def test_the_form_names_its_fields_and_who_there_is(browser: Browser) -> None:
    page = browser.opens()
    assert page.status == 200
    for field_name in ("username", "password"):
        assert f'<label for="{field_name}">' in page.text
        assert f'id="{field_name}" name="{field_name}"' in page.text
    for user in USERS:
        assert f'<th scope="row">{user.username}</th>' in page.text
    assert '<html lang="en">' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"] == (
        f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'self' {browser.url}; "
        "frame-ancestors 'none'"
    )


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "Horse-2"), ("mallory", PASSWORD), ("ada", ""), ("", "")]
)
def test_a_wrong_password_is_told_and_the_name_is_kept(
    browser: Browser, username: str, password: str
) -> None:
    page = browser.fills(browser.opens(), username, password)
    assert page.status == 200
    assert '<p role="alert" id="wrong">The user name or the password is wrong.' in page.text
    assert f'value="{username}"' in page.text
    assert not password or f'value="{password}"' not in page.text
    # And it goes on from there.
    assert "code" in browser.fills(page, "ada", PASSWORD).returned


def test_what_is_typed_is_shown_as_text(browser: Browser) -> None:
    name = '"><script>alert(1)</script>'
    page = browser.fills(browser.opens(state=name), name, "wrong")
    assert "<script" not in page.text
    assert browser.fills(page, "ada", PASSWORD).returned["state"] == name


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/portal"},
        {"redirect_uri": None},
    ],
)
def test_a_foreign_request_leads_nowhere(browser: Browser, changed: Any) -> None:
    page = browser.opens(**changed)
    assert (page.status, "location" in page.headers) == (400, False)
    assert "<form" not in page.text


@pytest.mark.sampled(3)
@pytest.mark.parametrize("suffix", ["/", "?a=b", "#x", "/../evil", "%2f"])
def test_an_address_that_is_almost_the_portals_is_not(browser: Browser, suffix: str) -> None:
    assert browser.opens(redirect_uri=f"{browser.url}/portal{suffix}").status == 400


def test_the_agents_client_is_not_the_portals(up: Stack, browser: Browser) -> None:
    assert browser.opens(client_id=up.agent_client_id).status == 400


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
    ],
)
def test_the_portal_is_told_what_it_asks_for_wrongly(
    browser: Browser, changed: Any, error: str
) -> None:
    answer = browser.opens(**changed)
    assert answer.returned["error"] == error
    assert answer.headers["location"].startswith(f"{browser.url}/portal?")


def test_a_form_is_checked_like_the_request_before_it(browser: Browser) -> None:
    page = browser.opens()
    foreign = page.text.replace("response_type=code", "response_type=token")
    answer = browser.fills(Seen(200, {}, foreign), "ada", PASSWORD)
    assert answer.returned["error"] == "unsupported_response_type"


def test_a_code_is_good_once(browser: Browser) -> None:
    code = browser.gets_code()
    assert browser.redeems(code).status == 200
    again = browser.redeems(code)
    assert (again.status, again.json) == (400, {"error": "invalid_grant"})


def test_a_code_is_good_for_a_minute(browser: Browser) -> None:
    code = browser.gets_code()
    browser_clock(browser, 61)
    assert browser.redeems(code).json == {"error": "invalid_grant"}


def browser_clock(browser: Browser, seconds: int) -> None:
    """Put the service's clock forward."""
    connection = HTTPConnection(urlsplit(browser.url).netloc, timeout=30)
    connection.request("POST", "/_local/clock", f'{{"advance_seconds": {seconds}}}')
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example"}, "invalid_grant"),
        ({"code": "another"}, "invalid_grant"),
        ({"client_id": "another"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_is_nothing_without_what_it_was_asked_for_with(
    browser: Browser, changed: dict[str, str], error: str
) -> None:
    code = browser.gets_code()
    answer = browser.redeems(**{"code": code, **changed})
    assert (answer.status, answer.json) == (400, {"error": error})
    assert answer.headers["cache-control"] == "no-store"


def of_the_command_line(browser: Browser) -> dict[str, str]:
    """What the command line asks for, instead of what the portal does."""
    return {
        "client_id": browser.configuration["command_line_client_id"],
        "redirect_uri": "http://localhost:8977/callback",
    }


def test_the_command_line_signs_in_as_a_client_of_its_own(browser: Browser) -> None:
    own = of_the_command_line(browser)
    code = browser.fills(browser.opens(**own), "ada", PASSWORD).returned["code"]
    tokens = browser.redeems(code, **own).json
    assert claims(tokens)["aud"] == own["client_id"]
    assert browser.is_let_in(tokens)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_of_two_clients_neither_gets_what_was_meant_for_the_other(
    browser: Browser, name: str
) -> None:
    own = of_the_command_line(browser)
    assert browser.opens(**{name: own[name]}).status == 400
    code = browser.fills(browser.opens(**own), "ada", PASSWORD).returned["code"]
    portals = {name: browser.asked[name]}
    assert browser.redeems(code, **(own | portals)).json == {"error": "invalid_grant"}


def test_a_code_that_was_tried_with_a_wrong_verifier_is_used_up(browser: Browser) -> None:
    code = browser.gets_code()
    browser.redeems(code, code_verifier="x" * 43)
    assert browser.redeems(code).json == {"error": "invalid_grant"}


def test_a_session_is_prolonged_without_a_password(browser: Browser) -> None:
    tokens = browser.signs_in()
    answer = browser.refreshes(tokens["refresh_token"])
    assert answer.status == 200
    assert browser.is_let_in(answer.json)
    assert answer.json["id_token"] != tokens["id_token"]
    assert browser.refreshes("another").json == {"error": "invalid_grant"}


def test_a_session_that_is_ended_lets_nobody_in_and_a_new_one_does(browser: Browser) -> None:
    tokens = browser.signs_in()
    refreshed = browser.refreshes(tokens["refresh_token"]).json
    assert browser.is_let_in(tokens)

    ended = browser.send("POST", "/_local/sessions/end")

    assert ended.status == 200
    assert ended.json["tokens"] >= 5
    assert not browser.is_let_in(tokens)
    assert not browser.is_let_in(refreshed)
    refused = browser.send("GET", "/v1/organizations/nobody", token=tokens["id_token"])
    assert "the token has expired" in refused.headers["www-authenticate"]
    assert browser.refreshes(tokens["refresh_token"]).json == {"error": "invalid_grant"}
    # At once, within the same second.
    assert browser.is_let_in(browser.signs_in())


def revoke(browser: Browser, token: str, **changed: str) -> Seen:
    asked = {"token": token, "client_id": browser.configuration["client_id"], **changed}
    return browser.send("POST", browser.configuration["revocation_endpoint"], asked)


def test_a_refresh_token_that_is_revoked_renews_nothing_and_others_go_on(browser: Browser) -> None:
    left, other = browser.signs_in(), browser.signs_in()
    refreshed = browser.refreshes(left["refresh_token"]).json

    assert revoke(browser, left["refresh_token"]).status == 200

    assert browser.refreshes(left["refresh_token"]).json == {"error": "invalid_grant"}
    for tokens in (left, refreshed):
        # Its access tokens have ended, too. API Gateway asks nobody about an ID token.
        refused = browser.send("GET", "/v1/me", token=tokens["access_token"])
        assert "the token has expired" in refused.headers["www-authenticate"]
        assert browser.is_let_in(tokens)
    assert browser.refreshes(other["refresh_token"]).status == 200
    # It can be said again.
    assert revoke(browser, left["refresh_token"]).status == 200


def test_a_client_revokes_its_own_tokens_alone(browser: Browser) -> None:
    tokens = browser.signs_in()
    other = browser.configuration["command_line_client_id"]
    assert revoke(browser, tokens["refresh_token"], client_id=other).status == 200
    answer = revoke(browser, tokens["refresh_token"], client_id="another")
    assert (answer.status, answer.json) == (400, {"error": "invalid_client"})
    assert revoke(browser, "").json == {"error": "invalid_request"}
    assert revoke(browser, "unknown").status == 200
    assert browser.refreshes(tokens["refresh_token"]).status == 200


def test_r01_an_access_token_passes_the_gateway_and_is_refused_by_the_service(
    browser: Browser,
) -> None:
    tokens = browser.signs_in("olivia")
    for path in ("/v1/me", "/v1/organizations", "/v1/organizations/nobody"):
        answer = browser.send("GET", path, token=tokens["access_token"])
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")
        assert "ID token" in answer.json["detail"]


def test_r01_the_tokens_of_agents_and_of_operators_are_good_for_their_own_routes_alone(
    up: Stack, browser: Browser
) -> None:
    operators = browser.signs_in("olivia")
    with closing(Client(up.url)) as client:
        signed_in = client.log_in(up.agent_client_id, "olivia", PASSWORD).expect(200)
        of_agent = signed_in["AuthenticationResult"]
        for name in ("IdToken", "AccessToken"):
            token = of_agent[name]
            for method, path in (
                ("GET", "/v1/me"),
                ("GET", "/v1/organizations"),
                ("PUT", "/v1/organizations/acme"),
                ("POST", "/v1/organizations/acme/temporary-licenses"),
            ):
                refused = client.call(method, path, {}, token=token)
                refused.expect(401, message="Unauthorized")
                assert "valid audience" in refused.headers["www-authenticate"]
        for name in ("id_token", "access_token"):
            refused = client.call("POST", "/v1/licenses", {}, token=operators[name])
            refused.expect(401, message="Unauthorized")
        # The agents' own lets the super-admin no further than to the reason.
        body = {"machine": {"machine_id": "4711", "computer_name": "PC"}}
        refused = client.call("POST", "/v1/licenses", body, token=of_agent["IdToken"])
        refused.expect(403, code="forbidden")
        # Its refresh token is good at no client of operators.
        for client_id in (up.operator_client_id, browser.configuration["client_id"]):
            taken = {
                "grant_type": "refresh_token",
                "client_id": client_id,
                "refresh_token": of_agent["RefreshToken"],
            }
            answer = browser.send("POST", browser.configuration["token_endpoint"], taken)
            assert answer.json == {"error": "invalid_grant"}


def test_a_code_of_a_session_that_is_ended_opens_none(browser: Browser) -> None:
    code = browser.gets_code()
    browser.send("POST", "/_local/sessions/end")
    assert not browser.is_let_in(browser.redeems(code).json)


def test_a_browser_in_which_somebody_has_signed_in_gets_a_code_without_a_form(
    browser: Browser,
) -> None:
    assert browser.opens(prompt="none").returned["error"] == "login_required"
    first = browser.signs_in("olivia")

    returned = browser.opens(prompt="none").returned

    assert returned["state"] == browser.state
    tokens = browser.redeems(returned["code"]).json
    assert browser.is_let_in(tokens)
    assert browser.refreshes(tokens["refresh_token"]).status == 200
    # It is a sign-in of its own: what ends one ends not the other.
    assert tokens["refresh_token"] != first["refresh_token"]
    revoke(browser, first["refresh_token"])
    assert browser.refreshes(tokens["refresh_token"]).status == 200
    # Who is asked for a form gets one, and no other page gets a code.
    assert "<form" in browser.opens().text
    refused = browser.opens(prompt="none", redirect_uri="https://evil.example/")
    assert (refused.status, "location" in refused.headers) == (400, False)


@pytest.mark.parametrize("ending", ["out", "all sessions"])
def test_a_browser_that_has_signed_out_has_to_sign_in_again(browser: Browser, ending: str) -> None:
    browser.signs_in()
    kept = browser.cookie
    if ending == "out":
        asked = {
            "client_id": browser.configuration["client_id"],
            "logout_uri": f"{browser.url}/portal",
        }
        end_session = browser.configuration["end_session_endpoint"]
        browser.send("GET", f"{end_session}?{urlencode(asked)}")
    else:
        browser.send("POST", "/_local/sessions/end")
    for cookie in (browser.cookie, kept, ""):
        browser.cookie = cookie
        assert browser.opens(prompt="none").returned["error"] == "login_required"


@pytest.mark.parametrize("name", ["logout_uri", "post_logout_redirect_uri"])
def test_whoever_signs_out_comes_back_to_the_portal(browser: Browser, name: str) -> None:
    asked = {"client_id": browser.configuration["client_id"], name: f"{browser.url}/portal"}
    end_session = browser.configuration["end_session_endpoint"]
    answer = browser.send("GET", f"{end_session}?{urlencode(asked)}")
    assert (answer.status, answer.headers["location"]) == (302, f"{browser.url}/portal")


@pytest.mark.parametrize(
    "changed", [{"logout_uri": "https://evil.example"}, {"client_id": "x"}, {"logout_uri": ""}]
)
def test_nobody_is_sent_elsewhere_by_signing_out(browser: Browser, changed: dict[str, str]) -> None:
    asked = {
        "client_id": browser.configuration["client_id"],
        "logout_uri": f"{browser.url}/portal",
        **changed,
    }
    end_session = browser.configuration["end_session_endpoint"]
    answer = browser.send("GET", f"{end_session}?{urlencode(asked)}")
    assert (answer.status, "location" in answer.headers) == (400, False)
