"""Every form in which a value could stand somewhere and still be read, for tests of secrecy."""

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


def of(value: str) -> set[str]:
    """`value` as it is, without separators, in either case, in hex, base64 and percent-encoded."""
    bare = _SEPARATORS.sub("", value)
    spellings = {value, bare} | {":".join(re.findall("..", bare))}
    spellings |= {text.lower() for text in spellings} | {text.upper() for text in spellings}
    raw = {text.encode() for text in spellings}
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", bare):
        raw.add(bytes.fromhex(bare))
    found = spellings | {quote(text, safe="") for text in spellings}
    for data in raw:
        found |= {data.hex(), data.hex().upper(), *_base64(data)}
    return {text for text in found if text}


def seen_in(text: str, values: Iterable[str]) -> set[str]:
    """Those of `values` that can be read in `text`, in whatever form."""
    return {value for value in values if any(form in text for form in of(value))}


def printed(items: Iterable[Any]) -> str:
    """Items of a table as text; their bytes as they are, in hex and in base64."""
    return json.dumps(list(items), default=_printed_bytes, ensure_ascii=False)


def _printed_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return [value.decode("latin-1"), value.hex(), base64.b64encode(value).decode()]
    return sorted(value)


def _base64(data: bytes) -> set[str]:
    """Base64 at each of the three offsets that data can have inside something longer."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        # Only the symbols that depend on nothing but `data`.
        start = -(-offset * 8 // 6)
        end = (offset + len(data)) * 8 // 6
        forms.add(encoded[start:end].decode())
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
