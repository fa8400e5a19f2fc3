"""``licensing organizations``: customers, their subscriptions and their seats."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final

import typer

from licensing_cli import commands, days
from licensing_cli.api import segment
from licensing_cli.commands import Limit, Organization
from licensing_cli.errors import Refused, WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.json_types import Json
from licensing_cli.output import Columns, Row, moment, text_of
from licensing_cli.vocabulary import (
    ORGANIZATION_SORTS,
    SEAT_USES,
    STANDINGS,
    SUBSCRIPTION_STATUSES,
)


def _seats(row: Row) -> object:
    limit = row.get("max_agents")
    return f"{row.get('seats')}" if limit is None else f"{row.get('seats')}/{limit}"


COLUMNS: Final[Columns] = MappingProxyType(
    {
        "id": text_of("id"),
        "name": text_of("name"),
        "standing": text_of("standing"),
        "status": text_of("subscription", "status"),
        "valid until": moment("subscription", "valid_until"),
        "seats": _seats,
        "version": text_of("version"),
    }
)
"""What a list shows."""

FIELDS: Final[Columns] = MappingProxyType(
    {
        **COLUMNS,
        "billing's version": text_of("billing_version"),
        "device key required": text_of("policy", "require_device_key"),
        "clones blocked": text_of("policy", "block_clones"),
        "device keys locked": text_of("policy", "lock_device_keys"),
        "agents per member": text_of("policy", "agents_per_member"),
    }
)
"""What is shown of one."""

Name = Annotated[str, typer.Option("--name", help="The name to show.")]
Until = Annotated[
    str,
    typer.Option("--valid-until", help="When the subscription ends, like 2027-01-31T12:00:00Z."),
]
_STATUS: Final = commands.word("--status", "The status of the subscription", SUBSCRIPTION_STATUSES)
Seats = Annotated[
    int | None, typer.Option("--max-agents", min=0, help="The seat limit; leave it out for none.")
]

app = commands.new_app("Customers, their subscriptions and their seats.")


@commands.command(app, "list", example="organizations list --standing ended --sort=-valid_until")
def find(
    at: Invocation,
    *,
    search: Annotated[
        str | None, typer.Option("--search", help="A part of the id or name.")
    ] = None,
    standing: Annotated[
        str | None, commands.word("--standing", "Only with a subscription that is now", STANDINGS)
    ] = None,
    seats: Annotated[str | None, commands.word("--seats", "Only with seats", SEAT_USES)] = None,
    ends_from: Annotated[
        str | None,
        typer.Option("--ends-from", help=f"Subscription ends then or later: {days.FORMS}."),
    ] = None,
    ends_before: Annotated[
        str | None,
        typer.Option("--ends-before", help="Subscription ends before then, or before this day."),
    ] = None,
    sort: Annotated[str | None, commands.word("--sort", "Sort by", ORGANIZATION_SORTS)] = None,
    limit: Limit = 100,
) -> None:
    """Find organizations (super-admins)."""
    query = {
        "search": search,
        "standing": standing,
        "seats": seats,
        "ends_from": days.beginning(ends_from),
        "ends_before": days.beginning(ends_before),
        "sort": sort,
    }
    document = at.api.listed("/v1/organizations", "organizations", query, limit=limit)
    at.output.listed(document, "organizations", COLUMNS)


@commands.command(app, "show", example="organizations show acme")
def show(at: Invocation, organization: Organization) -> None:
    """Show one organization with its subscription, seats and policy."""
    at.output.one(at.api.get(_path(organization)).body, "organization", FIELDS)


@commands.command(
    app,
    "create",
    example="organizations create acme --name Acme --valid-until 2027-01-31T12:00:00Z",
)
def create(
    at: Invocation,
    organization: Organization,
    *,
    name: Name,
    valid_until: Until,
    status: Annotated[str, _STATUS] = "active",
    max_agents: Seats = None,
) -> None:
    """Register a new organization (super-admins)."""
    wanted = {
        "name": name,
        "valid_until": valid_until,
        "status": status,
        "max_agents": max_agents,
    }
    try:
        answer = at.api.send("PUT", _path(organization), wanted)
    except Refused as error:
        if error.reason != "precondition_failed":
            raise
        raise Refused(
            f"The organization {organization} exists already.",
            f"To see it: licensing organizations show {organization}\n"
            f"To change it: licensing organizations update {organization}",
            status=error.status,
            reason=error.reason,
        ) from error
    at.output.one(answer.body, "organization", FIELDS)


@commands.command(
    app, "update", example="organizations update acme --valid-until 2028-01-31T12:00:00Z"
)
def update(
    at: Invocation,
    organization: Organization,
    *,
    name: Annotated[str | None, typer.Option("--name", help="The name to show.")] = None,
    valid_until: Annotated[
        str | None, typer.Option("--valid-until", help="When the subscription ends.")
    ] = None,
    status: Annotated[str | None, _STATUS] = None,
    max_agents: Annotated[
        int | None, typer.Option("--max-agents", min=-1, help="The seat limit; -1 for none.")
    ] = None,
    billing_version: Annotated[
        int | None,
        typer.Option(
            "--billing-version",
            min=0,
            help="The version of billing's events that counts as the last; the next is higher.",
        ),
    ] = None,
    if_version: Annotated[
        int | None,
        typer.Option("--if-version", help="Change it only if it still has this version."),
    ] = None,
) -> None:
    """Change name, subscription or seats; options left out change nothing (super-admins).

    What somebody else changes at the same time stays, unless it is the same.
    """
    changes: Json = {
        name: value
        for name, value in {
            "name": name,
            "valid_until": valid_until,
            "status": status,
            "max_agents": max_agents,
            "billing_version": billing_version,
        }.items()
        if value is not None
    }
    if not changes:
        raise WrongUse(
            "Nothing to change.",
            "Use --name, --valid-until, --status, --max-agents or --billing-version.",
        )
    if max_agents == -1:
        changes["max_agents"] = None
    headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
    answer = at.api.send("PATCH", _path(organization), changes, headers=headers)
    at.output.one(answer.body, "organization", FIELDS)


@commands.command(app, "policy", example="organizations policy acme --require-device-key")
def policy(
    at: Invocation,
    organization: Organization,
    *,
    require_device_key: Annotated[
        bool | None,
        typer.Option(
            "--require-device-key/--no-require-device-key",
            help="Refuse agents without a device key, or allow them.",
        ),
    ] = None,
    block_clones: Annotated[
        bool | None,
        typer.Option(
            "--block-clones/--no-block-clones",
            help="Block a licence that two agents seem to use, and refuse a key without the last "
            "lease of its agent; or only record both.",
        ),
    ] = None,
    lock_device_keys: Annotated[
        bool | None,
        typer.Option(
            "--lock-device-keys/--no-lock-device-keys",
            help="Let only administrators replace a lost device key, or members' logins, too.",
        ),
    ] = None,
    agents_per_member: Annotated[
        int | None,
        typer.Option(
            "--agents-per-member",
            min=-1,
            help="How many agents a member may add; 0 for none, -1 for any number.",
        ),
    ] = None,
) -> None:
    """Set what an organization requires of its agents; options left out change nothing."""
    changes: Json = {
        name: value
        for name, value in {
            "require_device_key": require_device_key,
            "block_clones": block_clones,
            "lock_device_keys": lock_device_keys,
            "agents_per_member": agents_per_member,
        }.items()
        if value is not None
    }
    if not changes:
        raise WrongUse(
            "Nothing to change.",
            "Use --require-device-key, --block-clones, --lock-device-keys (or --no-…) or "
            "--agents-per-member.",
        )
    if agents_per_member == -1:
        changes["agents_per_member"] = None
    answer = at.api.send("PATCH", _path(organization), changes)
    at.output.one(answer.body, "organization", FIELDS)


def _path(organization: str) -> str:
    return f"/v1/organizations/{segment(organization)}"
