"""Machine identity by two of three (R9, R10, R12).

What this module guarantees:

* :class:`Credentials` are normalised, so that case, separators and Unicode forms do not matter,
  and hold at least two usable components of three: machine id, MAC addresses, computer name.
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
from licensing.domain.text import readable

MAX_MAC_ADDRESSES: Final = 8
"""How many MAC addresses of a machine count (R10): bounds the claims of one machine at 17."""

# Half of a SHA-256: 128 bits are enough to tell machines apart, and keep items small.
_DIGEST_BYTES: Final = 16
_EUI48: Final = re.compile(r"[0-9a-f]{12}")
_MAC_SEPARATORS: Final = re.compile(r"[\s:.\-]")
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]")
# A full stop at the end is DNS's way to say that a name is whole.
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
    """The machine credentials that an agent sent, normalised (R12).

    They are readable, and therefore never stored as a whole. A component that is not usable is
    ``None``, or ``()``. ``mac_addresses`` are 12 lower-case hexadecimal digits each, sorted, at
    most eight (R10). ``display_name`` is the computer name as it was sent, for administrators,
    without what could mislead them.

    >>> sent = Credentials.of(
    ...     machine_id="To be filled by O.E.M.",  # a placeholder: ignored
    ...     mac_addresses=["3C-52-82-0A-1B-2C", "ff:ff:ff:ff:ff:ff"],  # one is broadcast: ignored
    ...     computer_name="ACME-PC-01.",
    ... )
    >>> sent.machine_id, sent.mac_addresses, sent.computer_name
    (None, ('3c52820a1b2c',), 'acme-pc-01')
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
        """Credentials from what an agent sent: normalised, without what names no machine (R12).

        Raises :class:`InvalidInput` when fewer than two components are usable.
        """
        credentials = cls(
            machine_id=_usable_machine_id(machine_id),
            mac_addresses=_usable_macs(mac_addresses),
            computer_name=_usable_name(computer_name),
            display_name=readable((computer_name or "").strip()) or None,
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
        """The digest by which an agent recognises itself in a lease (R16).

        Base64url SHA-256 of the canonical JSON of the normalised components. It needs no key, so
        that an agent can compute it. Whoever guesses the components can, too: so it stands in
        leases only, never in logs or events (R35).
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
    """A computer as the service stores it: keyed hashes of its components (R12).

    >>> def seen_as(machine_id: str, mac_address: str, computer_name: str) -> Machine:
    ...     credentials = Credentials.of(
    ...         machine_id=machine_id, mac_addresses=[mac_address], computer_name=computer_name
    ...     )
    ...     return Machine.of(credentials, hashing_key=b"a key of the server")
    >>> office = seen_as("4c4c4544-0042", "3c:52:82:0a:1b:2c", "acme-pc-01")
    >>> renamed = seen_as("4c4c4544-0042", "3c:52:82:0a:1b:2c", "acme-pc-02")
    >>> office.is_same_as(renamed), len(office.pairs() & renamed.pairs())
    (True, 1)
    >>> namesake = seen_as("b1a7c0de-77aa", "00:1b:63:84:45:e6", "acme-pc-01")
    >>> office.is_same_as(namesake), len(office.pairs() & namesake.pairs())
    (False, 0)
    """

    machine_id: bytes | None
    mac_addresses: tuple[bytes, ...]
    computer_name: bytes | None

    @classmethod
    def of(cls, credentials: Credentials, hashing_key: bytes) -> Machine:
        """The machine with these credentials (R12).

        ``hashing_key`` is :attr:`Keyring.hashing_key <licensing.domain.keyring.Keyring>`: machines
        that were hashed under different keys cannot be compared.
        """

        def digest(kind: str, value: str) -> bytes:
            # With its kind, so that the same text as id and as name has two hashes.
            message = f"{kind}\0{value}".encode()
            return hmac.digest(hashing_key, message, "sha256")[:_DIGEST_BYTES]

        return cls(
            machine_id=(
                digest("machine_id", credentials.machine_id) if credentials.machine_id else None
            ),
            # Sorted, so that the order in which an agent lists its adapters makes no difference.
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
        """The keys of this machine's claims, a 16-byte digest for each pair of components (R10).

        Machine id with name, machine id with each MAC address, name with each MAC address: at most
        17. Two machines are the same exactly when they have one of these in common.
        """
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
        """Whether at least two of the three components agree (R9).

        MAC addresses agree when the two machines have one in common.
        """
        agreeing = (
            (self.machine_id is not None and self.machine_id == other.machine_id)
            + (self.computer_name is not None and self.computer_name == other.computer_name)
            + (not set(self.mac_addresses).isdisjoint(other.mac_addresses))
        )
        return agreeing >= 2

    def followed(self, seen: Machine) -> Machine:
        """This machine with the components that its agent shows now, in ``seen`` (R11).

        ``seen`` is the same machine (:meth:`is_same_as`). A component that ``seen`` lacks stays as
        it is. MAC addresses stay while one of them agrees, so that a docking station changes
        nothing.
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
        """The names of the components that are not the same, for the audit event (R11)."""
        return tuple(
            field.name
            for field in fields(Machine)
            if getattr(self, field.name) != getattr(other, field.name)
        )

    def identity(self) -> bytes:
        """One digest over all components, 16 bytes: a licence key is derived from it (R3)."""
        # Hashed with a word of its own, so that no identity equals a pair.
        state = hashlib.sha256(b"identity")
        for part in (self.machine_id, self.computer_name, *self.mac_addresses):
            # Marked, so that a missing component and a present one never read alike.
            state.update(b"\0" if part is None else b"\1" + part)
        return state.digest()[:_DIGEST_BYTES]


NO_MACHINE: Final = Machine(machine_id=None, mac_addresses=(), computer_name=None)
"""The machine of a temporary licence before its first use: the same as no other (R26)."""


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
    """Normalised EUI-48 addresses.

    Anything else is ignored and not refused: operating systems list loopback adapters with an
    empty address and tunnels with eight bytes, and an agent sends what it is told.
    """
    folded = {_MAC_SEPARATORS.sub("", _fold(mac)) for mac in raw}
    usable = {mac for mac in folded if _EUI48.fullmatch(mac) and _names_one_adapter(mac)}
    # Burnt-in addresses first: a virtual adapter must not push one of them out of the eight.
    chosen = sorted(usable, key=lambda mac: (_is_locally_administered(mac), mac))
    return tuple(sorted(chosen[:MAX_MAC_ADDRESSES]))


def _names_one_adapter(mac: str) -> bool:
    # The lowest bit of the first byte (IEEE 802) says that an address is a group's.
    is_multicast = bool(int(mac[:2], 16) & 0b01)  # broadcast included
    return not is_multicast and mac != "0" * 12


def _is_locally_administered(mac: str) -> bool:
    # The second-lowest bit of the first byte (IEEE 802): made up by software, not by a maker.
    return bool(int(mac[:2], 16) & 0b10)


def _usable_name(raw: str | None) -> str | None:
    return _END_OF_NAME.sub("", _fold(raw or "").strip()) or None
