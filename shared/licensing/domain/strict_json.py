"""JSON that has one reading only: what two parsers would read differently is refused.

What this module guarantees: an object names each member once, numbers are JSON's own (no ``NaN``),
and all text is Unicode, in UTF-8 where it comes as bytes, without halves of surrogate pairs.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn


def read(text: str | bytes) -> object:
    """The value that ``text`` holds. Raises :class:`ValueError` where it holds none, or several."""
    try:
        value: object = _STRICT.decode(text.decode() if isinstance(text, bytes) else text)
        _AS_IT_IS.encode(value).encode()
    except UnicodeError:
        # Without its cause, which would carry the whole text along (R35).
        raise ValueError("not Unicode text") from None
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def check_names(text: str) -> None:
    """Check ``text``, which is JSON. Raises :class:`ValueError` where a member is named twice."""
    _NAMES.decode(text)


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a member is named twice")
    return value


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


# Made once: it takes longer than reading what is short.
_STRICT: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)
_AS_IT_IS: Final = json.JSONEncoder(ensure_ascii=False)
_NAMES: Final = json.JSONDecoder(object_pairs_hook=_object)
