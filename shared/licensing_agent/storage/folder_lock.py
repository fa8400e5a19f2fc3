"""One client to a folder.

What this module guarantees:

* Of all the clients on a machine, one holds a folder's lock: from when its :class:`FolderLock` is
  made until that is released, or its process ends in whichever way.
* What is forked from the holder's process holds it, too, until it releases it.
* A volume without locks has none: nobody is refused there.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final
from weakref import finalize

from licensing_agent.storage import files

NAME: Final = "lock"

_TAKEN: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})

if sys.platform == "win32":
    import msvcrt

    def _lock(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderInUse(Exception):
    """Another client runs in the folder: two of them would look like a copied machine."""

    def __init__(self, folder: Path) -> None:
        """The message says what to do."""
        super().__init__(
            f"Another agent already uses {folder}. Stop it, or give this one a folder of its own: "
            "two agents in one folder look like a copied machine."
        )


class FolderLock:
    """The lock of ``folder``. Raises :class:`FolderInUse`."""

    def __init__(self, folder: Path) -> None:
        number = _locked(folder)
        # It is given back where its file is closed: also when nobody releases it.
        self._close = None if number is None else finalize(self, os.close, number)

    def release(self) -> None:
        """Let another client have the folder; in a process that was forked, the holder keeps it."""
        if self._close is not None:
            self._close()


def _locked(folder: Path) -> int | None:
    try:
        files.make_folder(folder)
        number = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None  # nothing can be kept there either, which is told where it is tried
    try:
        _lock(number)
    except OSError as error:
        os.close(number)
        if error.errno in _TAKEN:
            raise FolderInUse(folder) from None
        return None
    return number
