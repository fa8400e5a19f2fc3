"""Which addresses a machine is known by: those that adapters were made with, in the clouds, too."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from licensing_agent.machine import identity, sources
from licensing_agent.machine.identity import Machine
from licensing_agent.machine.sources import Platform
from tests.agent.unit.test_machine import LAPTOP, adapter, tree, why

ID = "4c4c4544004235108052b4c04f4e5931"
GUESTS = {
    "libvirt": "52:54:00:6b:3c:58",
    "EC2": "06:5d:21:9a:c3:7f",
    "EC2, in another zone": "0a:1f:93:c2:5d:6b",
    "OpenStack": "fa:16:3e:7c:51:d9",
    "Hetzner": "96:00:01:5c:2e:9f",
    "Xen": "00:16:3e:5a:77:b1",
    "Proxmox": "bc:24:11:7d:92:e4",
    "VMware": "00:50:56:9b:31:c7",
    "Azure": "00:0d:3a:7f:12:9c",
}
CHANCE = "9e:61:b7:2c:45:d3"
MADE = "3c:52:82:0a:1b:2c"


def linux(
    root: Path,
    found: Mapping[str, str],
    *,
    bus: str = "pci",
    vendor: str = "LENOVO",
    own: str = "",
    name: str = "factory-7",
) -> Machine:
    """A machine with one adapter, eth0."""
    files = {
        "etc/machine-id": f"{ID}\n",
        "sys/class/dmi/id/sys_vendor": f"{vendor}\n",
        **adapter("eth0", found["address"], {k: v for k, v in found.items() if k != "address"}),
    }
    tree(root, files)
    (root / "sys/class/net/eth0/device/subsystem").symlink_to(f"../../bus/{bus}")
    platform = Platform(system="Linux", root=root, name=lambda: name, permanent=lambda _: own)
    return identity.read(platform)


@pytest.mark.parametrize("address", GUESTS.values(), ids=GUESTS)
@pytest.mark.parametrize(("bus", "vendor"), [("virtio", "?"), ("xen", "?"), ("pci", "Amazon EC2")])
def test_an_address_that_a_guests_platform_gave_for_good_counts(
    address: str, bus: str, vendor: str, tmp_path: Path
) -> None:
    given = {"address": address, "addr_assign_type": "0"}
    this = linux(tmp_path / "a", given, bus=bus, vendor=vendor)
    renamed = linux(tmp_path / "b", given, bus=bus, vendor=vendor, name="line-9")
    assert this.mac_addresses == (address,)
    assert renamed.credentials().is_same_machine_as(this.credentials())


@pytest.mark.parametrize("address", ["42:01:0a:80:00:02", "42:01:ac:10:00:02", "42:01:c0:a8:01:02"])
def test_an_address_made_of_a_private_ip_address_does_not_count_since_other_networks_have_it(
    address: str, tmp_path: Path
) -> None:
    given = {"address": address, "addr_assign_type": "0"}
    this = linux(tmp_path, given, bus="virtio", vendor="Google")
    assert this.mac_addresses == ()
    assert "private IP address" in why(this, "/eth0")


@pytest.mark.parametrize("assigned", ["1", "2", "3", ""])
def test_a_guests_address_that_its_software_gave_does_not_count(
    assigned: str, tmp_path: Path
) -> None:
    this = linux(tmp_path, {"address": CHANCE, "addr_assign_type": assigned}, bus="virtio")
    assert this.mac_addresses == ()
    assert "change" in why(this, "/eth0")


@pytest.mark.parametrize("assigned", ["0", "1", "2", "3", ""])
@pytest.mark.parametrize("shown", [CHANCE, "00:1b:63:84:45:e6"])
def test_what_an_adapter_was_made_with_counts_whatever_it_shows_to_networks(
    assigned: str, shown: str, tmp_path: Path
) -> None:
    this = linux(tmp_path, {"address": shown, "addr_assign_type": assigned}, own=MADE)
    assert this.mac_addresses == (MADE,)


def test_an_address_drawn_by_chance_never_counts_whatever_it_looks_like(tmp_path: Path) -> None:
    drawn = {"address": "3c:52:82:9d:41:77", "addr_assign_type": "1"}
    assert linux(tmp_path, drawn).mac_addresses == ()


@pytest.mark.parametrize(("bus", "vendor"), [("pci", "LENOVO"), ("usb", "LENOVO"), ("usb", "QEMU")])
def test_a_phone_at_a_port_and_a_board_without_an_address_are_no_platform(
    bus: str, vendor: str, tmp_path: Path
) -> None:
    given = {"address": CHANCE, "addr_assign_type": "0"}
    this = linux(tmp_path, given, bus=bus, vendor=vendor, own=CHANCE)
    assert why(this, "/eth0").startswith("locally administered")


def test_what_many_guests_have_does_not_count_in_a_virtual_machine_either(tmp_path: Path) -> None:
    shared = {"address": "52:54:00:12:34:56", "addr_assign_type": "0"}
    assert not linux(tmp_path, shared, bus="virtio").credentials().usable().mac_addresses


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_the_kernel_is_asked_and_may_have_nothing_to_say() -> None:
    assert sources.permanent_address("lo") == ""
    assert Platform().own_address("no such one") == ""


def windows(address: Mapping[str, object], product: str) -> tuple[str, ...]:
    listed = {"Name": "Ethernet", "HardwareInterface": True, "Virtual": False, **address}
    values = {"MachineGuid": str(UUID(ID)), "SystemManufacturer": product}

    def registry(_: str, name: str) -> str:
        if name not in values:
            raise FileNotFoundError(name)
        return values[name]

    def run(_: Sequence[str]) -> str:
        return json.dumps([listed])

    platform = Platform(system="Windows", run=run, registry=registry, name=lambda: "ACME-PC-01")
    return identity.read(platform).mac_addresses


def test_a_windows_guest_is_known_by_what_its_platform_gave() -> None:
    given = {"PermanentAddress": "065D219AC37F", "MacAddress": "06-5D-21-9A-C3-7F"}
    assert windows(given, "Amazon EC2") == ("06:5d:21:9a:c3:7f",)
    assert windows(given, "LENOVO") == ()
    assert windows({**given, "PermanentAddress": None}, "Amazon EC2") == ()
    assert windows({**given, "PnPDeviceID": r"USB\VID_04E8"}, "Amazon EC2") == ()


@pytest.mark.parametrize(("present", "counts"), [("1\n", True), ("0\n", False), ("", False)])
def test_a_mac_as_a_guest_is_known_by_what_its_platform_gave(present: str, *, counts: bool) -> None:
    said = {
        "ioreg": f'"IOPlatformUUID" = "{UUID(ID)}"',
        "networksetup": f"Hardware Port: Ethernet\nDevice: en0\nEthernet Address: {CHANCE}\n",
        "sysctl": present,
    }

    def run(arguments: Sequence[str]) -> str:
        return said.get(Path(arguments[0]).name, "")

    this = identity.read(Platform(system="Darwin", run=run, name=lambda: "build-mac"))
    assert this.mac_addresses == ((CHANCE,) if counts else ())


# -- what must not raise -------------------------------------------------------------------------


def test_a_machine_that_shows_nothing_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> str:
        raise PermissionError

    for method in ("iterdir", "exists", "is_symlink", "read_text", "is_dir"):
        monkeypatch.setattr(Path, method, denied)
    for system in ("Linux", "Windows", "Darwin"):
        platform = Platform(
            system=system, run=denied, registry=denied, name=denied, permanent=denied
        )
        assert identity.read(platform).found == ()


@pytest.mark.parametrize(
    "name", ["pc-1", "PC-1", "pc-1.corp.example", "pc-1.", "PC-1.Corp.Example.", " pc-1.local "]
)
def test_a_name_is_the_same_with_and_without_its_domain(name: str, tmp_path: Path) -> None:
    one = identity.read(
        Platform(system="Linux", root=tree(tmp_path / "a", LAPTOP), name=lambda: "pc-1")
    ).credentials()
    files = {path: text for path, text in LAPTOP.items() if not path.startswith("sys/class/net")}
    root = tree(tmp_path / "b", files)
    other = identity.read(Platform(system="Linux", root=root, name=lambda: name)).credentials()
    assert other.is_same_machine_as(one)
