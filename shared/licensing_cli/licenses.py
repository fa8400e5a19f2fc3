"""``licensing licenses``: agents and what administrators do to them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final

import typer

from licensing_cli import commands, days, events
from licensing_cli.api import segment
from licensing_cli.commands import License, Limit, Organization, Yes
from licensing_cli.errors import WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.output import Columns, Row, joined, moment, person_of, text_of
from licensing_cli.vocabulary import LICENSE_SORTS, LICENSE_STATUSES


def _actions(row: Row) -> object:
    actions = row.get("actions")
    return joined(actions) if isinstance(actions, list) else None


COLUMNS: Final[Columns] = MappingProxyType(
    {
        "id": text_of("id"),
        "status": text_of("status"),
        "computer": text_of("computer_name"),
        "environment": text_of("environment"),
        "label": text_of("label"),
        "primary": text_of("primary"),
        "version": text_of("agent_version"),
        "last seen": moment("last_seen", "at"),
        "lease ends": moment("leased_until"),
    }
)
"""What a list shows."""

FOUND: Final[Columns] = MappingProxyType(
    {"organization": text_of("organization_id"), **COLUMNS},
)
"""What a search of all organizations shows."""

TEMPORARY: Final[Columns] = MappingProxyType(
    {
        "organization": text_of("organization_id"),
        "id": text_of("id"),
        "status": text_of("status"),
        "ends": moment("expires_at"),
        "holder": text_of("holder"),
    }
)
"""What it shows of a temporary licence."""

FIELDS: Final[Columns] = MappingProxyType(
    {
        "id": text_of("id"),
        "organization": text_of("organization_id"),
        "status": text_of("status"),
        "valid until": moment("valid_until"),
        "lease ends": moment("leased_until"),
        "kind": text_of("kind"),
        "computer": text_of("computer_name"),
        "environment": text_of("environment"),
        "label": text_of("label"),
        "primary": text_of("primary"),
        "issued": moment("issued_at"),
        "issued by": person_of("issued_by"),
        "agent version": text_of("agent_version"),
        "last seen": moment("last_seen", "at"),
        "last seen at": text_of("last_seen", "source_address"),
        "device key": text_of("device_key"),
        "key that waits": text_of("pending_device_key", "thumbprint"),
        "bound from": moment("pending_device_key", "replaces_at"),
        "can be": _actions,
    }
)
"""What is shown of one."""

_REFUSING: Final = frozenset({"revoke", "detach", "dissociate"})

Reason = Annotated[
    str | None, typer.Option("--reason", help="The reason, for the history; up to 500 characters.")
]

app = commands.new_app("Agents and their licences.")


@commands.command(app, "list", example="licenses list acme --status active --sort=-last_seen")
def find(
    at: Invocation,
    organization: Organization,
    *,
    search: Annotated[
        str | None, typer.Option("--search", help="A part of the id, computer name or label.")
    ] = None,
    status: Annotated[
        str | None, commands.word("--status", "Only with this status", LICENSE_STATUSES)
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="Only of this environment, like production.")
    ] = None,
    primary: Annotated[
        bool | None,
        typer.Option(
            "--primary/--not-primary", help="Only those marked as primary, or only the others."
        ),
    ] = None,
    device_key: Annotated[
        bool | None,
        typer.Option(
            "--device-key/--no-device-key", help="Only those with a device key, or without one."
        ),
    ] = None,
    seen_before: Annotated[
        str | None,
        typer.Option("--seen-before", help=f"Only those that were not seen since {days.FORMS}."),
    ] = None,
    not_seen_for: Annotated[
        int | None,
        typer.Option(
            "--not-seen-for",
            min=1,
            max=36_500,
            metavar="DAYS",
            help="Only those that were not seen for so many days.",
        ),
    ] = None,
    sort: Annotated[str | None, commands.word("--sort", "Sort by", LICENSE_SORTS)] = None,
    limit: Limit = 100,
) -> None:
    """Find agents of an organization."""
    if not_seen_for is not None:
        if seen_before is not None:
            raise WrongUse("--not-seen-for and --seen-before say the same.", "Use one of them.")
        seen_before = days.before(datetime.now(UTC), not_seen_for)
    query = {
        "search": search,
        "status": status,
        "environment": environment,
        "primary": _flag(primary),
        "device_key": _flag(device_key),
        "seen_before": days.beginning(seen_before),
        "sort": sort,
    }
    path = f"/v1/organizations/{segment(organization)}/licenses"
    at.output.listed(at.api.listed(path, "licenses", query, limit=limit), "licenses", COLUMNS)


@commands.command(app, "search", example="licenses search FACTORY-PC")
def search(
    at: Invocation,
    text: Annotated[
        str,
        typer.Argument(
            help="The beginning of a computer's name, or an id; - reads it, or a key, from stdin."
        ),
    ],
    *,
    limit: Limit = 100,
) -> None:
    """Find agents of all organizations, by name, id or licence key (super-admins)."""
    # A key on a command line stands in the shell's history, and in the list of processes.
    wanted = (sys.stdin.read() if text == "-" else text).strip()
    document = at.api.searched("/v1/licenses/search", "licenses", {"text": wanted}, limit=limit)
    if at.output.is_json:
        at.output.document(document)
        return
    temporary = document.get("temporary_license")
    if isinstance(temporary, dict):
        at.output.table(TEMPORARY, [temporary])
    else:
        at.output.listed(document, "licenses", FOUND)
    taken_for = str(document.get("taken_for")).replace("_", " ")
    at.output.note(f"The text was taken for a {taken_for}.")


@commands.command(app, "show", example="licenses show lic_0123456789abcdef")
def show(at: Invocation, license: License) -> None:
    """Show one licence."""
    at.output.one(at.api.get(path_of(license)).body, "license", FIELDS)


@commands.command(app, "history", example="licenses history lic_0123456789abcdef --limit 20")
def history(at: Invocation, license: License, *, limit: Limit = 100) -> None:
    """Show the history of a licence, newest first; events list has more options."""
    document = at.api.listed(f"{path_of(license)}/events", "events", {}, limit=limit)
    events.show(at.output, document)


@commands.command(app, "revoke", example="licenses revoke lic_0123456789abcdef --reason 'sold'")
def revoke(at: Invocation, license: License, *, reason: Reason = None, yes: Yes = False) -> None:
    """End a licence for good: its key stops working, its machine and seat are free."""
    question = f"This ends {license} for good: its key will never work again."
    commands.confirm(at, question, yes=yes)
    _apply(at, license, "revoke", reason)


@commands.command(app, "detach", example="licenses detach lic_0123456789abcdef --reason 'stolen?'")
def detach(at: Invocation, license: License, *, reason: Reason = None) -> None:
    """Block an agent until you attach it; it keeps its machine and its seat."""
    _apply(at, license, "detach", reason)


@commands.command(app, "attach", example="licenses attach lic_0123456789abcdef")
def attach(at: Invocation, license: License, *, reason: Reason = None) -> None:
    """Unblock an agent."""
    _apply(at, license, "attach", reason)


@commands.command(app, "dissociate", example="licenses dissociate lic_0123456789abcdef --yes")
def dissociate(
    at: Invocation, license: License, *, reason: Reason = None, yes: Yes = False
) -> None:
    """Free an agent's machine and seat; its key can then be used on another machine."""
    question = (
        f"{license} is separated from its machine, which any organization can then use. The key "
        "works again when a person of the organization logs in with it."
    )
    commands.confirm(at, question, yes=yes)
    _apply(at, license, "dissociate", reason)


