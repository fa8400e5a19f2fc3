"""Records as tables: one row per stored attribute says how it is named, written and read.

A row names the attribute, the kind of its values, and the field of the record that it holds where
that has another name.

>>> from licensing.adapters.dynamo.values import FLAG, TEXT
>>> @dataclass
... class Printer:
...     serial: str
...     room: str | None
...     color: bool
>>> printers = Record(
...     Printer,
...     always("serial", TEXT),
...     optional("room", TEXT),
...     added("has_color", FLAG, field="color", older=False),
... )
>>> printers.write(Printer("A-1", room=None, color=True))
{'serial': {'S': 'A-1'}, 'has_color': {'BOOL': True}, 'room': None}
>>> printers.read({"serial": {"S": "A-1"}})  # from before has_color was added
Printer(serial='A-1', room=None, color=False)

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
    """A row for one attribute; made by :func:`always`, :func:`optional` or :func:`added`.

    ``absent`` is the field's value where an item lacks the attribute. ``is_required``: every item
    has it. ``is_always_written``: it is written even when the field is ``absent``.
    """

    name: str
    kind: Kind[T]
    field: str
    absent: T | None = None
    is_required: bool = False
    is_always_written: bool = False


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A row for a field whose value has several attributes, with rows of its own.

    Made by :func:`part` or :func:`optional_part`. ``is_optional``: the field is ``None`` where an
    item lacks the first of these attributes.
    """

    field: str
    record: Record[T]
    is_optional: bool = False


# The values of a table's rows are of many types.
Row: TypeAlias = Attribute[Any] | Part[Any]


def always(name: str, kind: Kind[T], *, field: str | None = None) -> Attribute[T]:
    """A row for an attribute that every item has; reading one without raises :class:`KeyError`."""
    return Attribute(name, kind, field or name, is_required=True, is_always_written=True)


def optional(
    name: str, kind: Kind[T], *, field: str | None = None, none: T | None = None
) -> Attribute[T]:
    """A row for an attribute that is absent when the field is ``None``, or has the value ``none``.

    An absent one is read as ``none``.
    """
    return Attribute(name, kind, field or name, absent=none)


def added(name: str, kind: Kind[T], *, field: str | None = None, older: T) -> Attribute[T]:
    """A row for an attribute that items of earlier releases lack: ``older`` is read from those."""
    return Attribute(name, kind, field or name, absent=older, is_always_written=True)


def part(field: str, record: Record[T]) -> Part[T]:
    """A row for a field whose value is stored as the attributes of ``record``."""
    return Part(field, record)


def optional_part(field: str, record: Record[T]) -> Part[T]:
    """As :func:`part`, for a field that may be ``None``: an item then lacks ``record``'s first."""
    return Part(field, record, is_optional=True)


class Attributes(Generic[T]):
    """Some rows of a record: enough to write these fields, not to read a whole record."""

    def __init__(self, *rows: Row) -> None:
        self.rows: Final = rows
        self.names: Final = [*_names(rows)]
        # Worked out once and not at each read and write, which every request waits for.
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
        """The attributes of ``record`` by name; ``None`` marks one that has to be absent."""
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
    """All rows of a record; ``make`` makes one from its fields, given by name."""

    def __init__(self, make: Callable[..., T], *rows: Row) -> None:
        super().__init__(*rows)
        self.make: Final = make
        # Worked out once, likewise.
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
        """A record that ``make`` makes from the rows for ``fields`` alone."""
        return Record(make, *(row for row in self.rows if row.field in fields))

    def read(self, item: StoredItem, **fields: object) -> T:
        """The record that an item holds; ``fields`` are values for fields that no row is for.

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
        """The record that an item holds, or ``None`` where its first attribute is missing."""
        return self.read(item) if self.names[0] in item else None


def as_map(record: Record[T]) -> Kind[T]:
    """The kind of an attribute that holds a whole record as a map."""
    return Kind("M", lambda value: present(record.write(value)), record.read)


def _names(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, Attribute):
            yield row.name
        else:
            yield from row.record.names
