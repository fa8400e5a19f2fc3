"""One client to a folder, whatever becomes of its process."""

import errno
import gc
import signal
import stat
from pathlib import Path

import pytest

from licensing_agent import FolderInUse
from licensing_agent.storage import folder_lock
from licensing_agent.storage.folder_lock import NAME, FolderLock
from tests.agent.program import running, told

HOLDER = """
import sys, pathlib
from licensing_agent.storage.folder_lock import FolderLock
held = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_what_to_do_and_has_the_folder_once_the_first_is_killed(
    tmp_path: Path,
) -> None:
    with running(HOLDER, tmp_path) as holder:
        assert told(holder) == "held"
        with pytest.raises(FolderInUse, match=f"uses {tmp_path}. Stop it, or give this one a f"):
            FolderLock(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        FolderLock(tmp_path).release()


def test_the_folder_is_free_once_it_is_released_and_stays_so(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = FolderLock(folder)
    with pytest.raises(FolderInUse):
        FolderLock(folder)
    first.release()
    second = FolderLock(folder)
    first.release()
    with pytest.raises(FolderInUse):
        FolderLock(folder)
    second.release()
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


def test_a_client_that_nobody_has_closed_and_nobody_has_any_more_holds_nothing(
    tmp_path: Path,
) -> None:
    held = FolderLock(tmp_path)
    del held
    gc.collect()
    FolderLock(tmp_path).release()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_volume_without_locks_refuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def none(_: int) -> None:
        raise OSError(code, "no locks")

    monkeypatch.setattr(folder_lock, "_lock", none)
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.release()
    second.release()


def test_a_folder_that_cannot_be_made_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    FolderLock(tmp_path / "file" / "folder").release()
