"""The inputs of operations: body, query parameters and headers, each declared once.

An input is declared at the operation that takes it. A handler reads it from the request, and the
OpenAPI document describes it.

>>> from licensing.domain.license import Status
>>> status = Choice("status", Status)
>>> status.read(HttpRequest.of({"queryStringParameters": {"status": "active"}}))
<Status.ACTIVE: 'active'>
>>> status.read(HttpRequest.of({"queryStringParameters": {"status": "broken"}}))
Traceback (most recent call last):
    ...
licensing.domain.errors.InvalidInput: It must be one of: active, ...

What this module guarantees:

* A body is parsed by the contract's models before anything else sees it; every wrong field is
  named by a JSON pointer. One that two parsers would read differently is refused.
* Whatever is wrong with a query or a header is an :class:`InvalidInput` that points at it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from licensing.contract.fields import read_instant
from licensing.contract.problems import ProblemError
from licensing.domain import strict_json
from licensing.domain.errors import InvalidInput
from licensing.entrypoints.http.etags import ANY, versions_in
from licensing.entrypoints.http.requests import HttpRequest
from licensing.usecases.expected import Versions
from licensing.usecases.pagination import PageRequest, Search

LARGEST_BODY: Final = 65_536
LARGEST_BODY_OF_AGENT: Final = 16_384
"""How long a body may be, as it was sent."""
MOST_ERRORS: Final = 20
"""How many errors a problem lists."""
LONGEST_NAME: Final = 40
"""How much a problem repeats of a name that was sent: more than any of the contract has."""
LONGEST_SEARCH: Final = 100
"""How many characters a search may have."""
IDEMPOTENCY_KEY_FORM: Final = re.compile(
    r'^(?:[!#-+\--~](?:[ !#-+\--~]{0,253}[!#-+\--~])?|"[ !#-\[\]-~]{1,255}")$'
)
"""What the header ``Idempotency-Key`` looks like: at most 255 characters, quotes not counted."""
_OLDER_NAMES: Final = frozenset({"LicenseKey", "MacId", "ComputerName", "AgentVersion"})

Model = TypeVar("Model", bound=BaseModel)
OlderModel = TypeVar("OlderModel", bound=BaseModel)
Word = TypeVar("Word", bound=StrEnum)
Value_co = TypeVar("Value_co", covariant=True)


class PayloadTooLarge(InvalidInput):
    """The body is longer than its operation takes."""


class WrongFields(InvalidInput):
    """The body does not fit its model.

    ``errors`` name wrong fields by their JSON pointers, but not their values, which may be a
    licence key (R35): the first :data:`MOST_ERRORS`, and of each name :data:`LONGEST_NAME`
    characters, so that an answer is short, however long the request was. The message is what a
    person reads: of a single error, what that says.
    """

    def __init__(self, error: ValidationError) -> None:
        count, message = error.error_count(), "The request does not match the API's contract."
        if count > MOST_ERRORS:
            message += f" These are the first {MOST_ERRORS} of {count} errors."
        found = error.errors(include_url=False, include_input=False, include_context=False)
        self.errors = [
            ProblemError(
                pointer="".join(f"/{_escaped(part)}" for part in one["loc"]), detail=one["msg"]
            )
            for one in found[:MOST_ERRORS]
        ]
        super().__init__(_about(self.errors[0]) if count == 1 else message)


class Input(Protocol[Value_co]):
    """What an operation takes from a request: a body, a query parameter or a header."""

    def read(self, request: HttpRequest) -> Value_co:
        """Its value in the request. Raises :class:`InvalidInput` when that is not as declared."""


# -- bodies ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body(Generic[Model]):
    """A JSON body that ``model`` describes."""

    model: type[Model]

    def read(self, request: HttpRequest) -> Model:
        """The body, parsed.

        Raises :class:`InvalidInput` for a missing body or one that is not UTF-8,
        :class:`PayloadTooLarge`, and :class:`WrongFields` when it does not fit the model.
        """
        return _validated(self.model, _text(request, LARGEST_BODY))


@dataclass(frozen=True, slots=True)
class OptionalBody(Generic[Model]):
    """A JSON body that may be left out."""

    model: type[Model]

    def read(self, request: HttpRequest) -> Model | None:
        """The body, or ``None`` without one. Raises as :meth:`Body.read`."""
        return _validated(self.model, _text(request, LARGEST_BODY)) if request.body else None


@dataclass(frozen=True, slots=True)
class VersionedBody(Generic[Model, OlderModel]):
    """A JSON body in the present form, or in that of agents up to 4.3 (R30).

    The names of its members tell which: older agents write ``LicenseKey``, ``MacId``, … Anybody may
    send one, without a token, so it has to be short: :data:`LARGEST_BODY_OF_AGENT`.
    """

    model: type[Model]
    older: type[OlderModel]

    def read(self, request: HttpRequest) -> Model | OlderModel:
        """The body as the model of its form. Raises as :meth:`Body.read`."""
        text = _text(request, LARGEST_BODY_OF_AGENT)
        return _validated(self.older if _has_older_names(text) else self.model, text)


# -- the query -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A query parameter that is a number from ``smallest`` to ``largest``."""

    name: str
    usual: int
    largest: int
    description: str = ""
    smallest: int = 1

    def read(self, request: HttpRequest) -> int:
        """The number, or ``usual`` where the query has none. Raises :class:`InvalidInput`."""
        value = request.query.get(self.name)
        if value is None:
            return self.usual
        # Python refuses to read numbers of thousands of digits, with another error.
        is_number = value.isascii() and value.isdecimal() and len(value) < 20
        if not (is_number and self.smallest <= int(value) <= self.largest):
            detail = f"It must be a number from {self.smallest} to {self.largest}."
            raise InvalidInput(detail, pointer=f"/query/{self.name}")
        return int(value)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Word]):
    """A query parameter that is one of ``words``."""

    name: str
    words: type[Word]
    description: str = ""
    usual: Word | None = None

    def read(self, request: HttpRequest) -> Word | None:
        """The word, or ``usual`` where the query has none. Raises :class:`InvalidInput`."""
        value = request.query.get(self.name)
        if value is None:
            return self.usual
        if value not in {word.value for word in self.words}:
            detail = f"It must be one of: {', '.join(self.words)}."
            raise InvalidInput(detail, pointer=f"/query/{self.name}")
        return self.words(value)


