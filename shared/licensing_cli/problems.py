"""What the service says when it does not do something, told in the words of the command line.

What this module guarantees: a refusal keeps the service's own sentence, and each wrong field is
named by the option that it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from licensing_cli.errors import CommandError, Refused, SignedOut, WrongUse

_OPTIONS: Final = MappingProxyType(
    {
        "headers/if-match": "--if-version",
        "machine": "--machine-id, --mac and --name",
        "machine/computer_name": "--name",
        "machine/mac_addresses": "--mac",
        "path/license_id": "LICENSE",
        "path/organization_id": "ORGANIZATION",
    }
)
"""Pointers into requests that are not simply the name of an option."""

_ADVICE: Final = MappingProxyType(
    {
        "forbidden": "licensing whoami shows your roles.",
        "not_found": "It may belong to another organization: licensing whoami shows yours.",
        "precondition_failed": "Somebody else changed it. Look at it, then repeat the command.",
        "invalid_transition": "licensing licenses show shows its status and the possible actions.",
        "policy_below_floor": "licensing organizations show --output json shows the floor.",
    }
)


def failure(status: int, body: Mapping[str, object]) -> CommandError:
    """The error that an answer with a status from 400 to 499 is."""
    reason = str(body.get("code", ""))
    told = str(
        body.get("detail") or body.get("message") or f"The service answered with status {status}."
    )
    if status == 401:
        return SignedOut(f"The service does not accept the token: {told}")
    if status in {400, 413, 422}:
        return WrongUse("\n".join([told, *_fields(body.get("errors"))]))
    advice = _ADVICE.get(reason)
    if status == 404 and not reason:
        advice = (
            "The service does not know this request. Check --url, and the version of the service."
        )
    return Refused(told, advice, status=status, reason=reason)


def option_of(pointer: str) -> str:
    """The option that a JSON pointer into a request stands for."""
    path = pointer.strip("/").removeprefix("query/")
    while path:
        if path in _OPTIONS:
            return _OPTIONS[path]
        parent, _, name = path.rpartition("/")
        # The number of an entry in a list says nothing to whoever wrote an option.
        if not name.isdecimal():
            return f"--{name.replace('_', '-')}"
        path = parent
    return "the request"


def _fields(errors: object) -> list[str]:
    if not isinstance(errors, list):
        return []
    return [
        f"  {option_of(str(error.get('pointer', '')))}: {error.get('detail')}"
        for error in errors
        if isinstance(error, dict)
    ]
