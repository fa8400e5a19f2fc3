"""Where people sign in: endpoints are https and the issuer's own, and what was told is kept."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from licensing.adapters.oidc_discovery import (
    DISCOVERY_SECONDS,
    Discovery,
    Endpoints,
    Registration,
    origin_of,
)
from licensing.domain.errors import Unavailable

ISSUER = "https://login.example/realm"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://login.example/realm/authorize",
    "token_endpoint": "https://login.example/realm/token",
    "end_session_endpoint": "https://login.example/realm/logout",
    "revocation_endpoint": "https://login.example/realm/revoke",
    "jwks_uri": "https://login.example/realm/keys",
}
REGISTRATION = Registration(ISSUER, "portal", "openid", "https://portal.example", None)


def document(**changed: Any) -> bytes:
    """A provider's document; what is changed to `None` is left out."""
    said = {name: value for name, value in (DOCUMENT | changed).items() if value is not None}
    return json.dumps(said).encode()


def test_endpoints_are_those_of_the_document() -> None:
    assert Endpoints.of(document(), ISSUER) == Endpoints(
        "https://login.example/realm/authorize",
        "https://login.example/realm/token",
        "https://login.example/realm/logout",
        "https://login.example/realm/revoke",
    )


def test_a_provider_need_not_end_sessions() -> None:
    assert Endpoints.of(document(end_session_endpoint=None), ISSUER).end_session is None


