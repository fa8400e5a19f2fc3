"""Machine identity by two of three (R9, R10, R12).

What this module guarantees:

* :class:`Credentials` are normalised, so that form does not matter, without what unrelated
  computers share (:mod:`licensing.domain.components`), and make at least one pair.
* :class:`Machine` holds keyed hashes only; the raw components cannot be read back from it.
* Two machines agree on two of three components exactly when they share a *pair*
  (:meth:`Machine.pairs`), so that a conditional write per pair decides uniqueness.
* What an agent checks in a lease (:meth:`Credentials.thumbprint`) depends on nothing but what it
  has sent: on no list of what is shared, and on no release.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from licensing.domain import components
from licensing.domain.errors import InvalidInput
from licensing.domain.text import readable

Component = Literal["machine_id", "mac_addresses", "computer_name"]
"""The names of what a machine is known by."""

MAX_MAC_ADDRESSES: Final = 8
"""How many MAC addresses of a machine count (R10): bounds the claims of one machine at 17."""

_OLDEST_KEPT: Final = 4
"""How many of a record's oldest addresses stay when another record of the machine gets new ones."""

MAX_WITHOUT_ID: Final = 4
"""How many count of a machine without a usable id.

Each address makes a pair with the name alone then, so a list of other computers' addresses would
keep as many of them from being registered.
"""

