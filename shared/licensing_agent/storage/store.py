"""The licence at rest.

What this module guarantees: what is read is what was written, by this machine; whatever else stands
in the file is no licence, and :class:`Reading` says why. It is never overwritten
(:mod:`licensing_agent.storage.encrypted_file`), and :meth:`Store.lost` tells where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from licensing_agent.storage.encrypted_file import (
    OUT_OF_REACH,
    EncryptedFile,
    Keyring,
    Kind,
    Trouble,
)
from licensing_agent.storage.state import NOTHING, Kept, decode, encode

NAME: Final = "license"

_KIND: Final = Kind(b"licensing_agent: the licence at rest", decode)
_LOG_IN: Final = "A person has to log in: any member's login suffices."


@dataclass(frozen=True, slots=True)
class Reading:
    """What is kept, why nothing is, and when the file was last written by the machine's clock."""

    kept: Kept = NOTHING
    trouble: Trouble | None = None
    touched: float | None = None


class Store:
    """The file in ``folder``; ``secret`` is the machine's."""

    def __init__(self, folder: Path, secret: bytes, keyring: Keyring | None) -> None:
        self._file = EncryptedFile(folder / NAME, secret, keyring, _KIND)

    @property
    def notice(self) -> str | None:
        """What the disk and the keyring failed with, if they did."""
        return self._file.notice

    def lost(self, trouble: Trouble | None, *, has_license: bool) -> str | None:
        """What cannot be opened, why, where it is, and what gets the agent going."""
        aside = self._file.put_aside
        if trouble is None:
            earlier = None if has_license else self._file.earlier
            told = f"An earlier license state could not be opened: it is kept as {earlier}."
            return f"{told} {_LOG_IN}" if earlier else None
        told = f"The stored license state cannot be opened: {trouble}"
        if has_license:
            return f"{told} It is kept as {aside}." if aside else told
        if trouble in OUT_OF_REACH:
            return f"{told} It stays where it is, and is tried again. Until then: {_LOG_IN}"
        return f"{told} It is kept{f' as {aside}' if aside else ''}. {_LOG_IN}"

    def read(self) -> Reading:
        """What is kept."""
        opened = self._file.read()
        if opened.content is None:
            return Reading(trouble=opened.trouble, touched=opened.touched)
        return Reading(decode(opened.content), touched=opened.touched)

    def write(self, kept: Kept) -> Trouble | None:
        """Keep ``kept`` in the place of what was kept; what went wrong, if anything did."""
        return self._file.write(encode(kept))
