"""What each platform says of its machine, from recorded trees and outputs."""

import json
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self
from uuid import UUID

import pytest

from licensing_agent.__main__ import lines, main
from licensing_agent.machine import identity, sources
from licensing_agent.machine.identity import APPLICATION, Machine, app_specific
from licensing_agent.machine.sources import Platform
from licensing_agent.protocol.credentials import MAX_SENT, Credentials, TooFewCredentials

ID = "4c4c4544004235108052b4c04f4e5931"
HASHED = str(app_specific(UUID(ID), APPLICATION))


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """A recorded tree: a path that ends in a slash is a folder."""
    for name, text in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return root


def adapter(
    name: str, address: str, more: Mapping[str, str] | None = None, *, device: bool = True
) -> dict[str, str]:
    """An adapter under /sys/class/net."""
    folder = f"sys/class/net/{name}"
    files = {f"{folder}/address": f"{address}\n", f"{folder}/type": "1\n"}
    files |= {f"{folder}/{what}": text for what, text in (more or {}).items()}
    return files | ({f"{folder}/device/": ""} if device else {})


LAPTOP = {
    "etc/machine-id": f"{ID}\n",
    "proc/1/environ": "HOME=/\0TERM=linux\0",
    "proc/1/cgroup": "0::/init.scope\n",
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    **adapter("enp0s31f6", "3c:52:82:0a:1b:2c"),
    **adapter("wlp2s0", "a4:bb:6d:3e:90:1f"),
    **adapter("lo", "00:00:00:00:00:00", {"type": "772\n"}, device=False),
    **adapter("docker0", "02:42:5e:11:aa:01", device=False),
    **adapter("br0", "3c:52:82:0a:1b:2c", {"bridge/": ""}),
    **adapter("veth12ab", "f6:11:22:33:44:55", device=False),
    **adapter("usb0", "02:11:22:33:44:55"),
    **adapter("ib0", "80:00:02:08:fe:80", {"type": "32\n"}),
    **adapter("odd", ""),
}


def linux(root: Path, files: Mapping[str, str], name: str = "factory-7", **more: Any) -> Machine:
    platform = Platform(
        system="Linux", root=tree(root, files), name=lambda: name, permanent=lambda _: ""
    )
    return identity.read(platform, **more)


def why(this: Machine, source: str) -> str:
    """Why something has been left out."""
    (reason,) = {one.why for one in this.left_out if one.source.endswith(source)}
    return reason


def test_an_id_is_hashed_as_systemd_hashes_it() -> None:
    # As systemd's own tests state it.
    machine_id = UUID("51df0b4b-c3b0-4c97-80e2-99b98ca373b8")
    application = UUID("f03daaeb-1c33-4b43-a732-172944bf772e")
    made = app_specific(machine_id, application)
    assert made == UUID("1dee5954-e75c-4d6f-b96c-c6c04ca18a86")
    assert (made.version, made.variant) == (4, "specified in RFC 4122")
    assert app_specific(UUID(ID), APPLICATION) != app_specific(UUID(ID), UUID(int=1))


def test_linux_is_known_by_its_hashed_id_its_adapters_and_its_name(tmp_path: Path) -> None:
    this = linux(tmp_path, LAPTOP)
    assert this.machine_id == HASHED
    assert this.mac_addresses == ("3c:52:82:0a:1b:2c", "a4:bb:6d:3e:90:1f")
    assert this.computer_name == "factory-7"
    assert this.surroundings == ()
    assert this.secret == UUID(ID).bytes
    assert ID not in repr(this)
    assert repr(this.secret) not in repr(this)


def test_linux_leaves_out_what_is_no_physical_adapter_and_says_why(tmp_path: Path) -> None:
    this = linux(tmp_path, LAPTOP)
    assert why(this, "/lo") == "not Ethernet or Wi-Fi"
    assert why(this, "/ib0") == "not Ethernet or Wi-Fi"
    assert why(this, "/br0") == "a bridge"
    assert why(this, "/docker0").startswith("virtual")
    assert why(this, "/veth12ab").startswith("virtual")
    assert why(this, "/usb0").startswith("locally administered")
    assert why(this, "/odd") == "not an Ethernet address"


