"""Signing in with a browser, or with a link to open elsewhere: who gets in, and what is told."""

import asyncio
import os
import re
import socket
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from licensing_agent import AsyncClient, Client, Configuration, SignInFailed, Status
from licensing_agent.sign_in import REDIRECT_URI, Browser, Pasted, Provider
from licensing_agent.sign_in.attempts import Attempts
from tests.agent.installed import FOLDER
from tests.agent.issuer import CODE, SECRETS, Issuer, free_port, id_token, opened, refused
from tests.agent.service import Service
from tests.local.events import Response
from tests.unit.domain.test_lease import ISSUER


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture
def service(tmp_path: Path) -> Configuration:
    return Configuration(
        url="https://licensing.example", issuer=ISSUER, folder=tmp_path, use_keyring=False
    )


@pytest.fixture
def provider(issuer: Issuer, service: Configuration) -> Provider:
    return Provider(service=service, issuer=issuer.url, client_id="agents")


@pytest.fixture
def callback() -> str:
    return f"http://127.0.0.1:{free_port()}/callback"


class Person:
    """Sits at the machine: `does` something with each page that opens."""

    def __init__(self, does: Callable[[str], object] = opened) -> None:
        self.links: list[str] = []
        self.seen: list[Any] = []
        self.does = does

    def __call__(self, link: str) -> bool:
        self.links.append(link)
        self.seen.append(self.does(link))
        return True


def why(attempts: Attempts) -> str:
    """What is told of a sign-in that fails; no secret is."""
    with pytest.raises(SignInFailed) as failed:
        attempts.sign_in()
    told = str(failed.value)
    assert not [one for one in (*SECRETS, "SECRET", "\x1b") if one in told]
    return told


# -- the browser -----------------------------------------------------------------------------------


