"""Operations of the API: what each takes and answers, declared once, beside its handler.

``make generate`` makes the OpenAPI document from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from licensing.entrypoints.http.inputs import Input

Tag: TypeAlias = Literal[
    "Agents", "Licenses", "Temporary licenses", "Organizations", "Machines", "Service"
]
"""What an operation is about: clients are grouped by it, and so are pages of documentation."""

Callers: TypeAlias = Literal["agents", "administrators", "super-admins", "operators", "everybody"]
"""Who an operation is for. Super-admins are administrators; operators are all with a token."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its route, and what the OpenAPI document says of it.

    ``route`` is written as API Gateway writes it. ``id`` is the method's name in clients that are
    generated from the document: a verb and a noun. ``summary`` is a line; ``description`` says what
    it changes and what is safe to repeat, in CommonMark, after a sentence about its ``callers``.
    ``replies`` maps each status of success to the body's model. ``problems`` are the statuses that
    it refuses with, without those that follow from the rest: 400 and 413 from what it takes, 401
    and 403 from the token that it needs, 429 and 503 in any case.
    ``is_tagged``: what it shows carries an ETag; a ``GET`` then honours ``If-None-Match``.
    The token is of the operators' client, or of the agents' where it is ``for_agents`` (R1).

    >>> show = Operation(
    ...     "GET /v1/licenses/{license_id}",
    ...     id="getLicense",
    ...     tag="Licenses",
    ...     summary="Show a license.",
    ...     description="Changes nothing.",
    ...     replies={200: BaseModel},
    ...     problems=(404,),
    ... )
    >>> show.method, show.path
    ('GET', '/v1/licenses/{license_id}')
    """

    route: str
    id: str
    tag: Tag
    summary: str
    description: str
    replies: Mapping[int, type[BaseModel]]
    callers: Callers = "administrators"
    takes: tuple[Input[Any], ...] = ()
    problems: tuple[int, ...] = ()
    needs_token: bool = True
    is_tagged: bool = False
    for_agents: bool = False
    method: str = field(init=False)
    path: str = field(init=False)

    def __post_init__(self) -> None:
        method, _, path = self.route.partition(" ")
        # The only way to set a derived field of a frozen dataclass.
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "path", path)
