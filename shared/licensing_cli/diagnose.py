"""``licensing doctor``: reads what an administrator may read of an agent, and has it diagnosed.

What this module guarantees: it works with what an org-admin may read. What is for super-admins
alone is told as not seen; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final

import typer

from licensing_cli import commands, doctor, licenses, machines
from licensing_cli.api import segment
from licensing_cli.doctor import Facts, Unseen
from licensing_cli.errors import Negative, Refused, WrongUse
from licensing_cli.invocation import Invocation
from licensing_cli.json_types import Json, an_object, objects
from licensing_cli.output import Columns, text_of

_HISTORY: Final = 200
_BOUND: Final = frozenset({"active", "detached", "expired", "suspended"})
_COLUMNS: Final[Columns] = MappingProxyType(
    {"": text_of("level"), "code": text_of("code"), "found": text_of("told")}
)


def register(app: typer.Typer) -> None:
    """Make it a command of ``app``."""
    commands.command(app, "doctor", example="doctor --organization acme --this")(examine)


def examine(
    at: Invocation,
    *,
    organization: Annotated[str, typer.Option("--organization", help="The agent's organization.")],
    license: Annotated[str | None, typer.Option("--license", help="The agent's licence.")] = None,
    machine_id: machines.MachineId = None,
    mac: machines.Macs = None,
    name: machines.Name = None,
    this: machines.This = False,
    folder: machines.Folder = None,
    environment: Annotated[
        str | None,
        typer.Option("--environment", help="The agent's environment, if the machine has several."),
    ] = None,
) -> None:
    """Find out why an agent would be refused; exit code 0 if it would not, 1 if it would."""
    machine = machines.named(machine_id, mac, name) or machines.this_one(folder, wanted=this)
    if license is None and machine is None:
        raise WrongUse(
            "Which agent?", "Use --license, or two of --machine-id, --mac and --name, or --this."
        )
    facts = _read(at, organization, license, machine, environment)
    findings = doctor.diagnose(facts)
    is_healthy = doctor.is_healthy(findings)
    if at.output.is_json:
        at.output.document(
            {
                "organization_id": organization,
                "license_id": facts.license.get("id") if facts.license else None,
                "healthy": is_healthy,
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        at.output.table(_COLUMNS, [asdict(finding) for finding in findings])
        for finding in findings:
            if finding.advice and finding.level is not doctor.Level.OK:
                at.output.line(f"{finding.level} {finding.code}: {finding.advice}")
    if not is_healthy:
        raise Negative("The agent would be refused.")


def _read(
    at: Invocation,
    organization: str,
    license: str | None,
    machine: Json | None,
    environment: str | None,
) -> Facts:
    holders = _holders(at, machine) if machine is not None else None
    if license is not None:
        found = _license(at, license) or _temporary(at, organization, license)
    else:
        found = _of_machine(at, organization, machine or {}, holders or [], environment)
    known = _organization(at, organization)
    name = (machine or found or {}).get("computer_name")
    return Facts(
        now=datetime.now(UTC),
        organization_id=organization,
        environment=environment,
        organization=known,
        license=found,
        holders=holders,
        events=_events(at, found) if found is not None else [],
        logins=_logins(at, organization, name) if known and isinstance(name, str) else [],
    )


def _organization(at: Invocation, id: str) -> Json | None:
    document = _unless_absent(at, f"/v1/organizations/{segment(id)}")
    return an_object(document, "organization")


def _license(at: Invocation, id: str) -> Json | None:
    return an_object(_unless_absent(at, licenses.path_of(id)), "license")


def _temporary(at: Invocation, organization: str, id: str) -> Json | None:
    """One of an organization's temporary licences, if the reader may see them."""
    path = f"/v1/organizations/{segment(organization)}/temporary-licenses"
    try:
        document = at.api.listed(path, "licenses", {}, limit=0)
    except Refused as error:
        if error.status not in {403, 404}:
            raise
        return None
    found = (one for one in objects(document, "licenses") if one.get("id") == id)
    return next(({"kind": "temporary", **one} for one in found), None)


def _holders(at: Invocation, machine: Json) -> list[Json] | Unseen:
    from licensing_agent.protocol.credentials import TooFewCredentials

    try:
        machines.credentials(machine)
    except TooFewCredentials:
        return Unseen("To look up a machine, two of its id, MAC address and name are needed.")
    try:
        document = machines.holders(at, machine)
    except Refused as error:
        return Unseen(f"The service does not show who holds the machine: {error.message}")
    return objects(document, "holders")


def _events(at: Invocation, license: Json) -> list[Json]:
    path = f"{licenses.path_of(str(license.get('id')))}/events"
    return objects(at.api.listed(path, "events", {}, limit=_HISTORY), "events")


def _logins(at: Invocation, organization: str, computer: str) -> list[Json]:
    """The logins that were refused on a computer of this name within a day: about no licence."""
    path = f"/v1/organizations/{segment(organization)}/events"
    # An entry stands at the beginning of its hour.
    begun = datetime.now(UTC) - doctor.RECENT - timedelta(hours=1)
    query = {"type": "AccessRefused", "from": begun.isoformat()}
    found = objects(at.api.listed(path, "events", query, limit=_HISTORY), "events")
    return [one for one in found if one.get("license_id") is None and _is_named(one, computer)]


def _is_named(one: Json, computer: str) -> bool:
    return str(one.get("computer_name")).casefold() == computer.casefold()


def _of_machine(
    at: Invocation,
    organization: str,
    machine: Json,
    holders: Sequence[Json] | Unseen,
    environment: str | None,
) -> Json | None:
    """The licence of the machine's agent: by who holds it, or by the computer's name."""
    if isinstance(holders, Unseen):
        found = _by_name(at, organization, machine.get("computer_name"))
    else:
        found = [
            one
            for holder in holders
            if holder.get("organization_id") == organization
            for one in objects(holder, "licenses")
        ]
        if not found and machine.get("computer_name"):
            # Whose licence is bound no more holds nothing.
            found = _by_name(at, organization, machine["computer_name"])
    fitting = [
        one
        for one in found
        if environment is None or doctor.is_same_environment(one.get("environment"), environment)
    ]
    bound = [one for one in fitting if one.get("status") in _BOUND]
    if len(bound) > 1:
        told = ", ".join(f"{one.get('id')} ({one.get('environment')})" for one in bound)
        raise WrongUse(f"Several agents match: {told}.", "Use --environment or --license.")
    return next(iter(bound or fitting), None)


def _by_name(at: Invocation, organization: str, name: object) -> list[Json]:
    if not isinstance(name, str) or not name:
        raise WrongUse(
            "Only a super-admin can find an agent by these options.",
            "Use --license, or add --name.",
        )
    path = f"/v1/organizations/{segment(organization)}/licenses"
    query = {"search": name, "sort": "-issued_at"}
    if _organization(at, organization) is None:
        return []
    document = at.api.listed(path, "licenses", query, limit=0)
    return [one for one in objects(document, "licenses") if _is_named(one, name)]


def _unless_absent(at: Invocation, path: str) -> Json:
    """What stands at a path; nothing, if there is none or it is another organization's."""
    try:
        return at.api.get(path).body
    except Refused as error:
        if error.status != 404:
            raise
        return {}
