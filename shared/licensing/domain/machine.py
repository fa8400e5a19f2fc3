"""Machine identity by two of three (R9, R10, R12).

What this module guarantees:

* :class:`Credentials` are normalised, so that case, separators and Unicode forms do not matter,
  and hold at least two usable components.
* :class:`Machine` holds keyed hashes only; the raw components cannot be read back from it.
* Two machines agree on two of three components exactly when they share a *pair*
  (:meth:`Machine.pairs`), so that a conditional write per pair decides uniqueness.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from licensing.domain.errors import InvalidInput

MAX_MAC_ADDRESSES: Final = 8
"""How many MAC addresses of a machine count (R10): bounds the claims of one machine at 17."""

_DIGEST_BYTES: Final = 16
_EUI48: Final = re.compile(r"[0-9a-f]{12}")
_MAC_SEPARATORS: Final = re.compile(r"[\s:.\-]")
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]")
_END_OF_NAME: Final = re.compile(r"[\s.]+\Z")

# What firmware reports where a vendor never set a UUID: shared by unrelated computers.
_PLACEHOLDER_IDS: Final = frozenset(
    {
        "03000200040005000006000700080009",
        "defaultstring",
        "none",
        "notapplicable",
        "notavailable",
        "notspecified",
        "tobefilledbyoem",
    }
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One computer as its agent describes it: normalised, readable, never stored as a whole.

    ``mac_addresses`` are 12 lower-case hexadecimal digits each, sorted, at most eight.
    ``display_name`` is the computer name as it was sent, for administrators to read.
    """

    machine_id: str | None
    mac_addresses: tuple[str, ...]
    computer_name: str | None
    display_name: str | None

    @classmethod
    def of(
        cls,
        *,
        machine_id: str | None,
        mac_addresses: Iterable[str],
        computer_name: str | None,
    ) -> Credentials:
        """Normalise what an agent sent (R12).

        Raises :class:`InvalidInput` when fewer than two components are usable (R12).
        """
        credentials = cls(
            machine_id=_usable_machine_id(machine_id),
            mac_addresses=_usable_macs(mac_addresses),
            computer_name=_usable_name(computer_name),
            display_name=(computer_name or "").strip() or None,
        )
        usable = (
            bool(credentials.machine_id)
            + bool(credentials.mac_addresses)
            + bool(credentials.computer_name)
        )
        if usable < 2:
            raise InvalidInput(
                "Fewer than two usable machine credentials. Send at least two of: a machine id, "
                "a MAC address of a physical network adapter, the computer name.",
                pointer="/machine",
            )
        return credentials

    def thumbprint(self) -> str:
        """Public digest of these credentials, for the agent to recognise itself in a lease (R16).

        Base64url SHA-256 of the canonical JSON of the normalised components. Unkeyed, so that an
        agent can compute it; it therefore stands in leases only, never in logs or events.
        """
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


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer as the service knows it: keyed hashes of its components (R12)."""

    machine_id: bytes | None
    mac_addresses: tuple[bytes, ...]
    computer_name: bytes | None

    @classmethod
    def of(cls, credentials: Credentials, hashing_key: bytes) -> Machine:
        """Hash ``credentials`` under the service's key for machine credentials."""

        def digest(kind: str, value: str) -> bytes:
            message = f"{kind}\0{value}".encode()
            return hmac.digest(hashing_key, message, "sha256")[:_DIGEST_BYTES]

        return cls(
            machine_id=(
                digest("machine_id", credentials.machine_id) if credentials.machine_id else None
            ),
            mac_addresses=tuple(
                sorted(digest("mac_address", mac) for mac in credentials.mac_addresses)
            ),
            computer_name=(
                digest("computer_name", credentials.computer_name)
                if credentials.computer_name
                else None
            ),
        )

    def pairs(self) -> frozenset[bytes]:
        """The exact keys that this machine claims: one per pair of components (R10)."""
        found: set[bytes] = set()
        if self.machine_id and self.computer_name:
            found.add(_pair(b"id+name", self.machine_id, self.computer_name))
        for mac in self.mac_addresses:
            if self.machine_id:
                found.add(_pair(b"id+mac", self.machine_id, mac))
            if self.computer_name:
                found.add(_pair(b"mac+name", mac, self.computer_name))
        return frozenset(found)

    def is_same_as(self, other: Machine) -> bool:
        """Whether at least two of the three components agree (R9)."""
        agreeing = (
            (self.machine_id is not None and self.machine_id == other.machine_id)
            + (self.computer_name is not None and self.computer_name == other.computer_name)
            + (not set(self.mac_addresses).isdisjoint(other.mac_addresses))
        )
        return agreeing >= 2

    def followed(self, seen: Machine) -> Machine:
        """This machine after it has been seen as ``seen``, which is the same one (R11).

        A component moves on when it disagrees. One that was not seen this time stays, and MAC
        addresses stay as long as any one of them agrees: a docking station is no new machine.
        """
        macs_agree = not set(self.mac_addresses).isdisjoint(seen.mac_addresses)
        return Machine(
            machine_id=seen.machine_id or self.machine_id,
            mac_addresses=(
                self.mac_addresses if macs_agree or not seen.mac_addresses else seen.mac_addresses
            ),
            computer_name=seen.computer_name or self.computer_name,
        )

    def differences(self, other: Machine) -> tuple[str, ...]:
        """The names of the components that are not the same."""
        return tuple(
            field.name
            for field in fields(Machine)
            if getattr(self, field.name) != getattr(other, field.name)
        )

    def identity(self) -> bytes:
        """One digest over all components: what a licence key is derived from (R3)."""
        state = hashlib.sha256(b"identity")
        for part in (self.machine_id, self.computer_name, *self.mac_addresses):
            state.update(b"\0" if part is None else b"\1" + part)
        return state.digest()[:_DIGEST_BYTES]


