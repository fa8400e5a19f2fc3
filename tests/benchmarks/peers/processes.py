"""The CPU of other processes, as Linux counts it: `cpu_of`, and whose it is: `child`.

The kernel counts in hundredths of a second: what is measured has to take some of them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

PROC = Path("/proc")
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
_PARENT, _OWN, _OF_ENDED = 1, slice(11, 13), slice(13, 15)
"""Where they stand in a process's line, behind its name: parent, own times, ended children's."""


def are_counted() -> bool:
    """Whether this machine tells: Linux does."""
    return (PROC / str(os.getpid()) / "stat").is_file()


def cpu_of(pid: int) -> float:
    """CPU seconds, user's and system's, of a process and all that it has started."""
    lines = _lines()
    children = defaultdict(list)
    for one, line in lines.items():
        children[int(line[_PARENT])].append(one)
    ticks, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        ticks += sum(map(int, [*lines[one][_OWN], *lines[one][_OF_ENDED]]))
        waiting += children[one]
    return ticks * _TICK


def child(word: str) -> int:
    """The process that this one has started with `word` in its command. LookupError for none."""
    for pid, line in _lines().items():
        if int(line[_PARENT]) == os.getpid():
            command = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
            if word in command:
                return pid
    raise LookupError(word)


def _lines() -> dict[int, list[str]]:
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended since
            continue
        # The name stands in brackets and may have any character.
        found[int(path.parent.name)] = text.rpartition(")")[2].split()
    return found
