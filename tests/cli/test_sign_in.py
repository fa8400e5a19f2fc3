"""Signing in with a browser: one that walks through the provider's pages, and strangers' pages."""

import fcntl
import json
import re
import socket
import struct
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
import pytest

from licensing_cli import browser, provider
from licensing_cli.errors import SignedOut, Unreachable, WrongUse
from licensing_cli.provider import Registration
from tests.cli.conftest import ROOT, Site
from tests.cli.running import running
from tests.cli.scripted import Scripted
from tests.cli.terminal import Terminal
from tests.local.events import Response
from tests.local.identity import PASSWORD

pytestmark = pytest.mark.sampled(2)

Visit = Callable[[str], object]


@pytest.fixture(autouse=True)
def port() -> Iterator[None]:
    """The port is a fixed one: who tries it waits for others that run at the same time."""
    file = ROOT / ".cache" / "port-of-sign-ins"
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def nobody(site: Site, tmp_path: Path) -> Terminal:
    """A terminal at which nobody is signed in."""
    return Terminal(site.url, tmp_path)


@dataclass
class Person:
    """Opens the page that a command shows, in a browser on this machine."""

    username: str = "ada"
    seen: httpx.Response | None = None

    def visits(self, page: str) -> None:
        """Sign in, and follow the way back to the command."""
        with httpx.Client(trust_env=False, timeout=30) as web:
            form = web.get(page)
            action = unescape(re.findall(r'action="([^"]+)"', form.text)[0])
            filled = {"username": self.username, "password": PASSWORD}
            back = web.post(urljoin(page, action), data=filled)
            self.seen = web.get(back.headers["location"])


@dataclass
class Desktop:
    """Where a command opens pages, and somebody does something with them."""

    visit: Visit
    _threads: list[Thread] = field(default_factory=list)

    def open(self, page: str) -> bool:
        """What `webbrowser.open` does: it does not wait for anybody."""
        self._threads.append(Thread(target=self.visit, args=(page,)))
        self._threads[-1].start()
        return True

    def is_left(self) -> None:
        """Whoever was there has gone."""
        for thread in self._threads:
            thread.join(timeout=60)


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    made = Desktop(Person().visits)
    monkeypatch.setattr(webbrowser, "open", made.open)
    yield made
    made.is_left()


def asked_for(page: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page).query))


def comes_back(**answer: str) -> httpx.Response:
    """A browser comes back with an answer."""
    return httpx.get(f"{browser.REDIRECT_URI}?{urlencode(answer)}", trust_env=False, timeout=60)


def kept(terminal: Terminal) -> dict[str, Any]:
    """What is kept of the sign-in."""
    (file,) = terminal.home.rglob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    tokens: dict[str, Any] = json.loads(file.read_text())
    return tokens


def test_a_person_signs_in_with_a_browser_and_stays_signed_in(
    nobody: Terminal, desktop: Desktop
) -> None:
    person = Person()
    desktop.visit = person.visits
    told = nobody("login").expect(0)
    desktop.is_left()
    assert "org-admin" in told.out
    assert person.seen is not None
    assert person.seen.status_code == 200
    assert "close this page" in person.seen.text
    assert person.seen.headers["content-security-policy"].startswith("default-src 'none'")
    nobody("licenses", "list", "acme").expect(0)
    tokens = kept(nobody)
    said = told.out + told.err + person.seen.text
    assert tokens["id_token"] not in said
    assert tokens["refresh_token"] not in said


def test_without_a_browser_the_address_is_told(nobody: Terminal) -> None:
    with running(nobody, "login", "--no-browser") as command:
        page = command.line_with("http").split()[-1]
        Person("olivia").visits(page)
        assert "super-admin" in command.ended().expect(0).out


def test_the_page_is_asked_for_with_a_challenge_and_a_state_of_its_own(
    nobody: Terminal, desktop: Desktop
) -> None:
    asked: list[dict[str, str]] = []

    def visit(page: str) -> None:
        asked.append(asked_for(page))
        comes_back(state=asked[-1]["state"], error="access_denied")

    desktop.visit = visit
    for _ in range(2):
        assert "access_denied" in nobody("login").expect(3).err
    desktop.is_left()
    first, second = asked
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert len(first["code_challenge"]) == 43
    assert first["redirect_uri"] == browser.REDIRECT_URI
    for name in ("state", "code_challenge"):
        assert first[name] != second[name]
    assert not list(nobody.home.rglob("*.json"))


def test_another_page_can_neither_sign_anybody_in_nor_end_the_waiting(
    nobody: Terminal, desktop: Desktop
) -> None:
    seen: list[int] = []

    def visit(page: str) -> None:
        seen.append(comes_back(state="guessed", code="stolen").status_code)
        seen.append(comes_back(code="stolen").status_code)
        seen.append(comes_back(state="guessed", error="access_denied").status_code)
        seen.append(
            httpx.get(f"http://localhost:{browser.PORT}/favicon.ico", timeout=60).status_code
        )
        Person().visits(page)

    desktop.visit = visit
    nobody("login").expect(0)
    desktop.is_left()
    assert seen == [400, 400, 400, 404]


