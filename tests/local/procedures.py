"""The procedures for operators: the lines of their page's fenced blocks, as a person pastes them.

A block whose fence says `sh` is run; one that says `sh only-on-aws` has no counterpart here.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.local import pasted

PAGE = Path(__file__).resolve().parents[2] / "functions" / "OPERATIONS.md"
_HEADING = re.compile(r"^###? ", re.MULTILINE)
_FENCE = re.compile(r"^```(sh[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ONLY_ON_AWS = "sh only-on-aws"


@dataclass(frozen=True)
class Procedure:
    """What stands below one heading, with its blocks in order."""

    title: str
    run_here: tuple[str, ...]
    only_on_aws: tuple[str, ...]


def read() -> dict[str, Procedure]:
    """The procedures by their titles."""
    found: dict[str, Procedure] = {}
    for part in _HEADING.split(PAGE.read_text(encoding="utf-8"))[1:]:
        title, _, text = part.partition("\n")
        blocks = _FENCE.findall(text)
        found[title] = Procedure(
            title,
            tuple(lines for kind, lines in blocks if kind == "sh"),
            tuple(lines for kind, lines in blocks if kind == ONLY_ON_AWS),
        )
    return found


class PastedLinesError(Exception):
    """Lines that were pasted have failed; the message shows what they said."""


def jq_in(folder: Path) -> Path:
    """The folder, with a `jq` in it for a machine that has none."""
    command = folder / "jq"
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("json_filter.py")}" "$@"\n'
    )
    command.chmod(0o755)
    return folder


class Terminal:
    """One bash that stays open: what a block sets, the next one finds."""

    def __init__(self, folder: Path) -> None:
        """Open it in `folder`, with a PATH, and nothing else in its environment."""
        self.folder = folder
        own = str(Path(sys.executable).parent)
        path = os.pathsep.join([own, os.environ["PATH"]])
        if shutil.which("jq") is None:
            path = os.pathsep.join([path, str(jq_in(folder))])
        self._bash = subprocess.Popen(
            ["bash", "--norc"],  # noqa: S607 - whichever bash the reader has
            cwd=folder,
            env={"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        # It goes on after a line that fails, as one that a person sits at, and remembers.
        self._say("set -E -u -o pipefail; trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR")

    def paste(self, lines: str, typed: str = "") -> str:
        """What `lines` print, with `typed` at the keyboard; PastedLinesError if one fails."""
        for name, text in (("lines", lines), ("typed", typed)):
            (self.folder / name).write_text(text, encoding="utf-8")
        self._say(". ./lines < typed > said 2> complaints; echo done")
        assert self._bash.stdout is not None
        ended = self._bash.stdout.readline()
        said = (self.folder / "said").read_text(encoding="utf-8")
        complaints = (self.folder / "complaints").read_text(encoding="utf-8")
        if ended != "done\n" or complaints:
            raise PastedLinesError(f"{lines}\n{said}\n{complaints}")
        return said

    def close(self) -> None:
        """End it."""
        self._bash.communicate()

    def _say(self, command: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{command}\n")
        self._bash.stdin.flush()


@contextmanager
def terminal(folder: Path, url: str) -> Iterator[Terminal]:
    """A terminal whose `aws` speaks to the local stack at `url`."""
    folder.mkdir(exist_ok=True)
    opened = Terminal(folder)
    try:
        opened.paste(pasted.for_aws(url))
        yield opened
    finally:
        opened.close()


def now() -> str:
    """The time, as an operator writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
