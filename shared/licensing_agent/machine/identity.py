"""The machine that this agent runs on: what it is known by, from where, and why.

What this module guarantees:

* A platform's machine id leaves the machine only as a hash for this application, made as systemd
  advises (``sd_id128_get_machine_app_specific``).
* Where no machine id is stable and the machine's own, an installation id that is kept in a folder
  takes its place.
* MAC addresses are those that physical adapters were made with, and those that a virtual machine's
  platform gave its adapters for good. Whatever is left out is told with its reason.
* :func:`read` always looks anew, and ends: a tool that is missing or does not come to an end within
  20 seconds says nothing. :mod:`licensing_agent.core` keeps what was read for a while.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import UUID

from licensing_agent.machine import linux, macos, windows
from licensing_agent.machine.sources import Found, LeftOut, Platform, Sources
from licensing_agent.protocol import components
from licensing_agent.protocol.credentials import Credentials, TooFewCredentials
from licensing_agent.storage.installation import installation_id

APPLICATION: Final = UUID("5c0e3a1e-6f0b-4a5f-9a37-2d6a1f8f4b0c")
"""The application that machine ids are hashed for, unless a vendor has one of its own."""

_READERS: Final = MappingProxyType[str, Callable[[Platform], Sources]](
    {"Linux": linux.read, "Windows": windows.read, "Darwin": macos.read}
)
_RANDOM_NAME: Final = re.compile(r"[0-9a-f]{12}")  # what Docker and Podman call a container


class UnknownPlatform(Exception):
    """There is no way here to tell machines of this platform apart."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine is known by, and what its state at rest is encrypted under."""

    found: tuple[Found, ...]
    left_out: tuple[LeftOut, ...]
    surroundings: tuple[str, ...]
    secret: bytes = field(repr=False)

    @property
    def machine_id(self) -> str | None:
        """The machine id as the service is told it."""
        return next((one.value for one in self.found if one.component == "machine_id"), None)

    @property
    def mac_addresses(self) -> tuple[str, ...]:
        """Those of physical adapters."""
        return tuple(one.value for one in self.found if one.component == "mac_address")

    @property
    def computer_name(self) -> str | None:
        """The name as people know it."""
        return next((one.value for one in self.found if one.component == "computer_name"), None)

    def credentials(self) -> Credentials:
        """As it is sent. Raises :class:`TooFewCredentials`, which says what became of the id."""
        try:
            return Credentials.of(
                machine_id=self.machine_id,
                mac_addresses=self.mac_addresses,
                computer_name=self.computer_name,
            )
        except TooFewCredentials as error:
            ids = [one for one in self.left_out if one.component == "machine_id"]
            told = "; ".join(f"{one.source}: {one.why}" for one in ids)
            raise TooFewCredentials(f"{error} No id: {told}." if told else str(error)) from None

    def credentials_or_none(self) -> Credentials | None:
        """As it is sent, ``None`` where the service would not know it."""
        try:
            return self.credentials()
        except TooFewCredentials:
            return None


def read(
    platform: Platform | None = None,
    *,
    folder: Path | None = None,
    computer_name: str | None = None,
    application: UUID = APPLICATION,
) -> Machine:
    """Look at this machine.

    ``folder`` keeps the installation id where one is needed; ``computer_name`` stands for the
    platform's. Raises :class:`UnknownPlatform`.
    """
    platform = platform or Platform()
    reader = _READERS.get(platform.system)
    if reader is None:
        raise UnknownPlatform(
            f"Machines with {platform.system} are not supported: they cannot be identified."
        )
    sources = reader(platform)
    id_found, id_left_out, secret = _machine_id(sources, folder, application)
    name = _name(sources, computer_name)
    return Machine(
        found=(*id_found, *sources.macs, *([name] if name.value else [])),
        left_out=(*id_left_out, *sources.left_out),
        surroundings=(
            *([f"container ({sources.container})"] if sources.container else []),
            *([f"virtual machine ({sources.virtual_machine})"] if sources.virtual_machine else []),
        ),
        secret=secret,
    )


def app_specific(machine_id: UUID, application: UUID) -> UUID:
    """A machine id as one application may show it: it leads back to no other's, nor to the id."""
    digest = bytearray(hmac.digest(machine_id.bytes, application.bytes, "sha256")[:16])
    digest[6] = digest[6] & 0x0F | 0x40
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


def _machine_id(
    sources: Sources, folder: Path | None, application: UUID
) -> tuple[list[Found], list[LeftOut], bytes]:
    """What is found, what is left out, and the machine's secret."""
    trouble, secret = sources.id_trouble, b""
    if sources.raw_id is not None:
        try:
            machine_id = UUID(sources.raw_id)
        except ValueError:
            trouble = "not a UUID"
        else:
            secret = machine_id.bytes
            # Once it is hashed, nobody can see any more that it is an image's or a firmware's.
            if not components.is_shared_id(machine_id.hex):
                value = str(app_specific(machine_id, application))
                why = "the platform's own id, hashed for this application"
                return [Found("machine_id", value, sources.id_source, why)], [], secret
            trouble = "many computers have it: it is one of an image, or of a firmware"
    left_out = [LeftOut("machine_id", None, sources.id_source, trouble or "")]
    if folder is None:
        why = "no folder was named to keep it in"
        return [], [*left_out, LeftOut("machine_id", None, "the installation id", why)], secret
    try:
        kept = installation_id(folder)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        why = f"it cannot be kept ({said or type(error).__name__})"
        return [], [*left_out, LeftOut("machine_id", None, f"{folder}", why)], secret
    value = str(app_specific(kept, application))
    why = "made once for this installation, because the platform has no id of its own"
    # What was encrypted under the platform's id stays readable when that id is listed one day.
    return [Found("machine_id", value, f"{folder}", why)], left_out, secret or kept.bytes


def _name(sources: Sources, given: str | None) -> Found:
    if given is not None:
        return Found("computer_name", given, "the configuration", "given by the vendor")
    why = "the name under which people know the machine"
    if sources.container and _RANDOM_NAME.fullmatch(sources.computer_name):
        why = "made up for this container: give it a name that stays (--hostname)"
    return Found("computer_name", sources.computer_name, sources.name_source, why)
