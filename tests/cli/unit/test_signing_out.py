"""Whoever signs out, or signs in anew, leaves no refresh token behind that is good for anything."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from licensing_cli.provider import Registration, Tokens
from licensing_cli.session import Session
from licensing_cli.token_store import Store
from tests.cli.scripted import Scripted
from tests.local.events import Response

URL = "https://licensing.example"
NOW = 1_900_000_000


@pytest.fixture
def provider() -> Iterator[Scripted]:
    with Scripted(usual=lambda _: Response(200, [], b"")) as there:
        yield there


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with httpx.Client(trust_env=False) as web:
        yield Session(
            url=URL, store=Store(tmp_path / "state"), given=None, client=web, clock=lambda: NOW
        )


def registration(endpoint: str) -> Registration:
    return Registration(
        authorization_endpoint="https://login.example/authorize",
        token_endpoint="https://login.example/token",
        revocation_endpoint=endpoint,
        client_id="command-line",
        scope="openid",
    )


def tokens(refresh: str = "refresh-1") -> Tokens:
    return Tokens("header.claims.signature", refresh, 3600)


def revoked(provider: Scripted) -> list[dict[str, str]]:
    return [dict(parse_qsl(request.body.decode())) for request in provider.requests]


def test_signing_out_revokes_the_refresh_token(session: Session, provider: Scripted) -> None:
    session.begin(tokens(), registration(provider.url))
    assert session.end() == ""
    assert session.store.read(URL) is None
    assert revoked(provider) == [{"token": "refresh-1", "client_id": "command-line"}]
    # In the body, which nobody logs.
    (request,) = provider.requests
    assert (request.method, request.query) == ("POST", "")
    assert session.end() is None


@pytest.mark.parametrize(
    "answer",
    [
        Response.of_json(400, {"error": "unsupported_token_type"}),
        Response(503, [], b""),
        Response(302, [("location", "https://evil.example")], b""),
    ],
    ids=lambda answer: str(answer.status),
)
def test_what_cannot_be_revoked_is_forgotten_all_the_same_and_told(
    session: Session, provider: Scripted, answer: Response
) -> None:
    provider.answers = [answer]
    session.begin(tokens(), registration(provider.url))
    assert "did not confirm" in str(session.end())
    assert session.store.read(URL) is None


def test_a_provider_that_is_out_of_reach_keeps_nobody_signed_in_here(session: Session) -> None:
    with Scripted() as gone:
        url = gone.url
    session.begin(tokens(), registration(url))
    assert "did not confirm" in str(session.end())
    assert session.store.read(URL) is None


def test_a_provider_without_revocation_is_told(session: Session) -> None:
    session.begin(tokens(), registration(""))
    assert "revokes no sign-ins" in str(session.end())


def test_without_a_refresh_token_there_is_nothing_to_revoke(
    session: Session, provider: Scripted
) -> None:
    session.begin(tokens(""), registration(provider.url))
    assert session.end() == ""
    session.begin(tokens(""))
    assert session.end() == ""
    assert provider.requests == []


def test_signing_in_as_another_revokes_what_was_kept(session: Session, provider: Scripted) -> None:
    session.begin(tokens("refresh-1"), registration(provider.url))
    session.begin(tokens("refresh-2"), registration(provider.url))
    assert [form["token"] for form in revoked(provider)] == ["refresh-1"]
    session.begin(tokens(""))
    assert [form["token"] for form in revoked(provider)] == ["refresh-1", "refresh-2"]


def test_a_sign_in_that_is_torn_is_forgotten_and_nothing_is_revoked(
    session: Session, provider: Scripted
) -> None:
    session.begin(tokens(), registration(provider.url))
    session.store.path(URL).write_bytes(b"{}")
    assert session.end() == ""
    assert provider.requests == []


@pytest.mark.parametrize("endpoint", [None, "https://login.example/revoke"])
def test_where_to_revoke_is_what_the_service_tells(endpoint: str | None) -> None:
    told = {
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example/token",
        "revocation_endpoint": endpoint,
        "command_line_client_id": "command-line",
    }
    assert Registration.of(told, None).revocation_endpoint == (endpoint or "")
