"""Lists of codes, for pages and for the dashboard: whatever can be said from the codes' rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from textwrap import fill
from types import MappingProxyType
from typing import Final

from licensing.contract.problems import PROBLEMS
from licensing.domain.audit import EventType
from licensing.domain.validation import Code, NextStep
from licensing_agent.obstacles import Obstacle

_WIDTH: Final = 100


def validation_codes() -> str:
    """A table of the codes of a validation, in order of precedence."""
    rows = [
        f"| `{code}` | `{code.meaning.action}` | {'yes' if code.meaning.misuse else ''} "
        f"| {code.meaning.message} |\n"
        for code in Code
    ]
    return "".join(
        ["| `code` | `action` | on record | `message` |\n", "|---|---|---|---|\n", *rows]
    )


def problem_codes() -> str:
    """A table of the problems' codes by status."""
    by_status = groupby(PROBLEMS.items(), key=lambda row: row[1])
    rows = [
        f"| {kind.status} | {_listed(code for code, _ in found)} |\n" for kind, found in by_status
    ]
    return "".join(["| status | `code` |\n", "|---|---|\n", *rows])


def event_types() -> str:
    """The types of events, in a sentence."""
    sentence = f"The `detail-type`s: {_listed(EventType)}."
    return fill(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def codes_by_action() -> str:
    """A table of what an agent does next, with the codes that tell it to."""
    does = {
        NextStep.CONTINUE: "works",
        NextStep.LOGIN: "asks a person to log in",
        NextStep.LOGOUT: "stops, until an administrator or billing acts",
    }
    rows = [
        f"| `{step}` | {does[step]} | "
        f"{_listed(code for code in Code if code.meaning.action is step)} |\n"
        for step in NextStep
    ]
    return "".join(["| `action` | the agent | `code` |\n", "|---|---|---|\n", *rows])


def login_codes() -> str:
    """A variable of the template: what stops an agent until somebody logs in, for a search."""
    codes = (code for code in Code if code.meaning.action is NextStep.LOGIN)
    return "          LoginCodes: '" + " OR ".join(rf"\"{code}\"" for code in codes) + "'\n"


def obstacles() -> str:
    """A table of what can stand between an agent and the service."""
    rows = [
        f"| {one.name.lower().replace('_', ' ')} | {one.value.what} | {one.value.helps} |\n"
        for one in Obstacle
    ]
    head = ["| | what stands in the way | what to do |\n", "|---|---|---|\n"]
    return "".join([*head, *rows])


API_PAGE: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "validation-codes": validation_codes,
        "problem-codes": problem_codes,
        "event-types": event_types,
    }
)
"""The generated parts of functions/README.md."""

MESSAGES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({"obstacles": obstacles})
"""The generated part of shared/licensing_agent/MESSAGES.md."""

README: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({"codes": codes_by_action})
"""The generated part of README.md."""

TEMPLATE: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({"login-codes": login_codes})
"""The generated parts of template.yaml."""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
