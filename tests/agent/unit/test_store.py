"""The licence at rest: encrypted, of one machine, whole through every crash."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage import encrypted_file, installation, store
from licensing_agent.storage.encrypted_file import Trouble
from licensing_agent.storage.state import NOTHING, Kept, KeptLease, KeptLicense, decode, encode
from licensing_agent.storage.store import Reading, Store
from tests.agent.samples import KEYS, LICENSE_ID, LICENSE_KEY, MACHINE, lease_token
from tests.unit.samples import NOW

SECRET = b"the id of this machine"
LICENSE = KeptLicense(
    key=LICENSE_KEY, id=LICENSE_ID, organization_id="acme", save_configuration=True
)
LEASE = KeptLease(
    token=lease_token(),
    nonce="n-1",
    credentials=MACHINE,
    time=Timekeeping(NOW, NOW + 0.25, NOW + 300),
)
KEPT = Kept(license=LICENSE, lease=LEASE, link="a.b.c", asked="n-2", keys=KEYS)
OLD = Kept(license=replace(LICENSE, key="OLD"))


class Ring:
    """A platform's keyring, as the package `keyring` shows it."""

    def __init__(self, *, works: bool = True, keeps: bool = True) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.works = works
        self.keeps = keeps

    def get_password(self, service: str, username: str, /) -> str | None:
        if not self.works:
            raise RuntimeError("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        if not self.works:
            raise RuntimeError("locked")
        if self.keeps:
            self.kept[service, username] = password


def a_store(folder: Path, secret: bytes = SECRET, ring: Ring | None = None) -> Store:
    return Store(folder, secret, ring)


# -- what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [NOTHING, OLD, KEPT, replace(KEPT, lease=None)])
def test_what_is_kept_is_read_as_it_was(kept: Kept, tmp_path: Path) -> None:
    assert a_store(tmp_path).write(kept) is None
    assert a_store(tmp_path).read().kept == kept
    assert a_store(tmp_path).read().trouble is None
    assert decode(encode(kept)) == kept


def test_where_nothing_has_been_kept_nothing_is_wrong(tmp_path: Path) -> None:
    assert a_store(tmp_path / "none").read() == Reading()


def test_only_the_account_that_runs_can_read_it_and_nobody_sees_the_key(tmp_path: Path) -> None:
    a_store(tmp_path / "state").write(KEPT)
    path = tmp_path / "state" / store.NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for secret in (LICENSE_KEY, LICENSE_ID, LEASE.token, "acme"):
        assert secret.encode() not in path.read_bytes()
    assert LICENSE_KEY not in repr(KEPT)
    assert LEASE.token not in repr(KEPT)


@pytest.mark.parametrize("ring", [None, Ring()])
def test_on_another_machine_it_is_worth_nothing(ring: Ring | None, tmp_path: Path) -> None:
    a_store(tmp_path, ring=ring).write(KEPT)
    reading = a_store(tmp_path, b"another machine", ring).read()
    assert (reading.kept, reading.trouble) == (NOTHING, Trouble.OTHER_MACHINE)


def test_whatever_byte_of_it_is_changed_or_missing_there_is_no_license(tmp_path: Path) -> None:
    a_store(tmp_path).write(OLD)
    path = tmp_path / store.NAME
    whole = path.read_bytes()
    for at in range(len(whole)):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(data)
            reading = a_store(tmp_path).read()
            assert reading.kept == NOTHING
            assert reading.trouble is not None
    path.write_bytes(whole)
    assert a_store(tmp_path).read().kept == OLD


def test_what_the_first_version_has_kept_is_taken_over(tmp_path: Path) -> None:
    old = json.loads(encode(KEPT))
    assert old["version"] == 2
    del old["link"], old["asked"]
    taken = decode(json.dumps(old | {"version": 1}).encode())
    # It never presented a lease: the one that it has is the one to begin with.
    assert taken == replace(KEPT, link=LEASE.token, asked=None)
    nothing = decode(json.dumps(old | {"version": 1, "lease": None}).encode())
    assert nothing == replace(KEPT, lease=None, link=None, asked=None)
    a_store(tmp_path).write(taken)
    assert a_store(tmp_path).read().kept == taken


SECOND = """{
  "version": 2,
  "license": {
    "key": "AAAAA-BBBBB", "id": "lic_0123456789abcdef", "organization_id": "acme",
    "save_configuration": true, "device_key": null
  },
  "lease": null, "link": "a.b.c", "asked": "n-2", "keys": {}
}"""


def test_what_the_second_version_has_kept_is_taken_over(tmp_path: Path) -> None:
    taken = decode(SECOND.encode())
    license = replace(LICENSE, key="AAAAA-BBBBB")
    assert taken == Kept(license=license, link="a.b.c", asked="n-2")
    given_up = json.dumps(json.loads(SECOND) | {"license": None, "link": None, "asked": None})
    assert decode(given_up.encode()) == NOTHING
    a_store(tmp_path).write(taken)
    assert a_store(tmp_path).read().kept == taken


NO_TIME = encode(KEPT).decode().replace(f'"mark": {NOW + 300}', '"mark": true')


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "license": null, "lease": null}',
        '{"version": 1, "license": [], "lease": null, "keys": {}}',
        '{"version": 1, "license": {"key": 1}, "lease": null, "keys": {}}',
        '{"version": 1, "license": null, "lease": {"credentials": {}, "time": {}}, "keys": {}}',
        '{"version": 1, "license": null, "lease": {"token": "t", "nonce": "n", "keys": {}}}',
        NO_TIME,
    ],
)
def test_what_another_version_has_kept_is_no_license(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|version"):
        decode(text.encode())


def test_what_a_newer_version_has_kept_is_told_and_is_no_license(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("licensing_agent.storage.state._VERSION", 3)
        assert a_store(tmp_path).write(KEPT) is None
    found = a_store(tmp_path).read()
    assert (found.kept, found.trouble) == (NOTHING, Trouble.OTHER_VERSION)


def test_a_folder_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert a_store(tmp_path / "file").write(KEPT) is Trouble.NO_FILE
    (tmp_path / store.NAME).mkdir()
    assert a_store(tmp_path).read().trouble is Trouble.NO_FILE
    assert a_store(tmp_path).write(KEPT) is Trouble.NO_FILE
    assert [path.name for path in tmp_path.glob(".*")] == []


# -- the keyring ---------------------------------------------------------------------------------


def test_with_a_keyring_the_file_alone_is_worth_nothing(tmp_path: Path) -> None:
    ring = Ring()
    a_store(tmp_path, ring=ring).write(KEPT)
    assert a_store(tmp_path, ring=ring).read().kept == KEPT
    assert LICENSE_KEY not in str(ring.kept)
    for other in (None, Ring(works=False)):
        assert a_store(tmp_path, ring=other).read().trouble is Trouble.LOCKED
    assert a_store(tmp_path, ring=Ring()).read().trouble is Trouble.CLEARED


@pytest.mark.parametrize("ring", [Ring(works=False), Ring(keeps=False)])
def test_a_keyring_that_does_not_work_is_done_without(ring: Ring, tmp_path: Path) -> None:
    assert a_store(tmp_path, ring=ring).write(KEPT) is None
    assert a_store(tmp_path, ring=None).read().kept == KEPT


@pytest.mark.parametrize(
    ("ring", "failure"),
    [
        (None, None),
        (Ring(), None),
        (Ring(works=False), "RuntimeError"),
        (Ring(keeps=False), "it keeps nothing"),
    ],
)
def test_a_keyring_that_does_not_work_is_told_with_what_it_fails_with(
    ring: Ring | None, failure: str | None, tmp_path: Path
) -> None:
    kept_in = a_store(tmp_path, ring=ring)
    kept_in.write(KEPT)
    told = f"The platform's keyring fails ({failure}) and is not used." if failure else None
    assert kept_in.notice == told


def test_a_keyring_that_works_again_is_not_complained_of(tmp_path: Path) -> None:
    ring = Ring(works=False)
    kept_in = a_store(tmp_path, ring=ring)
    kept_in.write(OLD)
    ring.works = True
    kept_in.write(KEPT)
    assert kept_in.notice is None
    assert a_store(tmp_path, ring=None).read().trouble is Trouble.LOCKED


def test_an_entry_of_somebody_else_in_the_keyring_is_replaced(tmp_path: Path) -> None:
    ring = Ring()
    ring.kept["licensing_agent", str(tmp_path / store.NAME)] = "not base64 at all"
    a_store(tmp_path, ring=ring).write(KEPT)
    assert a_store(tmp_path, ring=ring).read().kept == KEPT


def test_the_extra_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert encrypted_file.platform_keyring() is None
    ring: Any = Ring()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert encrypted_file.platform_keyring() is ring


# -- crashes -------------------------------------------------------------------------------------

CALLS = ("open", "write", "fsync", "close", "replace", "link", "unlink")
KILLED = """
import os, signal, sys
from pathlib import Path
from licensing_agent.storage import installation

left, folder, what, calls = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
if what == "store":
    from tests.agent.unit import test_store as told

def counted(call):
    def made(*arguments, **named):
        global left
        left -= 1
        if left == 0 and call.__name__ == "write":
            call(arguments[0], arguments[1][: len(arguments[1]) // 2])  # torn
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **named)
    return made

for name in calls:
    setattr(os, name, counted(getattr(os, name)))
if what == "store":
    told.a_store(folder).write(told.KEPT)
else:
    installation.installation_id(folder)
"""


def killed_at_each_call(folder: Path, what: str, look: Callable[[], None]) -> int:
    """Kill a process at each of its calls until one comes through; how many calls there are."""
    root = Path(__file__).parents[3]
    environment = {"PYTHONPATH": os.pathsep.join(str(root / part) for part in (".", "shared"))}
    count = 0
    while True:
        count += 1
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(count), folder, what, *CALLS],
            env=environment,
            check=False,
        )
        look()
        if ended.returncode == 0:
            return count
        assert ended.returncode == -signal.SIGKILL


