"""The device key at rest: made once, of one machine, and apart from the licence."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from licensing_agent.storage import device_key, encrypted_file
from licensing_agent.storage.device_key import KeptKey, KeyLocked
from licensing_agent.storage.store import Store
from tests.agent.unit.test_store import KEPT, SECRET, Ring


def a_key(folder: Path, secret: bytes = SECRET, ring: Ring | None = None) -> KeptKey:
    return KeptKey(folder, secret, ring)


@pytest.mark.parametrize("ring", [None, Ring()], ids=["by machine", "by keyring"])
def test_it_is_made_once_and_is_the_same_after_each_start(
    ring: Ring | None, tmp_path: Path
) -> None:
    made = a_key(tmp_path, ring=ring)
    public = made.get(at_login=False).public_key()
    assert made.get(at_login=False).public_key() == public
    again = a_key(tmp_path, ring=ring)
    assert (again.get(at_login=False).public_key(), again.notice) == (public, None)
    Ed25519PublicKey.from_public_bytes(public).verify(
        again.get(at_login=False).sign(b"data"), b"data"
    )


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    key = a_key(tmp_path / "state")
    secret = key.get(at_login=False).key.private_bytes_raw()
    path = tmp_path / "state" / device_key.NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret not in path.read_bytes()
    assert secret.hex() not in repr(key.get(at_login=False))


def test_a_licence_that_is_lost_does_not_take_it_along_nor_the_other_way_round(
    tmp_path: Path,
) -> None:
    public = a_key(tmp_path).get(at_login=False).public_key()
    Store(tmp_path, SECRET, None).write(KEPT)
    (tmp_path / "license").write_bytes(b"torn")
    assert a_key(tmp_path).get(at_login=False).public_key() == public
    Store(tmp_path, SECRET, None).write(KEPT)
    (tmp_path / device_key.NAME).unlink()
    assert a_key(tmp_path).get(at_login=False).public_key() != public
    assert Store(tmp_path, SECRET, None).read().kept == KEPT


def test_the_file_of_one_is_not_the_file_of_the_other(tmp_path: Path) -> None:
    Store(tmp_path, SECRET, None).write(KEPT)
    (tmp_path / device_key.NAME).write_bytes((tmp_path / "license").read_bytes())
    key = a_key(tmp_path)
    key.get(at_login=False)
    assert key.notice is not None


@pytest.mark.parametrize("how", ["torn", "another machine's", "not a key"])
def test_one_that_is_lost_gives_way_to_a_new_one_and_that_is_told(how: str, tmp_path: Path) -> None:
    lost = a_key(tmp_path, b"another machine" if how == "another machine's" else SECRET)
    public = lost.get(at_login=False).public_key()
    if how == "torn":
        (tmp_path / device_key.NAME).write_bytes((tmp_path / device_key.NAME).read_bytes()[:-1])
    if how == "not a key":
        kind = device_key._KIND  # noqa: SLF001 - to write what no version has written
        encrypted_file.EncryptedFile(tmp_path / device_key.NAME, SECRET, None, kind).write(b"short")
    key = a_key(tmp_path)
    assert key.get(at_login=False).public_key() != public
    assert key.notice is not None
    assert "A new one has been made." in key.notice
    again = a_key(tmp_path)
    assert again.get(at_login=False).public_key() == key.get(at_login=False).public_key()
    assert again.notice is None


def test_while_the_keyring_is_locked_it_is_not_replaced(tmp_path: Path) -> None:
    ring = Ring()
    public = a_key(tmp_path, ring=ring).get(at_login=False).public_key()
    ring.works = False
    key = a_key(tmp_path, ring=ring)
    for _ in range(2):
        with pytest.raises(KeyLocked, match="keyring"):
            key.get(at_login=False)
    assert key.notice is not None
    assert key.notice.startswith("The device key cannot be used: The platform's keyring")
    ring.works = True
    assert key.get(at_login=False).public_key() == public
    assert not key.notice


def test_a_person_who_logs_in_need_not_wait_for_the_keyring(tmp_path: Path) -> None:
    ring = Ring()
    public = a_key(tmp_path, ring=ring).get(at_login=False).public_key()
    key = a_key(tmp_path, ring=Ring(works=False))
    made = key.get(at_login=True).public_key()
    assert made != public
    assert key.get(at_login=True).public_key() == made
    key.bound()
    assert key.get(at_login=False).public_key() == made
    assert "A new one has been made." in str(key.notice)
    assert a_key(tmp_path).get(at_login=False).public_key() == made


def test_a_login_that_is_not_answered_replaces_no_key(tmp_path: Path) -> None:
    ring = Ring()
    public = a_key(tmp_path, ring=ring).get(at_login=False).public_key()
    ring.works = False
    key = a_key(tmp_path, ring=ring)
    assert key.get(at_login=True).public_key() != public
    with pytest.raises(KeyLocked):
        key.get(at_login=False)
    ring.works = True
    for at_login in (False, True):
        assert key.get(at_login=at_login).public_key() == public
    key.bound()
    assert a_key(tmp_path, ring=ring).get(at_login=False).public_key() == public


def test_one_that_cannot_be_read_just_now_is_not_replaced(tmp_path: Path) -> None:
    public = a_key(tmp_path).get(at_login=False).public_key()
    (tmp_path / device_key.NAME).rename(tmp_path / "away")
    (tmp_path / device_key.NAME).mkdir()
    with pytest.raises(KeyLocked, match="cannot be read"):
        a_key(tmp_path).get(at_login=False)
    (tmp_path / device_key.NAME).rmdir()
    (tmp_path / "away").rename(tmp_path / device_key.NAME)
    assert a_key(tmp_path).get(at_login=False).public_key() == public


def test_on_a_disk_that_takes_nothing_there_is_one_until_the_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full)
    key = a_key(tmp_path)
    public = key.get(at_login=False).public_key()
    assert key.get(at_login=False).public_key() == public
    assert key.notice == f"The device key cannot be stored: {encrypted_file.Trouble.NO_FILE}"
    assert not (tmp_path / device_key.NAME).exists()


def test_once_the_disk_takes_something_the_key_is_kept_that_the_licence_may_be_bound_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = a_key(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        public = key.get(at_login=True).public_key()
    assert key.get(at_login=True).public_key() == public
    assert key.notice is None
    assert a_key(tmp_path).get(at_login=True).public_key() == public


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")
