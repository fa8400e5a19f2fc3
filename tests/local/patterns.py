"""EventBridge's event patterns: which events a rule, or a stream's filter, is for.

Of the pattern language, exact values and `prefix` are known here; anything else raises
`TemplateError`, so that nothing is ever matched by a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.local.template import TemplateError


@dataclass(frozen=True)
class Pattern:
    """One pattern; made by `Pattern.of`, which knows that it can be matched here."""

    fields: Mapping[str, Any]

    @classmethod
    def of(cls, document: Any) -> "Pattern":
        """The pattern that a document describes."""
        _check(document, "the pattern")
        return cls(document)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether each of its fields is in the event with one of the wanted values."""
        return _matches(self.fields, event)


def _check(wanted: Any, place: str) -> None:
    if not isinstance(wanted, dict) or not wanted:
        raise TemplateError(f"{place} is not an object with fields")
    for name, value in wanted.items():
        here = f"{place}/{name}"
        if name.startswith("$"):
            raise TemplateError(f"{here} is an operator that is not known here")
        if isinstance(value, dict):
            _check(value, here)
        elif not isinstance(value, list) or not value:
            raise TemplateError(f"{here} is not a list of values")
        else:
            for one in value:
                _check_value(one, here)


def _check_value(wanted: Any, place: str) -> None:
    if isinstance(wanted, list):
        raise TemplateError(f"{place} has a list within its list of values")
    if isinstance(wanted, dict) and not (
        wanted.keys() == {"prefix"} and isinstance(wanted["prefix"], str)
    ):
        raise TemplateError(f"{place} compares by {', '.join(wanted)}: that is not known here")


def _matches(wanted: Mapping[str, Any], event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    for name, value in wanted.items():
        if name not in event:
            return False
        if isinstance(value, dict):
            if not _matches(value, event[name]):
                return False
        # An array matches when one of its elements does.
        elif not any(
            _is(one, found)
            for found in (event[name] if isinstance(event[name], list) else [event[name]])
            for one in value
        ):
            return False
    return True


def _is(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, str) and found.startswith(wanted["prefix"])
    # In Python, true is 1; in JSON it is not.
    return isinstance(wanted, bool) is isinstance(found, bool) and bool(wanted == found)
