"""Licence keys: derive, print, parse, check (R3).

A key is 45 symbols of Crockford's base32 in nine groups of five::

    7 bits     secret version, 1 … 127
    80 bits    licence id
    128 bits   HMAC-SHA256 tag, truncated: the secret part
    10 bits    check symbols

What this module guarantees:

* A key is derived, so it never has to be stored, and cannot be guessed: 128 secret bits.
* The alphabet has no I, L, O or U. Case, spaces and hyphens do not matter; an I or L is read as 1,
  an O as 0.
* A key is read as mail programs and documents hand it over: with other dashes, characters that
  nobody sees, quotation marks, full-width forms, and a label before it that ends in ``:`` or ``=``.
* Any single wrong symbol and any two swapped symbols are caught by arithmetic alone, before any
  database call: the 45 symbols form a number that has to be divisible by the prime 1021.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from licensing.domain.errors import InvalidInput

# The largest number of seven bits.
MAX_SECRET_VERSION: Final = 127

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOL_SET: Final = frozenset(_ALPHABET)
_TO_DIGITS: Final = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
"""To the digits that Python's own numbers of base 32 have."""
_LOOKALIKES: Final = str.maketrans("OIL", "011")
# What nobody sees: blanks of all kinds, soft hyphens, marks without a width or of direction.
_UNSEEN: Final = "\\s\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_DASHES: Final = "\\-\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63"
_QUOTES: Final = "\"'`\u00b4\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f\u301d-\u301f"
_SEPARATORS: Final = re.compile(f"[{_UNSEEN}{_DASHES}{_QUOTES}]")
_BLANK: Final = re.compile(f"[{_UNSEEN}]*")
# Keyboards of East Asia write these wide.
_WIDE: Final = {0xFF00 + at: 0x20 + at for at in range(1, 0x5F)}
_AFTER: Final = ".,;"

_ID_BYTES: Final = 10
_TAG_BYTES: Final = 16
_SYMBOLS: Final = 45
_GROUP: Final = 5
# Of five symbols each: names of computers have fewer such parts.
_GROUPS_MEANT: Final = 5
_CHECK_BITS: Final = 10
# With ten symbols, 50 bits are missing: the check symbols, which tell nothing, and 40 of the tag.
_FEWER: Final = 10
# The largest prime that fits: no single wrong symbol and no swap changes the number by a multiple.
_CHECK_MODULUS: Final = 1021

_LICENSE_ID: Final = re.compile(r"lic_([0-9abcdefghjkmnpqrstvwxyz]{16})")


@dataclass(frozen=True, slots=True)
class LicenseKey:
    """A well-formed licence key. It may be forged: :func:`is_genuine` tells.

    ``secret_version`` is the version of the server secret that the key was derived under; ``tag``
    is its secret part, 16 bytes. The ``repr`` leaves the tag out, so that no key gets into a log
    (R35).
    """

    secret_version: int
    license_id: str
    tag: bytes = field(repr=False)

    def reveal(self) -> str:
        """The key as text, as the agent keeps it: nine groups of five symbols. Never log it."""
        payload = (self.secret_version << 80) | _decode(self.license_id.removeprefix("lic_"))
        payload = (payload << 128) | int.from_bytes(self.tag)
        shifted = payload << _CHECK_BITS
        # The check symbols are what is missing to the next multiple of the modulus.
        symbols = _encode(shifted | (-shifted % _CHECK_MODULUS), _SYMBOLS)
        return "-".join(symbols[at : at + _GROUP] for at in range(0, _SYMBOLS, _GROUP))


def new_license_id(entropy: bytes) -> str:
    """A licence id, ``lic_`` and 16 symbols, from ten random bytes.

    Raises :class:`ValueError` for another number of bytes.
    """
    if len(entropy) != _ID_BYTES:
        raise ValueError(f"a license id takes {_ID_BYTES} random bytes, not {len(entropy)}")
    return "lic_" + _encode(int.from_bytes(entropy), 16).lower()


def is_license_id(text: str) -> bool:
    """Whether ``text`` has the form of a licence id: ``lic_`` and 16 lower-case symbols."""
    return _LICENSE_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class KeySubject:
    """What a key is derived from, beside the secret (R3).

    ``identity`` is the digest of the machine at issue
    (:meth:`~licensing.domain.machine.Machine.identity`). The licence keeps it when the machine
    drifts or is replaced, so the key stays the same (R11, R20).
    """

    license_id: str
    organization_id: str
    identity: bytes
    environment: str


def derive(secret: bytes, secret_version: int, subject: KeySubject) -> LicenseKey:
    """The licence key of ``subject`` (R2, R3): the same arguments always give the same key.

    ``secret`` is the server's secret for licence keys of the version ``secret_version``, 1 to 127:
    see :attr:`Keyring.license_key_secrets <licensing.domain.keyring.Keyring.license_key_secrets>`.

    >>> subject = KeySubject("lic_0123456789abcdef", "acme", b"machine identity", "production")
    >>> key = derive(b"a secret of the server", 1, subject)
    >>> key.reveal()
    '0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C1'
    >>> key
    LicenseKey(secret_version=1, license_id='lic_0123456789abcdef')
    """
    parts = (
        subject.license_id.encode(),
        subject.organization_id.encode(),
        subject.identity,
        subject.environment.encode(),
    )
    # Each part with its length: else "ab" + "c" and "a" + "bc" would have the same key.
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    tag = hmac.digest(secret, message, "sha256")[:_TAG_BYTES]
    return LicenseKey(secret_version=secret_version, license_id=subject.license_id, tag=tag)


