"""What a platform says of its machine, each read where that platform keeps it.

What this module guarantees: everything outside is reached through :class:`Platform`, so that each
platform's reading can be tried on another from what has been recorded. A source that is missing or
does not answer is no error: what it would have said is left out, with the reason.
"""

from __future__ import annotations

import array
import importlib
import platform
import socket
import struct
import subprocess  # nosec B404
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from licensing_agent.protocol.components import is_locally_administered, is_shared_address

Component = Literal["machine_id", "mac_address", "computer_name"]

_TOOL_SECONDS: Final = 20
_SIOCETHTOOL: Final = 0x8946
_ETHTOOL_GPERMADDR: Final = 0x20
_LONGEST_ADDRESS: Final = 32
_HYPERVISORS: Final = (
    "QEMU",
    "VMware",
    "VirtualBox",
    "innotek",
    "Xen",
    "Amazon EC2",
    "Google Compute Engine",
    "Parallels",
    "Virtual Machine",
    "KVM",
    "Bochs",
    "OpenStack",
    "DigitalOcean",
    "Hetzner",
    "Alibaba Cloud",
    "OracleCloud",
)
_OF_PRIVATE_ADDRESS: Final = ("42010a", "4201ac", "4201c0")
"""Google Cloud makes a guest's address of its private IP address, which many networks have."""

_NO_WINDOW: Final[int] = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows, no console flashes up beside an agent that has windows."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that the machine is known by, where it stood, and why it counts."""

    component: Component
    value: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that does not count, and why. ``value`` is never a raw machine id."""

    component: Component
    value: str | None
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a platform says. ``raw_id`` is its own machine id, which never leaves the machine.

    ``container`` and ``virtual_machine`` name what the machine is, where it is one.
    """

    raw_id: str | None = field(repr=False)
    id_source: str
    id_trouble: str | None
    computer_name: str
    name_source: str
    macs: tuple[Found, ...]
    left_out: tuple[LeftOut, ...]
    container: str | None = None
    virtual_machine: str | None = None


def run_tool(arguments: Sequence[str]) -> str:
    """What a tool of the platform prints. Raises :class:`OSError` where there is no such tool."""
    # The tools are named in this package, and so is all that they are told.
    ended = subprocess.run(  # noqa: S603 # nosec B603
        arguments,
        capture_output=True,
        timeout=_TOOL_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        creationflags=_NO_WINDOW,
    )
    return ended.stdout.decode(errors="replace")


def host_name() -> str:
    """The computer's name, as text that can be sent whatever bytes it is made of."""
    return socket.gethostname().encode(errors="surrogateescape").decode(errors="replace")


def permanent_address(name: str) -> str:
    """The address that a Linux adapter was made with, whatever software has set since; or nothing.

    As ``ethtool -P`` asks for it; anybody may. Raises :class:`OSError`.
    """
    fcntl = importlib.import_module("fcntl")
    answer = array.array("B", struct.pack("II", _ETHTOOL_GPERMADDR, _LONGEST_ADDRESS))
    answer.extend(bytes(_LONGEST_ADDRESS))
    asked = struct.pack("16sP16x", name.encode()[:15], answer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket.fileno(), _SIOCETHTOOL, asked)
    (length,) = struct.unpack_from("I", answer, 4)
    address = bytes(answer[8 : 8 + length])
    return address.hex(":") if any(address) else ""


def read_registry(key: str, name: str) -> str:
    """A text in Windows' registry, under HKEY_LOCAL_MACHINE. Raises :class:`OSError`."""
    winreg = importlib.import_module("winreg")
    # The 64-bit view: a 32-bit Python is shown another one that has no machine id.
    access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, access) as opened:
        return str(winreg.QueryValueEx(opened, name)[0])


@dataclass(frozen=True, slots=True)
class Platform:
    """How the outside is reached. ``system`` is ``Linux``, ``Windows`` or ``Darwin``."""

    system: str = field(default_factory=platform.system)
    root: Path = Path("/")
    run: Callable[[Sequence[str]], str] = run_tool
    registry: Callable[[str, str], str] = read_registry
    name: Callable[[], str] = host_name
    permanent: Callable[[str], str] = permanent_address

    def computer_name(self) -> str:
        """The host name, empty where the system does not tell."""
        try:
            return self.name()
        except OSError:
            return ""

    def own_address(self, adapter: str) -> str:
        """What an adapter was made with, empty where the system does not tell."""
        try:
            return self.permanent(adapter)
        except (OSError, ImportError):
            return ""

    def bus(self, device: str) -> str:
        """The bus that a device under the root is on, such as ``pci``, ``usb`` or ``virtio``."""
        try:
            return (self.root / device.lstrip("/") / "subsystem").readlink().name
        except OSError:
            return ""

    def names(self, folder: str) -> list[str]:
        """What is in a folder under the root, in order; nothing where it cannot be read."""
        try:
            return sorted(entry.name for entry in (self.root / folder.lstrip("/")).iterdir())
        except OSError:
            return []

    def output(self, *arguments: str) -> str:
        """What a tool prints, nothing where there is none or it does not come to an end."""
        try:
            return self.run(arguments)
        except (OSError, subprocess.SubprocessError):
            return ""

    def text(self, path: str) -> str | None:
        """A file under the root, ``None`` where there is none that can be read."""
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def has(self, path: str) -> bool:
        """Whether there is such a file, folder or link under the root."""
        found = self.root / path.lstrip("/")
        try:
            return found.is_symlink() or found.exists()
        except OSError:
            return False


def is_hypervisor(text: str) -> bool:
    """Whether firmware names a virtual machine's platform as its maker or product."""
    return any(word in text for word in _HYPERVISORS)


def mac(address: str, source: str, why: str, *, by_platform: bool = False) -> Found | LeftOut:
    """A physical adapter's address: it counts unless software has given it.

    ``by_platform`` says that a virtual machine's platform has made the adapter with it: it stays,
    locally administered or not.
    """
    digits = address.strip().lower().replace("-", "").replace(":", "")
    if len(digits) != 12 or not set(digits) <= set("0123456789abcdef") or digits == "0" * 12:
        return LeftOut("mac_address", address.strip() or None, source, "not an Ethernet address")
    spelled = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    if is_locally_administered(digits) and not by_platform:
        return LeftOut(
            "mac_address",
            spelled,
            source,
            "locally administered: set by software, and may change",
        )
    if digits.startswith(_OF_PRIVATE_ADDRESS):
        return LeftOut(
            "mac_address", spelled, source, "made of a private IP address, which many networks have"
        )
    if is_shared_address(digits):
        # It is sent all the same: the service may have a longer list, and then knows what to drop.
        why = "does not count: many computers have it"
    return Found("mac_address", spelled, source, why)