NO_MACHINE: Final = Machine(machine_id=None, mac_addresses=(), computer_name=None)
"""The machine of a licence that has not been used yet: the same as no other."""


def _pair(kind: bytes, first: bytes, second: bytes) -> bytes:
    return hashlib.sha256(kind + b"\0" + first + second).digest()[:_DIGEST_BYTES]


def _fold(text: str) -> str:
    # Case folding can leave NFKC, so normalise on both sides of it.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _usable_machine_id(raw: str | None) -> str | None:
    folded = _NOT_ALPHANUMERIC.sub("", _fold(raw or ""))
    is_filler = len(set(folded)) <= 1  # all zeros, all "f": an unset SMBIOS UUID
    return None if is_filler or folded in _PLACEHOLDER_IDS else folded


def _usable_macs(raw: Iterable[str]) -> tuple[str, ...]:
    """Normalised EUI-48 addresses of real adapters.

    Anything else is ignored rather than refused: operating systems list loopback adapters with
    an empty address and tunnels with eight bytes, and an agent passes on what it was given.
    """
    folded = {_MAC_SEPARATORS.sub("", _fold(mac)) for mac in raw}
    usable = {mac for mac in folded if _EUI48.fullmatch(mac) and _names_one_adapter(mac)}
    # Burnt-in addresses first: a virtual adapter must not push one of them out of the eight.
    chosen = sorted(usable, key=lambda mac: (_is_locally_administered(mac), mac))
    return tuple(sorted(chosen[:MAX_MAC_ADDRESSES]))


def _names_one_adapter(mac: str) -> bool:
    is_multicast = bool(int(mac[:2], 16) & 0b01)  # broadcast included
    return not is_multicast and mac != "0" * 12


def _is_locally_administered(mac: str) -> bool:
    return bool(int(mac[:2], 16) & 0b10)


def _usable_name(raw: str | None) -> str | None:
    return _END_OF_NAME.sub("", _fold(raw or "").strip()) or None
