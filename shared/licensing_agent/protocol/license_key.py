"""Whether a licence key came as it was sent: it names its licence, and has check symbols.

What this module guarantees: a key in which one symbol is wrong, which is cut off or which is
another licence's is found on the machine itself. Whether it is genuine, the service alone can tell.
"""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {symbol: value for value, symbol in enumerate(_ALPHABET)}
_SYMBOLS: Final = 45
_MODULUS: Final = 1021
_ID_SYMBOLS: Final = 16
_BELOW_ID: Final = 128 + 10
"""Bits: what stands after the licence id, the secret part and the check symbols."""


def is_of(key: str, license_id: str) -> bool:
    """Whether ``key`` is spelled as a login's answer spells the key of this licence.

    >>> key = "0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C1"
    >>> is_of(key, "lic_0123456789abcdef"), is_of(key, "lic_0123456789abcdeg")
    (True, False)
    >>> is_of(key.replace("P1C1", "P1C2"), "lic_0123456789abcdef")
    False
    """
    symbols = key.replace("-", "")
    if len(symbols) != _SYMBOLS or not set(symbols) <= _VALUES.keys():
        return False
    number = 0
    for symbol in symbols:
        number = number << 5 | _VALUES[symbol]
    id = number >> _BELOW_ID
    named = (_ALPHABET[id >> 5 * at & 31] for at in reversed(range(_ID_SYMBOLS)))
    return number % _MODULUS == 0 and f"lic_{''.join(named).lower()}" == license_id
