"""The device key: an Ed25519 key that never leaves its machine, which a copied licence key lacks.

What this module guarantees:

* The key is made once and kept encrypted in a file of its own, so that a licence that is lost does
  not take it along, nor the other way round.
* A file that is torn or another machine's gives way to a new key. One that cannot be opened just
  now, as its keyring is locked, does so only when a login of a person has been answered: until
  then, it may be opened. What gives way is put aside, and the notice says where it is.
* A vendor's key that fails, with whatever, is told and ends nothing (:class:`GivenKey`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing_agent.storage.encrypted_file import (
    OUT_OF_REACH,
    EncryptedFile,
    Keyring,
    Kind,
    Trouble,
)

NAME: Final = "device-key"

_KIND: Final = Kind(b"licensing_agent: the device key", Ed25519PrivateKey.from_private_bytes)
_PUBLIC_KEY: Final = 32
_SIGNATURE: Final = 64

LOGIN_HELPS: Final = (
    "Any member's login gets the agent going, once in thirty days and unless a policy asks for an "
    "administrator's: the new device key takes over when the last lease of the old one is over. "
    "An administrator's login replaces it at once."
)
"""What follows where a device key is lost (R36)."""


class DeviceKey(Protocol):
    """A key that proves itself. A vendor's may live in a TPM or another device.

    Where that does not answer, it raises :class:`KeyLocked` or :class:`OSError`, whose text is
    told; of another exception its name is. The agent goes on with its lease, and tries again. It
    is called by one thread at a time.
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


class GivenKey:
    """A vendor's key. Raises :class:`KeyLocked` or :class:`OSError`, whatever ``key`` raises."""

    def __init__(self, key: DeviceKey) -> None:
        self._key = key
        self._why: str | None = None

    @property
    def notice(self) -> str | None:
        """What its last use failed with, if it did, and what helps."""
        if self._why is None:
            return None
        return (
            f"{self._why} The agent works while its lease is valid, and tries again. If the key is "
            f"lost, give the agent a new one and let a person log in. {LOGIN_HELPS}"
        )

    def public_key(self) -> bytes:
        """See :class:`DeviceKey`."""
        return self._called(self._key.public_key, _PUBLIC_KEY)

    def sign(self, data: bytes) -> bytes:
        """See :class:`DeviceKey`."""
        return self._called(lambda: self._key.sign(data), _SIGNATURE)

    def _called(self, call: Callable[[], object], size: int) -> bytes:
        try:
            value = call()
        except (KeyLocked, OSError) as error:
            self._why = f"The device key cannot be used: {str(error).rstrip('.')}."
            raise
        except Exception as error:  # noqa: BLE001 - each device's library has errors of its own
            raise self._failed(type(error).__name__) from None
        if not isinstance(value, bytes) or len(value) != size:
            raise self._failed("it is no Ed25519 key")
        self._why = None
        return value

    def _failed(self, why: str) -> KeyLocked:
        self._why = f"The device key cannot be used: {why}."
        return KeyLocked(self._why)


class KeptKey:
    """The key in ``folder``, made when it is first asked for; ``secret`` is the machine's."""

    def __init__(self, folder: Path, secret: bytes, keyring: Keyring | None) -> None:
        self._file = EncryptedFile(folder / NAME, secret, keyring, _KIND)
        self._key: SoftwareKey | None = None
        self._stand_in: SoftwareKey | None = None
        self._is_bound = False
        self._reading: Trouble | None = None
        self._writing: Trouble | None = None

    @property
    def notice(self) -> str | None:
        """What went wrong with it, for the agent's administrators."""
        if self._writing is not None:
            return f"The device key cannot be stored: {self._writing}"
        return self._lost()

    def _lost(self) -> str | None:
        if self._reading is None:
            return None
        helps = "" if self._is_bound else f" {LOGIN_HELPS}"
        if self._key is not None:
            aside = self._file.put_aside
            kept = f" The old one is kept as {aside}." if aside else ""
            return f"The device key was lost: {self._reading} A new one has been made.{kept}{helps}"
        if self._reading in OUT_OF_REACH:
            return f"The device key cannot be used: {self._reading} It is tried again.{helps}"
        return f"The device key is lost: {self._reading} A new one will be made.{helps}"

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
        """The licence is bound to it: a stand-in that a login has proved is the key from now on."""
        self._is_bound = True
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
        return SoftwareKey(Ed25519PrivateKey.from_private_bytes(opened.content))

    def _made(self) -> SoftwareKey:
        made = SoftwareKey(Ed25519PrivateKey.generate())
        self._write(made)
        return made

    def _write(self, key: SoftwareKey) -> None:
        self._writing = self._file.write(key.key.private_bytes_raw())
