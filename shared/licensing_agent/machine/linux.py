"""Linux: ``/etc/machine-id``, ``/sys/class/net``, and whether this is a container or a VM.

What this module guarantees:

* The id of an image is not taken for a machine's. In a container of an application,
  ``/etc/machine-id`` counts only where it is mounted from the host.
* An address is the one that its adapter was made with, whatever software makes of it for privacy.
  One that is locally administered counts where a virtual machine's platform has given it for good.
"""

from __future__ import annotations

import re
from typing import Final

from licensing_agent.machine.sources import Found, LeftOut, Platform, Sources, is_hypervisor, mac

_ID_FILES: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ETHERNET: Final = "1"  # ARPHRD_ETHER; Wi-Fi has it, too
# What the kernel says of an address in addr_assign_type: made with the device, or drawn by chance.
_MADE_WITH_IT: Final = "0"
_BY_CHANCE: Final = "1"
_VIRTUAL_BUSES: Final = frozenset({"virtio", "xen", "vmbus"})
# These boot as a machine does, with an id of their own.
_WHOLE_SYSTEMS: Final = frozenset({"lxc", "lxc-libvirt", "systemd-nspawn"})
_CGROUPS: Final = (
    ("kubepods", "kubernetes"),
    ("libpod", "podman"),
    ("docker", "docker"),
    ("containerd", "containerd"),
    ("lxc", "lxc"),
)
_POD_FILE: Final = "/dev/termination-log"


def read(platform: Platform) -> Sources:
    """What a Linux machine says of itself."""
    container = container_of(platform)
    raw_id, id_source, id_trouble = _machine_id(platform, container)
    macs, left_out = _macs(platform)
    return Sources(
        raw_id=raw_id,
        id_source=id_source,
        id_trouble=id_trouble,
        computer_name=platform.computer_name(),
        name_source="the host name",
        macs=macs,
        left_out=left_out,
        container=container,
        virtual_machine=virtual_machine_of(platform),
    )


def container_of(platform: Platform) -> str | None:
    """Which kind of container this is, if it is one."""
    environ = platform.text("/proc/1/environ") or ""
    named = re.search(r"(?:\A|\0)container=([^\0]+)", environ)
    if named:
        return named[1]
    if platform.has("/run/.containerenv"):
        return "podman"
    if platform.has("/.dockerenv"):
        return "docker"
    # With cgroups of version 2 nothing else tells: the variable is in each container of a pod, and
    # the file is mounted into each, whatever its environment was replaced by.
    own = platform.text("/proc/self/environ") or ""
    if re.search(r"(?:\A|\0)KUBERNETES_SERVICE_HOST=", own) or _is_mounted(platform, _POD_FILE):
        return "kubernetes"
    groups = platform.text("/proc/1/cgroup") or ""
    for word, kind in _CGROUPS:
        if word in groups:
            return kind
    return None


def virtual_machine_of(platform: Platform) -> str | None:
    """Which kind of virtual machine this is, if it says so."""
    for name in ("sys_vendor", "product_name"):
        text = (platform.text(f"/sys/class/dmi/id/{name}") or "").strip()
        if is_hypervisor(text):
            return text
    return None


def _machine_id(platform: Platform, container: str | None) -> tuple[str | None, str, str | None]:
    for path in _ID_FILES:
        text = (platform.text(path) or "").strip()
        if not text:
            continue
        if not _ID.fullmatch(text) or text == "0" * 32:
            return None, path, "not a valid machine id"
        is_own = container is None or container in _WHOLE_SYSTEMS or _is_mounted(platform, path)
        if not is_own:
            return None, path, "in a container it is the image's, and all its containers share it"
        return text, path, None
    return None, _ID_FILES[0], "there is none"


def _is_mounted(platform: Platform, path: str) -> bool:
    mounts = (platform.text("/proc/self/mountinfo") or "").splitlines()
    return any(len(fields := line.split()) > 4 and fields[4] == path for line in mounts)


def _macs(platform: Platform) -> tuple[tuple[Found, ...], tuple[LeftOut, ...]]:
    judged = [_mac(platform, name) for name in platform.names("/sys/class/net")]
    return (
        tuple(one for one in judged if isinstance(one, Found)),
        tuple(one for one in judged if isinstance(one, LeftOut)),
    )


def _mac(platform: Platform, name: str) -> Found | LeftOut:
    source = f"/sys/class/net/{name}"

    def says(what: str) -> str:
        return (platform.text(f"{source}/{what}") or "").strip()

    address = says("address")
    if says("type") != _ETHERNET:
        return LeftOut("mac_address", address or None, source, "not Ethernet or Wi-Fi")
    if platform.has(f"{source}/bridge"):
        return LeftOut("mac_address", address or None, source, "a bridge")
    if not platform.has(f"{source}/device"):
        return LeftOut("mac_address", address or None, source, "virtual: there is no device behind")
    # As a part of a bond, an adapter shows the bond's address; its own stands beside it.
    own = says("bonding_slave/perm_hwaddr") or platform.own_address(name)
    given = says("addr_assign_type")
    if not own and given == _BY_CHANCE:
        return LeftOut("mac_address", address or None, source, "drawn by chance, and will change")
    return mac(
        own or address,
        source,
        "a physical adapter",
        by_platform=bool(own or given == _MADE_WITH_IT) and _is_platforms(platform, source),
    )


def _is_platforms(platform: Platform, adapter: str) -> bool:
    """Whether a virtual machine's platform has made an adapter: a phone at a port is none of it."""
    bus = platform.bus(f"{adapter}/device")
    return bus in _VIRTUAL_BUSES or (bus != "usb" and virtual_machine_of(platform) is not None)
