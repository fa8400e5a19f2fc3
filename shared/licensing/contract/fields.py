"""What the contract is made of: the forms of single fields, and the two kinds of models."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import ceil
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from licensing.domain import license_key
from licensing.domain.errors import InvalidInput
from licensing.domain.text import MISLEADING, MISLEADING_IN_LINES, is_misleading

_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}")


def _key_as_typed(text: str) -> str:
    try:
        license_key.parse(text)
    except InvalidInput as error:
        raise PydanticCustomError("license_key", "{told}", {"told": error.message}) from error
    return text


def _key_as_typed_if_any(text: str | None) -> str | None:
    return None if text is None or license_key.is_blank(text) else _key_as_typed(text)


def _as_rfc3339(moment: object) -> object:
    # Pydantic alone takes a text of digits for epoch seconds: "20310131" would be a day in 1970.
    if isinstance(moment, datetime) or (isinstance(moment, str) and _DATE_AND_TIME.match(moment)):
        return moment
    raise PydanticCustomError(
        "instant", "It must be a date and a time with a UTC offset, like 2027-01-31T12:00:00Z"
    )


def _in_unix_time(moment: datetime) -> datetime:
    if not 0 <= moment.timestamp() < 253_402_300_800:  # until the end of the year 9999
        raise PydanticCustomError("instant", "It must be between the years 1970 and 9999")
    return moment


def _without_fraction(number: object) -> object:
    # JSON has one kind of number, and JSON Schema takes 5.0 for an integer.
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_as_rfc3339),
    AfterValidator(_in_unix_time),
    PlainSerializer(_rfc3339, when_used="json"),
    # Strictness would refuse text that a validator has seen; this validator is strict enough.
    Field(
        strict=False,
        description="RFC 3339, with a UTC offset, from 1970 to 9999.",
        examples=["2027-01-31T12:00:00Z"],
        json_schema_extra={"format": "date-time"},  # in replies, too, which are serialized text
    ),
]

LeasedUntil = Annotated[
    Instant | None,
    Field(
        description="When the longest lease that was granted ends: until then, an agent or a copy "
        "of it may go on without asking. Null where none was granted."
    ),
]


Whole = BeforeValidator(_without_fraction)
"""Stands last, so that bounds before it are bounds of the number, in the schema, too."""


LeftOut = Field(default_factory=lambda: None)
"""Says that a field of a request may be left out; ``model_fields_set`` tells whether it was.

So null is a value like any other: only fields that have it take it.
"""


Environment = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[ \t]*[A-Za-z0-9][A-Za-z0-9._ -]*[ \t]*$",
        description="The name of one agent installation on a machine. Case, blanks around it and a "
        "full stop at its end make no difference.",
        examples=["production"],
    ),
]


AgentVersion = Annotated[
    str,
    Field(max_length=32, pattern=r"^[0-9A-Za-z.+_-]+$", examples=["4.5.0.0"]),
]


OrganizationId = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$", examples=["acme"]),
]


LicenseId = Annotated[
    str, Field(pattern=r"^lic_[0-9abcdefghjkmnpqrstvwxyz]{16}$", examples=["lic_0123456789abcdef"])
]


LicenseKeyText = Annotated[
    str,
    Field(
        max_length=128,
        description="Nine groups of five letters and digits. Case, hyphens and spaces do not "
        "matter, and neither does what comes along when a key is pasted: other dashes, quotation "
        "marks, characters without a width, a label that ends in a colon. The check symbols find a "
        "mistyped key.",
    ),
    AfterValidator(_key_as_typed),
]

HeldKey = Annotated[
    Annotated[str, Field(max_length=128)] | None,
    AfterValidator(_key_as_typed_if_any),
]
"""A licence key as :data:`LicenseKeyText` has it, or none: null, or a text with nothing to see."""


def _told(message: str) -> PydanticCustomError:
    return PydanticCustomError("written", "{told}", {"told": message})


_MISLEADS = "It must have no control characters, and none that hide or turn the text around them"


def _line(text: str) -> str:
    if is_misleading(text):
        raise _told(_MISLEADS)
    return text


def _lines(text: str) -> str:
    if is_misleading(text, lines=True):
        raise _told(_MISLEADS)
    return text


def _name(text: str) -> str:
    if not _VISIBLE.search(_line(text)):
        raise _told("It must have a letter, a digit or another character to see")
    return text


# What nobody sees. Every dialect has its own idea of \s, so that is spelled out: blanks, and marks
# without a width.
_UNSEEN = rf"{MISLEADING}\x20\xa0\u1680\u2000-\u200d\u202f\u205f\u3000"
_VISIBLE = re.compile(rf"[^{_UNSEEN}]")

Line = Annotated[
    str,
    AfterValidator(_line),
    Field(json_schema_extra={"pattern": rf"^[^{MISLEADING}]*$"}),
]
"""What people write in one line. Strings that others may be misled by are refused."""

Lines = Annotated[
    str,
    AfterValidator(_lines),
    Field(json_schema_extra={"pattern": rf"^[^{MISLEADING_IN_LINES}]*$"}),
]
"""The same in several lines."""

Name = Annotated[
    str,
    AfterValidator(_name),
    Field(
        json_schema_extra={"pattern": rf"^[^{MISLEADING}]*[^{_UNSEEN}][^{MISLEADING}]*$"},
    ),
]
"""A :data:`Line` in which there is something to see."""


class _Model(BaseModel):
    """Built when it is first used, since a function uses few of the models that it imports."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Request(_Model):
    """What callers send: unknown fields and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reply(_Model):
    """What callers are answered."""

    # A field with a usual value is in every reply all the same.
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


def build_models() -> None:
    """Build every model that has been imported, for whoever has the time now and not later."""
    waiting: list[type[_Model]] = [_Model]
    while waiting:
        model = waiting.pop()
        model.model_rebuild()
        waiting += model.__subclasses__()


def instant(epoch: int) -> datetime:
    """Epoch seconds as a moment in UTC."""
    return datetime.fromtimestamp(epoch, UTC)


def instant_if_any(epoch: int) -> datetime | None:
    """Epoch seconds as a moment in UTC; ``None`` for 0, which stands for no moment."""
    return instant(epoch) if epoch else None


class _Moment(Request):
    at: Instant


def read_instant(text: str) -> int:
    """The first whole second, in epoch seconds, that is not before an instant.

    Raises :class:`ValueError` for what is none.
    """
    try:
        return ceil(_Moment.model_validate({"at": text}).at.timestamp())
    except ValidationError as error:
        raise ValueError(error.errors(include_input=False)[0]["msg"]) from None
