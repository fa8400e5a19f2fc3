"""How lists are searched, sorted and paged: what all sorted lists share.

What this module guarantees:

* Texts that people take for the same are the same: neither case nor how an accent is composed
  matters.
* An order is total: what is alike is told apart by its id, and what lacks the value that is sorted
  by comes last, whichever way round.
* A page begins behind the place that its cursor names, whether anything still stands there or not,
  so that no page repeats what the one before had. A cursor is good for its own listing alone. That
  it was handed out as it is, the HTTP layer has seen (``entrypoints/http/cursors.py``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest, nsmallest
from typing import Final
from unicodedata import normalize

from licensing.domain.errors import InvalidInput

Value = str | None
"""What something is sorted by, as a text whose order is the right one; ``None`` for nothing."""

_DIGITS: Final = re.compile(r"[0-9]+")
_PLACE: Final = re.compile(r"([=-])(.*)#([^#]*)", re.DOTALL)
_NUMBER: Final = "012d"
_LONGEST_NUMBER: Final = 32
"""Digits: as many as a whole agent version has."""


class Sort(StrEnum):
    """What a list can be sorted by: fields, which a leading hyphen turns round."""

    @property
    def field(self) -> str:
        """The field."""
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Search:
    """What people look for in texts; ``wanted`` is :func:`folded`."""

    wanted: str

    @classmethod
    def of(cls, text: str) -> Search:
        """A search for ``text``, as it was typed."""
        return cls(folded(text))

    def finds(self, *texts: str | None) -> bool:
        """Whether it is a part of any of them."""
        return any(self.wanted in folded(text) for text in texts if text is not None)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is asked for: so many entries, behind those that came with ``cursor``.

    Without a ``cursor`` it is the first page, or the one behind so many entries to ``skip``: a
    sorted list can do that.
    """

    limit: int
    cursor: str | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class SortedPage:
    """Ids in order. ``total`` is how many there are on all pages."""

    ids: Sequence[str]
    next_cursor: str | None
    total: int


def folded(text: str) -> str:
    """``text`` without what people do not tell apart."""
    return text.lower() if text.isascii() else normalize("NFC", normalize("NFD", text).casefold())


def by_text(text: str | None) -> Value:
    """To sort texts by."""
    return None if text is None else folded(text)


def by_number(number: int | None) -> Value:
    """To sort times by."""
    return None if number is None else format(number, _NUMBER)


def by_version(text: str | None) -> Value:
    """To sort agent versions by: the numbers in them count as numbers."""
    if text is None:
        return None
    return _DIGITS.sub(lambda digits: digits[0].zfill(_LONGEST_NUMBER), folded(text))


def name_of(partition: str, **asked: str | int | None) -> str:
    """The name of the listing that shows what is ``asked`` of ``partition``, in that order."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    return f"{partition}?{digest.hexdigest()[:16]}"


def sorted_page(
    listing: str,
    values: Iterable[tuple[Value, str]],
    page: PageRequest,
    *,
    is_descending: bool,
) -> SortedPage:
    """A page of ids, each given with its value.

    Raises ``InvalidInput`` for a cursor that the ``listing`` of this name did not hand out.
    """

    # What has no value comes last: as the largest, or turned round as the smallest.
    def rank(value: Value, id: str) -> tuple[bool, str, str]:
        return (value is not None) is is_descending, value or "", id

    ranks = [rank(value, id) for value, id in values]
    rest = ranks
    if page.cursor is not None:
        last = rank(*_read_place(read_cursor(page.cursor, listing)))
        rest = [one for one in ranks if (one < last if is_descending else one > last)]
    # One more than the page tells whether there is a next one.
    found = (nlargest if is_descending else nsmallest)(page.skip + page.limit + 1, rest)[
        page.skip :
    ]
    shown = found[: page.limit]
    next_cursor = None
    if len(found) > page.limit:
        rank_of_last, value, id = shown[-1]
        mark = "=" if rank_of_last is is_descending else "-"
        next_cursor = write_cursor(listing, f"{mark}{value}#{id}")
    return SortedPage([id for _, _, id in shown], next_cursor, len(ranks))


def write_cursor(listing: str, place: str) -> str:
    """A place within a listing, opaque to callers."""
    return base64.urlsafe_b64encode(f"{listing}@{place}".encode()).rstrip(b"=").decode()


def read_cursor(cursor: str, listing: str) -> str:
    """The place that a cursor of this listing names. Raises ``InvalidInput`` for another's."""
    try:
        name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise foreign_cursor() from error
    named, _, place = name.partition("@")
    if named != listing:
        raise foreign_cursor()
    return place


def foreign_cursor(pointer: str = "/query/cursor") -> InvalidInput:
    """A cursor that was not handed out for what is asked."""
    return InvalidInput(
        "This cursor does not belong to this list. Start again without a cursor.",
        pointer=pointer,
    )


def _read_place(place: str) -> tuple[Value, str]:
    form = _PLACE.fullmatch(place)
    if form is None:
        raise foreign_cursor()
    mark, value, id = form.groups()
    return (value if mark == "=" else None), id
