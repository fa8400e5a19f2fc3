"""Files that could not be opened, beside what has taken their place: ``license.unreadable.1``, ….

What this module guarantees: a file that is put aside keeps its content, owner, mode and time. Of a
name's, the first stays and the newest ones do, :data:`MOST` in all: the first has the licence that
was there before anything went wrong.
"""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import Final

MOST: Final = 4
"""How many are kept of each name."""

_MARK: Final = ".unreadable."


def of(path: Path) -> tuple[Path, ...]:
    """What was put aside of ``path``, newest first."""
    numbers = []
    with contextlib.suppress(OSError):
        for one in path.parent.iterdir():
            number = one.name.removeprefix(path.name + _MARK)
            if number != one.name and number.isascii() and number.isdecimal():
                numbers.append(int(number))
    return tuple(_named(path, number) for number in sorted(numbers, reverse=True))


def next_name(path: Path) -> Path | None:
    """Where ``path`` is to be put, ``None`` if it is no file. Raises :class:`OSError`."""
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return None
    if not is_file:
        return None
    newest = next(iter(of(path)), None)
    return _named(path, 1 if newest is None else int(newest.name.rpartition(".")[2]) + 1)


def trim(path: Path) -> None:
    """Let go of what is neither the first nor among the newest."""
    for one in of(path)[MOST - 1 : -1]:
        with contextlib.suppress(OSError):
            one.unlink()


def _named(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}{_MARK}{number}")