@commands.command(
    app, "reset-device-key", example="licenses reset-device-key lic_0123456789abcdef --yes"
)
def reset_device_key(
    at: Invocation, license: License, *, reason: Reason = None, yes: Yes = False
) -> None:
    """Forget the device key of an agent; the next login binds the one that it proves then."""
    question = (
        f"The next login on the agent of {license} binds the device key that is proved then, "
        "whoever logs in."
    )
    commands.confirm(at, question, yes=yes)
    _apply(at, license, "reset-device-key", reason)


@commands.command(app, "label", example="licenses label lic_0123456789abcdef 'Hall 3, press 2'")
def label(
    at: Invocation,
    license: License,
    text: Annotated[str, typer.Argument(help="The label; '' removes it.", metavar="TEXT")],
) -> None:
    """Give an agent a label, a name of your own."""
    answer = at.api.send("PATCH", path_of(license), {"label": text})
    at.output.one(answer.body, "license", FIELDS)


@commands.command(app, "primary", example="licenses primary lic_0123456789abcdef --off")
def primary(
    at: Invocation,
    license: License,
    *,
    on: Annotated[bool, typer.Option("--on/--off", help="Set or remove the mark.")] = True,
) -> None:
    """Mark an agent as primary; an organization can have several."""
    answer = at.api.send("PATCH", path_of(license), {"primary": on})
    at.output.one(answer.body, "license", FIELDS)


def _flag(value: bool | None) -> str | None:  # noqa: FBT001 - it is the whole of it
    return None if value is None else str(value).lower()


def path_of(license: str) -> str:
    """Where a licence is."""
    return f"/v1/licenses/{segment(license)}"


def _apply(at: Invocation, license: str, action: str, reason: str | None) -> None:
    body = {} if reason is None else {"reason": reason}
    answer = at.api.send("POST", f"{path_of(license)}/{action}", body)
    at.output.one(answer.body, "license", FIELDS)
    if action in _REFUSING:
        tell_of_lease(at, answer.body)


def tell_of_lease(at: Invocation, document: Row) -> None:
    """Tell people what a refusal does not reach at once, while a lease is left to go on with."""
    ends = None if at.output.is_json else text_of("license", "leased_until")(document)
    if isinstance(ends, str) and datetime.fromisoformat(ends) > datetime.now(UTC):
        at.output.note(
            "The service refuses this licence at once. But a computer that does not ask the "
            "service (the agent's own while it is offline, or one with a copy of the agent) can go "
            f"on until its lease ends: at the latest {moment('ends')({'ends': ends})}."
        )
