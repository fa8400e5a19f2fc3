"""DynamoDB's own notation of values, made and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from licensing.domain.text import readable

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

# In quotes: what they stand for is there for types alone.
Value: TypeAlias = "AttributeValueTypeDef"
Item: TypeAlias = "dict[str, Value]"
StoredItem: TypeAlias = "Mapping[str, Value]"

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def text(value: str) -> Value:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Value:
    """A number attribute."""
    return {"N": str(value)}


def present(attributes: Mapping[str, Value | None]) -> Item:
    """The attributes that have a value: what a whole item is made of."""
    return {name: value for name, value in attributes.items() if value is not None}


def read_text(item: StoredItem, name: str) -> str | None:
    """A string attribute of an item, or ``None``."""
    return item[name]["S"] if name in item else None


def read_bytes(value: object) -> bytes:
    """A binary attribute's bytes; boto3 alone has another type for what it sends."""
    if not isinstance(value, bytes):
        raise TypeError(f"a binary attribute of DynamoDB is bytes, not {type(value).__name__}")
    return value


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How values of one type are written and read: under which letter of the notation, and as what.

    ``encode`` makes what stands under the letter out of a value, ``decode`` the value out of that.
    Where there is none, it is the value itself.
    """

    letter: str
    encode: Callable[[T], object] | None = None
    decode: Callable[[Any], T] | None = None  # what comes in depends on the letter


def one_of(values: type[E]) -> Kind[E]:
    """A value of an enumeration. Reading anything else raises :class:`KeyError`."""
    # Looked up, which takes a fraction of what calling the enumeration does.
    return Kind("S", decode={value.value: value for value in values}.__getitem__)


def _texts(values: Sequence[str]) -> Sequence[Value]:
    return [text(value) for value in values]


def _read_texts(values: Sequence[Value]) -> tuple[str, ...]:
    return tuple(value["S"] for value in values)


TEXT: Final[Kind[str]] = Kind("S")
WRITTEN: Final[Kind[str]] = Kind("S", decode=readable)
"""A line that people or agents have written: records from before it was checked may mislead."""
WRITTEN_LINES: Final[Kind[str]] = Kind("S", decode=lambda text: readable(text, lines=True))
"""The same in several lines."""
TEXTS: Final = Kind("L", _texts, _read_texts)
NUMBER: Final = Kind("N", str, int)
FLAG: Final[Kind[bool]] = Kind("BOOL")
BYTES: Final = Kind("B", decode=read_bytes)
