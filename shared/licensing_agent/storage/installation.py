"""The id of an installation, for machines that have no stable id of their own.

What this module guarantees: the id is made once in a folder and never changes there. Of any number
of processes that make it at once, one does, and all of them get the same; a crash leaves all of it
or nothing, on volumes that have hard links. Only the account that made it can read it. What is no
id an hour after it was written was left by a crash or damaged: it is put aside, and gives way to a
new id (:mod:`licensing_agent.storage.kept_aside`).
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from licensing_agent.storage import files, kept_aside

NAME: Final = "installation-id"

_WRITTEN_SECONDS: Final = 3600
"""After this, nobody is just writing it any more."""


def installation_id(folder: Path) -> UUID:
    """The id kept in ``folder``, made there if there is none.

    Raises :class:`OSError` where it cannot be kept, :class:`ValueError` where something else is.
    """
    path = folder / NAME
    if _is_damaged(path):
        _put_aside(path)
    if not path.exists():
        files.make_folder(folder)
        # Written whole under a name of its own, then linked: a link never replaces what is there.
        fresh, made = files.beside(path), f"{uuid4()}\n".encode()
        try:
            files.write_new(fresh, made)
            # Where another process was first, its id is the one.
            with contextlib.suppress(FileExistsError):
                _name(fresh, path, made)
        finally:
            fresh.unlink(missing_ok=True)
        files.sync_folder(folder)
    return _read(path)


def _read(path: Path) -> UUID:
    return UUID(path.read_text(encoding="ascii").strip())


def _is_damaged(path: Path) -> bool:
    try:
        _read(path)
    except FileNotFoundError:
        return False
    except ValueError:
        return abs(time.time() - path.stat().st_mtime) > _WRITTEN_SECONDS
    return False


def _put_aside(path: Path) -> None:
    """Raises :class:`OSError`. Another process may have done it, and made an id since."""
    aside = kept_aside.next_name(path)
    if aside is None:
        return
    os.replace(path, aside)  # noqa: PTH105 - the system call itself, as everywhere here
    with contextlib.suppress(ValueError):
        _read(aside)
        os.replace(aside, path)  # noqa: PTH105 - as above
    kept_aside.trim(path)


def _name(fresh: Path, path: Path, made: bytes) -> None:
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:
        # There are volumes without links: network shares, object stores, memory cards.
        files.write_new(path, made)
