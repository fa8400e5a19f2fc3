"""The id of an installation, for machines that have no stable id of their own.

What this module guarantees: the id is made once in a folder and never changes there. Of any number
of processes that make it at once, one does, and all of them get the same; a crash leaves all of it
or nothing, on volumes that have hard links. Only the account that made it can read it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from licensing_agent.storage import files

NAME: Final = "installation-id"


def installation_id(folder: Path) -> UUID:
    """The id kept in ``folder``, made there if there is none.

    Raises :class:`OSError` where it cannot be kept, :class:`ValueError` where something else is.
    """
    path = folder / NAME
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
    return UUID(path.read_text(encoding="ascii").strip())


def _name(fresh: Path, path: Path, made: bytes) -> None:
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:
        # There are volumes without links: network shares, object stores, memory cards.
        files.write_new(path, made)