@pytest.mark.parametrize("is_reset", [False, True], ids=["no address", "reset"])
def test_a_stranger_on_this_machine_leaves_no_mess_in_the_terminal(
    nobody: Terminal, desktop: Desktop, capfd: pytest.CaptureFixture[str], *, is_reset: bool
) -> None:
    def visit(page: str) -> None:
        with socket.create_connection(("127.0.0.1", browser.PORT)) as stranger:
            lingering = struct.pack("ii", is_reset, 0)
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
            stranger.sendall(b"GET" if is_reset else b"GET http://[ HTTP/1.1\r\n\r\n")
        Person().visits(page)

    desktop.visit = visit
    told = nobody("login").expect(0)
    assert "Traceback" not in told.err + capfd.readouterr().err


def test_what_the_provider_says_is_not_repeated_to_the_page(
    nobody: Terminal, desktop: Desktop
) -> None:
    seen: list[str] = []

    def visit(page: str) -> None:
        told = {"error": "x", "error_description": "<script>alert(1)</script>\x1b[2J"}
        seen.append(comes_back(state=asked_for(page)["state"], **told).text)

    desktop.visit = visit
    told = nobody("login").expect(3).err
    desktop.is_left()
    assert "<script" not in seen[0]
    assert "\x1b" not in told


def test_a_code_of_somebody_elses_sign_in_is_worth_nothing(
    nobody: Terminal, desktop: Desktop
) -> None:
    def visit(page: str) -> None:
        comes_back(state=asked_for(page)["state"], code="of another")

    desktop.visit = visit
    assert "invalid_grant" in nobody("login").expect(3).err


def test_a_port_that_is_taken_is_told(nobody: Terminal) -> None:
    with socket.create_server(("127.0.0.1", browser.PORT)):
        assert str(browser.PORT) in nobody("login").expect(2).err


def test_nobody_is_waited_for_without_end(
    nobody: Terminal, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop.visit = lambda _: None
    monkeypatch.setattr(browser, "PATIENCE_SECONDS", 0.05)
    nobody("login").expect(3)
    # What listened is gone.
    socket.create_server(("127.0.0.1", browser.PORT)).close()


def test_a_session_is_renewed_before_it_ends_and_when_it_was_ended(
    nobody: Terminal, desktop: Desktop, site: Site
) -> None:
    desktop.visit = Person().visits
    nobody("login").expect(0)
    first = kept(nobody)
    nobody("whoami").expect(0)
    assert kept(nobody) == first
    (file,) = nobody.home.rglob("*.json")
    file.write_text(file.read_text().replace(str(first["expires_at"]), "1000"))
    nobody("whoami").expect(0)
    second = kept(nobody)
    assert second["id_token"] != first["id_token"]
    assert second["refresh_token"] == first["refresh_token"]
    assert second["expires_at"] > first["expires_at"] - 60
    # All sessions are ended: a person has to sign in anew.
    site.end_sessions()
    assert "licensing login" in nobody("whoami").expect(3).err
    nobody("login").expect(0)
    nobody("whoami").expect(0)
    # Whoever signs out leaves nothing behind that could be renewed.
    left = kept(nobody)
    assert nobody("logout").expect(0).err == "Signed out.\n"
    with httpx.Client(trust_env=False) as web, pytest.raises(SignedOut, match="invalid_grant"):
        provider.refreshed(web, left["token_endpoint"], left["client_id"], left["refresh_token"])


# -- what the service and the provider say ---------------------------------------------------------

PORTAL = {
    "authorization_endpoint": "https://login.example/authorize",
    "token_endpoint": "https://login.example/token",
    "command_line_client_id": "command-line",
    "scope": "openid email",
}


def test_the_client_is_the_one_that_the_service_names_or_a_person() -> None:
    assert Registration.of(PORTAL, None).client_id == "command-line"
    assert Registration.of(PORTAL, "mine").client_id == "mine"
    with pytest.raises(WrongUse) as error:
        Registration.of({**PORTAL, "command_line_client_id": None}, None)
    assert "--client-id" in str(error.value.advice)


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "revocation_endpoint"]
)
def test_an_endpoint_that_no_secret_may_go_to_is_not_used(name: str) -> None:
    with pytest.raises(WrongUse):
        Registration.of({**PORTAL, name: "http://login.example/token"}, None)
    if name == "revocation_endpoint":  # which not every provider has
        return
    with pytest.raises(Unreachable):
        Registration.of({**PORTAL, name: None}, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response.of_json(400, {"error": "invalid_grant"}), SignedOut),
        (Response.of_json(200, {"access_token": "x"}), SignedOut),
        (Response.of_json(200, {"id_token": "no.times.here"}), SignedOut),
        (Response(200, [], b"<html>"), SignedOut),
        (Response(302, [("location", "https://evil.example")], b""), SignedOut),
        (Response(503, [], b""), Unreachable),
    ],
)
def test_an_answer_without_an_id_token_signs_nobody_in(
    answer: Response, error: type[Exception]
) -> None:
    with Scripted(usual=lambda _: answer) as there, httpx.Client(trust_env=False) as web:
        with pytest.raises(error):
            provider.refreshed(web, there.url, "command-line", "refresh")
        (request,) = there.requests
    # In the body, which nobody logs.
    assert "refresh" not in request.target
    assert dict(parse_qsl(request.body.decode())) == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh",
        "client_id": "command-line",
    }


def test_a_provider_that_is_not_there_is_told() -> None:
    with Scripted() as gone:
        url = gone.url
    with httpx.Client(trust_env=False) as web, pytest.raises(Unreachable):
        provider.refreshed(web, url, "command-line", "refresh")
