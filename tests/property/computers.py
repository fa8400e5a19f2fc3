"""A population of unrelated computers, as they are sold, installed from images, and given software.

What it is made after is published: makers' prefixes of network addresses (IEEE), default names of
systems and images, the fixed addresses of VPN and virtualisation software, what firmware ships in
place of an id. What most of them share is known, and some of it is not: no list is complete.

The shares are round numbers, chosen so that what is shared is more frequent than in any fleet: what
counts is how often unrelated computers are taken for one, by one way to compare them and another.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

MAKERS = (
    *("3c5282", "a4bb6d", "f85ea0", "001b63", "8cec4b", "b8ca3a", "e454e8", "00219b", "d4bed9"),
    *("94c691", "f875a4", "54e1ad", "8c1645", "482ae3", "98fa9b", "a08cfd", "c8d9d2", "3863bb"),
    *("ac1f6b", "002590", "d85ed3", "1c697a", "b827eb", "dca632", "e45f01", "a483e7", "f01898"),
)
VPNS = ("00059a3c7a00", "00090ffe0001", "00090faa0001", "025041000001", "0205857feb80")
HOSTS = ("005056c00001", "005056c00008", "0a0027000000", "001c42000008", "02004c4f4f50")
DIALED = ("505054503030", "204153594eff", "005345000000")
MODEMS = ("0c5b8f279a64", "001e101f0000", "582c80139263", "00e04c534458")
UNLISTED_ADDRESSES = ("025a11d0c0de", "00e04c0b7a31")
BOARDS = (
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90AB-CDDEEFAABBCC",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE",
    "4C4C4544-0000-2010-8020-80C04F202020",
    "Default string",
    "To be filled by O.E.M.",
    "System Serial Number",
    "0123456789",
    "N/A",
    "Not Settable",
)
IMAGES = ("88544b92092430bc5d3fbbffc12a2f04", "9989a26f06984d6dbadc01770f018e3b", "uninitialized")
UNLISTED_IMAGES = ("6f2c1d0e8b7a49538e61f0a2b3c4d5e6",)
SERVERS = ("SERVER01", "SERVER", "SERVER02", "SRV01", "DC01", "SQL01", "FS01", "localhost")
GUESTS = ("ubuntu", "debian", "localhost", "localhost.localdomain", "centos", "vagrant", "kali")
BOARD_NAMES = ("raspberrypi", "raspberrypi", "ubuntu", "odroid", "orangepi", "octopi")


@dataclass
class Computers:
    """So many computers of chance, all unrelated; the same for the same seed."""

    count: int
    seed: int
    chance: random.Random = field(init=False)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each as its agent tells of it."""
        self.chance = random.Random(self.seed)  # noqa: S311 - reproducible, not secret
        kinds = (self._desktop, self._server, self._guest, self._container, self._board)
        for kind in self.chance.choices(kinds, (55, 15, 15, 8, 7), k=self.count):
            yield kind()

    def _desktop(self) -> dict[str, Any]:
        name = self._one(
            f"DESKTOP-{self._letters(7)}",
            f"LAPTOP-{self._letters(8)}",
            f"{self._letters(4)}-PC-{self._below(999):03}",
            f"PC{self._below(99):02}",
            f"WS-{self._below(9999):04}.corp.local",
        )
        extra = [*self._software(0.3), *self._at_times(0.02, UNLISTED_ADDRESSES)]
        id = self._one(*BOARDS) if self._happens(0.05) else self._uuid()
        return self._computer(id, name, self._cards(), extra)

    def _server(self) -> dict[str, Any]:
        name = self._one(*SERVERS)
        name += self._one("", "", ".corp.local", ".example.com")
        hypervisor = [f"00155d{self._hex(6)}" for _ in range(self._below(3))]
        id = self._one(*BOARDS) if self._happens(0.1) else self._uuid()
        return self._computer(id, name, self._cards(), [*hypervisor, *self._software(0.3)])

    def _guest(self) -> dict[str, Any]:
        name = self._one(*GUESTS)
        card = self._one(
            f"525400{self._hex(6)}",
            f"080027{self._hex(6)}",
            f"000c29{self._hex(6)}",
            f"00163e{self._hex(6)}",
            "525400123456",
        )
        own = self._uuid().replace("-", "")
        id = self._one(*IMAGES, *UNLISTED_IMAGES) if self._happens(0.04) else own
        docker = [f"0242{self._hex(8)}"] if self._happens(0.3) else []
        return self._computer(id, name, [card], docker)

    def _container(self) -> dict[str, Any]:
        name = self._hex(12) if self._happens(0.6) else self._one("localhost", "app", "agent")
        card = f"0242ac11{self._below(2):02x}{self._below(12) + 2:02x}"
        id = self._one(*IMAGES) if self._happens(0.2) else self._uuid()
        return self._computer(id, name, [card], [])

    def _board(self) -> dict[str, Any]:
        own = self._uuid().replace("-", "")
        id = self._one(*IMAGES, *UNLISTED_IMAGES) if self._happens(0.2) else own
        card = [f"{self._one('b827eb', 'dca632', 'e45f01')}{self._hex(6)}"]
        return self._computer(id, self._one(*BOARD_NAMES), card, list(self._at_times(0.2, MODEMS)))

    def _computer(
        self, id: str | None, name: str, cards: list[str], others: list[str]
    ) -> dict[str, Any]:
        addresses = [*cards, *others]
        self.chance.shuffle(addresses)
        # Agents up to 4.3 know no id.
        return {
            "machine_id": None if self._happens(0.1) else id,
            "mac_addresses": addresses,
            "computer_name": name,
        }

    def _cards(self) -> list[str]:
        return [f"{self._one(*MAKERS)}{self._hex(6)}" for _ in range(1 + self._below(3))]

    def _software(self, share: float) -> Iterator[str]:
        for listed in (VPNS, HOSTS, DIALED):
            yield from self._at_times(share, listed)

    def _at_times(self, share: float, listed: tuple[str, ...]) -> Iterator[str]:
        if self._happens(share):
            yield self._one(*listed)

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _one(self, *of: str) -> str:
        return self.chance.choice(of)

    def _below(self, limit: int) -> int:
        return self.chance.randrange(limit)

    def _hex(self, digits: int) -> str:
        return f"{self.chance.getrandbits(4 * digits):0{digits}x}"

    def _letters(self, count: int) -> str:
        return "".join(self.chance.choices(string.ascii_uppercase + string.digits, k=count))

    def _uuid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))
