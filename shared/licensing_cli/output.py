"""What commands print: tables for people, the API's own objects for programs.

What this module guarantees:

* Results go to standard output, everything else to standard error.
* A table is as wide as what is in it where nobody looks on a terminal, has colours on a terminal
  alone, and none with ``NO_COLOR``. JSON is one document.
* Whoever reads it may stop at any time: the command goes on to its own end, and to its exit code.
* What others have written (names, labels, reasons) cannot move a terminal's cursor: control
  characters are shown as what they are.
* Text that the output's encoding lacks is printed as codes, see :func:`accept_all`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from licensing_cli.errors import Unreachable
from licensing_cli.people import person

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Row = Mapping[str, object]
Cell = Callable[[Row], object]
Columns = Mapping[str, Cell]
"""Headings, and what stands below them."""

_NOWHERE_ENDS: Final = 100_000
_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_STYLES: Final[Mapping[str, str]] = {
    "active": "green",
    "current": "green",
    "ok": "green",
    "detached": "yellow",
    "suspended": "yellow",
    "warn": "yellow",
    "ended": "red",
    "expired": "red",
    "fail": "red",
    "revoked": "red",
}


class Format(StrEnum):
    """The two forms of output."""

    TABLE = "table"
    JSON = "json"


@dataclass(slots=True)
class Output:
    """Where a command prints to, and how."""

    format: Format
    verbose: bool = False
    quiet: bool = False
    is_read: bool = field(default=True, init=False)
    """Whether anybody still reads the results."""

    @property
    def is_json(self) -> bool:
        """Whether a program reads it."""
        return self.format is Format.JSON

    def document(self, value: object) -> None:
        """One JSON document."""
        with self._while_read():
            sys.stdout.write(json.dumps(value, indent=2) + "\n")

    def record(self, value: object) -> None:
        """One JSON document of many, on a line of its own, there at once."""
        with self._while_read():
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()

    def listed(self, document: Row, name: str, columns: Columns) -> None:
        """A list; in a table, a note says whether there is more of it."""
        if self.is_json:
            self.document(document)
            return
        entries = document.get(name)
        rows = (
            [row for row in entries if isinstance(row, dict)] if isinstance(entries, list) else []
        )
        self.table(columns, rows)
        total = document.get("total")
        if document.get("next_cursor") is not None:
            of = f" of {total}" if isinstance(total, int) else ""
            self.note(f"{len(rows)}{of} are shown. To see all: --limit 0")
        elif not rows:
            self.note("Nothing found.")

    def one(self, document: Row, name: str, columns: Columns) -> None:
        """One object; in a table, a field on each line.

        Raises :class:`Unreachable` if the document has none.
        """
        row = document.get(name)
        if not isinstance(row, dict):
            raise Unreachable(f"The service's answer has no {name}.")
        if self.is_json:
            self.document(document)
            return
        self.fields({title: cell(row) for title, cell in columns.items()})

    def fields(self, values: Mapping[str, object]) -> None:
        """Names and values."""
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in values.items():
            table.add_row(name, _cell(value))
        with self._while_read():
            _console().print(table)

    def table(self, columns: Columns, rows: Sequence[Row]) -> None:
        """Rows below headings; nothing where there are no rows."""
        if not rows:
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in columns:
            table.add_column(title, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(cell(row)) for cell in columns.values()))
        with self._while_read():
            _console().print(table)

    def line(self, text: str) -> None:
        """One line of a result, there at once."""
        with self._while_read():
            sys.stdout.write(f"{shown(text)}\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something to know that is no result; left out where it should be ``quiet``."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Something that is no result, and has to be known."""
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.write(shown(text, keep="\n") + "\n")
            sys.stderr.flush()

    def flush(self) -> None:
        """See to it that all of the results are there."""
        with self._while_read():
            sys.stdout.flush()

    @contextlib.contextmanager
    def _while_read(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.is_read = False
            # What is still in the buffer has nowhere to go.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())

    def tell(self, text: str) -> None:
        """Something that whoever asked for ``--verbose`` wants to know."""
        if self.verbose:
            self.warn(text)


def accept_all(*streams: object) -> None:
    """Have streams print what their encoding lacks as codes, where they would fail."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shown(text: str, *, keep: str = "") -> str:
    """Text without the characters that mean something to a terminal, but for those to ``keep``."""
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in _CONTROL
        else f"\\u{ord(character):04x}"
        for character in text
    )


def text_of(*path: str) -> Cell:
    """A cell with a member of a row, or of an object in it."""

    def cell(row: Row) -> object:
        value: object = row
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return cell


def person_of(field: str) -> Cell:
    """A cell with a person, whose name stands beside the subject."""

    def cell(row: Row) -> object:
        return person(row.get(field), row.get(f"{field}_name"))

    return cell


def moment(*path: str) -> Cell:
    """A cell with an instant, as people read it; it stays UTC."""
    found = text_of(*path)

    def cell(row: Row) -> object:
        value = found(row)
        return value.replace("T", " ") if isinstance(value, str) else value

    return cell


def joined(values: Iterable[object]) -> str:
    """Several values in one cell."""
    return ", ".join(str(value) for value in values)


def _cell(value: object) -> Text:
    from rich.text import Text

    if value is None or value == "":
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    text = shown(str(value))
    return Text(text, style=_STYLES.get(text, ""))


def _console() -> Console:
    """What draws tables on standard output, as it is now."""
    from rich.console import Console

    class Drawing(Console):
        """Leaves it to the command to end when nobody reads any more; else it ended as failed."""

        def on_broken_pipe(self) -> None:
            """Called while the error is handled."""
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    console = Drawing(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _NOWHERE_ENDS
    return console
