"""Text that people and agents write, and others read: in a portal, on a terminal, in a message.

What this module guarantees: what counts as misleading is defined here and nowhere else. Such a
character moves a cursor, turns the direction of what stands around it, or hides: control characters
(C0, DEL, C1), separators of lines and paragraphs, overrides and isolates of direction, the byte
order mark, tag characters, and halves of surrogate pairs. The marks that scripts need are none of
them: direction marks (LRM, RLM, ALM) and joiners (ZWJ, ZWNJ).
"""

from __future__ import annotations

import re
from typing import Final

MISLEADING_IN_LINES: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
)
"""Misleading characters of a text of several lines, for a class of a pattern in any dialect.

All but the tag characters: JavaScript without its flag ``u`` takes their range for an error.
"""

MISLEADING: Final = rf"\t\n{MISLEADING_IN_LINES}"
"""As :data:`MISLEADING_IN_LINES`, for a text of one line: no tab and no end of a line is in it."""

# JSON and the table have no halves of surrogate pairs, Python has.
_ELSEWHERE: Final = "\U000e0000-\U000e007f\ud800-\udfff"
_IN_A_LINE: Final = re.compile(rf"[{MISLEADING}{_ELSEWHERE}]")
_IN_LINES: Final = re.compile(rf"[{MISLEADING_IN_LINES}{_ELSEWHERE}]")


def is_misleading(text: str, *, lines: bool = False) -> bool:
    r"""Whether a misleading character is in ``text``, which may have several ``lines``.

    >>> is_misleading("Acme\u202e"), is_misleading("Acme\n"), is_misleading("\u05d0\u200f")
    (True, True, False)
    >>> is_misleading("one\ntwo", lines=True)
    False
    """
    return (_IN_LINES if lines else _IN_A_LINE).search(text) is not None


def plain(text: str) -> str:
    r"""``text`` without its misleading characters, and without blanks around it.

    >>> plain(" Ada\u202e \n")
    'Ada'
    """
    return _IN_A_LINE.sub("", text).strip()


def readable(text: str, *, lines: bool = False) -> str:
    r"""``text`` with a replacement character (U+FFFD) for each misleading one.

    >>> readable("PC\x1b[2J")
    'PC\ufffd[2J'
    """
    return (_IN_LINES if lines else _IN_A_LINE).sub("\ufffd", text)