def test_a_crash_at_any_point_keeps_the_old_or_the_new(tmp_path: Path) -> None:
    a_store(tmp_path).write(OLD)
    seen = []

    def look() -> None:
        reading = a_store(tmp_path).read()
        assert reading.trouble is None
        seen.append(reading.kept)
        a_store(tmp_path).write(OLD)

    assert killed_at_each_call(tmp_path, "store", look) > 6
    assert OLD in seen
    assert KEPT in seen


def test_a_crash_at_any_point_makes_a_whole_installation_id_or_none(tmp_path: Path) -> None:
    seen = set()

    def look() -> None:
        path = tmp_path / installation.NAME
        if path.exists():
            seen.add(installation.installation_id(tmp_path))
            path.unlink()

    assert killed_at_each_call(tmp_path, "installation", look) > 6
    assert len(seen) > 1


def test_what_crashes_have_left_goes_with_the_next_write_that_is_much_later(
    tmp_path: Path,
) -> None:
    names = ("0123456789abcdef", "fedcba9876543210", "the-vendors-own")
    left, being_written, foreign = (tmp_path / f".{store.NAME}.{name}" for name in names)
    for path in (left, being_written, foreign):
        path.write_bytes(b"torn")
    for path in (left, foreign):
        os.utime(path, (NOW, NOW))
    assert a_store(tmp_path).write(KEPT) is None
    assert not left.exists()
    assert being_written.exists()
    assert foreign.exists()


