"""What a request says: its body, its query and its headers, each declared once.

An input is declared at the operation that takes it. It reads itself from a request, and the OpenAPI
document describes it::

    STATUS = Choice("status", Status)
    call.read(STATUS)  # Status.ACTIVE for ?status=active, None where there is none

What this module guarantees:

* A body is parsed by the contract's models before anything else sees it; every wrong field is
  named by a JSON pointer.
* Whatever is wrong with a query or a header is an :class:`InvalidInput` that points at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from licensing.contract.fields import read_instant
from licensing.contract.problems import ProblemError
from licensing.domain.errors import InvalidInput
from licensing.usecases.pagination import PageRequest, Search

MAX_BODY_BYTES: Final = 65_536
LONGEST_SEARCH: Final = 100
_OLDER_NAMES: Final = frozenset({"LicenseKey", "MacId", "ComputerName", "AgentVersion"})

Model = TypeVar("Model", bound=BaseModel)
OlderModel = TypeVar("OlderModel", bound=BaseModel)
Word = TypeVar("Word", bound=StrEnum)
Value_co = TypeVar("Value_co", covariant=True)


class PayloadTooLarge(InvalidInput):
    """The body is larger than any request of this API."""


class WrongFields(InvalidInput):
    """The body is not as its model says; ``errors`` name every wrong field, but not its value.

    The value may be a licence key (R35).
    """

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The request is not as the contract says.")
        self.errors = [
            ProblemError(
                pointer="".join(f"/{_escaped(part)}" for part in found["loc"]),
                detail=found["msg"],
            )
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]


class Input(Protocol[Value_co]):
    """Something that an operation takes."""

    def read(self, event: APIGatewayProxyEventV2) -> Value_co:
        """Its value in a request. Raises :class:`InvalidInput` where that is not as declared."""


# -- bodies ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body(Generic[Model]):
    """A JSON body of one form."""

    model: type[Model]

    def read(self, event: APIGatewayProxyEventV2) -> Model:
        """See :class:`Input`; raises :class:`WrongFields` and :class:`PayloadTooLarge`, too."""
        return _validated(self.model, _text(event))


@dataclass(frozen=True, slots=True)
class OptionalBody(Generic[Model]):
    """A JSON body that may be left out: ``None`` then."""

    model: type[Model]

    def read(self, event: APIGatewayProxyEventV2) -> Model | None:
        """See :class:`Body`."""
        return _validated(self.model, _text(event)) if event.body else None


@dataclass(frozen=True, slots=True)
class VersionedBody(Generic[Model, OlderModel]):
    """A JSON body of the present form, or of agents up to 4.3, told by its names (R30)."""

    model: type[Model]
    older: type[OlderModel]

    def read(self, event: APIGatewayProxyEventV2) -> Model | OlderModel:
        """See :class:`Body`."""
        text = _text(event)
        return _validated(self.older if _has_older_names(text) else self.model, text)


# -- the query -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A number from 1 to ``largest``; ``usual`` where the query has none."""

    name: str
    usual: int
    largest: int
    description: str = ""

    def read(self, event: APIGatewayProxyEventV2) -> int:
        """See :class:`Input`."""
        value = event.query_string_parameters.get(self.name)
        if value is None:
            return self.usual
        is_number = value.isascii() and value.isdecimal() and len(value) < 20
        if not (is_number and 1 <= int(value) <= self.largest):
            raise InvalidInput(f"A number from 1 to {self.largest}.", pointer=f"/query/{self.name}")
        return int(value)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Word]):
    """One of a few words; ``None`` where the query has none, which means ``usual``, if there is."""

    name: str
    words: type[Word]
    description: str = ""
    usual: Word | None = None

    def read(self, event: APIGatewayProxyEventV2) -> Word | None:
        """See :class:`Input`."""
        value = event.query_string_parameters.get(self.name)
        if value is None:
            return self.usual
        if value not in {word.value for word in self.words}:
            raise InvalidInput(f"One of: {', '.join(self.words)}.", pointer=f"/query/{self.name}")
        return self.words(value)


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it was sent; ``None`` where the query has none."""

    name: str
    description: str = ""

    def read(self, event: APIGatewayProxyEventV2) -> str | None:
        """See :class:`Input`."""
        return event.query_string_parameters.get(self.name)


@dataclass(frozen=True, slots=True)
class SearchText:
    """What people look for in a list, as ``search``; ``None`` where the query has none."""

    description: str
    name: str = "search"

    def read(self, event: APIGatewayProxyEventV2) -> Search | None:
        """See :class:`Input`."""
        value = event.query_string_parameters.get(self.name)
        if value is not None and not 1 <= len(value) <= LONGEST_SEARCH:
            detail = f"It has 1 to {LONGEST_SEARCH} characters."
            raise InvalidInput(detail, pointer=f"/query/{self.name}")
        return None if value is None else Search.of(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``; ``None`` where the query has neither."""

    name: str
    description: str = ""

    def read(self, event: APIGatewayProxyEventV2) -> bool | None:
        """See :class:`Input`."""
        value = event.query_string_parameters.get(self.name)
        if value not in {None, "true", "false"}:
            raise InvalidInput("true or false.", pointer=f"/query/{self.name}")
        return None if value is None else value == "true"


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant; its first second, in epoch seconds. ``None`` where the query has none."""

    name: str
    description: str = ""

    def read(self, event: APIGatewayProxyEventV2) -> int | None:
        """See :class:`Input`."""
        value = event.query_string_parameters.get(self.name)
        if value is None:
            return None
        try:
            return read_instant(value)
        except ValueError as error:
            raise InvalidInput(f"{error}.", pointer=f"/query/{self.name}") from None


LIMIT: Final = Number("limit", usual=50, largest=100)
CURSOR: Final = Text(
    "cursor", "The next_cursor of this list's page before; none for its first page."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of a list: :data:`LIMIT` and :data:`CURSOR`."""

    def read(self, event: APIGatewayProxyEventV2) -> PageRequest:
        """See :class:`Input`."""
        return PageRequest(LIMIT.read(event), CURSOR.read(event))