# Half of a SHA-256: 128 bits are enough to tell machines apart, and keep items small.
_DIGEST_BYTES: Final = 16
_CANONICAL: Final = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Credentials:
    """The machine credentials that an agent sent, normalised (R12).

    They are readable, and therefore never stored as a whole. A component that is not usable is
    ``None``, or ``()``. ``mac_addresses`` are 12 lower-case hexadecimal digits each, sorted, at
    most eight, and four without a machine id (R10). ``display_name`` is the computer name as it was
    sent, for administrators, without what could mislead them. ``shared_id`` and
    ``shared_addresses`` are what does not count, because unrelated computers have it, too. ``sent``
    is the machine as it was sent, in canonical JSON.

    >>> made = Credentials.of(
    ...     machine_id="To be filled by O.E.M.",  # what firmware has in place of one: ignored
    ...     mac_addresses=["3C-52-82-0A-1B-2C", "00:05:9a:3c:7a:00"],  # one is a VPN's: ignored
    ...     computer_name="ACME-PC-01.corp.example",
    ... )
    >>> made.machine_id, made.mac_addresses, made.computer_name
    (None, ('3c52820a1b2c',), 'acme-pc-01')
    """

    machine_id: str | None
    mac_addresses: tuple[str, ...]
    computer_name: str | None
    display_name: str | None
    shared_id: str | None = None
    shared_addresses: frozenset[str] = frozenset()
    sent: str = field(default="", compare=False, repr=False)

    @classmethod
    def of(
        cls,
        *,
        machine_id: str | None,
        mac_addresses: Iterable[str],
        computer_name: str | None,
    ) -> Credentials:
        """Credentials from what an agent sent: normalised, without what names no machine (R12).

        Raises :class:`InvalidInput` when no two components make a pair.
        """
        listed = tuple(mac_addresses)
        id, addresses = components.machine_id(machine_id), components.mac_addresses(listed)
        is_shared = components.is_shared_id(id)
        shared = frozenset(filter(components.is_shared_address, addresses))
        most = MAX_WITHOUT_ID if is_shared else MAX_MAC_ADDRESSES
        # Makers' first: a virtual adapter must not push one of them out of those that count.
        chosen = sorted(addresses - shared, key=components.by_origin)[:most]
        credentials = cls(
            machine_id=None if is_shared else id,
            mac_addresses=tuple(sorted(chosen)),
            computer_name=components.computer_name(computer_name) or None,
            display_name=readable((computer_name or "").strip()) or None,
            shared_id=(id or None) if is_shared else None,
            shared_addresses=shared,
            sent=_CANONICAL.encode(
                {
                    "computer_name": computer_name,
                    "mac_addresses": listed,
                    "machine_id": machine_id,
                }
            ),
        )
        credentials._demand_a_pair()
        return credentials

    @property
    def not_counted(self) -> tuple[Component, ...]:
        """The names of the components of which something was sent that does not count (R12)."""
        shared: dict[Component, object] = {
            "machine_id": self.shared_id,
            "mac_addresses": self.shared_addresses,
        }
        return tuple(name for name, component in shared.items() if component)

    @property
    def has_default_name(self) -> bool:
        """Whether its name is one that systems have before anybody names them."""
        return components.is_default_name(self.computer_name or "")

    def thumbprint(self) -> str:
        """The digest by which an agent recognises itself in a lease (R16).

        Base64url SHA-256 of the canonical JSON of the machine as it was sent in this request,
        whatever of it counts: agent and service need not know the same list of what is shared. It
        needs no key, so that an agent can compute it. Whoever guesses the components can, too: so
        it stands in leases only, never in logs or events (R35).
        """
        digest = hashlib.sha256(self.sent.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _demand_a_pair(self) -> None:
        usable = [self.machine_id, self.mac_addresses, self.computer_name]
        if sum(map(bool, usable)) < 2:
            raise InvalidInput(
                "Fewer than two usable machine credentials. Send at least two of: a machine id, "
                "a MAC address of a physical network adapter, the computer name."
                + (
                    " What many computers have in common does not count, such as a placeholder "
                    "for an id or an address of VPN or virtualization software."
                    if self.shared_id or self.shared_addresses
                    else ""
                ),
                pointer="/machine",
            )
        if (
            self.machine_id is None
            and self.has_default_name
            and all(map(components.is_locally_administered, self.mac_addresses))
        ):
            raise InvalidInput(
                "This computer has a name that many computers have, and only network addresses "
                "that software has given. Give the computer a name of its own, or send its "
                "machine id.",
                pointer="/machine",
            )


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer as the service stores it: keyed hashes of its components (R12).

    ``mac_addresses`` are in the order in which they were seen, the newest first.
    ``local_addresses`` are those of them that are locally administered, and ``has_default_name``
    says that the name is one that systems have before anybody names them: the two make no pair.
    ``virtual_addresses`` are those of a hypervisor's range. ``set_aside`` are hashes of what an
    agent has sent and what does not count, since it is known to be shared; they are not stored.

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
    local_addresses: tuple[bytes, ...] = ()
    has_default_name: bool = False
    virtual_addresses: tuple[bytes, ...] = ()
    set_aside: frozenset[bytes] = field(default=frozenset(), compare=False)

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

        id, name = credentials.machine_id, credentials.computer_name
        addresses = {mac: digest("mac_address", mac) for mac in credentials.mac_addresses}
        local = filter(components.is_locally_administered, addresses)
        virtual = filter(components.is_of_hypervisor, addresses)
        shared = {digest("mac_address", mac) for mac in credentials.shared_addresses}
        if credentials.shared_id:
            shared.add(digest("machine_id", credentials.shared_id))
        return cls(
            machine_id=digest("machine_id", id) if id else None,
            # Sorted, so that the order in which an agent lists its adapters makes no difference.
            mac_addresses=tuple(sorted(addresses.values())),
            computer_name=digest("computer_name", name) if name else None,
            local_addresses=tuple(sorted(addresses[mac] for mac in local)),
            has_default_name=credentials.has_default_name,
            virtual_addresses=tuple(sorted(addresses[mac] for mac in virtual)),
            set_aside=frozenset(shared),
        )

    @property
    def named_addresses(self) -> tuple[bytes, ...]:
        """The addresses that make a pair with the name.

        A default name makes none with an address that is locally administered: images have both.
        """
        if not self.has_default_name:
            return self.mac_addresses
        return tuple(mac for mac in self.mac_addresses if mac not in self.local_addresses)

    def pairs(self) -> frozenset[bytes]:
        """The keys of this machine's claims, a 16-byte digest for each pair of components (R10).

        Machine id with name, machine id with each MAC address, name with each MAC address
        (:attr:`named_addresses`): at most 17. Two machines are the same exactly when they have one
        of these in common.
        """
        return frozenset().union(*self.pairs_by_components().values())

    def pairs_by_components(self) -> Mapping[tuple[Component, Component], frozenset[bytes]]:
        """The keys of :meth:`pairs`, by the names of the two components; none for what it lacks."""
        id, name = self.machine_id, self.computer_name
        found: dict[tuple[Component, Component], frozenset[bytes]] = {}
        if id and name:
            found["machine_id", "computer_name"] = frozenset((_pair(b"id+name", id, name),))
        if id and self.mac_addresses:
            pairs = frozenset(_pair(b"id+mac", id, mac) for mac in self.mac_addresses)
            found["machine_id", "mac_addresses"] = pairs
        if name and self.named_addresses:
            pairs = frozenset(_pair(b"mac+name", mac, name) for mac in self.named_addresses)
            found["computer_name", "mac_addresses"] = pairs
        return found

    def is_same_as(self, other: Machine) -> bool:
        """Whether at least two of the three components agree (R9).

        MAC addresses agree when the two machines have one in common; beside the name alone, one
        that makes a pair with it.
        """
        has_id = self.machine_id is not None and self.machine_id == other.machine_id
        has_name = self.computer_name is not None and self.computer_name == other.computer_name
        if has_id:
            return has_name or not set(self.mac_addresses).isdisjoint(other.mac_addresses)
        return has_name and not set(self.named_addresses).isdisjoint(other.named_addresses)

    def agrees_in_one(self, other: Machine) -> bool:
        """Whether at least one component agrees: enough beside a proved device key (R9).

        A name that systems have before anybody names them says nothing alone.
        """
        return (
            (self.machine_id is not None and self.machine_id == other.machine_id)
            or not set(self.mac_addresses).isdisjoint(other.mac_addresses)
            or (
                self.computer_name is not None
                and self.computer_name == other.computer_name
                and not other.has_default_name
            )
        )

    def contradicts(self, other: Machine) -> bool:
        """Whether both have addresses that makers gave, and none of them in common (R9).

        Containers and virtual machines are made anew with other addresses; computers are not.
        """
        own, others = self._makers_addresses, other._makers_addresses
        return bool(own and others) and own.isdisjoint(others)

    def followed(self, seen: Machine, *, most_new: int = MAX_MAC_ADDRESSES) -> Machine:
        """This machine with the components that its agent shows now, in ``seen`` (R11).

        It is this machine itself when nothing has changed. A component that ``seen`` lacks stays
        as it is. MAC addresses stay while one of them agrees, so that a docking station changes
        nothing; while id and name agree, up to ``most_new`` others are added, and the newest eight
        stay. What ``seen`` has set aside goes: it has been listed since as shared (R12).
        """
        own_id = None if self.machine_id in seen.set_aside else self.machine_id
        own_addresses = tuple(mac for mac in self.mac_addresses if mac not in seen.set_aside)
        ids_agree = own_id is not None and own_id == seen.machine_id
        names_agree = self.computer_name is not None and self.computer_name == seen.computer_name
        if not seen.mac_addresses or not set(own_addresses).isdisjoint(seen.mac_addresses):
            addresses = own_addresses
        elif ids_agree and names_agree:
            addresses = (seen.mac_addresses[:most_new] + own_addresses)[:MAX_MAC_ADDRESSES]
        else:
            addresses = seen.mac_addresses
        return self._with(
            seen,
            id=seen.machine_id or own_id,
            name=seen.computer_name or self.computer_name,
            addresses=addresses,
        )

    def moved_along(self, before: Machine, after: Machine) -> Machine:
        """This machine after another record of it went from ``before`` to ``after`` (R9, R11).

        What the two had in common changes along, and of addresses, new ones are added. What only
        this one has stays: an agent in a container knows another name of the same computer. So do
        its oldest addresses: by them its own agent is known, whatever another one has shown.
        """
        shares = not set(self.mac_addresses).isdisjoint(before.mac_addresses)
        new = tuple(mac for mac in after.mac_addresses if mac not in self.mac_addresses)
        has_same_id = self.machine_id is not None and self.machine_id == before.machine_id
        has_same_name = self.computer_name is not None and (
            self.computer_name == before.computer_name
        )
        return self._with(
            after,
            id=(after.machine_id if has_same_id else None) or self.machine_id,
            name=(after.computer_name if has_same_name else None) or self.computer_name,
            addresses=(_added(new, self.mac_addresses) if shares else self.mac_addresses),
        )

    def without(self, components: Collection[str]) -> Machine:
        """This machine without the components of these names, as :meth:`differences` has them."""
        return self._with(
            self,
            id=None if "machine_id" in components else self.machine_id,
            name=None if "computer_name" in components else self.computer_name,
            addresses=() if "mac_addresses" in components else self.mac_addresses,
        )

    @property
    def lacking(self) -> frozenset[str]:
        """The names of the components that it does not have."""
        has = {
            "machine_id": self.machine_id,
            "mac_addresses": self.mac_addresses,
            "computer_name": self.computer_name,
        }
        return frozenset(name for name, component in has.items() if not component)

    def _with(
        self,
        other: Machine,
        *,
        id: bytes | None,
        name: bytes | None,
        addresses: tuple[bytes, ...],
    ) -> Machine:
        """This machine with these components, each its own or of ``other``; itself if alike."""
        local = {*self.local_addresses, *other.local_addresses}
        virtual = {*self.virtual_addresses, *other.virtual_addresses}
        changed = Machine(
            machine_id=id,
            mac_addresses=addresses,
            computer_name=name,
            local_addresses=tuple(sorted(mac for mac in addresses if mac in local)),
            has_default_name=(
                other if name is not None and name == other.computer_name else self
            ).has_default_name,
            virtual_addresses=tuple(sorted(mac for mac in addresses if mac in virtual)),
        )
        # Records of earlier releases do not tell which addresses are locally administered, or which
        # name is a default one. That is noted with a change, and is one only where a pair hangs on
        # it.
        return changed if self.differences(changed) else self

    def differences(self, other: Machine) -> tuple[str, ...]:
        """The names of the components that are not the same, for the audit event (R11).

        None differs exactly where the two have the same components and pairs.
        """
        unnamed_differ = self._unnamed_addresses != other._unnamed_addresses
        is_alike_named = self.has_default_name == other.has_default_name
        differ = {
            "machine_id": self.machine_id != other.machine_id,
            "mac_addresses": set(self.mac_addresses) != set(other.mac_addresses)
            or (unnamed_differ and is_alike_named),
            "computer_name": self.computer_name != other.computer_name
            or (unnamed_differ and not is_alike_named),
        }
        return tuple(name for name, differs in differ.items() if differs)

    @property
    def _makers_addresses(self) -> frozenset[bytes]:
        software = {*self.local_addresses, *self.virtual_addresses}
        return frozenset(self.mac_addresses) - software

    @property
    def _unnamed_addresses(self) -> frozenset[bytes]:
        return frozenset(self.mac_addresses) - frozenset(self.named_addresses)

    def identity(self) -> bytes:
        """One digest over all components, 16 bytes: a licence key is derived from it (R3)."""
        # Hashed with a word of its own, so that no identity equals a pair.
        state = hashlib.sha256(b"identity")
        for part in (self.machine_id, self.computer_name, *sorted(self.mac_addresses)):
            # Marked, so that a missing component and a present one never read alike.
            state.update(b"\0" if part is None else b"\1" + part)
        return state.digest()[:_DIGEST_BYTES]


NO_MACHINE: Final = Machine(machine_id=None, mac_addresses=(), computer_name=None)
"""The machine of a temporary licence before its first use: the same as no other (R26)."""


def _added(new: tuple[bytes, ...], own: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A record's addresses with new ones before them, of which the oldest stay in any case."""
    first = max(0, len(own) - _OLDEST_KEPT)
    newer, oldest = new + own[:first], own[first:]
    return newer[: MAX_MAC_ADDRESSES - len(oldest)] + oldest


def _pair(kind: bytes, first: bytes, second: bytes) -> bytes:
    return hashlib.sha256(kind + b"\0" + first + second).digest()[:_DIGEST_BYTES]