def test_a_person_signs_in_with_the_browser(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    person = Person()
    browser = Browser(provider, redirect_uri=callback, opens=person)
    token = browser.sign_in()
    (asked,) = issuer.asked
    assert token == id_token(nonce=asked["nonce"])
    assert (
        asked.items()
        >= {
            "tenant": "1",
            "response_type": "code",
            "client_id": "agents",
            "scope": "openid",
            "prompt": "login",
            "redirect_uri": callback,
        }.items()
    )
    (form,) = issuer.forms
    assert form.pop("code_verifier") not in person.links[0]
    assert form == {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": callback,
        "client_id": "agents",
    }
    (page,) = person.seen
    assert "close this page" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    # What listened is gone.
    socket.create_server(("127.0.0.1", urlsplit(callback).port or 0)).close()


def test_no_secret_of_an_attempt_is_that_of_another(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    browser = Browser(provider, redirect_uri=callback, opens=Person(), quiet_seconds=0)
    assert browser.sign_in() != browser.sign_in()
    first, second = issuer.asked
    assert not [one for one in ("state", "nonce", "code_challenge") if first[one] == second[one]]


@pytest.mark.parametrize("is_asynchronous", [False, True], ids=["sync", "async"])
def test_a_client_logs_in_with_it(
    provider: Provider, service: Configuration, callback: str, *, is_asynchronous: bool
) -> None:
    browser = Browser(provider, redirect_uri=callback, opens=Person())
    tokens: list[str] = []

    async def checked(told: Configuration) -> bool:
        async with AsyncClient(told, sign_in=lambda: asyncio.to_thread(browser.sign_in)) as client:
            return (await client.check()).usable

    with Service() as there:
        told = replace(service, url=there.url, timeout=60.0)
        if is_asynchronous:
            asyncio.run(checked(told))
        else:
            with Client(told, sign_in=browser.sign_in) as client:
                client.check()
        tokens += [one.header("authorization") or "" for one in there.requests]
    assert [one for one in tokens if one.startswith("Bearer e30.")]


def test_another_page_can_neither_sign_anybody_in_nor_end_the_waiting(
    provider: Provider, callback: str
) -> None:
    seen: list[int] = []

    def comes(link: str) -> None:
        guessed = ("state=guessed&code=stolen", "code=stolen", "state=x&error=access_denied")
        seen.extend(opened(f"{callback}?{query}").status_code for query in guessed)
        seen.append(opened(f"{callback.removesuffix('/callback')}/favicon.ico").status_code)
        with socket.create_connection(("127.0.0.1", urlsplit(link).port or 0)):
            pass  # some that browsers never use
        seen.append(opened(link).status_code)

    assert Browser(provider, redirect_uri=callback, opens=Person(comes)).sign_in()
    assert seen == [400, 400, 400, 404, 200]


@pytest.mark.parametrize(
    ("comes_back", "told"),
    [
        ({"code": None, "error": "access_denied"}, "has declined"),
        ({"code": None, "error": "<script>SECRET\x1b"}, "no reason that can be shown"),
        ({"code": None}, "no reason that can be shown"),
        ({"code": "SECRET-of another"}, "invalid_grant"),
        ({"iss": "https://evil.example"}, "another identity provider"),
    ],
)
def test_a_sign_in_that_fails_says_why(
    issuer: Issuer,
    provider: Provider,
    callback: str,
    comes_back: dict[str, str | None],
    told: str,
) -> None:
    issuer.comes_back = comes_back
    person = Person()
    assert told in why(Browser(provider, redirect_uri=callback, opens=person))
    assert "script" not in person.seen[0].text.lower().partition("<title>")[2]


def test_a_provider_that_says_it_names_itself_has_to(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    issuer.description["authorization_response_iss_parameter_supported"] = True
    browser = Browser(provider, redirect_uri=callback, opens=Person(), quiet_seconds=0)
    assert "another identity provider" in why(browser)
    issuer.comes_back = {"iss": issuer.url}
    assert browser.sign_in()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Response.of_json(200, {"access_token": "SECRET-access"}), "no ID token"),
        (Response.of_json(200, {"id_token": id_token(nonce="SECRET")}), "another sign-in"),
        (Response.of_json(200, {"id_token": id_token()}), "another sign-in"),
        (Response.of_json(200, {"id_token": "SECRET"}), "cannot be read"),
        (Response.of_json(200, {"id_token": "SECRET.\N{ROCKET}.x"}), "cannot be read"),
        (Response(200, [], b"<html>SECRET"), "is not the identity provider's"),
        (refused("invalid_client"), "client_id"),
        (Response(302, [("location", "https://evil.example")], b""), "(status 302) is not"),
        (Response(503, [], b"SECRET"), "is down (status 503)"),
        (Response(200, [], b"SECRET" * 100_000), "ReadTimeout"),
    ],
)
def test_an_answer_without_a_token_of_this_sign_in_signs_nobody_in(
    issuer: Issuer, provider: Provider, callback: str, answer: Response, told: str
) -> None:
    issuer.answers = [answer]
    assert told in why(Browser(provider, redirect_uri=callback, opens=Person()))


def test_a_port_that_is_taken_is_told_and_nobody_is_asked(
    provider: Provider, callback: str
) -> None:
    person, port = Person(), urlsplit(callback).port or 0
    browser = Browser(provider, redirect_uri=callback, opens=person)
    with socket.create_server(("127.0.0.1", port)):
        assert f"Port {port}" in why(browser)
    assert not person.links
    assert browser.sign_in()


@pytest.mark.parametrize(
    "address",
    [
        "https://localhost:8978/callback",
        "http://agent.example:8978/callback",
        "http://localhost/callback",
        "http://0.0.0.0:8978/callback",
        "http://localhost:8978/callback?a=b",
    ],
)
def test_an_address_that_is_not_of_this_machine_is_none_to_come_back_to(
    provider: Provider, address: str
) -> None:
    with pytest.raises(ValueError, match="localhost:8978"):
        Browser(provider, redirect_uri=address)


# -- when a person is asked ------------------------------------------------------------------------


def test_a_person_is_asked_once_however_often_the_client_asks(
    provider: Provider, callback: str
) -> None:
    person = Person()
    browser = Browser(provider, redirect_uri=callback, opens=person)
    assert browser.sign_in()
    assert [browser.sign_in() for _ in range(3)] == [None, None, None]
    assert len(person.links) == 1
    browser.again()
    assert browser.sign_in()
    assert browser.sign_in() is None
    assert len(person.links) == 2


