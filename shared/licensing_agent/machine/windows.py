"""Windows: ``MachineGuid`` in the registry, and its adapters as PowerShell lists them.

What this module guarantees: the addresses are those that adapters were made with, whatever Windows
makes of them for privacy; adapters of Hyper-V, of tunnels and of VPNs are left out. In a virtual
machine, those count that its platform has given its adapters for good.
"""

from __future__ import annotations

import json
import os
from typing import Final

from licensing_agent.machine.sources import Found, LeftOut, Platform, Sources, is_hypervisor, mac

_KEY: Final = r"SOFTWARE\Microsoft\Cryptography"
_NAME: Final = "MachineGuid"
_LIST: Final = (
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; ConvertTo-Json -Compress @(Get-NetAdapter "
    "| Select-Object Name, PermanentAddress, MacAddress, HardwareInterface, Virtual, PnPDeviceID)"
)
# By its whole path: Windows looks for a bare name in the current folder, too.
_POWERSHELL: Final = ("System32", "WindowsPowerShell", "v1.0", "powershell.exe")
_BIOS: Final = r"HARDWARE\DESCRIPTION\System\BIOS"
_OPTIONS: Final = ("-NoProfile", "-NonInteractive", "-Command", _LIST)


def read(platform: Platform) -> Sources:
    """What a Windows machine says of itself."""
    raw_id: str | None
    try:
        raw_id, trouble = platform.registry(_KEY, _NAME), None
    except (OSError, ImportError):
        raw_id, trouble = None, "the registry has none"
    powershell = "\\".join((os.environ.get("SYSTEMROOT", "C:\\Windows"), *_POWERSHELL))
    virtual_machine = _virtual_machine(platform)
    judged = [
        _judge(adapter, is_virtual=virtual_machine is not None)
        for adapter in _adapters(platform.output(powershell, *_OPTIONS))
    ]
    return Sources(
        raw_id=raw_id,
        id_source=rf"HKLM\{_KEY}\{_NAME}",
        id_trouble=trouble,
        computer_name=platform.computer_name(),
        name_source="the computer name",
        macs=tuple(one for one in judged if isinstance(one, Found)),
        left_out=tuple(one for one in judged if isinstance(one, LeftOut)),
        virtual_machine=virtual_machine,
    )


def _adapters(output: str) -> list[dict[str, object]]:
    try:
        listed = json.loads(output)
    except ValueError:
        return []
    adapters = listed if isinstance(listed, list) else [listed]
    return [adapter for adapter in adapters if isinstance(adapter, dict)]


def _virtual_machine(platform: Platform) -> str | None:
    for name in ("SystemManufacturer", "SystemProductName"):
        try:
            text = platform.registry(_BIOS, name).strip()
        except (OSError, ImportError):
            continue
        if is_hypervisor(text):
            return text
    return None


def _judge(adapter: dict[str, object], *, is_virtual: bool) -> Found | LeftOut:
    source = f"Get-NetAdapter: {adapter.get('Name')}"
    own = adapter.get("PermanentAddress")
    address = str(own or adapter.get("MacAddress") or "")
    if adapter.get("HardwareInterface") is not True or adapter.get("Virtual") is True:
        return LeftOut("mac_address", address or None, source, "virtual: made by software")
    is_at_usb = str(adapter.get("PnPDeviceID") or "").upper().startswith("USB")
    by_platform = bool(own) and is_virtual and not is_at_usb
    return mac(address, source, "a physical adapter", by_platform=by_platform)
