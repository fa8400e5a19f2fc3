"""macOS: ``IOPlatformUUID`` of the registry of devices, and its hardware ports.

What this module guarantees: the addresses are the hardware's, not the private ones that Wi-Fi shows
to networks; the name is the one in the settings, not one that a network gave.
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
    judged = [
        _judge(*port)
        for port in re.findall(
            r"Hardware Port: (.*)\nDevice: (.*)\nEthernet Address: (.*)", ports.replace("\r", "")
        )
    ]
    return Sources(
        raw_id=named[1] if named else None,
        id_source="IOPlatformUUID, by ioreg",
        id_trouble=None if named else "ioreg shows none",
        computer_name=name or platform.name(),
        name_source="LocalHostName, by scutil" if name else "the host name",
        macs=tuple(one for one in judged if isinstance(one, Found)),
        left_out=tuple(one for one in judged if isinstance(one, LeftOut)),
    )


def _judge(port: str, device: str, address: str) -> Found | LeftOut:
    source = f"networksetup: {port} ({device})"
    if "Bridge" in port:
        return LeftOut("mac_address", address.strip(), source, "a bridge")
    return mac(address, source, "a hardware port")
