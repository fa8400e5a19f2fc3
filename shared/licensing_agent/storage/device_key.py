"""The device key: an Ed25519 key that never leaves its machine, which a copied licence key lacks.

What this module guarantees:

* The key is made once and kept encrypted in a file of its own, so that a licence that is lost does
  not take it along, nor the other way round.
* A file that is torn or another machine's gives way to a new key. One that cannot be opened just
  now, as its keyring is locked, does so only when a login of a person has been answered: until
  then, it may be opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing_agent.storage.encrypted_file import OUT_OF_REACH, EncryptedFile, Keyring, Trouble

NAME: Final = "device-key"

_PURPOSE: Final = b"licensing_agent: the device key"


class DeviceKey(Protocol):
    """A key that proves itself. A vendor's may live in a TPM or another device.

    Where that does not answer, it raises :class:`KeyLocked` or :class:`OSError`: the agent goes on
    with its lease, and tries again. It is called by one thread at a time.
    """

    def public_key(self) -> bytes:
        """The public half: 32 bytes (RFC 8032)."""

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature of ``data``."""


@dataclass(frozen=True, slots=True)
class SoftwareKey:
    """A key in this process's memory."""

    key: Ed25519PrivateKey = field(repr=False)

    def public_key(self) -> bytes:
        """See :class:`DeviceKey`."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """See :class:`DeviceKey`."""
        return self.key.sign(data)


class KeyLocked(Exception):
    """There is a device key, and it cannot be used now."""


class KeptKey:
    """The key in ``folder``, made when it is first asked for; ``secret`` is the machine's."""

    def __init__(self, folder: Path, secret: bytes, keyring: Keyring | None) -> None:
        self._file = EncryptedFile(folder / NAME, secret, keyring, purpose=_PURPOSE)
        self._key: SoftwareKey | None = None
        self._stand_in: SoftwareKey | None = None
        self._reading: Trouble | None = None
        self._writing: Trouble | None = None

    @property
    def notice(self) -> str | None:
        """What went wrong with it, for the agent's administrators."""
        if self._writing is not None:
            return f"The device key cannot be stored: {self._writing}"
        if self._reading is None:
            return None
        if self._key is None:
            return f"The device key cannot be used: {self._reading}"
        return f"The device key was lost: {self._reading} A new one has been made."

    def get(self, *, at_login: bool) -> SoftwareKey:
        """The key; ``at_login``, a stand-in for one that cannot be opened.

        Raises :class:`KeyLocked`.
        """
        if self._key is None:
            try:
                self._key = self._read() or self._made()
            except KeyLocked:
                if not at_login:
                    raise
                self._stand_in = self._stand_in or SoftwareKey(Ed25519PrivateKey.generate())
                return self._stand_in
        elif self._writing is not None:
            # The licence may be bound to it by the time that the disk takes something again.
            self._write(self._key)
        return self._key

    def existing(self) -> SoftwareKey | None:
        """The key, if there is one: none is made. Raises :class:`KeyLocked`."""
        self._key = self._key or self._read()
        return self._key

    def bound(self) -> None:
        """A login has been answered: a stand-in that was proved in it is the key from now on."""
        if self._key is None and self._stand_in is not None:
            self._key = self._stand_in
            self._write(self._key)

    def _read(self) -> SoftwareKey | None:
        opened = self._file.read()
        self._reading = opened.trouble
        if opened.trouble in OUT_OF_REACH:
            raise KeyLocked(f"The device key cannot be used: {opened.trouble}")
        if opened.content is None:
            return None
        try:
            return SoftwareKey(Ed25519PrivateKey.from_private_bytes(opened.content))
        except ValueError:
            self._reading = Trouble.UNREADABLE
            return None

    def _made(self) -> SoftwareKey:
        made = SoftwareKey(Ed25519PrivateKey.generate())
        self._write(made)
        return made

    def _write(self, key: SoftwareKey) -> None:
        self._writing = self._file.write(key.key.private_bytes_raw())
