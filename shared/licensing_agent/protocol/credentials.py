"""What a machine is known by: its id, its MAC addresses and its name.

What this module guarantees:

* :class:`Credentials` are the machine as it is sent. :meth:`Credentials.thumbprint` is, to the
  byte, the digest of it that stands in the service's leases, whatever of it counts there.
* Two of them are one machine exactly when the service would say so that has the same list of what
  computers share (:mod:`licensing_agent.protocol.components`): when two of the three agree.
* Beside the bound device key, the machine id alone is enough for it (R9), but for one of another
  computer: :meth:`Credentials.is_made_anew_from`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from licensing_agent.protocol import components

MAX_SENT: Final = 256
"""How many MAC addresses are sent at most: a request has its bounds. The service uses eight."""


class TooFewCredentials(Exception):
    """This machine shows too little of its own: the service would not know it."""


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a machine tells it from others, in its normal form."""

    machine_id: str | None
    mac_addresses: frozenset[str]
    computer_name: str | None

    @property
    def named_addresses(self) -> frozenset[str]:
        """The addresses that say something beside the name.

        Beside a default name, those say nothing that are locally administered: images have both.
        """
        if not components.is_default_name(self.computer_name or ""):
            return self.mac_addresses
        return frozenset(
            mac for mac in self.mac_addresses if not components.is_locally_administered(mac)
        )

    def is_enough(self) -> bool:
        """Whether two components say something together."""
        if self.machine_id:
            return bool(self.computer_name or self.mac_addresses)
        return bool(self.computer_name and self.named_addresses)

    def is_same_as(self, other: Usable) -> bool:
        """Whether two of the three agree."""
        has_name = self.computer_name is not None and self.computer_name == other.computer_name
        if self.machine_id is not None and self.machine_id == other.machine_id:
            return has_name or not self.mac_addresses.isdisjoint(other.mac_addresses)
        return has_name and not self.named_addresses.isdisjoint(other.named_addresses)

    def contradicts(self, other: Usable) -> bool:
        """Whether both have addresses that makers gave, and none of them in common (R9)."""
        own, others = self._makers_addresses, other._makers_addresses
        return bool(own and others) and own.isdisjoint(others)

    @property
    def _makers_addresses(self) -> frozenset[str]:
        return frozenset(
            mac
            for mac in self.mac_addresses
            if not (components.is_locally_administered(mac) or components.is_of_hypervisor(mac))
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """One machine, as it is sent."""

    machine_id: str | None
    mac_addresses: tuple[str, ...]
    computer_name: str | None

    @classmethod
    def of(
        cls, *, machine_id: str | None, mac_addresses: Iterable[str], computer_name: str | None
    ) -> Credentials:
        """What was found, to be sent. Raises :class:`TooFewCredentials` where it is not enough."""
        found = tuple(mac_addresses)
        if len(found) > MAX_SENT:
            found = tuple(sorted(components.mac_addresses(found), key=components.by_origin))
        made = cls(machine_id, found[:MAX_SENT], computer_name)
        if not made.usable().is_enough():
            raise TooFewCredentials(
                "At least two of these are needed: a machine id, a MAC address of a physical "
                "adapter, a computer name. What many computers have in common does not count. "
                "`python -m licensing_agent machine` shows those found."
            )
        return made

    def as_sent(self) -> dict[str, object]:
        """As it stands in a request."""
        return {
            "machine_id": self.machine_id,
            "mac_addresses": list(self.mac_addresses),
            "computer_name": self.computer_name,
        }

    def thumbprint(self) -> str:
        """Base64url SHA-256 of the canonical JSON of the machine as it is sent."""
        canonical = json.dumps(self.as_sent(), separators=(",", ":"), sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def usable(self) -> Usable:
        """What of it tells this machine from others, by the list that this agent has."""
        id, addresses = (
            components.machine_id(self.machine_id),
            components.mac_addresses(self.mac_addresses),
        )
        return Usable(
            machine_id=None if components.is_shared_id(id) else id,
            mac_addresses=frozenset(
                mac for mac in addresses if not components.is_shared_address(mac)
            ),
            computer_name=components.computer_name(self.computer_name) or None,
        )

    def is_same_machine_as(self, other: Credentials) -> bool:
        """Whether two of the three agree: a docking station or a new name is no new machine."""
        return self.usable().is_same_as(other.usable())

    def is_made_anew_from(self, other: Credentials) -> bool:
        """Whether the machine id is the same, and no maker's address says that it is another one.

        Of containers and virtual machines, name and addresses change, while the id stays on the
        volume. Alone it says too little: a copied volume has it. It counts beside the bound device
        key, for the lease that is stored.
        """
        now, then = self.usable(), other.usable()
        has_id = now.machine_id is not None and now.machine_id == then.machine_id
        return has_id and not now.contradicts(then)
