"""Which paths are a route's, and which methods a path has.

>>> table = Routes.of(["GET /v1/licenses/{license_id}", "HEAD /portal", "GET /portal"])
>>> table.methods("/portal"), table.methods("/v1/licenses/lic_1"), table.methods("/v1/licenses/")
(('GET', 'HEAD'), ('GET',), ())
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Routes:
    """A table of routes."""

    _methods: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, routes: Iterable[str]) -> Self:
        """The table of ``routes``, as API Gateway writes them."""
        split = (route.partition(" ") for route in routes)
        return cls(tuple((method, tuple(path.split("/"))) for method, _, path in split))

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods of a path in alphabetical order, ``()`` where there is no such path."""
        segments = path.split("/")
        # The path that a route names to the letter is no value of another's parameter.
        named = {method for method, own in self._methods if list(own) == segments}
        fitting = {method for method, own in self._methods if _fits(segments, own)}
        return tuple(sorted(named or fitting))


def is_of(path: str, route: str) -> bool:
    """Whether a path is one of a route's, letter by letter.

    >>> route = "GET /v1/licenses/{license_id}"
    >>> is_of("/v1/licenses/lic_1", route), is_of("/licensing/v1/licenses/lic_1", route)
    (True, False)
    """
    return _fits(path.split("/"), tuple(route.partition(" ")[2].split("/")))


def _fits(segments: list[str], own: tuple[str, ...]) -> bool:
    """Whether a path is one of a route's; a parameter is any text, but for none."""
    return len(segments) == len(own) and all(
        bool(segment) if name.startswith("{") else segment == name
        for segment, name in zip(segments, own, strict=True)
    )