def test_nobody_is_waited_for_without_end_and_the_reason_stays(
    provider: Provider, callback: str
) -> None:
    person = Person(lambda _: None)
    browser = Browser(provider, redirect_uri=callback, opens=person, patience_seconds=0.01)
    told = why(browser)
    assert "Nobody has signed in" in told
    assert why(browser) == told
    assert len(person.links) == 1
    person.does = opened
    browser.again()
    browser.patience_seconds = 60
    assert browser.sign_in()


def test_after_the_quiet_a_person_is_asked_anew(provider: Provider, callback: str) -> None:
    person = Person()
    browser = Browser(provider, redirect_uri=callback, opens=person, quiet_seconds=0)
    assert browser.sign_in()
    assert browser.sign_in()
    assert len(person.links) == 2


def test_who_has_closed_the_page_asks_for_another_one(provider: Provider, callback: str) -> None:
    person = Person(lambda _: None)
    browser = Browser(provider, redirect_uri=callback, opens=person)

    def loses(_: str) -> None:
        person.does = opened
        browser.again()

    person.does = loses
    assert browser.sign_in()
    assert len(person.links) == 2


def test_the_waiting_ends_with_the_program(provider: Provider, callback: str) -> None:
    is_open, tokens = Event(), list[str | None]()
    browser = Browser(provider, redirect_uri=callback, opens=Person(lambda _: is_open.set()))
    waits = Thread(target=lambda: tokens.append(browser.sign_in()))
    waits.start()
    assert is_open.wait(60)
    browser.close()
    waits.join(60)
    assert tokens == [None]
    browser.again()
    assert browser.sign_in() is None


def test_a_provider_out_of_reach_is_asked_again_at_the_next_call(
    service: Configuration, callback: str
) -> None:
    with Issuer() as gone:
        url = gone.url
    person = Person()
    provider = Provider(service=service, issuer=url, client_id="agents")
    browser = Browser(provider, redirect_uri=callback, opens=person)
    for _ in range(2):
        assert "cannot be reached: the connection was refused (ConnectError)" in why(browser)
    assert not person.links


# -- without a browser -----------------------------------------------------------------------------


def test_in_a_terminal_no_browser_is_opened(
    provider: Provider, callback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open", pages.append)
    assert "No browser" in why(Browser(provider, redirect_uri=callback))
    # The answer may come through a tunnel.
    assert Browser(provider, redirect_uri=callback, show=opened).sign_in()
    assert not pages
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda link: bool(opened(link)))
    assert Browser(provider, redirect_uri=callback).sign_in()


class Elsewhere:
    """A person with a browser on another computer, and what they bring back."""

    def __init__(self, brings: Callable[[str], str | None]) -> None:
        self.links: list[str] = []
        self.brings = brings

    def paste(self) -> str | None:
        return self.brings(self.links[-1])


@pytest.mark.parametrize("of", ["the address", "its query", "the code alone"])
def test_what_a_person_brings_back_signs_them_in(
    issuer: Issuer, provider: Provider, callback: str, of: str
) -> None:
    def brings(link: str) -> str:
        address = issuer.address(link)
        query = urlsplit(address).query
        whole = {"the address": address, "its query": query}
        return f" {whole.get(of, dict(parse_qsl(query))['code'])}\n"

    there = Elsewhere(brings)
    assert Pasted(provider, show=there.links.append, paste=there.paste).sign_in()
    assert issuer.asked[0]["redirect_uri"] == REDIRECT_URI
    # A browser that cannot be opened ends in the same.
    browser = Browser(
        provider,
        redirect_uri=callback,
        opens=lambda _: False,
        show=there.links.append,
        paste=there.paste,
    )
    assert browser.sign_in()
    assert browser.sign_in() is None


def test_what_is_of_another_sign_in_is_asked_for_again(issuer: Issuer, provider: Provider) -> None:
    wrong = ["http://localhost:8978/callback?code=stolen&state=SECRET", "error=x&state=y"]
    there = Elsewhere(lambda link: wrong.pop(0) if wrong else issuer.address(link))
    pasted = Pasted(provider, show=there.links.append, paste=there.paste, quiet_seconds=0)
    assert pasted.sign_in()
    assert len(there.links) == 3
    there.brings = lambda _: "http://localhost:8978/callback?code=stolen&state=SECRET"
    assert "another sign-in" in why(pasted)


