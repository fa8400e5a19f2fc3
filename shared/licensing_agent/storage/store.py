"""The licence at rest.

What this module guarantees: what is read is what was written, by this machine; whatever else stands
in the file is no licence, and :class:`Reading` says why
(:mod:`licensing_agent.storage.encrypted_file`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from licensing_agent.storage.encrypted_file import EncryptedFile, Keyring, Trouble
from licensing_agent.storage.state import NOTHING, Kept, decode, encode

NAME: Final = "license"

_PURPOSE: Final = b"licensing_agent: the licence at rest"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is kept, why nothing is, and when the file was last written by the machine's clock."""

    kept: Kept = NOTHING
    trouble: Trouble | None = None
    touched: float | None = None


class Store:
    """The file in ``folder``; ``secret`` is the machine's."""

    def __init__(self, folder: Path, secret: bytes, keyring: Keyring | None) -> None:
        self._file = EncryptedFile(folder / NAME, secret, keyring, purpose=_PURPOSE)

    @property
    def notice(self) -> str | None:
        """What the keyring failed with, if it did."""
        return self._file.notice

    def read(self) -> Reading:
        """What is kept."""
        opened = self._file.read()
        if opened.content is None:
            return Reading(trouble=opened.trouble, touched=opened.touched)
        try:
            return Reading(decode(opened.content), touched=opened.touched)
        except ValueError:
            return Reading(trouble=Trouble.UNREADABLE, touched=opened.touched)

    def write(self, kept: Kept) -> Trouble | None:
        """Keep ``kept`` in the place of what was kept; what went wrong, if anything did."""
        return self._file.write(encode(kept))
