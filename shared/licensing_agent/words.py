"""Other people's words, made fit to be shown: an answer's sentences, and errors of a vendor's code.

What this module guarantees: what is told or logged of them is printable, of a bounded length, and
has no word in it that could be a token or a key (R35): some gateways repeat what they have got.
"""

from __future__ import annotations

import re
import traceback
from typing import Final

LONGEST: Final = 500
"""How many characters of a sentence are shown."""

_SECRET: Final = re.compile(r"[\w.~+=-]{24,}|\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE)
_LEFT_OUT: Final = "…"


def sentence(text: str) -> str:
    """A sentence of an answer, which may repeat what was sent."""
    return line(without_secrets(text))


def line(text: str) -> str:
    """A text that has no secret, on one line."""
    printable = "".join(one if one.isprintable() else " " for one in text)
    shown = " ".join(printable.split())
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}{_LEFT_OUT}"


def trace(error: BaseException) -> str:
    """The traceback of an error."""
    return without_secrets("".join(traceback.format_exception(error)))


def without_secrets(text: str) -> str:
    """A text without the words that tokens, keys and addresses of network cards look like."""
    return _SECRET.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    """A long word with hardly a digit stays: it is a name in somebody's code."""
    word = found[0]
    digits = sum(one.isdigit() for one in word)
    is_name = len(word) > 17 and (digits < 4 if word.lower() == word else not digits)
    return word if is_name else _LEFT_OUT
