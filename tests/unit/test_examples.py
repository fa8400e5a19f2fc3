"""The examples in docstrings do what they show."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
EXAMPLES = {
    ".".join(path.relative_to(SHARED).with_suffix("").parts): examples
    for path in sorted((SHARED / "licensing").rglob("*.py"))
    if (examples := len(re.findall(r"^ *>>>", path.read_text(encoding="utf-8"), re.MULTILINE)))
}
"""How many lines of examples each module has that has one."""

STARTING_POINTS = [
    "licensing.adapters.dynamo.attributes",
    "licensing.adapters.dynamo.schema",
    "licensing.domain.dpop",
    "licensing.domain.keyring",
    "licensing.domain.lease",
    "licensing.domain.lease_chain",
    "licensing.domain.license",
    "licensing.domain.license_key",
    "licensing.domain.machine",
    "licensing.domain.machine_claims",
    "licensing.domain.organization",
    "licensing.domain.temporary_license",
    "licensing.domain.validation",
    "licensing.entrypoints.http.api",
    "licensing.entrypoints.http.inputs",
    "licensing.usecases.context",
    "licensing.usecases.optimistic",
]
"""Where somebody who is new to the code begins to read."""


@pytest.mark.parametrize("name", STARTING_POINTS)
def test_a_module_that_newcomers_start_from_has_an_example(name: str) -> None:
    assert name in EXAMPLES


@pytest.mark.parametrize(("name", "examples"), EXAMPLES.items(), ids=EXAMPLES)
def test_every_example_of_a_module_does_what_it_shows(name: str, examples: int) -> None:
    ran = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert ran.failed == 0
    assert ran.attempted == examples  # none stands where it would not be found
