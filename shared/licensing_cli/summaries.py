"""``licensing summary``: what there is now, counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from licensing_cli import commands
from licensing_cli.api import segment
from licensing_cli.errors import Unreachable
from licensing_cli.invocation import Invocation
from licensing_cli.json_types import an_object, objects
from licensing_cli.output import Row

_SOON: Final = (7, 30, 90)
"""Days, today's among them, for which it is told how many subscriptions end."""


def register(app: typer.Typer) -> None:
    """Make it a command of ``app``."""
    commands.command(app, "summary", example="summary acme")(count)


def count(
    at: Invocation,
    organization: Annotated[
        str | None,
        typer.Argument(help="The organization's id; none for all.", metavar="ORGANIZATION"),
    ] = None,
) -> None:
    """Count an organization's licences, or all organizations (super-admins)."""
    if organization is None:
        document = at.api.get("/v1/summary").body
        told = _of_all(document)
    else:
        document = at.api.get(f"/v1/organizations/{segment(organization)}/summary").body
        told = _of_one(document)
    if at.output.is_json:
        at.output.document(document)
    else:
        at.output.fields(told)


def _of_one(document: Row) -> Mapping[str, object]:
    keys = _part(document, "device_keys")
    return {
        **_part(document, "licenses"),
        "with a device key": keys.get("bound"),
        "without": keys.get("none"),
        **{
            f"in {one.get('name')}": one.get("licenses")
            for one in objects(document, "environments")
        },
    }


def _of_all(document: Row) -> Mapping[str, object]:
    seats = _part(document, "seats")
    recently = an_object(document, "recently_ended")
    ends = [day.get("organizations") for day in objects(document, "ends")]
    return {
        "organizations": document.get("organizations"),
        **_part(document, "standings"),
        "without a free seat": seats.get("full"),
        "nearly so": seats.get("nearly"),
        **{
            f"end in {days} days": sum(count for count in ends[:days] if isinstance(count, int))
            for days in _SOON
        },
        # A service of an earlier version does not tell it.
        **(
            {f"ended in the last {recently.get('days')} days": recently.get("organizations")}
            if recently is not None
            else {}
        ),
    }


def _part(document: Row, name: str) -> Row:
    found = an_object(document, name)
    if found is None:
        raise Unreachable("The service's answer is no summary.")
    return found