def test_a_provider_need_not_revoke_tokens() -> None:
    assert Endpoints.of(document(revocation_endpoint=None), ISSUER).revocation is None


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (b"", "JSON|Expecting"),
        (b"\xff", "Unicode"),
        (b"[]", "issuer"),
        (b'{"issuer": "a", "issuer": "b"}', "twice"),
        (document(issuer=None), "issuer"),
        (document(issuer="https://login.example"), "issuer"),
        (document(issuer=f"{ISSUER}/"), "issuer"),
        (document(authorization_endpoint=None), "missing"),
        (document(token_endpoint=None), "missing"),
        (document(token_endpoint=7), "missing"),
        (document(token_endpoint="http://login.example/token"), "not https"),
        (document(token_endpoint="http://127.0.0.1.evil.example/token"), "not https"),
        (document(end_session_endpoint="http://login.example/logout"), "not https"),
        (document(revocation_endpoint="http://login.example/revoke"), "not https"),
        (document(revocation_endpoint=""), "no URL"),
        (document(revocation_endpoint=["https://login.example/revoke"]), "missing"),
        (document(authorization_endpoint="javascript:alert(1)"), "no URL"),
        (document(token_endpoint="https://a.example; script-src *"), "no URL"),
        (document(token_endpoint="https://user@a.example/token"), "no URL"),
        (document(token_endpoint="https://a.example/\n"), "no URL"),
        (document(token_endpoint=""), "no URL"),
    ],
)
def test_a_document_that_is_not_to_be_believed_is_not(said: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Endpoints.of(said, ISSUER)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://login.example", "https://login.example"),
        ("https://LOGIN.example/a?b=c", "https://login.example"),
        ("https://login.example:8443/a", "https://login.example:8443"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000"),
        ("http://localhost/a", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_the_origin_of_an_endpoint_is_its_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("token", "revocation", "portal_url", "foreign"),
    [
        ("https://a.example/t", None, "https://p.example", ["https://a.example"]),
        ("https://a.example/t", "https://a.example/r", "https://p.example", ["https://a.example"]),
        (
            "https://a.example/t",
            "https://b.example/r",
            "https://p.example",
            ["https://a.example", "https://b.example"],
        ),
        ("https://p.example/t", "https://b.example/r", "https://p.example", ["https://b.example"]),
        ("https://p.example/t", "https://p.example/r", "https://p.example", []),
        ("https://p.example:444/t", None, "https://p.example", ["https://p.example:444"]),
        ("http://localhost:1/t", "http://localhost:1/r", "http://localhost:1", []),
    ],
)
def test_only_other_origins_than_the_portals_are_foreign(
    token: str, revocation: str | None, portal_url: str, foreign: list[str]
) -> None:
    registered = Registration(ISSUER, "portal", "openid", portal_url, None)
    endpoints = Endpoints("https://else.example", token, "https://other.example", revocation)
    assert registered.foreign_origins(endpoints) == foreign


@pytest.mark.parametrize(
    "registration",
    [
        Registration("", "portal", "openid", "https://portal.example", None),
        Registration(ISSUER, "", "openid", "https://portal.example", None),
        Registration(ISSUER, "portal", "openid", "", None),
    ],
)
def test_nobody_signs_in_before_issuer_client_and_address_are_named(
    registration: Registration,
) -> None:
    assert REGISTRATION.is_complete
    assert not registration.is_complete


@pytest.mark.parametrize(
    ("issuer", "named", "url"),
    [
        (ISSUER, None, f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/", None, f"{ISSUER}/.well-known/openid-configuration"),
        (ISSUER, "http://127.0.0.1:1/discovery", "http://127.0.0.1:1/discovery"),
    ],
)
def test_the_document_is_where_the_issuer_has_it_or_where_the_deployment_says(
    issuer: str, named: str | None, url: str
) -> None:
    registered = Registration(issuer, "portal", "openid", "https://portal.example", named)
    assert registered.document_url == url


@dataclass
class Provider:
    """An identity provider, whose documents are asked for at a time that tests set."""

    answer: Callable[[], bytes] = document
    asked: list[str] = field(default_factory=list)
    time: float = 1000.0

    def discovery(self, registration: Registration = REGISTRATION) -> Discovery:
        def fetch(url: str) -> bytes:
            self.asked.append(url)
            return self.answer()

        return Discovery(registration, fetch, lambda: self.time)


def out_of_reach() -> bytes:
    raise Unavailable("The identity provider did not answer in time.")


def test_a_provider_is_asked_once_an_hour() -> None:
    provider = Provider()
    discovery = provider.discovery()
    first = discovery.endpoints()
    provider.time += DISCOVERY_SECONDS - 1
    assert discovery.endpoints() == first
    assert provider.asked == [f"{ISSUER}/.well-known/openid-configuration"]
    provider.time += 1
    provider.answer = lambda: document(token_endpoint="https://new.example/token")
    assert discovery.endpoints().token == "https://new.example/token"
    assert len(provider.asked) == 2


@pytest.mark.parametrize("answer", [out_of_reach, lambda: b"<html>", lambda: document(issuer="x")])
def test_what_was_told_last_counts_while_the_provider_tells_nothing(
    answer: Callable[[], bytes],
) -> None:
    provider = Provider()
    discovery = provider.discovery()
    first = discovery.endpoints()
    provider.answer = answer
    provider.time += DISCOVERY_SECONDS
    assert discovery.endpoints() == first
    provider.time += 59
    assert discovery.endpoints() == first
    assert len(provider.asked) == 2, "nobody waits for the provider again within a minute"
    provider.time += 1
    provider.answer = lambda: document(end_session_endpoint=None)
    assert discovery.endpoints().end_session is None


@pytest.mark.parametrize("answer", [out_of_reach, lambda: b"<html>", lambda: document(issuer="x")])
def test_without_anything_told_nobody_can_sign_in_until_the_provider_is_back(
    answer: Callable[[], bytes],
) -> None:
    provider = Provider(answer)
    discovery = provider.discovery()
    with pytest.raises(Unavailable):
        discovery.endpoints()
    provider.answer = document
    assert discovery.endpoints().token == DOCUMENT["token_endpoint"]


def test_a_clock_that_is_set_back_keeps_nothing_for_ever() -> None:
    provider = Provider()
    discovery = provider.discovery()
    discovery.endpoints()
    provider.time -= 10_000
    discovery.endpoints()
    assert len(provider.asked) == 2


def test_a_provider_is_not_asked_over_plain_http() -> None:
    provider = Provider()
    plain = Registration("http://login.example", "portal", "openid", "https://p.example", None)
    with pytest.raises(Unavailable):
        provider.discovery(plain).endpoints()
    assert provider.asked == []
