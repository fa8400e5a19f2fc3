"""``licensing lease``: what a lease says, and whether that is true.

What this module guarantees: nothing that was not verified is shown as if it were.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from licensing_cli import commands
from licensing_cli.errors import Negative, WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.output import text_of

if TYPE_CHECKING:
    from licensing_agent.protocol.lease import Lease, Rejected

Token = Annotated[str, typer.Argument(help="The lease; - reads standard input.", metavar="TOKEN|-")]

app = commands.new_app("Leases: signed answers that agents work on while the service is away.")


@commands.command(app, "decode", example="lease decode - < lease.txt")
def decode(at: Invocation, token: Token) -> None:
    """Show what a lease says, WITHOUT verifying it."""
    from licensing_cli import tokens

    try:
        header, claims = tokens.parts(_read(token))
    except ValueError as error:
        raise Negative(f"This is not a lease: {error}.") from error
    at.output.warn("NOT VERIFIED: anybody can write this. To check it: licensing lease verify")
    if at.output.is_json:
        at.output.document({"verified": False, "header": header, "claims": claims})
        return
    at.output.fields(
        header
        | {
            name: _as_moment(value) if name in {"iat", "exp"} else value
            for name, value in claims.items()
        }
    )


@commands.command(
    app, "verify", example="lease verify - --license lic_0123456789abcdef < lease.txt"
)
def verify(
    at: Invocation,
    token: Token,
    *,
    jwks: Annotated[
        Path | None,
        typer.Option("--jwks", help="A file with the service's keys; by default from the service."),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option("--issuer", help="The lease must name this issuer.")
    ] = None,
    moment: Annotated[
        str | None, typer.Option("--at", help="The time to check it for; by default now.")
    ] = None,
    license: Annotated[
        str | None, typer.Option("--license", help="The lease must be for this licence.")
    ] = None,
    organization: Annotated[
        str | None, typer.Option("--organization", help="The lease must be for this organization.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="The lease must be for this environment.")
    ] = None,
) -> None:
    """Verify a lease as an agent does, step by step; exit code 0 if it is valid, 1 if not.

    A claim is compared only if you give its option. Machine and nonce cannot be compared here: only
    the agent knows them.
    """
    from licensing_agent.protocol import lease as leases
    from licensing_agent.protocol.lease import Rejected
    from licensing_cli import lease_check

    now = time.time() if moment is None else _epoch(moment)
    said = _read(token)
    asked = {
        "issuer": issuer,
        "license_id": license,
        "organization_id": organization,
        "environment": environment,
        "machine_thumbprint": None,
        "nonce": None,
    }
    found = leases.verify(said, _keys(at, jwks), lease_check.expected(said, asked), now=now)
    reason = found.reason if isinstance(found, Rejected) else None
    _tell(at, found, {name for name, value in asked.items() if value is not None})
    if reason is not None:
        raise Negative(f"The lease is not valid: {reason.replace('_', ' ')}.")


def _tell(at: Invocation, found: Lease | Rejected, asked: set[str]) -> None:
    from licensing_agent.protocol.lease import Lease
    from licensing_cli import lease_check

    if at.output.is_json:
        at.output.document(
            {
                "valid": isinstance(found, Lease),
                "reason": None if isinstance(found, Lease) else found.reason,
                "lease": asdict(found) if isinstance(found, Lease) else None,
            }
        )
        return
    columns = {"": text_of("outcome"), "step": text_of("step")}
    at.output.table(columns, lease_check.rows(found, asked))
    if isinstance(found, Lease):
        until = datetime.fromtimestamp(found.expires_at, UTC)
        at.output.line(
            f"{found.license_id} of {found.organization_id}, until {until:%Y-%m-%d %H:%M:%SZ}"
        )


def _keys(at: Invocation, jwks: Path | None) -> dict[str, str]:
    from licensing_agent.protocol import lease as leases
    from licensing_agent.protocol import strict_json

    try:
        if jwks is not None:
            return leases.public_keys(strict_json.read_object(jwks.read_bytes()))
        return leases.public_keys(at.api.public("/.well-known/jwks.json").body)
    except ValueError as error:
        raise WrongUse(f"{jwks or at.url} has no valid JWKS.") from error


def _read(said: str) -> str:
    return (sys.stdin.read() if said == "-" else said).strip()


def _epoch(text: str) -> float:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(
            f"--at: {text!r} is not a date and time.", "Write it like 2027-01-31T12:00:00Z"
        ) from error
    if instant.tzinfo is None:
        raise WrongUse("--at: the UTC offset is missing.", "Write it like 2027-01-31T12:00:00Z")
    return instant.timestamp()


def _as_moment(value: object) -> object:
    if type(value) is not int:
        return value
    try:
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%SZ})"
    except (ValueError, OverflowError, OSError):
        return value