def is_genuine(key: LicenseKey, derived: LicenseKey) -> bool:
    """Whether a presented ``key`` is ``derived``, the one that the server derives for the licence.

    The tags are compared in constant time, so that answers' times tell nothing about a key.
    """
    # Version and id are no secrets; comparing them may take different times.
    return (key.secret_version, key.license_id) == (
        derived.secret_version,
        derived.license_id,
    ) and hmac.compare_digest(key.tag, derived.tag)


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in ``text``, which is then no key, not even a mistyped one.

    >>> is_blank(" \u200b"), is_blank("-")
    (True, False)
    """
    return _BLANK.fullmatch(text) is not None


def is_meant(text: str) -> bool:
    """Whether a key is meant by ``text``, whole or mistyped, where it may be something else, too.

    >>> is_meant("0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C2")  # of another symbol
    True
    >>> is_meant("PLANT-HALL3-PRESS-00012")
    False
    """
    named = _without_label(text.translate(_WIDE).rstrip(_AFTER))
    groups = [group for group in _SEPARATORS.split(named) if group]
    if sum(len(group) == _GROUP for group in groups) >= _GROUPS_MEANT:
        return True
    if len(groups) == 1:
        return groups[0].isalnum() and abs(len(groups[0]) - _SYMBOLS) <= _GROUP
    try:
        parse(text)
    except InvalidInput:
        return False
    return True


def lacks_much(text: str) -> bool:
    """Whether ``text`` has so few symbols that it is hardly a key that was cut at its end.

    At least 40 secret bits of one are missing then. It may be looked up as something else, and is
    kept nowhere all the same: of a key that was cut at its beginning it may be all that is secret.

    >>> lacks_much("0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y")
    False
    >>> lacks_much("PLANT-HALL3-PRESS-00012-RIGHT")
    True
    """
    symbols = _SEPARATORS.sub("", text.translate(_WIDE))
    return len(symbols) <= _SYMBOLS - _FEWER


def parse(text: str) -> LicenseKey:
    """The key that a person typed, well formed but perhaps forged (R3).

    Raises :class:`InvalidInput` when it is empty or not whole, or a symbol of it is mistyped.

    >>> parse("0808g s19ht 2ajv3 bkt27 ez32p 28rj0 1yybd j9q7y 4p1c1")
    LicenseKey(secret_version=1, license_id='lic_0123456789abcdef')
    >>> parse("License key: \u201c0808G–S19HT–2AJV3–BKT27–EZ32P–28RJ0–1YYBD–J9Q7Y–4P1C1\u201d.")
    LicenseKey(secret_version=1, license_id='lic_0123456789abcdef')
    >>> parse("0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C2")
    Traceback (most recent call last):
        ...
    licensing.domain.errors.InvalidInput: The license key is mistyped: ...
    """
    if is_blank(text):
        raise InvalidInput(
            "The license key is empty. Send the key that a login has answered with, or log in.",
            pointer="/license_key",
        )
    named = _SEPARATORS.sub("", text.translate(_WIDE)).rstrip(_AFTER)
    symbols = _without_label(named).upper().translate(_LOOKALIKES)
    if len(symbols) != _SYMBOLS or not _SYMBOL_SET.issuperset(symbols):
        raise InvalidInput(
            f"This is not a license key. A key has {_SYMBOLS} letters and digits, in nine groups "
            "of five.",
            pointer="/license_key",
        )
    number = _decode(symbols)
    check = number & ((1 << _CHECK_BITS) - 1)
    payload = number >> _CHECK_BITS
    version = payload >> (80 + 128)
    # Three check values have a twin above the modulus; only the smaller one is ever printed.
    if number % _CHECK_MODULUS or check >= _CHECK_MODULUS or version == 0:
        raise InvalidInput(
            "The license key is mistyped: its check symbols do not match. Copy all of it again.",
            pointer="/license_key",
        )
    return LicenseKey(
        secret_version=version,
        license_id="lic_" + _encode(payload >> 128, 16).lower(),
        tag=(payload & ((1 << 128) - 1)).to_bytes(_TAG_BYTES),
    )


def _without_label(text: str) -> str:
    # No key has any of these: what stands before the last one is a label.
    return text[max(text.rfind(":"), text.rfind("=")) + 1 :]


def _encode(number: int, symbols: int) -> str:
    """The lowest five bits of ``number`` for each of so many symbols."""
    return "".join(_ALPHABET[(number >> (5 * at)) & 31] for at in reversed(range(symbols)))


def _decode(symbols: str) -> int:
    upper = symbols.upper()
    if not _SYMBOL_SET.issuperset(upper):  # Python's numbers may have blanks, signs and underscores
        raise ValueError("not base32 of Crockford's")
    return int(upper.translate(_TO_DIGITS), 32)
