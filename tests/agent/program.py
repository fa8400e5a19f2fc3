"""A few lines of Python that use the agent's package, as a process of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import licensing_agent

_SHARED = Path(licensing_agent.__file__).parents[1]


@contextmanager
def running(lines: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The process, until it has ended; what it reads ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", lines, *arguments],
        cwd=_SHARED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        yield started


def told(process: subprocess.Popen[str]) -> str:
    """The next line that it prints; nothing when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
