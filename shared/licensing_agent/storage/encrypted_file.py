"""Secrets at rest: encrypted files, under a key of this machine.

What this module guarantees:

* A file is encrypted and authenticated (AES-256-GCM) under a key that is derived from the machine's
  own secret and, where the platform's keyring works, from a random one in the keyring. Its mode is
  0600. Copied to another machine, it is worth nothing.
* A crash at any point leaves the old content or the new one.
* A file that is torn, tampered with or another machine's is no exception: it holds nothing, and
  :class:`Opened` says why. Neither is a disk that is full: :meth:`EncryptedFile.write` says so.
* A keyring that fails is done without, and :attr:`EncryptedFile.notice` says what it failed with.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licensing_agent.storage import files

_BY_MACHINE: Final = b"LA1m"
_BY_KEYRING: Final = b"LA1k"
_SALT: Final = 16
_NONCE: Final = 12
_SERVICE: Final = "licensing_agent"


class Trouble(StrEnum):
    """Why what is kept cannot be read or written."""

    UNREADABLE = "The file is damaged, was altered, or is from another machine."
    LOCKED = "The platform's keyring does not release the key of the encrypted file."
    NO_FILE = "The file cannot be read or written: free the disk, or make the folder writable."


OUT_OF_REACH: Final = frozenset({Trouble.LOCKED, Trouble.NO_FILE})
"""What may be over by itself: there is something in the file, and it may be opened later."""


class Keyring(Protocol):
    """The part of the package ``keyring`` that is used."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """A secret, if there is one."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep a secret."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a file holds, why nothing, and when it was last written by the machine's clock."""

    content: bytes | None = field(default=None, repr=False)
    trouble: Trouble | None = None
    touched: float | None = None


def platform_keyring() -> Keyring | None:
    """The platform's, where the extra is installed."""
    try:
        return cast("Keyring", importlib.import_module("keyring"))
    except ImportError:
        return None


class EncryptedFile:
    """One file; ``secret`` is the machine's, ``purpose`` sets its key apart from other files'."""

    def __init__(
        self, path: Path, secret: bytes, keyring: Keyring | None, *, purpose: bytes
    ) -> None:
        self._path = path
        self._secret = secret
        self._keyring = keyring
        self._purpose = purpose
        self._username = str(path.absolute())
        self._random: bytes | None = None
        self._failure: str | None = None

    @property
    def notice(self) -> str | None:
        """What the keyring failed with, if it did: the machine's own key is used then."""
        if self._failure is None:
            return None
        return f"The platform's keyring fails ({self._failure}) and is not used."

    def read(self) -> Opened:
        """What is kept."""
        try:
            data = self._path.read_bytes()
            touched = self._path.stat().st_mtime
        except FileNotFoundError:
            return Opened()
        except OSError:
            return Opened(trouble=Trouble.NO_FILE)
        form, rest = data[: len(_BY_MACHINE)], data[len(_BY_MACHINE) :]
        if form == _BY_KEYRING:
            self._random = self._from_keyring()
            if self._random is None:
                return Opened(trouble=Trouble.LOCKED, touched=touched)
        salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
        try:
            return Opened(self._cipher(form, salt).decrypt(nonce, sealed, form), touched=touched)
        except (InvalidTag, ValueError):
            return Opened(trouble=Trouble.UNREADABLE, touched=touched)

    def write(self, content: bytes) -> Trouble | None:
        """Keep ``content`` in the place of what was kept; what went wrong, if anything did."""
        if self._random is None:
            self._random = self._from_keyring() or self._into_keyring()
        form = _BY_MACHINE if self._random is None else _BY_KEYRING
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        sealed = self._cipher(form, salt).encrypt(nonce, content, form)
        try:
            files.make_folder(self._path.parent)
            files.replace(self._path, form + salt + nonce + sealed)
        except OSError:
            return Trouble.NO_FILE
        return None

    def _cipher(self, form: bytes, salt: bytes) -> AESGCM:
        random = self._random if form == _BY_KEYRING and self._random else b""
        derive = HKDF(algorithm=SHA256(), length=32, salt=salt, info=self._purpose + form)
        return AESGCM(derive.derive(random + self._secret))

    def _from_keyring(self) -> bytes | None:
        if self._keyring is None:
            return None
        try:
            text = self._keyring.get_password(_SERVICE, self._username)
        except Exception as error:  # noqa: BLE001 - each platform's has errors of its own
            self._failure = type(error).__name__
            return None
        self._failure = None
        try:
            return base64.b64decode(text, validate=True) if text else None
        except binascii.Error:
            return None  # somebody else's entry

    def _into_keyring(self) -> bytes | None:
        if self._keyring is None:
            return None
        random = secrets.token_bytes(32)
        try:
            self._keyring.set_password(_SERVICE, self._username, base64.b64encode(random).decode())
        except Exception as error:  # noqa: BLE001 - as above
            self._failure = type(error).__name__
            return None
        # Some take everything and keep nothing.
        kept = self._from_keyring() == random
        self._failure = self._failure if kept else self._failure or "it keeps nothing"
        return random if kept else None
