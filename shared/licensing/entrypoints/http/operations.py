"""Operations of the API: what each takes and answers, said once, where it is served.

The OpenAPI document is made from these declarations, by ``make generate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from licensing.entrypoints.http.inputs import Input


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as it is served, and as clients read of it.

    ``route`` is API Gateway's: method and path, as in ``GET /v1/licenses/{license_id}``. ``id`` is
    the name that clients made from the document give it. ``problems`` are the statuses that it
    refuses with, apart from those that follow: 400 and 413 from what it takes, 401 and 403 from
    the token that it needs, 429 and 503 from being reached at all.
    """

    route: str
    id: str
    summary: str
    replies: Mapping[int, type[BaseModel]]
    takes: tuple[Input[Any], ...] = ()
    problems: tuple[int, ...] = ()
    needs_token: bool = True
    method: str = field(init=False)
    path: str = field(init=False)

    def __post_init__(self) -> None:
        method, _, path = self.route.partition(" ")
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "path", path)
