"""``licensing login``, ``logout`` and ``whoami``."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from licensing_cli import commands
from licensing_cli.errors import SignedOut, WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.output import Columns, Row, joined, text_of

if TYPE_CHECKING:
    from licensing_cli.provider import Tokens


def _roles(row: Row) -> object:
    roles = row.get("roles")
    return joined(roles) if isinstance(roles, list) else None


FIELDS: Final[Columns] = MappingProxyType(
    {
        "subject": text_of("subject"),
        "organization": text_of("organization_id"),
        "roles": _roles,
    }
)
"""What is shown of a person."""


def register(app: typer.Typer) -> None:
    """Make these commands of ``app``."""
    commands.command(app, "login", example="login")(login)
    commands.command(app, "logout", example="logout")(logout)
    commands.command(app, "whoami", example="whoami --output json")(whoami)


def login(
    at: Invocation,
    *,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", help="A file with an ID token; - reads standard input.", metavar="FILE|-"
        ),
    ] = None,
    browse: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser", help="Open the sign-in page, or only print its address."
        ),
    ] = True,
    client_id: Annotated[
        str | None,
        typer.Option(
            "--client-id",
            envvar="LICENSING_CLIENT_ID",
            help="The client id of the command line at your own identity provider.",
        ),
    ] = None,
) -> None:
    """Sign in with a browser, or with an ID token.

    The sign-in is stored for your account on this computer. It is used until it expires, or until
    you log out.
    """
    at.session.given = None
    if token is not None:
        at.session.begin(_given(token))
    else:
        import webbrowser

        from licensing_cli import browser
        from licensing_cli.provider import Registration

        portal = at.api.public("/portal/configuration.json").body
        registration = Registration.of(portal, client_id)

        def show(page: str) -> None:
            if browse and webbrowser.open(page):
                at.output.note("Sign in on the page that has been opened.")
            else:
                at.output.warn(f"Sign in on {page}")

        signed_in = browser.sign_in(registration, at.client, show)
        at.session.begin(signed_in, registration)
    try:
        whoami(at)
    except SignedOut:
        at.session.end()
        raise


def logout(at: Invocation) -> None:
    """Forget the sign-in at this service, and revoke it at the identity provider."""
    from licensing_cli.session import VARIABLE

    left = at.session.end()
    tell = at.output.warn if left else at.output.note
    tell("Nobody was signed in." if left is None else f"Signed out. {left}".strip())
    if at.session.given:
        at.output.note(f"{VARIABLE} is still set: commands use its token.")


def whoami(at: Invocation) -> None:
    """Show who is signed in, with organization and roles."""
    document = at.api.get("/v1/me").body
    if at.output.is_json:
        at.output.document(document)
    else:
        at.output.one({"me": document}, "me", FIELDS)


def _given(source: str) -> Tokens:
    from licensing_cli import tokens
    from licensing_cli.provider import Tokens

    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    seconds = tokens.lifetime(text.strip())
    if seconds is None:
        raise WrongUse(
            "This is not an ID token.",
            "An ID token has three parts, separated by dots: eyJ….eyJ….…",
        )
    return Tokens(text.strip(), "", seconds)
