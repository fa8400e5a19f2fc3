"""Schemathesis against a service that is up: every operation of the served contract, every check.

No check is left out. Three of them ask for more than is promised, each in a case of its own, and
only there is what they find let pass, see `_is_promised`: all else counts.

Of the requests that fit the contract, most are given ids, keys and machines that exist, so that
they reach further than "not found" and find licences in every state.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import Status, events, from_schema
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    RejectedPositiveData,
    UnsupportedMethodResponse,
)

from tests.local.gateway import match

Case = schemathesis.Case[Any]

_LICENSE_ID = re.compile(r"lic_[0-9a-z]{16}")

# What fits the schemas is refused by these rules alone, which JSON Schema has no words for: where
# the problem points, and what it says there.
_IN_WORDS = (
    ("/license_key", "license key"),  # check symbols
    ("/LicenseKey", "license key"),
    ("/machine", "Fewer than two usable machine credentials"),
    ("", "Fewer than two usable machine credentials"),
    *((at, "hide or turn the text") for at in ("/name", "/label", "/reason")),  # tag characters
    ("/valid_until", "must be between the years 1970 and 9999"),
    *(
        (f"/query/{name}", "must be between the years 1970 and 9999")
        for name in ("ends_from", "ends_before", "from", "before", "seen_before")
    ),
    ("/query/cursor", "This cursor does not belong to this list"),
    ("/query/skip", "Send cursor or skip"),
    ("/query/skip", "A page of an unsorted list is reached by next_cursor alone"),
    ("/cursor", "This cursor does not belong to this list"),
    ("/text", "license key"),
    ("/text", "There is nothing to look for"),
    ("/headers/if-match", "It must be the ETag as you received it"),
    ("/headers/dpop", "The proof is not valid (RFC 9449)"),
    ("/headers/dpop-previous-key", "The proof is not valid (RFC 9449)"),
    ("/environment", "This license key is for the environment"),
    ("/environment", "This machine already has"),
)


@dataclass(frozen=True)
class Known:
    """What exists in the service."""

    organization_ids: Sequence[str]
    license_ids: Sequence[str]
    license_keys: Sequence[str]
    is_temporary: Callable[[str], bool]
    """Whether the id is that of a temporary licence: those are made while it runs, too."""
    machines: Sequence[Mapping[str, Any]]

    def put_into(self, case: Case) -> None:
        """Make a request one about what exists: three of four times, always of the same ones."""
        chance = Random(zlib.crc32(repr((case.path_parameters, case.body)).encode()))  # noqa: S311
        if chance.random() < 0.25:
            return
        for name, ids in (
            ("license_id", self.license_ids),
            ("organization_id", self.organization_ids),
        ):
            if name in case.path_parameters:
                case.path_parameters[name] = chance.choice(ids)
        if not isinstance(case.body, dict):
            return
        machine = chance.choice(self.machines)
        if "machine" in case.body:
            case.body["machine"] = dict(machine)
        if "MacId" in case.body:
            case.body["MacId"] = machine["mac_addresses"][0]
            case.body["ComputerName"] = machine["computer_name"]
        for name in {"license_key", "LicenseKey"} & case.body.keys():
            case.body[name] = chance.choice(self.license_keys)
        if "text" in case.body:
            case.body["text"] = chance.choice([*self.license_ids, *self.license_keys])
        if "organization_id" in case.body:
            case.body["organization_id"] = chance.choice(self.organization_ids)


@dataclass
class Findings:
    """What came of it: how often each operation answered what, and everything that was wrong."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """One example of each."""

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(counter.total() for counter in self.answers.values())

    def told(self) -> str:
        """All that was wrong, for people to read."""
        return "\n\n".join(f"{name}\n{example}" for name, example in self.failures.items())

    def take(self, event: events.ScenarioFinished) -> None:
        """Count what a scenario did."""
        recorder = event.recorder
        for case_id, node in recorder.cases.items():
            label = node.value.operation.label
            interaction = recorder.interactions.get(case_id)
            if interaction is not None and interaction.response is not None:
                answers = self.answers.setdefault(label, Counter())
                answers[interaction.response.status_code] += 1
            for check in recorder.checks.get(case_id, []):
                if check.status is Status.FAILURE and check.failure_info is not None:
                    found = check.failure_info
                    name = f"{label}: {check.name}: {found.failure.title}"
                    self.failures.setdefault(name, f"{found.failure.message}\n{found.code_sample}")


def fuzz(
    url: str,
    document: Mapping[str, Any],
    *,
    tokens: Mapping[str, str] = MappingProxyType({}),
    known: Known | None = None,
    bounds: bool = True,
    examples: int,
    seed: int,
) -> Findings:
    """Send so many generated requests to each operation of a document, and check every answer.

    `tokens` are by the schemes of the document. The document's examples take part, each bound of
    each schema unless `bounds` are left out, and chains of operations in which one uses what
    another answered.
    """
    config = SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": seed,
            # An empty section is refused.
            "auth": {"openapi": {name: {"bearer": token} for name, token in tokens.items()}}
            if tokens
            else {},
            "cache": {"enabled": False},  # nothing of one run is known to the next
            "continue-on-failure": True,
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
            "phases": {"coverage": {"enabled": bounds}},
        }
    )
    schema = schemathesis.openapi.from_dict(dict(document), config=config)

    @schema.hook
    def filter_failure(_: Any, failure: Failure, case: Case, response: Any) -> bool:
        return not _is_promised(failure, case, response, known)

    if known is not None:

        @schema.hook
        def map_case(_: Any, case: Case) -> Case:
            meta = case.meta
            # A chain of operations has ids of its own, from the answers within it.
            in_chain = meta is not None and meta.phase.name is TestPhase.STATEFUL
            if meta is not None and meta.generation.mode.is_positive and not in_chain:
                known.put_into(case)
            return case

    findings = Findings()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                findings.take(event)
            case events.NonFatalError():
                findings.failures[f"{event.label}: {type(event.value).__name__}"] = str(event.value)
            case events.FatalError():
                raise event.exception
            case _:
                pass
    return findings


def _is_promised(failure: Failure, case: Case, response: Any, known: Known | None) -> bool:
    if isinstance(failure, EnsureResourceAvailability):
        # A partner logs in with a temporary licence, which has routes of its own.
        used = _LICENSE_ID.search(response.request.url)
        return known is not None and used is not None and known.is_temporary(used[0])
    if isinstance(failure, UnsupportedMethodResponse):
        # It asks for 405. There may be another route, whose parameter takes the place of a word, as
        # in PATCH /v1/licenses/validate.
        return _is_another_route(case, response)
    if isinstance(failure, RejectedPositiveData):
        # A version that is not the present one fits the schema of If-Match.
        if response.status_code == 412:
            return bool(response.json()["code"] == "precondition_failed")
        # Neither does it know which keys have served.
        if response.status_code == 422:
            return bool(response.json()["code"] == "idempotency_key_reused")
        return response.status_code == 400 and all(
            any(error["pointer"] == at and words in error["detail"] for at, words in _IN_WORDS)
            for error in response.json()["errors"]
        )
    return False


def _is_another_route(case: Case, response: Any) -> bool:
    path = unquote(urlsplit(response.request.url).path)
    return any(
        response.request.method.lower() in operations and match(pattern, path) is not None
        for pattern, operations in case.operation.schema.raw_schema["paths"].items()
    )
