"""The id of an installation, for machines that have no stable id of their own.

What this module guarantees: the id is made once in a folder and never changes there. Of any number
of processes that make it at once, one does, and all of them get the same; a crash leaves all of it
or nothing. Only the account that made it can read it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from licensing_agent import files

NAME: Final = "installation-id"


def installation_id(folder: Path) -> UUID:
    """The id kept in ``folder``, made there if there is none.

    Raises :class:`OSError` where it cannot be kept, :class:`ValueError` where something else is.
    """
    path = folder / NAME
    if not path.exists():
        files.make_folder(folder)
        # Written whole under a name of its own, then linked: a link never replaces what is there.
        fresh = folder / f".{NAME}.{secrets.token_hex(8)}"
        try:
            files.write_new(fresh, f"{uuid4()}\n".encode())
            # Where another process was first, its id is the one.
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
        files.sync_folder(folder)
    return UUID(path.read_text(encoding="ascii").strip())
