"""The cut of the command line: pure rules, one reader of the environment, none of the service."""

import ast
import sys
import tomllib
from collections.abc import Sequence
from enum import StrEnum
from graphlib import TopologicalSorter

import pytest

from licensing.domain.audit import EventType
from licensing.domain.license import Status
from licensing.domain.organization import Standing, SubscriptionStatus
from licensing.domain.temporary_license import TimeToLive
from licensing.usecases.filters import LicenseSort, OrganizationSort
from licensing_cli import browser, events, vocabulary
from tests.cli.conftest import ROOT
from tests.cli.terminal import Terminal
from tests.unit.test_architecture import CLOCK_AND_ENTROPY, foreign, trees, undocumented

FOLDER = ROOT / "shared" / "licensing_cli"
MODULES = {
    name: tree for name, tree in trees(ROOT / "shared").items() if name.startswith("licensing_cli")
}
RULES = {"addresses", "days", "doctor", "json_types", "errors", "problems", "tokens", "people"}
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
OF_OTHERS = {"authlib", "httpx", "licensing_agent", "platformdirs", "rich", "typer"}


def own(tree: ast.Module) -> set[str]:
    """The package's modules that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("licensing_cli"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found


def test_it_imports_what_it_names_and_nothing_of_the_service() -> None:
    named = {text.partition(">")[0].replace("-", "_") for text in PROJECT["dependencies"]}
    # What verifies leases needs it, and authlib does.
    assert named - OF_OTHERS == {"cryptography"}
    for name, tree in MODULES.items():
        others = foreign(tree) - set(sys.stdlib_module_names) - {"licensing_cli"}
        assert others <= OF_OTHERS, name


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_reads_no_clock_no_chance_and_nothing_else(rule: str) -> None:
    tree = MODULES[f"licensing_cli.{rule}"]
    assert not foreign(tree) & (CLOCK_AND_ENTROPY | {"httpx", "pathlib", "rich", "sys", "typer"})
    assert "datetime.now" not in ast.unparse(tree)
    assert {name.partition(".")[2] for name in own(tree)} <= RULES | {""}


def test_one_module_alone_reads_the_environment() -> None:
    reading = {name for name, tree in MODULES.items() if "os.environ" in ast.unparse(tree)}
    assert reading == {"licensing_cli.invocation"}


def test_no_two_modules_import_each_other() -> None:
    order = TopologicalSorter({name: own(tree) for name, tree in MODULES.items()}).static_order()
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_everything_public_has_a_docstring(name: str) -> None:
    assert list(undocumented(name, MODULES[name])) == []


@pytest.mark.parametrize(
    ("offered", "known"),
    [
        (vocabulary.STANDINGS, Standing),
        (vocabulary.SUBSCRIPTION_STATUSES, SubscriptionStatus),
        (vocabulary.ORGANIZATION_SORTS, OrganizationSort),
        (vocabulary.LICENSE_STATUSES, Status),
        (vocabulary.LICENSE_SORTS, LicenseSort),
        (vocabulary.TIMES_TO_LIVE, TimeToLive),
        (vocabulary.EVENT_TYPES, EventType),
    ],
    ids=lambda words: getattr(words, "__name__", ""),
)
def test_what_help_and_completion_offer_is_what_the_service_knows(
    offered: Sequence[str], known: type[StrEnum]
) -> None:
    assert list(offered) == [word.value for word in known]


def test_what_is_folded_is_an_event_of_the_service() -> None:
    assert set(events.FOLDED) <= set(EventType)


def test_r37_what_tells_of_a_second_agent_is_known_to_be_folded() -> None:
    assert {EventType.AGENT_RETURNED, EventType.CLONE_SUSPECTED} <= set(events.FOLDED)


def test_the_command_line_is_registered_with_the_address_that_it_listens_at() -> None:
    assert f'["{browser.REDIRECT_URI}"]' in (ROOT / "template.yaml").read_text()


COMMANDS = [
    [],
    *(
        [word]
        for word in (
            *("organizations", "licenses", "temporary", "events", "machines", "lease"),
            *("summary", "doctor", "login", "logout", "whoami"),
        )
    ),
    *(["organizations", name] for name in ("list", "show", "create", "update", "policy")),
    *(
        ["licenses", name]
        for name in (
            *("list", "search", "show", "history", "revoke", "detach", "attach", "dissociate"),
            *("reset-device-key", "label", "primary"),
        )
    ),
    *(["temporary", name] for name in ("generate", "list", "revoke")),
    ["events", "list"],
    ["machines", "lookup"],
    *(["lease", name] for name in ("decode", "verify")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_a_line_to_begin_with(
    nowhere: Terminal, command: list[str]
) -> None:
    told = nowhere(*command, "--help").expect(0).out
    usage, sentence = [line.strip() for line in told.splitlines() if line.strip()[:1].isalpha()][:2]
    assert usage.startswith("Usage: licensing")
    assert sentence[0].isupper()
    is_group = "╭─ Commands ─" in told
    assert is_group or f"Example: licensing {' '.join(command)}" in told
    assert "Exit codes: 0 done" in told
    assert is_group or ("--json" in told and "--quiet" in told)


def test_the_readme_has_all_commands_and_exit_codes() -> None:
    text = (FOLDER / "README.md").read_text()
    for command in COMMANDS:
        assert " ".join(command) in text, command
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert f"| {code} | " in text
