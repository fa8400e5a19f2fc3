"""Which methods each path of the API has: for requests that fit no route of API Gateway's.

>>> table = Routes.of(["GET /v1/licenses/{license_id}", "HEAD /portal", "GET /portal"])
>>> table.methods("/portal"), table.methods("/v1/licenses/lic_1"), table.methods("/v1/licenses/")
(('GET', 'HEAD'), ('GET',), ())
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

_PARAMETER: Final = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Routes:
    """A table of routes."""

    _methods: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, routes: Iterable[str]) -> Self:
        """The table of ``routes``, as API Gateway writes them."""
        split = (route.partition(" ") for route in routes)
        return cls(tuple((method, _pattern(path)) for method, _, path in split))

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods of a path in alphabetical order, ``()`` where there is no such path."""
        found = {method for method, pattern in self._methods if pattern.fullmatch(path)}
        return tuple(sorted(found))


def _pattern(path: str) -> re.Pattern[str]:
    literals = map(re.escape, _PARAMETER.split(path))
    return re.compile("[^/]+".join(literals))
