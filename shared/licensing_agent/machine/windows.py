"""Windows: ``MachineGuid`` in the registry, and its adapters as PowerShell lists them.

What this module guarantees: the addresses are those that adapters were made with, whatever Windows
makes of them for privacy; adapters of Hyper-V, of tunnels and of VPNs are left out.
"""

from __future__ import annotations

import json
import os
from typing import Final

from licensing_agent.machine.sources import Found, LeftOut, Platform, Sources, mac

_KEY: Final = r"SOFTWARE\Microsoft\Cryptography"
_NAME: Final = "MachineGuid"
_LIST: Final = (
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; ConvertTo-Json -Compress @(Get-NetAdapter "
    "| Select-Object Name, PermanentAddress, MacAddress, HardwareInterface, Virtual)"
)
# By its whole path: Windows looks for a bare name in the current folder, too.
_POWERSHELL: Final = ("System32", "WindowsPowerShell", "v1.0", "powershell.exe")
_OPTIONS: Final = ("-NoProfile", "-NonInteractive", "-Command", _LIST)


def read(platform: Platform) -> Sources:
    """What a Windows machine says of itself."""
    raw_id: str | None
    try:
        raw_id, trouble = platform.registry(_KEY, _NAME), None
    except (OSError, ImportError):
        raw_id, trouble = None, "the registry has none"
    powershell = "\\".join((os.environ.get("SYSTEMROOT", "C:\\Windows"), *_POWERSHELL))
    judged = [_judge(adapter) for adapter in _adapters(platform.output(powershell, *_OPTIONS))]
    return Sources(
        raw_id=raw_id,
        id_source=rf"HKLM\{_KEY}\{_NAME}",
        id_trouble=trouble,
        computer_name=platform.name(),
        name_source="the computer name",
        macs=tuple(one for one in judged if isinstance(one, Found)),
        left_out=tuple(one for one in judged if isinstance(one, LeftOut)),
    )


def _adapters(output: str) -> list[dict[str, object]]:
    try:
        listed = json.loads(output)
    except ValueError:
        return []
    adapters = listed if isinstance(listed, list) else [listed]
    return [adapter for adapter in adapters if isinstance(adapter, dict)]


def _judge(adapter: dict[str, object]) -> Found | LeftOut:
    source = f"Get-NetAdapter: {adapter.get('Name')}"
    address = str(adapter.get("PermanentAddress") or adapter.get("MacAddress") or "")
    if adapter.get("HardwareInterface") is not True or adapter.get("Virtual") is True:
        return LeftOut("mac_address", address or None, source, "virtual: made by software")
    return mac(address, source, "a physical adapter")
