"""The parts of a file that are generated: each between a mark with its name and one for its end.

The marks are comments, ``<!-- generated: NAME -->`` and ``<!-- end -->`` on a page,
``# generated: NAME`` and ``# end`` in YAML, each on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_PART: Final = re.compile(
    r"^(?P<begin>[ ]*(?:<!--|#) generated: (?P<name>[\w-]+)(?: -->)?\n)"
    r".*?"
    r"^(?P<end>[ ]*(?:<!--|#) end(?: -->)?)$",
    re.DOTALL | re.MULTILINE,
)


def filled(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A file's ``text`` with each of its ``parts`` as it has to be, lines and all.

    Raises :class:`ValueError` if the file does not mark each part once, or marks another one.
    """
    marked = [found["name"] for found in _PART.finditer(text)]
    if sorted(marked) != sorted(parts):
        raise ValueError(f"marked are {marked}, and there are {sorted(parts)}")
    return _PART.sub(lambda found: f"{found['begin']}{parts[found['name']]()}{found['end']}", text)