def test_what_cannot_be_swept_away_keeps_nothing_from_being_written(tmp_path: Path) -> None:
    left = tmp_path / f".{store.NAME}.0123456789abcdef"
    left.mkdir()
    os.utime(left, (NOW, NOW))
    assert a_store(tmp_path).write(KEPT) is None
    assert a_store(tmp_path).read().kept == KEPT


def failing(call: Any, error: int) -> Any:
    def fails(*_: object) -> None:
        raise OSError(error, call.__name__)

    return fails


def failing_for_folders(error: int) -> Callable[[int], None]:
    synchronize = os.fsync

    def fsync(number: int) -> None:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(error, "fsync")
        synchronize(number)

    return fsync


def test_a_volume_that_brings_no_names_to_the_disk_keeps_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronize = os.fsync
    monkeypatch.setattr(os, "fsync", failing_for_folders(errno.EINVAL))
    assert a_store(tmp_path).write(KEPT) is None
    made = installation.installation_id(tmp_path)
    assert installation.installation_id(tmp_path) == made
    monkeypatch.setattr(os, "fsync", failing(synchronize, errno.EIO))
    assert a_store(tmp_path).write(KEPT) is Trouble.NO_FILE


def test_a_disk_that_fails_to_take_a_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing_for_folders(errno.EIO))
    assert a_store(tmp_path).write(KEPT) is Trouble.NO_FILE


def test_a_volume_without_hard_links_has_an_installation_id_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(os.link, errno.EPERM))
    made = installation.installation_id(tmp_path)
    assert installation.installation_id(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == [installation.NAME]


def test_where_folders_cannot_be_synchronized_as_on_windows_all_is_kept_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_DIRECTORY")
    kept_in = a_store(tmp_path, ring=Ring())
    for kept in (OLD, KEPT):
        assert kept_in.write(kept) is None
        assert kept_in.read().kept == kept


def test_one_installation_id_for_all_who_make_it_at_once(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from licensing_agent.storage.installation import installation_id;"
        "print(installation_id(pathlib.Path(sys.argv[1])))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[3] / "shared")}
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "volume"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    told = {process.communicate()[0] for process in racing}
    assert len(told) == 1
    assert told.pop().strip() == str(installation.installation_id(tmp_path / "volume"))
    assert [path.name for path in (tmp_path / "volume").iterdir()] == [installation.NAME]
