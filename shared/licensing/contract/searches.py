"""Searches for agents in all organizations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from licensing.contract.fields import Reply, Request, Whole
from licensing.contract.licenses import AdministeredLicense
from licensing.contract.temporary import TemporaryLicense
from licensing.usecases.search_licenses import Found, TakenFor


class SearchRequest(Request):
    """What to look for. It is a body, since a license key never stands in an address."""

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="A license key, a license's id, or the beginning of a computer's name, in "
            "upper or lower case.",
            examples=["FACTORY-PC"],
        ),
    ]
    limit: Annotated[
        int, Field(ge=1, le=100, description="How many licenses a page has at most."), Whole
    ] = 20
    cursor: Annotated[
        Annotated[str, Field(max_length=2048)] | None,
        Field(description="The next_cursor of the previous page."),
    ] = None


class SearchReply(Reply):
    """What was found, and what the text was taken for.

    ``licenses`` are organizations' own, by name, revoked ones among them. ``temporary_license`` is
    one that the key or the id is of.
    """

    taken_for: TakenFor
    licenses: list[AdministeredLicense]
    temporary_license: TemporaryLicense | None
    next_cursor: str | None

    @classmethod
    def of(cls, found: Found, now: int, *, next_cursor: str | None) -> SearchReply:
        """Show what was found as it stands at ``now``; ``next_cursor`` is the sealed one."""
        temporary = found.temporary
        return cls(
            taken_for=found.taken_for,
            licenses=[AdministeredLicense.of(*one, now) for one in found.licenses],
            temporary_license=(
                TemporaryLicense.of(temporary, temporary.term, now)
                if temporary is not None and temporary.term is not None
                else None
            ),
            next_cursor=next_cursor,
        )