def test_where_the_port_is_taken_it_can_be_pasted(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    there = Elsewhere(issuer.address)
    browser = Browser(provider, redirect_uri=callback, show=there.links.append, paste=there.paste)
    with socket.create_server(("127.0.0.1", urlsplit(callback).port or 0)):
        assert browser.sign_in()


def test_the_lines_of_the_page_sign_a_person_in_and_log_the_agent_in(
    issuer: Issuer, service: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lines,) = re.findall(r"```py\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert len([line for line in lines.splitlines() if line.strip()]) <= 15
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("SIGN_IN_ISSUER", issuer.url)
    monkeypatch.setenv("AGENT_CLIENT_ID", "agents")
    links: list[str] = []
    valid: list[Status] = []

    def shown(what: str | Status, *more: str) -> None:
        if isinstance(what, Status):
            valid.append(what)
            names["client"].close()
        links.extend(more)

    with Service() as there:
        names: dict[str, Any] = {
            "os": os,
            "service": replace(service, url=there.url, timeout=60.0),
            "Client": Client,
            "print": shown,
            "input": lambda: issuer.address(links[-1]),
        }
        exec(lines, names)  # noqa: S102 - they are the page's
    assert [one.license_state for one in valid] == ["valid"]


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_who_brings_nothing_is_not_signed_in_and_not_asked_again(
    provider: Provider, nothing: str | None
) -> None:
    there = Elsewhere(lambda _: nothing)
    pasted = Pasted(provider, show=there.links.append, paste=there.paste)
    assert [pasted.sign_in(), pasted.sign_in()] == [None, None]
    assert len(there.links) == 1


# -- where to ask ----------------------------------------------------------------------------------


def test_the_description_of_another_issuer_is_not_believed(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    person = Person()
    browser = Browser(provider, redirect_uri=callback, opens=person)
    for other in ("https://evil.example", f"{issuer.url}/"):
        issuer.description["issuer"] = other
        assert "another issuer" in why(browser)
    del issuer.description["issuer"]
    assert "check issuer" in why(browser)
    assert not person.links


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize(
    "address", ["http://login.example", "file:///etc/passwd", "https://", "https://[", 7, None]
)
def test_an_endpoint_that_is_not_safe_is_not_used(
    issuer: Issuer, provider: Provider, callback: str, name: str, address: Any
) -> None:
    issuer.description[name] = address
    assert name in why(Browser(provider, redirect_uri=callback, opens=Person()))
    assert not issuer.forms


def test_a_provider_without_a_description_is_told_in_whole(
    issuer: Issuer, provider: Provider, callback: str
) -> None:
    given = replace(
        provider,
        authorization_endpoint=issuer.description["authorization_endpoint"],
        token_endpoint=issuer.description["token_endpoint"],
    )
    issuer.description = {}
    assert Browser(given, redirect_uri=callback, opens=Person()).sign_in()


@pytest.mark.parametrize(
    "name",
    ["issuer", "authorization_endpoint", "token_endpoint", "device_authorization_endpoint"],
)
def test_a_vendors_mistake_is_told_at_once(provider: Provider, name: str) -> None:
    wrong: dict[str, Any] = {name: "http://login.example"}
    with pytest.raises(ValueError, match=f"{name} must begin with https://"):
        replace(provider, **wrong)
    with pytest.raises(ValueError, match="openid"):
        replace(provider, scope="email")


def test_the_machines_proxy_leads_to_the_provider_and_is_named_if_it_cannot_be_read(
    provider: Provider, callback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://SECRET@:1")
    away = replace(provider, issuer="https://login.example")
    assert "HTTPS_PROXY" in why(Browser(away, redirect_uri=callback, opens=Person()))


def test_the_vendors_certificate_authority_counts_for_the_provider_too(
    provider: Provider, callback: str, tmp_path: Path
) -> None:
    service = replace(provider.service, ca_file=tmp_path / "gone.pem")
    told = why(Browser(replace(provider, service=service), redirect_uri=callback, opens=Person()))
    assert "gone.pem" in told
