"""Secrets at rest: encrypted files, under a key of this machine.

What this module guarantees:

* A file is encrypted and authenticated (AES-256-GCM) under a key that is derived from the machine's
  own secret and, where the platform's keyring works, from a random one in the keyring. Its mode is
  0600. Copied to another machine, it is worth nothing.
* A crash at any point leaves the old content or the new one.
* A file that is torn, tampered with or another machine's is no exception: it holds nothing, and
  :class:`Opened` says why. Neither is a disk that is full: :meth:`EncryptedFile.write` says so.
* What cannot be opened is never overwritten: it is put aside
  (:mod:`licensing_agent.storage.kept_aside`), and taken back when it can be opened again and
  nothing newer can or may be later.
* Without a secret of the machine, nothing is written.
* A keyring that fails is done without, and :attr:`EncryptedFile.notice` says what it failed with,
  as it says what the system has against a folder or a file.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import importlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licensing_agent.storage import files, kept_aside

_BY_MACHINE: Final = b"LA1m"
_BY_KEYRING: Final = b"LA1k"
_SALT: Final = 16
_DRAWN: Final = 8
"""How much of the salt is drawn; the rest shows under which machine's secret a file was written."""
_TAG: Final = 16
_NONCE: Final = 12
_SERVICE: Final = "licensing_agent"


class Trouble(StrEnum):
    """Why what is kept cannot be read or written."""

    DAMAGED = "The file is damaged or was altered."
    OTHER_MACHINE = (
        "The file was encrypted under another machine id (in a container: installation id), "
        "or is damaged."
    )
    OTHER_ENTRY = (
        "The file was encrypted under another entry of the platform's keyring, or is damaged."
    )
    OTHER_VERSION = "The file was written by another version of the agent."
    LOCKED = "The platform's keyring does not release the key of the encrypted file."
    CLEARED = "The platform's keyring has no key for the encrypted file: its entry is gone."
    NO_FILE = "The file cannot be read or written: free the disk, or make the folder writable."
    NO_ID = (
        "This machine has no id, and the one in the file installation-id cannot be read: "
        "make that file readable."
    )


OUT_OF_REACH: Final = frozenset({Trouble.LOCKED, Trouble.CLEARED, Trouble.NO_FILE, Trouble.NO_ID})
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


def anything(_: bytes) -> None:
    """Takes any content."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is for.

    ``purpose`` sets its key apart from other files'; ``accepts`` raises :class:`ValueError` for
    content that is not of the kind.
    """

    purpose: bytes
    accepts: Callable[[bytes], object] = anything


