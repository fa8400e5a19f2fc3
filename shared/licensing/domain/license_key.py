"""Licence keys: derive, print, parse, check (R3).

A key is 45 symbols of Crockford's base32 in nine groups of five::

    7 bits     secret version, 1 … 127
    80 bits    licence id
    128 bits   HMAC-SHA256 tag, truncated: the secret part
    10 bits    check symbols

What this module guarantees:

* A key is derived, so it never has to be stored, and cannot be guessed: 128 secret bits.
* The alphabet has no I, L, O or U; case, spaces and hyphens do not matter, and the letters that
  people read into it are taken for what they look like.
* Any single wrong symbol and any two symbols swapped are caught by arithmetic alone, before any
  database call. The 45 symbols form a number that 1021, a prime, divides.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from licensing.domain.errors import InvalidInput

MAX_SECRET_VERSION: Final = 127

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {symbol: value for value, symbol in enumerate(_ALPHABET)}
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_SEPARATORS: Final = re.compile(r"[\s\-]")

_ID_BYTES: Final = 10
_TAG_BYTES: Final = 16
_SYMBOLS: Final = 45
_GROUP: Final = 5
_CHECK_BITS: Final = 10
_CHECK_MODULUS: Final = 1021

_LICENSE_ID: Final = re.compile(r"lic_([0-9abcdefghjkmnpqrstvwxyz]{16})")


@dataclass(frozen=True, slots=True)
class LicenseKey:
    """A well-formed key. Whether it is genuine, :func:`is_genuine` tells.

    Its ``repr`` shows the licence only, so that a key cannot slip into a log (R35).
    """

    secret_version: int
    license_id: str
    tag: bytes = field(repr=False)

    def reveal(self) -> str:
        """The printed key, as the agent keeps it."""
        payload = (self.secret_version << 80) | _decode(self.license_id.removeprefix("lic_"))
        payload = (payload << 128) | int.from_bytes(self.tag)
        shifted = payload << _CHECK_BITS
        symbols = _encode(shifted | (-shifted % _CHECK_MODULUS), _SYMBOLS)
        return "-".join(symbols[at : at + _GROUP] for at in range(0, _SYMBOLS, _GROUP))


def new_license_id(entropy: bytes) -> str:
    """A licence id from ten random bytes: ``lic_`` and 16 symbols."""
    if len(entropy) != _ID_BYTES:
        raise ValueError(f"a license id takes {_ID_BYTES} random bytes, not {len(entropy)}")
    return "lic_" + _encode(int.from_bytes(entropy), 16).lower()


def is_license_id(text: str) -> bool:
    """Whether ``text`` has the form of a licence id."""
    return _LICENSE_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class KeySubject:
    """What a key speaks for.

    ``identity`` is that of the machine at issue; it stays with the licence when the machine
    drifts or is replaced, so the key stays the same.
    """

    license_id: str
    organization_id: str
    identity: bytes
    environment: str


def derive(secret: bytes, secret_version: int, subject: KeySubject) -> LicenseKey:
    """The one key of a licence under one version of the server secret (R2, R3)."""
    parts = (
        subject.license_id.encode(),
        subject.organization_id.encode(),
        subject.identity,
        subject.environment.encode(),
    )
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    tag = hmac.digest(secret, message, "sha256")[:_TAG_BYTES]
    return LicenseKey(secret_version=secret_version, license_id=subject.license_id, tag=tag)


def is_genuine(key: LicenseKey, derived: LicenseKey) -> bool:
    """Whether ``key`` is the key that the server derives for that licence, in constant time."""
    return (key.secret_version, key.license_id) == (
        derived.secret_version,
        derived.license_id,
    ) and hmac.compare_digest(key.tag, derived.tag)


def parse(text: str) -> LicenseKey:
    """Read a key as a person typed it.

    Raises :class:`InvalidInput` when it is not a whole, correctly typed key.
    """
    symbols = _SEPARATORS.sub("", text).upper().translate(_LOOKALIKES)
    if len(symbols) != _SYMBOLS or not set(symbols) <= _VALUES.keys():
        raise InvalidInput(
            f"Not a license key: it has {_SYMBOLS} letters and digits in nine groups of five.",
            pointer="/license_key",
        )
    number = _decode(symbols)
    check = number & ((1 << _CHECK_BITS) - 1)
    payload = number >> _CHECK_BITS
    version = payload >> (80 + 128)
    # Three check values have a twin above the modulus; only the smaller one is ever printed.
    if number % _CHECK_MODULUS or check >= _CHECK_MODULUS or version == 0:
        raise InvalidInput(
            "The license key is mistyped: its check symbols do not fit. Copy it again as a whole.",
            pointer="/license_key",
        )
    return LicenseKey(
        secret_version=version,
        license_id="lic_" + _encode(payload >> 128, 16).lower(),
        tag=(payload & ((1 << 128) - 1)).to_bytes(_TAG_BYTES),
    )


def _encode(number: int, symbols: int) -> str:
    """The lowest five bits of ``number`` for each of so many symbols."""
    return "".join(_ALPHABET[(number >> (5 * at)) & 31] for at in reversed(range(symbols)))


def _decode(symbols: str) -> int:
    number = 0
    for symbol in symbols.upper():
        number = (number << 5) | _VALUES[symbol]
    return number
