"""JSON that has one reading only.

What this module guarantees: an object names each member once, numbers are finite and JSON's own,
text is whole Unicode. Anything else is a :class:`ValueError`, which does not repeat the text.
"""

from __future__ import annotations

import json
from typing import NoReturn


def read_object(data: bytes) -> dict[str, object]:
    """The object that ``data`` holds in UTF-8. Raises :class:`ValueError`."""
    try:
        value: object = json.loads(
            data.decode(), object_pairs_hook=_members, parse_constant=_no_constant
        )
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("not JSON of one reading") from None  # the cause carries the text along
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of the text, not of a caller
    return value


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a member is named twice")
    return value


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")