def test_an_adapter_in_a_bond_has_its_own_address(tmp_path: Path) -> None:
    own = {"bonding_slave/perm_hwaddr": "3c:52:82:0a:1b:2d\n"}
    this = linux(tmp_path, LAPTOP | adapter("eth1", "3c:52:82:0a:1b:2c", own))
    assert "3c:52:82:0a:1b:2d" in this.mac_addresses


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": ""}, "podman"),
        ({"proc/1/environ": "PATH=/bin\0container=podman\0"}, "podman"),
        ({"proc/1/cgroup": "1:name=systemd:/kubepods/besteffort/pod1\n"}, "kubernetes"),
        ({"proc/1/cgroup": "2:cpu:/docker/0123\n"}, "docker"),
        # With containerd and cgroups of version 2 nothing stands in the group's name.
        (
            {
                "proc/1/cgroup": "0::/\n",
                "proc/self/environ": "HOME=/\0KUBERNETES_SERVICE_HOST=10.96.0.1\0",
            },
            "kubernetes",
        ),
        (
            {
                "proc/1/cgroup": "0::/\n",
                "proc/self/mountinfo": "98 85 8:1 /pods/1 /dev/termination-log rw - ext4 a rw\n",
            },
            "kubernetes",
        ),
    ],
)
def test_in_a_container_an_id_on_a_volume_takes_the_place_of_the_images(
    files: dict[str, str], kind: str, tmp_path: Path
) -> None:
    root, volume = tmp_path / "root", tmp_path / "volume"
    this = linux(root, LAPTOP | files, folder=volume)
    assert this.surroundings == (f"container ({kind})",)
    assert this.machine_id not in {None, HASHED}
    assert "all its containers share it" in why(this, "/etc/machine-id")
    again = linux(tmp_path / "next", LAPTOP | files, folder=volume)
    assert again.machine_id == this.machine_id
    assert again.secret == this.secret
    other = linux(tmp_path / "other", LAPTOP | files, folder=tmp_path / "another volume")
    assert other.machine_id != this.machine_id


@pytest.mark.parametrize(
    "files",
    [
        {"proc/1/environ": "container=lxc\0"},
        {"proc/1/environ": "container=systemd-nspawn\0"},
        {
            ".dockerenv": "",
            "proc/self/mountinfo": "odd\n36 35 8:1 /id /etc/machine-id ro - ext4 / ro\n",
        },
    ],
)
def test_in_a_container_an_id_of_its_own_or_of_its_host_counts(
    files: dict[str, str], tmp_path: Path
) -> None:
    assert linux(tmp_path, LAPTOP | files).machine_id == HASHED


def test_a_virtual_machine_has_an_id_of_its_own(tmp_path: Path) -> None:
    this = linux(tmp_path, LAPTOP | {"sys/class/dmi/id/sys_vendor": "QEMU\n"})
    assert this.surroundings == ("virtual machine (QEMU)",)
    assert this.machine_id == HASHED


@pytest.mark.parametrize("text", ["", "uninitialized\n", "0" * 32, "4C4C"])
def test_where_the_platform_has_no_id_there_is_one_of_the_installation(
    text: str, tmp_path: Path
) -> None:
    files = LAPTOP | {"etc/machine-id": text}
    assert linux(tmp_path / "a", files, folder=tmp_path).machine_id not in {None, HASHED}
    without = linux(tmp_path / "b", files)
    assert without.machine_id is None
    assert without.secret == b""
    assert why(without, "the installation id") == "no folder was named to keep it in"


@pytest.mark.parametrize(
    "id", ["88544b92092430bc5d3fbbffc12a2f04", "fe" * 16, "0123456789abcdef" * 2]
)
def test_an_id_that_many_computers_have_is_left_out_before_it_is_hashed(
    id: str, tmp_path: Path
) -> None:
    files = LAPTOP | {"etc/machine-id": f"{id}\n"}
    this = linux(tmp_path / "a", files, folder=tmp_path)
    assert this.machine_id not in {None, str(app_specific(UUID(id), APPLICATION))}
    assert "many computers have it" in why(this, "/etc/machine-id")
    assert linux(tmp_path / "b", files).machine_id is None
    # What an older client has encrypted under it is still to be read.
    assert this.secret == UUID(id).bytes


def test_an_adapter_that_many_computers_have_is_sent_and_told(tmp_path: Path) -> None:
    this = linux(tmp_path, LAPTOP | adapter("wwan0", "0c:5b:8f:27:9a:64"))
    (told,) = [one.why for one in this.found if one.value == "0c:5b:8f:27:9a:64"]
    assert told == "does not count: many computers have it"
    assert "0c:5b:8f:27:9a:64" in this.credentials().mac_addresses
    assert "0c5b8f279a64" not in this.credentials().usable().mac_addresses


