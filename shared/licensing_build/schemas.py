"""The schemas of the OpenAPI document: of the contract's models, and of the words in parameters.

What this module guarantees: names and texts are for readers who know neither the code nor the
numbers of its rules, and a name says enough without the module that its class is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from licensing_build.field_texts import described

Mode = Literal["validation", "serialization"]

_TO: Final = "#/components/schemas/"
NAMES: Final = MappingProxyType(
    {
        "ActivityReply": "AgentActivityReply",
        "ActorView": "Actor",
        "AmendmentRequest": "UpdateOrganizationRequest",
        "CallerReply": "CurrentUserReply",
        "Code": "ValidationCode",
        "ComparedView": "MachineComparison",
        "EditRequest": "UpdateLicenseRequest",
        "EventView": "AuditEvent",
        "Facts": "EventFacts",
        "GeneratedReply": "GeneratedTemporaryLicenseReply",
        "HolderView": "MachineHolder",
        "Kind": "LicenseKind",
        "LeaseView": "Lease",
        "LicenseView": "License",
        "LookupReply": "MachineLookupReply",
        "LookupRequest": "MachineLookupRequest",
        "OrganizationView": "Organization",
        "PolicyView": "Policy",
        "Reading": "ReadableData",
        "Standing": "SubscriptionStanding",
        "State": "LicenseState",
        "StatisticsReply": "LicenseStatisticsReply",
        "Status": "LicenseStatus",
        "SubscriptionView": "Subscription",
        "TemporaryListReply": "TemporaryLicensesReply",
        "TemporaryReply": "TemporaryLicenseReply",
        "TemporaryRequest": "GenerateTemporaryLicenseRequest",
    }
)
"""What classes are called in the document, where their names alone would say too little or more
than callers have to know. Names of schemas are names of classes in clients that are generated."""

_RULES: Final = re.compile(r" \(R\d+(?:[–, ]+R\d+)*\)")
_OF_THE_CODE: Final = re.compile(r"(?:^|(?<=\.) ?)[^.]*:\w+:`[^.]*\.")


@dataclass(frozen=True, slots=True)
class Schemas:
    """References to schemas by the classes' names, and the schemas themselves by theirs."""

    references: Mapping[str, dict[str, Any]]
    definitions: Mapping[str, dict[str, Any]]

    @classmethod
    def of(
        cls,
        requests: Iterable[type[BaseModel]],
        replies: Iterable[type[BaseModel]],
        words: Iterable[type[Enum]],
    ) -> Schemas:
        """The schemas of models, as they are read and as they are written, and of enums."""
        wanted: list[tuple[str, Mode, TypeAdapter[Any]]] = [
            *((model.__name__, "validation", TypeAdapter(model)) for model in _sorted(requests)),
            *((model.__name__, "serialization", TypeAdapter(model)) for model in _sorted(replies)),
            *((kind.__name__, "validation", TypeAdapter(kind)) for kind in _sorted(words)),
        ]
        references, made = TypeAdapter.json_schemas(
            wanted, ref_template=_TO + "{model}", schema_generator=_WithoutTitles
        )
        definitions = {
            (told := _name(name)): described(told, _told({**schema, "title": None}))
            for name, schema in made["$defs"].items()
        }
        return cls(
            {name: _told(reference) for (name, _), reference in references.items()},
            dict(sorted(definitions.items())),
        )

    def reference(self, kind: type[Any]) -> dict[str, Any]:
        """A reference to the schema of a class."""
        return dict(self.references[kind.__name__])


class _WithoutTitles(GenerateJsonSchema):
    """Pydantic would repeat the name of each field in other letters."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """None has a title."""
        return False


def words(text: str) -> str:
    """A docstring as callers read it.

    >>> words("A licence (R3). :data:`STATES` has all. Keep ``id``.")
    'A license. Keep `id`.'
    """
    text = _OF_THE_CODE.sub("", _RULES.sub("", text)).replace("``", "`").strip()
    return text.replace("licence", "license").replace("Licence", "License")


def _sorted(kinds: Iterable[type[Any]]) -> list[type[Any]]:
    return sorted(kinds, key=lambda kind: kind.__name__)


def _name(name: str) -> str:
    return NAMES.get(name, name)


def _told(node: Any) -> Any:
    """A schema, or a part of one, in the document's names and words, without what is ``None``."""
    match node:
        case {"$ref": str(target), **rest}:
            return {"$ref": _TO + _name(target.removeprefix(_TO)), **_told(rest)}
        case {"anyOf": [{"type": str(kind), **form}, {"type": "null"}], **rest} if (
            "enum" not in form
        ):
            # One form in place of two, so that what it says stands where tools look for it.
            return _told({"type": [kind, "null"], **form, **rest})
        case {"description": str(text), **rest}:
            return {"description": words(text), **_told(rest)}
        case dict():
            return {name: _told(value) for name, value in node.items() if value is not None}
        case list():
            return [_told(value) for value in node]
        case _:
            return node