PAGE: Final = Page()


# -- headers ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The version that the request wants to change, ``None`` if it names none."""

    description: str

    def read(self, event: APIGatewayProxyEventV2) -> int | None:
        """See :class:`Input`; anything but an ETag of this API is invalid."""
        value = event.headers.get("if-match")
        if value is None:
            return None
        version = value.strip().strip('"')
        if not (version.isascii() and version.isdecimal() and len(version) < 20):
            raise InvalidInput("Send the ETag as it was received.", pointer="/headers/if-match")
        return int(version)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key that makes repetitions of a request one request, ``None`` if it has none."""

    description: str
    longest: int = 255

    def read(self, event: APIGatewayProxyEventV2) -> str | None:
        """See :class:`Input`."""
        value = event.headers.get("idempotency-key")
        if value is not None and not 1 <= len(value) <= self.longest:
            detail = f"It has 1 to {self.longest} characters."
            raise InvalidInput(detail, pointer="/headers/idempotency-key")
        return value


def has_already(event: APIGatewayProxyEventV2, etag: str) -> bool:
    """Whether whoever asks says that it has this version (``If-None-Match``, RFC 9110)."""
    named = {
        tag.strip().removeprefix("W/") for tag in event.headers.get("if-none-match", "").split(",")
    }
    return etag in named or "*" in named


# -- within ----------------------------------------------------------------------------------------


def _validated(model: type[Model], text: str) -> Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise WrongFields(error) from None


def _text(event: APIGatewayProxyEventV2) -> str:
    body = event.body or ""
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"A request has at most {MAX_BODY_BYTES} bytes.")
    if not body:
        raise InvalidInput("The request has no body. Send a JSON object.")
    try:
        return event.decoded_body or ""
    except ValueError as error:
        raise InvalidInput("The body is not UTF-8 text. Send a JSON object.") from error


def _has_older_names(text: str) -> bool:
    try:
        document = from_json(text)
    except ValueError:
        return False  # what is wrong with it, the parser of the present form says
    return isinstance(document, dict) and not _OLDER_NAMES.isdisjoint(document)


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