@dataclass(frozen=True, slots=True)
class Text:
    """A query parameter that is any text."""

    name: str
    description: str = ""

    def read(self, request: HttpRequest) -> str | None:
        """The text as it was sent, or ``None`` where the query has none."""
        return request.query.get(self.name)


@dataclass(frozen=True, slots=True)
class SearchText:
    """The query parameter ``search``: what people look for in a list."""

    description: str
    name: str = "search"

    def read(self, request: HttpRequest) -> Search | None:
        """The search, or ``None`` where the query has none.

        Raises :class:`InvalidInput` for more than :data:`LONGEST_SEARCH` characters, or none.
        """
        value = request.query.get(self.name)
        if value is not None and not 1 <= len(value) <= LONGEST_SEARCH:
            detail = f"It must have 1 to {LONGEST_SEARCH} characters."
            raise InvalidInput(detail, pointer=f"/query/{self.name}")
        return None if value is None else Search.of(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """A query parameter that is ``true`` or ``false``."""

    name: str
    description: str = ""

    def read(self, request: HttpRequest) -> bool | None:
        """The flag, or ``None`` where the query has none. Raises :class:`InvalidInput`."""
        value = request.query.get(self.name)
        if value not in {None, "true", "false"}:
            raise InvalidInput("It must be true or false.", pointer=f"/query/{self.name}")
        return None if value is None else value == "true"


@dataclass(frozen=True, slots=True)
class Instant:
    """A query parameter that is an instant, as in ``2030-03-17T17:46:40Z``."""

    name: str
    description: str = ""

    def read(self, request: HttpRequest) -> int | None:
        """The instant in epoch seconds, rounded up, or ``None`` where the query has none.

        Raises :class:`InvalidInput` for anything else.
        """
        value = request.query.get(self.name)
        if value is None:
            return None
        try:
            return read_instant(value)
        except ValueError as error:
            raise InvalidInput(f"{error}.", pointer=f"/query/{self.name}") from None


LIMIT: Final = Number(
    "limit", usual=50, largest=100, description="How many entries a page has at most."
)
CURSOR: Final = Text(
    "cursor", "The next_cursor of the previous page. Leave it out for the first page."
)
SKIP: Final = Number(
    "skip",
    usual=0,
    smallest=0,
    largest=50_000,
    description="How many entries of a sorted list come before the page: send it to jump there, "
    "without a cursor.",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of a list: the query parameters :data:`LIMIT` and :data:`CURSOR`."""

    def read(self, request: HttpRequest) -> PageRequest:
        """Limit and cursor. Raises :class:`InvalidInput` for a limit that is none."""
        return PageRequest(LIMIT.read(request), CURSOR.read(request))


PAGE: Final = Page()


@dataclass(frozen=True, slots=True)
class SortedPage:
    """Which page of a list that is or may be sorted: a :class:`Page`, or one to jump to."""

    def read(self, request: HttpRequest) -> PageRequest:
        """Limit, and cursor or skip. Raises :class:`InvalidInput`, also for both of these."""
        page, skip = PAGE.read(request), SKIP.read(request)
        if skip and page.cursor is not None:
            detail = "Send cursor or skip: a cursor says already where to go on."
            raise InvalidInput(detail, pointer="/query/skip")
        return replace(page, skip=skip)


SORTED_PAGE: Final = SortedPage()


# -- headers ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The header ``If-Match``: the version of a record that the request wants to change."""

    description: str

    def read(self, request: HttpRequest) -> Versions | None:
        """The versions that it names, or ``None`` without the header.

        Raises :class:`InvalidInput` for anything but ``*`` or ETags in quotes (RFC 9110, 13.1.1).
        """
        value = request.headers.get("if-match")
        if value is None:
            return None
        try:
            return versions_in(value)
        except ValueError:
            detail = 'It must be the ETag as you received it, in its quotes, or "*" without them.'
            raise InvalidInput(detail, pointer="/headers/if-match") from None


@dataclass(frozen=True, slots=True)
class IfNoneMatch:
    """The header ``If-None-Match: *``, which says that the record must not exist yet."""

    description: str

    def read(self, request: HttpRequest) -> bool:
        """Whether it is there. Raises :class:`InvalidInput` for anything but ``*``."""
        value = request.headers.get("if-none-match")
        if value is not None and value.strip(" \t") != ANY:
            raise InvalidInput('Send "*", or no such header.', pointer="/headers/if-none-match")
        return value is not None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The header ``Idempotency-Key``: requests with the same key count as one.

    A key is printable ASCII. It may stand in quotes, as the IETF's draft has it; those are no part
    of it. Two headers, which come as one with a comma, are no key.
    """

    description: str

    def read(self, request: HttpRequest) -> str | None:
        """The key, or ``None`` without the header.

        Raises :class:`InvalidInput` for one that does not fit :data:`IDEMPOTENCY_KEY_FORM`.
        """
        value = request.headers.get("idempotency-key")
        if value is None:
            return None
        value = value.strip(" \t")
        if not IDEMPOTENCY_KEY_FORM.fullmatch(value):
            detail = (
                "Send one key of 1 to 255 printable ASCII characters, without quotes and commas "
                "in it, or the same in double quotes."
            )
            raise InvalidInput(detail, pointer="/headers/idempotency-key")
        return value.strip('"')


# -- within ----------------------------------------------------------------------------------------


def body_bytes(request: HttpRequest) -> bytes:
    """The body as it was sent, empty where there is none: parsed and proved are the same bytes.

    API Gateway hands over text where the content type is one of text's, else base64 (payload 2.0).
    Raises :class:`InvalidInput` for what is neither.
    """
    body = request.body
    try:
        return base64.b64decode(body, validate=True) if request.is_base64 else body.encode()
    except ValueError as error:
        raise _not_text() from error


def _validated(model: type[Model], text: str) -> Model:
    try:
        validated = model.model_validate_json(text)
        strict_json.check_names(text)
    except ValidationError as error:
        # Without its cause, which holds the values that were sent (R35).
        raise WrongFields(error) from None
    except ValueError:
        # The parser takes the last one, and another parser on the way may have taken the first.
        raise InvalidInput("The body names a member twice. Name each once.") from None
    return validated


def _text(request: HttpRequest, largest: int) -> str:
    body = request.body
    if len(body) > largest:
        raise PayloadTooLarge(
            f"The body of this request may have at most {largest} bytes. Send less."
        )
    if not body:
        raise InvalidInput("The request has no body. Send a JSON object.")
    try:
        return body_bytes(request).decode()
    except UnicodeDecodeError as error:
        raise _not_text() from error


def _not_text() -> InvalidInput:
    return InvalidInput("The body is not UTF-8 text. Send a JSON object.")


def _has_older_names(text: str) -> bool:
    try:
        document = from_json(text)
    except ValueError:
        return False  # what is wrong with it, the parser of the present form says
    return isinstance(document, dict) and not _OLDER_NAMES.isdisjoint(document)


def _about(error: ProblemError) -> str:
    """What is wrong with the one wrong field, as a sentence that needs no pointer beside it."""
    if error.detail.endswith("."):
        return error.detail
    place = f" at {error.pointer}" if error.pointer else ""
    return f"The request does not match the API's contract{place}: {error.detail}."


def _escaped(part: str | int) -> str:
    name = str(part)
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}…"
    return name.replace("~", "~0").replace("/", "~1")