class EncryptedFile:
    """One file; ``secret`` is the machine's."""

    def __init__(self, path: Path, secret: bytes, keyring: Keyring | None, kind: Kind) -> None:
        self._path = path
        self._secret = secret
        self._keyring = keyring
        self._kind = kind
        self._username = str(path.absolute())
        self._random: bytes | None = None
        self._failure: str | None = None
        self._disk: str | None = None
        self._is_in_the_way: bool | None = None
        self._taken_back: Path | None = None
        self._put_aside: Path | None = None

    @property
    def notice(self) -> str | None:
        """What the disk and the keyring failed with, if they did.

        In place of a keyring that fails the machine's own key is used.
        """
        fails = f"The platform's keyring fails ({self._failure}) and is not used."
        return " ".join(filter(None, (self._disk, fails if self._failure else None))) or None

    @property
    def put_aside(self) -> Path | None:
        """Where this process has put what it could not open, once something has taken its place."""
        return self._put_aside

    @property
    def earlier(self) -> Path | None:
        """The newest file that any process has put aside."""
        return next(iter(kept_aside.of(self._path)), None)

    def read(self) -> Opened:
        """What is kept."""
        self._disk = None
        opened = self._open(self._path)
        self._is_in_the_way, self._taken_back = opened.trouble is not None, None
        if opened.content is not None or opened.trouble in OUT_OF_REACH:
            return opened
        for path in kept_aside.of(self._path):
            earlier = self._open(path)
            if earlier.content is not None:
                self._taken_back = path
                return earlier
        return opened

    def write(self, content: bytes) -> Trouble | None:
        """Keep ``content`` in the place of what was kept; what went wrong, if anything did."""
        if not self._secret:
            return Trouble.NO_ID
        if self._is_in_the_way is None:
            self.read()
        if self._random is None:
            self._random = self._from_keyring() or self._into_keyring()
        form = _BY_MACHINE if self._random is None else _BY_KEYRING
        salt, nonce = self._salt(), secrets.token_bytes(_NONCE)
        sealed = self._cipher(form, salt).encrypt(nonce, content, form)
        folder = self._path.parent
        try:
            files.make_folder(folder)
        except OSError as error:
            self._disk = f"The folder {folder} cannot be made: {_why(error)}."
            return Trouble.NO_FILE
        try:
            aside = kept_aside.next_name(self._path) if self._is_in_the_way else None
            files.replace(self._path, form + salt + nonce + sealed, aside=aside)
        except OSError as error:
            self._disk = f"{self._path} cannot be written: {_why(error)}."
            return Trouble.NO_FILE
        self._disk = None
        self._settle(aside)
        return None

    def _settle(self, aside: Path | None) -> None:
        """What is newer is in its place."""
        self._is_in_the_way, self._put_aside = False, aside or self._put_aside
        if self._taken_back is not None:
            with contextlib.suppress(OSError):
                self._taken_back.unlink()
            self._taken_back = None
        if aside is not None:
            kept_aside.trim(self._path)

    def _open(self, path: Path) -> Opened:
        try:
            data = path.read_bytes()
            touched = path.stat().st_mtime
        except FileNotFoundError:
            return Opened()
        except OSError as error:
            self._disk = f"{path} cannot be read: {_why(error)}."
            return Opened(trouble=Trouble.NO_FILE)
        if not self._secret:
            return Opened(trouble=Trouble.NO_ID, touched=touched)
        form, rest = data[: len(_BY_MACHINE)], data[len(_BY_MACHINE) :]
        if form == _BY_KEYRING:
            self._random = self._from_keyring()
            if self._random is None:
                is_cleared = self._keyring is not None and self._failure is None
                trouble = Trouble.CLEARED if is_cleared else Trouble.LOCKED
                return Opened(trouble=trouble, touched=touched)
        salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
        try:
            content = self._cipher(form, salt).decrypt(nonce, sealed, form)
        except (InvalidTag, ValueError):
            return Opened(trouble=self._why(form, salt, sealed), touched=touched)
        try:
            self._kind.accepts(content)
        except ValueError:
            return Opened(trouble=Trouble.OTHER_VERSION, touched=touched)
        return Opened(content, touched=touched)

    def _why(self, form: bytes, salt: bytes, sealed: bytes) -> Trouble:
        if form not in {_BY_MACHINE, _BY_KEYRING} or len(sealed) < _TAG:
            return Trouble.DAMAGED
        if not hmac.compare_digest(salt, self._salt(salt[:_DRAWN])):
            return Trouble.OTHER_MACHINE
        return Trouble.OTHER_ENTRY if form == _BY_KEYRING else Trouble.DAMAGED

    def _salt(self, drawn: bytes = b"") -> bytes:
        drawn = drawn or secrets.token_bytes(_DRAWN)
        mark = hmac.digest(self._secret, b"salt" + self._kind.purpose + drawn, "sha256")
        return drawn + mark[: _SALT - _DRAWN]

    def _cipher(self, form: bytes, salt: bytes) -> AESGCM:
        random = self._random if form == _BY_KEYRING and self._random else b""
        info = self._kind.purpose + form
        derive = HKDF(algorithm=SHA256(), length=32, salt=salt, info=info)
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


def _why(error: OSError) -> str:
    """What the system says."""
    return error.strerror or type(error).__name__
