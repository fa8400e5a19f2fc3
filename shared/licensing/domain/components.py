"""A machine's components in their normal form, and which of them tell it from other machines (R12).

What this module guarantees:

* Form makes no difference: case, separators, Unicode forms, and the domain of a computer name.
* What unrelated computers share counts for nothing: a value of the list (``known_shared``), an id
  in any order of its bytes, and what somebody or something has made up, since it repeats itself or
  counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import eq
from typing import Final

from licensing.domain import known_shared

_EUI48: Final = re.compile(r"[0-9a-f]{12}")
_UUID: Final = re.compile(r"[0-9a-f]{32}")
_MAC_SEPARATORS: Final = re.compile(r"[\s:.\-]")
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]")
_IPV4: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
# A full stop at the end is DNS's way to say that a name is whole.
_END_OF_NAME: Final = re.compile(r"[\s.]+\Z")
# An address in place of a name, as in ip-10-0-0-5 and 192.168.1.5.
_ADDRESS_FOR_A_NAME: Final = re.compile(r"(?:ip)?[-.]?[0-9]+(?:[-.][0-9]+){3}|.*:.*:.*")
_NUMBER_AT_THE_END: Final = re.compile(r"[-_. 0-9]+\Z")
_BELOW_16: Final = re.compile(r"(?:0[0-9a-f]){4,}")
_LETTERS_AT_THE_START: Final = re.compile(r"\A[^\W0-9]+")

Masked = Mapping[int, frozenset[int]]
"""Addresses as numbers: mask → what is left of them under it."""


@dataclass(frozen=True, slots=True)
class KnownShared:
    """What unrelated computers are known to share, each in its normal form.

    ``ids`` holds UUIDs with their bytes in order, see :func:`key_of_id`.
    """

    addresses: Masked
    given_by_software: Masked
    ids: frozenset[str]
    names: frozenset[str]


KNOWN: Final = KnownShared(
    known_shared.ADDRESSES,
    known_shared.GIVEN_BY_SOFTWARE,
    known_shared.IDS,
    known_shared.NAMES,
)
"""The list of this release."""


# -- machine ids -----------------------------------------------------------------------------------


def machine_id(raw: str | None) -> str:
    """A machine id in its normal form: its letters and digits.

    >>> machine_id("{4C4C4544-0042-3510-8052-B4C04F4E5931}")
    '4c4c4544004235108052b4c04f4e5931'
    """
    return _NOT_ALPHANUMERIC.sub("", _fold(raw or ""))


def is_shared_id(id: str) -> bool:
    """Whether unrelated computers have this machine id, in its normal form; none is shared, too.

    >>> [is_shared_id(machine_id(id)) for id in ("N/A", "FEFEFEFE-FEFE", "0123456789ABCDEF")]
    [True, True, True]
    >>> is_shared_id("00020003000400050006000700080009")  # one of the list in another byte order
    True
    >>> is_shared_id("4c4c4544004235108052b4c04f4e5931")
    False
    """
    return not id or key_of_id(id) in KNOWN.ids or _is_made_up(id) or _is_made_up_uuid(id)


def key_of_id(id: str) -> str:
    """An id such that it is found whatever the order of its bytes is: of a UUID, all in order.

    Firmware, systems and tools disagree about that of a UUID. No two UUIDs that computers have were
    ever seen to consist of the same bytes.
    """
    return bytes(sorted(bytes.fromhex(id))).hex() if _UUID.fullmatch(id) else id


# -- network addresses -----------------------------------------------------------------------------


def mac_addresses(raw: Iterable[str]) -> set[str]:
    """EUI-48 addresses of single adapters, 12 lower-case hexadecimal digits each.

    Anything else is ignored and not refused: operating systems list loopback adapters with an
    empty address and tunnels with eight bytes, and an agent sends what it is told.

    >>> mac_addresses(["3C-52-82-0A-1B-2C", "ff:ff:ff:ff:ff:ff", ""])
    {'3c52820a1b2c'}
    """
    folded = {_MAC_SEPARATORS.sub("", _fold(mac)) for mac in raw}
    return {mac for mac in folded if _EUI48.fullmatch(mac) and _names_one_adapter(mac)}


def is_shared_address(mac: str) -> bool:
    """Whether adapters of unrelated computers have this address, in its normal form.

    >>> [is_shared_address(mac) for mac in ("00059a3c7a00", "0242ac110002", "001122334455")]
    [True, True, True]
    """
    return _is_one_of(mac, KNOWN.addresses) or _is_made_up(mac)


def is_locally_administered(mac: str) -> bool:
    """Whether an address, its first digits hexadecimal, says itself that software has given it.

    The second-lowest bit of the first byte (IEEE 802) says so.
    """
    return bool(int(mac[:2], 16) & 0b10)


def by_origin(mac: str) -> tuple[int, str]:
    """A key to sort addresses by: those that makers gave, that hypervisors gave, all others."""
    if is_locally_administered(mac):
        return 2, mac
    return int(is_of_hypervisor(mac)), mac


def is_of_hypervisor(mac: str) -> bool:
    """Whether an address is of a range that hypervisors give theirs from.

    >>> is_of_hypervisor("005056ab1234"), is_of_hypervisor("3c52820a1b2c")
    (True, False)
    """
    return _is_one_of(mac, KNOWN.given_by_software)


def _names_one_adapter(mac: str) -> bool:
    # The lowest bit of the first byte (IEEE 802) says that an address is a group's.
    is_multicast = bool(int(mac[:2], 16) & 0b01)  # broadcast included
    return not is_multicast and mac != "0" * 12


def _is_one_of(mac: str, listed: Masked) -> bool:
    number = int(mac, 16)
    return any(number & mask in values for mask, values in listed.items())


# -- computer names --------------------------------------------------------------------------------


def computer_name(raw: str | None) -> str:
    """A computer name in its normal form: without its domain, empty where there is nothing else.

    >>> computer_name("ACME-PC-01.corp.example."), computer_name("192.168.1.5")
    ('acme-pc-01', '192.168.1.5')
    """
    name = _END_OF_NAME.sub("", _fold(raw or "").strip())
    return name if _IPV4.fullmatch(name) else name.partition(".")[0].strip()


def is_default_name(name: str) -> bool:
    """Whether a name, in its normal form, is one that systems have before anybody names them.

    >>> [is_default_name(name) for name in ("localhost", "server01", "ip-10-0-0-5", "acme-pc-01")]
    [True, True, True, False]
    """
    return (
        name in KNOWN.names
        or _NUMBER_AT_THE_END.sub("", name) in KNOWN.names
        or _ADDRESS_FOR_A_NAME.fullmatch(name) is not None
    )


# -- what is made up -------------------------------------------------------------------------------

_LONGEST_PATTERN: Final = 8
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuvwxyz"
_NEXT: Final = {
    base: bytes.maketrans(_DIGITS[:base], _DIGITS[1:base] + _DIGITS[:1]) for base in (10, 16, 36)
}
"""Base → a table that leads from each digit to the next one."""


def _is_made_up(text: str) -> bool:
    """Whether it repeats one character or a short pattern, or counts up or down."""
    number = _LETTERS_AT_THE_START.sub("", text)
    return (
        _repeats(text)
        or _counts(text)
        # 1122334455: each digit twice.
        or (text[::2] == text[1::2] and _counts(text[::2]))
        # 010203040506: byte by byte.
        or (_BELOW_16.fullmatch(text) is not None and _counts(text[1::2]))
        # SN1234567890: after a word.
        or (len(number) >= 6 and number.isdecimal() and _is_counted(number))
    )


def _repeats(text: str) -> bool:
    # At least three times, and such that chance would have to repeat six characters.
    longest = min(len(text) // 3, len(text) - 6, _LONGEST_PATTERN)
    return len(set(text)) == 1 or any(
        text[period:] == text[:-period] for period in range(2, longest + 1)
    )


def _counts(text: str) -> bool:
    """Whether nearly all characters are as the one before, or one more, or one less."""
    return len(text) >= 4 and (_are_enough(map(eq, text, text[1:]), text) or _is_counted(text))


def _is_counted(text: str) -> bool:
    """Whether nearly all characters are one more, or one less, than the one before.

    Of digits, of hexadecimal digits, or of digits and letters: 1234567890, 9abcdef0, xyz0.
    """
    if not (text.isascii() and text.isalnum()):
        return False
    last = max(text)
    following = _NEXT[10 if last <= "9" else 16 if last <= "f" else 36]
    digits = text.encode()
    up = map(eq, digits.translate(following), digits[1:])
    down = map(eq, digits, digits[1:].translate(following))
    return _are_enough(up, text) or _are_enough(down, text)


def _are_enough(steps: Iterable[bool], text: str) -> bool:
    # All of up to six characters, and of each five more all but one. Of texts of eight digits that
    # chance has made, one in a hundred thousand has so many.
    return len(text) - 1 - sum(steps) <= max(0, len(text) - 2) // 5


def _is_made_up_uuid(id: str) -> bool:
    """Whether a UUID, in any order of its bytes, counts them or has hardly any different ones."""
    if not _UUID.fullmatch(id):
        return False
    ordered = sorted(bytes.fromhex(id))
    step = ordered[1] - ordered[0]
    # Twelve of sixteen are one where the first and the last of twelve are, in order.
    return (
        (step > 0 and ordered == [*range(ordered[0], ordered[-1] + 1, step)])
        or len(set(ordered)) <= 2
        or any(one == after for one, after in zip(ordered[:5], ordered[11:], strict=True))
    )


def _fold(text: str) -> str:
    # Case folding can leave NFKC, so normalise on both sides of it.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
