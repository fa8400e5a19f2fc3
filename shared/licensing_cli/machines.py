"""``licensing machines``: who holds a computer."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from licensing_cli import commands
from licensing_cli.errors import WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.json_types import Json, objects
from licensing_cli.output import Columns, moment, text_of

if TYPE_CHECKING:
    from licensing_agent.protocol.credentials import Credentials

COLUMNS: Final[Columns] = MappingProxyType(
    {
        "organization": text_of("organization_id"),
        "name": text_of("name"),
        "license": text_of("license", "id"),
        "status": text_of("license", "status"),
        "environment": text_of("license", "environment"),
        "computer": text_of("license", "computer_name"),
        "version": text_of("license", "agent_version"),
        "last seen": moment("license", "last_seen", "at"),
    }
)
"""What is shown of each licence on a machine."""

MachineId = Annotated[
    str | None, typer.Option("--machine-id", help="The machine id, as the agent sends it.")
]
Macs = Annotated[
    list[str] | None, typer.Option("--mac", help="A MAC address; can be used several times.")
]
Name = Annotated[str | None, typer.Option("--name", help="The computer's name.")]
This = Annotated[bool, typer.Option("--this", help="The computer that you run this command on.")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="With --this: the agent's state folder; needed in a container."),
]

app = commands.new_app("Machines that agents run on.")


@commands.command(
    app, "lookup", example="machines lookup --name FACTORY-PC-01 --mac a4:bb:6d:3e:90:1f"
)
def lookup(
    at: Invocation,
    *,
    machine_id: MachineId = None,
    mac: Macs = None,
    name: Name = None,
    this: This = False,
    folder: Folder = None,
) -> None:
    """Find who holds a machine, by two of id, MAC address and name (super-admins)."""
    wanted = named(machine_id, mac, name) or this_one(folder, wanted=this)
    if wanted is None:
        raise WrongUse("Which machine?", "Use two of --machine-id, --mac and --name, or --this.")
    document = holders(at, wanted)
    if at.output.is_json:
        at.output.document(document)
        return
    rows = [
        {**holder, "license": license}
        for holder in objects(document, "holders")
        for license in objects(holder, "licenses") or [{}]
    ]
    at.output.table(COLUMNS, rows)
    if not rows:
        at.output.note("Nobody holds this machine.")


def holders(at: Invocation, machine: Json) -> Json:
    """The service's answer to who holds a machine."""
    return at.api.send("POST", "/v1/machines/lookup", {"machine": machine}).body


def credentials(machine: Json) -> Credentials:
    """A machine as the service knows it. Raises :class:`TooFewCredentials`."""
    from licensing_agent.protocol.credentials import Credentials

    macs = machine.get("mac_addresses")
    return Credentials.of(
        machine_id=_text(machine.get("machine_id")),
        mac_addresses=map(str, macs) if isinstance(macs, list) else [],
        computer_name=_text(machine.get("computer_name")),
    )


def named(machine_id: str | None, macs: list[str] | None, name: str | None) -> Json | None:
    """The machine that options tell of, if they do."""
    if machine_id is None and not macs and name is None:
        return None
    return {"machine_id": machine_id, "mac_addresses": macs or [], "computer_name": name}


def this_one(folder: Path | None, *, wanted: bool) -> Json | None:
    """The machine that this runs on, as an agent on it would tell of it, if it is ``wanted``."""
    if not wanted:
        if folder is not None:
            raise WrongUse("--folder is an agent's on this computer.", "Use it with --this.")
        return None
    from licensing_agent.machine import identity as this_machine

    try:
        found = this_machine.read(folder=folder)
    except this_machine.UnknownPlatform as error:
        raise WrongUse(str(error), "Use --machine-id, --mac and --name.") from error
    return {
        "machine_id": found.machine_id,
        "mac_addresses": list(found.mac_addresses),
        "computer_name": found.computer_name,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
