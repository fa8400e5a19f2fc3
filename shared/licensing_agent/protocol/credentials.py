"""What a machine is known by: its id, its MAC addresses and its name.

What this module guarantees:

* :class:`Credentials` are normalised as the service normalises them, and
  :meth:`Credentials.thumbprint` is, to the byte, the digest that stands in its leases.
* Two of them are one machine exactly when at least two of the three components agree.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_MAC_ADDRESSES: Final = 8
"""How many of a machine's MAC addresses count."""

_FILLERS: Final = frozenset(
    {
        "03000200040005000006000700080009",
        "defaultstring",
        "none",
        "notapplicable",
        "notavailable",
        "notspecified",
        "tobefilledbyoem",
    }
)  # what firmware says where nobody has set an id: many computers share it


class TooFewCredentials(Exception):
    """Fewer than two components of this machine can be used: the service would not know it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One machine. MAC addresses are 12 lower-case hexadecimal digits each, sorted."""

    machine_id: str | None
    mac_addresses: tuple[str, ...]
    computer_name: str | None

    @classmethod
    def of(
        cls, *, machine_id: str | None, mac_addresses: Iterable[str], computer_name: str | None
    ) -> Credentials:
        """Normalise what was found. Raises :class:`TooFewCredentials` for less than two."""
        made = cls(_machine_id(machine_id), _macs(mac_addresses), _name(computer_name))
        if sum(map(bool, (made.machine_id, made.mac_addresses, made.computer_name))) < 2:
            raise TooFewCredentials(
                "At least two of these are needed: a machine id, a MAC address of a physical "
                "adapter, a computer name. `python -m licensing_agent machine` shows those found."
            )
        return made

    def thumbprint(self) -> str:
        """Base64url SHA-256 of the canonical JSON of the components."""
        canonical = json.dumps(
            {
                "computer_name": self.computer_name,
                "mac_addresses": self.mac_addresses,
                "machine_id": self.machine_id,
            },
            separators=(",", ":"),
            sort_keys=True,
        )
        digest = hashlib.sha256(canonical.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def is_same_machine_as(self, other: Credentials) -> bool:
        """Whether two of the three agree: a docking station or a new name is no new machine."""
        agreeing = (
            (self.machine_id is not None and self.machine_id == other.machine_id)
            + (self.computer_name is not None and self.computer_name == other.computer_name)
            + (not set(self.mac_addresses).isdisjoint(other.mac_addresses))
        )
        return agreeing >= 2


def is_locally_administered(mac: str) -> bool:
    """Whether a MAC address, its first digits hexadecimal, was given by software."""
    return bool(int(mac[:2], 16) & 0b10)


def _fold(text: str) -> str:
    # Case folding can leave NFKC, so normalise on both sides of it.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _machine_id(raw: str | None) -> str | None:
    folded = re.sub(r"[\W_]", "", _fold(raw or ""))
    return None if len(set(folded)) <= 1 or folded in _FILLERS else folded


def _macs(raw: Iterable[str]) -> tuple[str, ...]:
    folded = {re.sub(r"[\s:.\-]", "", _fold(mac)) for mac in raw}
    usable = {mac for mac in folded if re.fullmatch(r"[0-9a-f]{12}", mac) and _is_of_one(mac)}
    # Burnt-in ones first: a virtual adapter must not push one of them out of the eight.
    chosen = sorted(usable, key=lambda mac: (is_locally_administered(mac), mac))
    return tuple(sorted(chosen[:MAX_MAC_ADDRESSES]))


def _is_of_one(mac: str) -> bool:
    is_multicast = bool(int(mac[:2], 16) & 0b01)
    return not is_multicast and mac != "0" * 12


def _name(raw: str | None) -> str | None:
    return re.sub(r"[\s.]+\Z", "", _fold(raw or "").strip()) or None
