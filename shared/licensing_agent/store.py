"""The licence at rest: one encrypted file, under a key of this machine.

What this module guarantees:

* The file is encrypted and authenticated (AES-256-GCM) under a key that is derived from the
  machine's own secret and, where the platform's keyring works, from a random one in the keyring.
  Its mode is 0600. Copied to another machine, it is worth nothing.
* A crash at any point leaves the old state or the new one.
* A file that is torn, tampered with or another machine's is no exception: nothing is kept, and
  :class:`Reading` says why. Neither is a disk that is full: :meth:`Store.write` says so.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licensing_agent import files, kept
from licensing_agent.kept import NOTHING, Kept

NAME: Final = "license"

_BY_MACHINE: Final = b"LA1m"
_BY_KEYRING: Final = b"LA1k"
_SALT: Final = 16
_NONCE: Final = 12
_PURPOSE: Final = b"licensing_agent: the licence at rest"
_SERVICE: Final = "licensing_agent"


class Trouble(StrEnum):
    """Why what is kept cannot be read or written."""

    UNREADABLE = "It is torn, has been tampered with, or is another machine's."
    LOCKED = "The platform's keyring does not give the key that it is encrypted under."
    NO_FILE = "The file cannot be read or written."


class Keyring(Protocol):
    """The part of the package ``keyring`` that is used."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """A secret, if there is one."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep a secret."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is kept, why nothing is, and when the file was last written by the machine's clock."""

    kept: Kept = NOTHING
    trouble: Trouble | None = None
    touched: float | None = None


def platform_keyring() -> Keyring | None:
    """The platform's, where the extra is installed."""
    try:
        return cast("Keyring", importlib.import_module("keyring"))
    except ImportError:
        return None


class Store:
    """The file in ``folder``; ``secret`` is the machine's."""

    def __init__(self, folder: Path, secret: bytes, keyring: Keyring | None) -> None:
        self._path = folder / NAME
        self._secret = secret
        self._keyring = keyring
        self._username = str(self._path.absolute())
        self._random: bytes | None = None

    def read(self) -> Reading:
        """What is kept."""
        try:
            data = self._path.read_bytes()
            touched = self._path.stat().st_mtime
        except FileNotFoundError:
            return Reading()
        except OSError:
            return Reading(trouble=Trouble.NO_FILE)
        form, rest = data[: len(_BY_MACHINE)], data[len(_BY_MACHINE) :]
        if form == _BY_KEYRING:
            self._random = self._from_keyring()
            if self._random is None:
                return Reading(trouble=Trouble.LOCKED, touched=touched)
        salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
        try:
            plain = self._cipher(form, salt).decrypt(nonce, sealed, form)
            return Reading(kept.decode(plain), touched=touched)
        except (InvalidTag, ValueError):
            return Reading(trouble=Trouble.UNREADABLE, touched=touched)

    def write(self, state: Kept) -> Trouble | None:
        """Keep ``state`` in the place of what was kept; what went wrong, if anything did."""
        if self._random is None:
            self._random = self._from_keyring() or self._into_keyring()
        form = _BY_MACHINE if self._random is None else _BY_KEYRING
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        sealed = self._cipher(form, salt).encrypt(nonce, kept.encode(state), form)
        try:
            files.make_folder(self._path.parent)
            files.replace(self._path, form + salt + nonce + sealed)
        except OSError:
            return Trouble.NO_FILE
        return None

    def _cipher(self, form: bytes, salt: bytes) -> AESGCM:
        random = self._random if form == _BY_KEYRING and self._random else b""
        derive = HKDF(algorithm=SHA256(), length=32, salt=salt, info=_PURPOSE + form)
        return AESGCM(derive.derive(random + self._secret))

    def _from_keyring(self) -> bytes | None:
        if self._keyring is None:
            return None
        try:
            text = self._keyring.get_password(_SERVICE, self._username)
            return base64.b64decode(text, validate=True) if text else None
        except binascii.Error:
            return None  # somebody else's entry
        except Exception:  # noqa: BLE001 - each platform's has errors of its own; all mean none
            return None

    def _into_keyring(self) -> bytes | None:
        if self._keyring is None:
            return None
        random = secrets.token_bytes(32)
        try:
            self._keyring.set_password(_SERVICE, self._username, base64.b64encode(random).decode())
        except Exception:  # noqa: BLE001 - as above
            return None
        # Some take everything and keep nothing.
        return random if self._from_keyring() == random else None
