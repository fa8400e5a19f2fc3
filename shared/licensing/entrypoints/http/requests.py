"""What a request says: its body by a model of the contract, its query and its headers.

What this module guarantees:

* A body is parsed by the contract's models before anything else sees it; every wrong field is
  named by a JSON pointer.
* Whatever is wrong with a query or a header is an :class:`InvalidInput` that points at it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from licensing.contract.fields import read_instant
from licensing.contract.problems import ProblemError
from licensing.domain.errors import InvalidInput
from licensing.usecases.pagination import Search

MAX_BODY_BYTES: Final = 65_536
DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 100
LONGEST_SEARCH: Final = 100
_OLDER_NAMES: Final = frozenset({"LicenseKey", "MacId", "ComputerName", "AgentVersion"})
_Model = TypeVar("_Model", bound=BaseModel)
_OlderModel = TypeVar("_OlderModel", bound=BaseModel)
_Choice = TypeVar("_Choice", bound=StrEnum)


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


def parse(event: APIGatewayProxyEventV2, model: type[_Model]) -> _Model:
    """The body, as ``model``. Raises :class:`WrongFields` and :class:`InvalidInput`."""
    return _validated(model, _text(event))


def parse_either(
    event: APIGatewayProxyEventV2, model: type[_Model], older: type[_OlderModel]
) -> _Model | _OlderModel:
    """The body, as ``model``, or as ``older`` when its names are those of agents up to 4.3."""
    text = _text(event)
    return _validated(older if _has_older_names(text) else model, text)


def parse_optional(event: APIGatewayProxyEventV2, model: type[_Model]) -> _Model | None:
    """The body, as ``model``, or ``None`` when there is none."""
    return parse(event, model) if event.body else None


def _validated(model: type[_Model], text: str) -> _Model:
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


def page_size(event: APIGatewayProxyEventV2) -> int:
    """How many entries of a list the caller wants on a page. Raises :class:`InvalidInput`."""
    return query_number(event, "limit", usual=DEFAULT_PAGE, largest=LARGEST_PAGE)


def cursor(event: APIGatewayProxyEventV2) -> str | None:
    """Where the caller wants to go on in a list."""
    return event.query_string_parameters.get("cursor")


def query_number(event: APIGatewayProxyEventV2, name: str, *, usual: int, largest: int) -> int:
    """A number of one or more from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return usual
    is_number = value.isascii() and value.isdecimal() and len(value) < 20
    if not (is_number and 1 <= int(value) <= largest):
        raise InvalidInput(f"A number from 1 to {largest}.", pointer=f"/query/{name}")
    return int(value)


def query_choice(
    event: APIGatewayProxyEventV2, name: str, choices: type[_Choice]
) -> _Choice | None:
    """One of a few words from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return None
    if value not in {choice.value for choice in choices}:
        raise InvalidInput(f"One of: {', '.join(choices)}.", pointer=f"/query/{name}")
    return choices(value)


def query_text(event: APIGatewayProxyEventV2, name: str, *, longest: int) -> str | None:
    """Some text from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is not None and not 1 <= len(value) <= longest:
        raise InvalidInput(f"It has 1 to {longest} characters.", pointer=f"/query/{name}")
    return value


def query_flag(event: APIGatewayProxyEventV2, name: str) -> bool | None:
    """A truth from the query. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value not in {None, "true", "false"}:
        raise InvalidInput("true or false.", pointer=f"/query/{name}")
    return None if value is None else value == "true"


def query_instant(event: APIGatewayProxyEventV2, name: str) -> int | None:
    """The first second from an instant in the query on. Raises :class:`InvalidInput`."""
    value = event.query_string_parameters.get(name)
    if value is None:
        return None
    try:
        return read_instant(value)
    except ValueError as error:
        raise InvalidInput(f"{error}.", pointer=f"/query/{name}") from None


def search(event: APIGatewayProxyEventV2) -> Search | None:
    """What the caller looks for in a list. Raises :class:`InvalidInput`."""
    text = query_text(event, "search", longest=LONGEST_SEARCH)
    return None if text is None else Search.of(text)


def if_match(event: APIGatewayProxyEventV2) -> int | None:
    """The version that the request wants to change, ``None`` if it names none.

    Raises :class:`InvalidInput` for anything but an ETag of this API.
    """
    value = event.headers.get("if-match")
    if value is None:
        return None
    version = value.strip().strip('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 20):
        raise InvalidInput("Send the ETag as it was received.", pointer="/headers/if-match")
    return int(version)


def has_already(event: APIGatewayProxyEventV2, etag: str) -> bool:
    """Whether whoever asks says that it has this version (``If-None-Match``, RFC 9110)."""
    named = {
        tag.strip().removeprefix("W/") for tag in event.headers.get("if-none-match", "").split(",")
    }
    return etag in named or "*" in named


def idempotency_key(event: APIGatewayProxyEventV2) -> str | None:
    """The ``Idempotency-Key`` header. Raises :class:`InvalidInput`."""
    value = event.headers.get("idempotency-key")
    if value is not None and not 1 <= len(value) <= 255:
        raise InvalidInput("It has 1 to 255 characters.", pointer="/headers/idempotency-key")
    return value


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
