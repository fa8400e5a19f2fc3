"""The service's answers, read without trusting their form: a member that is not there is none."""

from __future__ import annotations

from collections.abc import Mapping

Json = dict[str, object]


def an_object(document: Mapping[str, object], name: str) -> Json | None:
    """A member that is an object."""
    value = document.get(name)
    return value if isinstance(value, dict) else None


def objects(document: Mapping[str, object], name: str) -> list[Json]:
    """The objects in a member that is a list."""
    values = document.get(name)
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
