"""Files that are there as a whole or not at all.

What this module guarantees: a file is written and brought to the disk before it gets its name, and
the name is brought to the disk before the call returns, on volumes that can. Only the account that
runs can read it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from pathlib import Path
from typing import Final

_STALE_SECONDS: Final = 3600
_RANDOM_BYTES: Final = 8
_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""What volumes say that bring no names to the disk by themselves, as network shares do."""


def make_folder(folder: Path) -> None:
    """Make a folder that only this account can look into, if there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet. Raises :class:`OSError`."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(number, rest) :]
        os.fsync(number)
    finally:
        os.close(number)


def beside(path: Path) -> Path:
    """A name for what shall become ``path``."""
    return path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}")


def replace(path: Path, data: bytes, *, aside: Path | None = None) -> None:
    """Put a file in the place of another: whoever reads it gets the old or the new one.

    The old one gets the name ``aside``, if that is given, once the new one is on the disk.
    """
    _sweep(path)
    fresh = beside(path)
    try:
        write_new(fresh, data)
        if aside is not None:
            os.replace(path, aside)  # noqa: PTH105 - the system call itself, as everywhere here
        os.replace(fresh, path)  # noqa: PTH105 - as above
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk. Windows has no such call, and does it itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(number)


def _sweep(path: Path) -> None:
    """Remove what crashes have left, but not what another process is just writing."""
    for left in path.parent.glob(f".{path.name}.{'[0-9a-f]' * 2 * _RANDOM_BYTES}"):
        # Another process may have been done with it, may have swept it away, or may hold it open.
        with contextlib.suppress(OSError):
            if abs(time.time() - left.stat().st_mtime) > _STALE_SECONDS:
                left.unlink()
