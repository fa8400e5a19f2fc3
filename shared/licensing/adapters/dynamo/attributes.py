"""Records as tables: one row per stored attribute says how it is named, written and read.

A row names the attribute and the kind of its values, and the field of the record that it holds,
where that is not named like it::

    Record(
        Printer,
        always("serial", TEXT),
        optional("room", TEXT),
        added("has_color", FLAG, field="color", older=False),
        optional_part("lease", LEASE),
    )

What this module guarantees: what is written and what is read follow from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from licensing.adapters.dynamo.values import Kind, StoredItem, Value, present

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Attribute(Generic[T]):
    """A row: the attribute's name, the kind of its values, and the field that it holds.

    ``absent`` is what the field is where an item does not have the attribute. ``is_required`` says
    that every item has it; ``is_always_written`` that it is written for every value of the field,
    and not for all but ``absent``.
    """

    name: str
    kind: Kind[T]
    field: str
    absent: T | None = None
    is_required: bool = False
    is_always_written: bool = False


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A row of several attributes that make one value, with a table of its own.

    ``is_optional`` says that the field is ``None`` where an item does not have the first of them.
    """

    field: str
    record: Record[T]
    is_optional: bool = False


# The values of a table's rows are of many types.
Row: TypeAlias = Attribute[Any] | Part[Any]


def always(name: str, kind: Kind[T], *, field: str | None = None) -> Attribute[T]:
    """An attribute that every item has. Reading an item without it raises :class:`KeyError`."""
    return Attribute(name, kind, field or name, is_required=True, is_always_written=True)


def optional(
    name: str, kind: Kind[T], *, field: str | None = None, none: T | None = None
) -> Attribute[T]:
    """An attribute that is there unless the field is ``none``."""
    return Attribute(name, kind, field or name, absent=none)


def added(name: str, kind: Kind[T], *, field: str | None = None, older: T) -> Attribute[T]:
    """An attribute that is always written; in items from before it ``older`` stands for it."""
    return Attribute(name, kind, field or name, absent=older, is_always_written=True)


def part(field: str, record: Record[T]) -> Part[T]:
    """A value of several attributes."""
    return Part(field, record)


def optional_part(field: str, record: Record[T]) -> Part[T]:
    """A value of several attributes, or ``None``; the first one is there when the value is."""
    return Part(field, record, is_optional=True)


class Attributes(Generic[T]):
    """Some rows of a record, which are written together."""

    def __init__(self, *rows: Row) -> None:
        self.rows: Final = rows
        self.names: Final = [*_names(rows)]
        # What writing walks through.
        attributes = [row for row in rows if isinstance(row, Attribute)]
        self._always_written = [
            (row.name, row.field, row.kind.letter, row.kind.encode)
            for row in attributes
            if row.is_always_written
        ]
        self._written_at_times = [
            (row.name, row.field, row.kind.letter, row.kind.encode, row.absent)
            for row in attributes
            if not row.is_always_written
        ]
        self._written_parts = [
            (row.field, dict.fromkeys(row.record.names), row.record.write)
            for row in rows
            if isinstance(row, Part)
        ]

    def write(self, record: T) -> dict[str, Value | None]:
        """The attributes of ``record``; ``None`` is one that is not to be there."""
        written: dict[str, Any] = {}
        for name, field, letter, encode in self._always_written:
            value = getattr(record, field)
            written[name] = {letter: value if encode is None else encode(value)}
        for name, field, letter, encode, absent in self._written_at_times:
            value = getattr(record, field)
            if value is None or value == absent:
                written[name] = None
            else:
                written[name] = {letter: value if encode is None else encode(value)}
        for field, nothing, write in self._written_parts:
            value = getattr(record, field)
            written |= nothing if value is None else write(value)
        return written


class Record(Attributes[T]):
    """All rows of a record, which it is read from: ``make`` takes their fields."""

    def __init__(self, make: Callable[..., T], *rows: Row) -> None:
        super().__init__(*rows)
        self.make: Final = make
        # What reading walks through, likewise.
        attributes = [row for row in rows if isinstance(row, Attribute)]
        self._always_there = [
            (row.name, row.field, row.kind.letter, row.kind.decode)
            for row in attributes
            if row.is_required
        ]
        self._there_at_times = [
            (row.name, row.field, row.kind.letter, row.kind.decode, row.absent)
            for row in attributes
            if not row.is_required
        ]
        self._read_parts = [
            (row.field, row.record.names[0] if row.is_optional else None, row.record.read)
            for row in rows
            if isinstance(row, Part)
        ]

    def only(self, make: Callable[..., S], *fields: str) -> Record[S]:
        """Another record, which is read from some of the rows."""
        return Record(make, *(row for row in self.rows if row.field in fields))

    def read(self, item: StoredItem, **fields: object) -> T:
        """The record that an item holds; ``fields`` are those that no row is for.

        Raises :class:`KeyError` where an attribute is missing that every item has.
        """
        attributes: Mapping[str, Mapping[str, Any]] = item
        for name, field, letter, decode in self._always_there:
            value = attributes[name][letter]
            fields[field] = value if decode is None else decode(value)
        for name, field, letter, decode, absent in self._there_at_times:
            if name in attributes:
                value = attributes[name][letter]
                fields[field] = value if decode is None else decode(value)
            else:
                fields[field] = absent
        for field, first, read in self._read_parts:
            fields[field] = read(item) if first is None or first in attributes else None
        return self.make(**fields)

    def read_optional(self, item: StoredItem) -> T | None:
        """The record that an item holds, ``None`` where its first attribute is missing."""
        return self.read(item) if self.names[0] in item else None


def as_map(record: Record[T]) -> Kind[T]:
    """A record within one attribute."""
    return Kind("M", lambda value: present(record.write(value)), record.read)


def _names(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, Attribute):
            yield row.name
        else:
            yield from row.record.names
