"""DynamoDB's own notation of values, made and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Value: TypeAlias = AttributeValueTypeDef
    Item: TypeAlias = dict[str, Value]
    StoredItem: TypeAlias = Mapping[str, Value]


def text(value: str) -> Value:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Value:
    """A number attribute."""
    return {"N": str(value)}


def binary(value: bytes) -> Value:
    """A binary attribute."""
    return {"B": value}


def present(attributes: Mapping[str, Value | None]) -> Item:
    """The attributes that have a value: what a whole item is made of."""
    return {name: value for name, value in attributes.items() if value is not None}


def optional_text(value: str | None) -> Value | None:
    """A string attribute, or none."""
    return text(value) if value is not None else None


def optional_number(value: int | None) -> Value | None:
    """A number attribute, or none."""
    return number(value) if value is not None else None


def read_bytes(value: object) -> bytes:
    """A binary attribute's bytes; boto3 alone has another type for what it sends."""
    if not isinstance(value, bytes):
        raise TypeError(f"a binary attribute of DynamoDB is bytes, not {type(value).__name__}")
    return value


def read_text(item: StoredItem, name: str) -> str | None:
    """A string attribute of an item, or ``None``."""
    return item[name]["S"] if name in item else None


def read_number(item: StoredItem, name: str) -> int:
    """A number attribute of an item."""
    return int(item[name]["N"])


def read_optional_number(item: StoredItem, name: str) -> int | None:
    """A number attribute of an item, or ``None``."""
    return read_number(item, name) if name in item else None


def read_flag(item: StoredItem, name: str) -> bool:
    """A boolean attribute of an item: false where a record from before it has none."""
    return name in item and item[name]["BOOL"]


def texts(values: Sequence[str]) -> Value:
    """A list of strings."""
    return {"L": [text(value) for value in values]}


def read_texts(value: Value) -> tuple[str, ...]:
    """The strings of a list."""
    return tuple(one["S"] for one in value["L"])
