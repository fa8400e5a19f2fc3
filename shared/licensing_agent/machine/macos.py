"""macOS: ``IOPlatformUUID`` of the registry of devices, and its hardware ports.

What this module guarantees: the addresses are the hardware's, not the private ones that Wi-Fi shows
to networks; those of a virtual machine are what its platform has given it; the name is the one in
the settings, not one that a network gave.
"""

from __future__ import annotations

import re

from licensing_agent.machine.sources import Found, LeftOut, Platform, Sources, mac


def read(platform: Platform) -> Sources:
    """What a Mac says of itself."""
    registry = platform.output("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
    named = re.search(r'"IOPlatformUUID"\s*=\s*"([^"]+)"', registry)
    name = platform.output("/usr/sbin/scutil", "--get", "LocalHostName").strip()
    ports = platform.output("/usr/sbin/networksetup", "-listallhardwareports")
    present = platform.output("/usr/sbin/sysctl", "-n", "kern.hv_vmm_present").strip()
    is_virtual = present == "1"
    judged = [
        _judge(*port, is_virtual=is_virtual)
        for port in re.findall(
            r"Hardware Port: (.*)\nDevice: (.*)\nEthernet Address: (.*)", ports.replace("\r", "")
        )
    ]
    return Sources(
        raw_id=named[1] if named else None,
        id_source="IOPlatformUUID, by ioreg",
        id_trouble=None if named else "ioreg shows none",
        computer_name=name or platform.computer_name(),
        name_source="LocalHostName, by scutil" if name else "the host name",
        macs=tuple(one for one in judged if isinstance(one, Found)),
        left_out=tuple(one for one in judged if isinstance(one, LeftOut)),
        virtual_machine="macOS" if is_virtual else None,
    )


def _judge(port: str, device: str, address: str, *, is_virtual: bool) -> Found | LeftOut:
    source = f"networksetup: {port} ({device})"
    if "Bridge" in port:
        return LeftOut("mac_address", address.strip(), source, "a bridge")
    return mac(address, source, "a hardware port", by_platform=is_virtual and "USB" not in port)