def test_of_hundreds_of_adapters_makers_are_sent_first() -> None:
    software = [f"52:54:00:6b:{n // 256:02x}:{n % 256:02x}" for n in range(700)]
    sent = Credentials.of(
        machine_id=None, mac_addresses=[*software, "3C-52-82-0A-1B-2C"], computer_name="esx-7"
    )
    assert len(sent.mac_addresses) == MAX_SENT
    assert sent.mac_addresses[0] == "3c52820a1b2c"


def test_an_installation_id_that_cannot_be_kept_or_read_is_told(tmp_path: Path) -> None:
    files = LAPTOP | {"etc/machine-id": ""}
    (tmp_path / "file").write_text("in the way")
    this = linux(tmp_path / "a", files, folder=tmp_path / "file")
    assert "cannot be kept" in why(this, "/file")
    (tmp_path / "installation-id").write_text("something else")
    this = linux(tmp_path / "b", files, folder=tmp_path)
    assert this.machine_id is None
    assert (tmp_path / "installation-id").read_text() == "something else"


def test_a_name_that_a_container_was_given_by_chance_is_told(tmp_path: Path) -> None:
    files = LAPTOP | {".dockerenv": ""}
    random = linux(tmp_path / "a", files, "0a1b2c3d4e5f")
    (told,) = [one.why for one in random.found if one.component == "computer_name"]
    assert "--hostname" in told
    named = linux(tmp_path / "b", files, "0a1b2c3d4e5f", computer_name="line-3")
    assert named.computer_name == "line-3"
    assert linux(tmp_path / "c", LAPTOP, "").computer_name is None


def test_a_machine_with_one_component_is_told_to_whoever_starts_the_agent(tmp_path: Path) -> None:
    with pytest.raises(TooFewCredentials, match="python -m licensing_agent machine"):
        linux(tmp_path, {}).credentials()


# -- Windows and macOS ---------------------------------------------------------------------------

ADAPTERS = [
    {
        "Name": "Ethernet",
        "PermanentAddress": "3C52820A1B2C",
        "MacAddress": "3C-52-82-0A-1B-2C",
        "HardwareInterface": True,
        "Virtual": False,
    },
    {
        "Name": "WLAN",
        "PermanentAddress": "A4BB6D3E901F",
        "MacAddress": "02-11-22-33-44-55",
        "HardwareInterface": True,
        "Virtual": False,
    },
    {
        "Name": "vEthernet (Default Switch)",
        "PermanentAddress": "00155D011203",
        "MacAddress": "00-15-5D-01-12-03",
        "HardwareInterface": False,
        "Virtual": True,
    },
    {
        "Name": "Bluetooth",
        "PermanentAddress": None,
        "MacAddress": "",
        "HardwareInterface": True,
        "Virtual": False,
    },
]


def no_registry(_: str, __: str) -> str:
    raise FileNotFoundError


def windows(output: str, registry: Any = lambda *_: str(UUID(ID))) -> Machine:
    platform = Platform(
        system="Windows", run=lambda _: output, registry=registry, name=lambda: "ACME-PC-01"
    )
    return identity.read(platform)


def test_windows_is_known_by_machine_guid_its_adapters_and_its_name() -> None:
    this = windows(json.dumps(ADAPTERS))
    assert this.machine_id == HASHED
    assert this.mac_addresses == ("3c:52:82:0a:1b:2c", "a4:bb:6d:3e:90:1f")
    assert this.computer_name == "ACME-PC-01"
    assert why(this, "vEthernet (Default Switch)").startswith("virtual")
    assert why(this, "Bluetooth") == "not an Ethernet address"


@pytest.mark.parametrize("output", ["", "null", "Get-NetAdapter : Access denied", '["odd"]'])
def test_windows_without_its_sources_is_known_by_what_is_left(output: str) -> None:
    assert windows(output).mac_addresses == ()
    assert windows(json.dumps(ADAPTERS[0])).mac_addresses == ("3c:52:82:0a:1b:2c",)
    assert why(windows(output, no_registry), "MachineGuid") == "the registry has none"
    assert windows(output, lambda *_: "odd").machine_id is None


def test_windows_tools_are_started_by_their_whole_path_and_not_from_where_the_agent_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []

    def run(arguments: Sequence[str]) -> str:
        started.append(arguments[0])
        return ""

    for root, drive in (("D:\\Windows", "D:\\"), (None, "C:\\")):
        if root:
            monkeypatch.setenv("SYSTEMROOT", root)
        else:
            monkeypatch.delenv("SYSTEMROOT")
        identity.read(
            Platform(
                system="Windows",
                run=run,
                registry=lambda *_: str(UUID(ID)),
                name=lambda: "ACME-PC-01",
            )
        )
        tool = "Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
        assert started.pop() == f"{drive}{tool}"


def test_a_name_that_is_not_text_can_be_sent_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "caf\udce9-1")
    assert Platform().name() == "caf\N{REPLACEMENT CHARACTER}-1"


def test_windows_registry_is_read_in_its_64_bit_view(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Key:
        def __enter__(self) -> Self:
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None:
            asked.append("closed")

    winreg: Any = ModuleType("winreg")
    winreg.KEY_READ, winreg.KEY_WOW64_64KEY, winreg.HKEY_LOCAL_MACHINE = 1, 256, "HKLM"

    def open_key(*arguments: object) -> Key:
        asked.append(arguments)
        return Key()

    winreg.OpenKey = open_key
    winreg.QueryValueEx = lambda _, name: (f"value of {name}", 1)
    monkeypatch.setitem(sys.modules, "winreg", winreg)
    assert sources.read_registry("KEY", "MachineGuid") == "value of MachineGuid"
    assert asked == [("HKLM", "KEY", 0, 257), "closed"]


MAC = {
    "ioreg": f'+-o J314 <class IOPlatformExpertDevice>\n  "IOPlatformUUID" = "{UUID(ID)}"\n',
    "scutil": "Annas-MacBook\n",
    "networksetup": "\n".join(
        f"\nHardware Port: {port}\nDevice: {device}\nEthernet Address: {address}"
        for port, device, address in (
            ("Wi-Fi", "en0", "a4:83:e7:11:22:33"),
            ("Thunderbolt 1", "en1", "82:11:22:33:44:55"),
            ("Thunderbolt Bridge", "bridge0", "a4:83:e7:11:22:34"),
        )
    )
    + "\n\nVLAN Configurations\n===================\n",
}


def macos(outputs: Mapping[str, str]) -> Machine:
    def run(arguments: Sequence[str]) -> str:
        tool = Path(arguments[0]).name
        if tool not in outputs:
            raise FileNotFoundError(tool)
        return outputs[tool]

    return identity.read(Platform(system="Darwin", run=run, name=lambda: "dhcp-17.example"))


def test_macos_is_known_by_its_platform_uuid_its_ports_and_its_name() -> None:
    this = macos(MAC)
    assert this.machine_id == HASHED
    assert this.mac_addresses == ("a4:83:e7:11:22:33",)
    assert this.computer_name == "Annas-MacBook"
    assert why(this, "(en1)").startswith("locally administered")
    assert why(this, "(bridge0)") == "a bridge"


def test_macos_without_its_tools_is_known_by_its_host_name() -> None:
    this = macos({})
    assert (this.machine_id, this.mac_addresses) == (None, ())
    assert this.computer_name == "dhcp-17.example"


def test_a_tool_that_does_not_come_to_an_end_says_nothing() -> None:
    def run(arguments: Sequence[str]) -> str:
        raise subprocess.TimeoutExpired(list(arguments), 20)

    assert Platform(system="Darwin", run=run).output("ioreg") == ""
    assert sources.run_tool([sys.executable, "-c", "print('said')"]).strip() == "said"


def test_another_platform_is_refused() -> None:
    with pytest.raises(identity.UnknownPlatform, match="Plan 9"):
        identity.read(Platform(system="Plan 9"))


# -- the command ---------------------------------------------------------------------------------


def test_the_command_shows_what_was_found_what_was_left_out_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["machine", "--folder", str(tmp_path), "--computer-name", "LINE-3"])
    shown = capsys.readouterr().out
    assert status == 0
    assert "LINE-3  from the configuration: given by the vendor" in shown
    assert "Thumbprint in leases: " in shown


def test_the_command_shows_no_raw_id(tmp_path: Path) -> None:
    shown = "\n".join(lines(linux(tmp_path, LAPTOP | {".dockerenv": ""}, folder=tmp_path)))
    assert "This is a container (docker)." in shown
    assert "Left out:" in shown
    assert ID not in shown.replace("-", "")
    assert (tmp_path / "installation-id").read_text().strip() not in shown


def test_the_command_fails_where_the_service_would_not_know_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(identity, "Platform", lambda: Platform(system="Linux", root=tmp_path))
    assert main(["machine", "--computer-name", "LINE-3"]) == 1
    assert "At least two" in capsys.readouterr().out
    monkeypatch.setattr(identity, "Platform", lambda: Platform(system="Plan 9"))
    assert main(["machine"]) == 1
    assert "cannot be identified" in capsys.readouterr().err


def test_the_command_is_the_packages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["licensing_agent", "--help"])
    monkeypatch.delitem(sys.modules, "licensing_agent.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("licensing_agent", run_name="__main__")
    assert ended.value.code == 0
