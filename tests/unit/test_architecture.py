"""The cut of the package: imports run one way, and one module alone reads the outside world."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared"

ROOMS = {
    "domain": {"domain"},
    "usecases": {"domain", "usecases"},
    "contract": {"domain", "usecases", "contract"},
    "adapters": {"domain", "usecases", "contract", "adapters"},
    "entrypoints": {"domain", "usecases", "contract", "adapters", "entrypoints"},
}
"""What each room may import."""

OUTSIDE = {"aws_lambda_powertools", "boto3", "botocore", "pydantic", "types_boto3_lite"}

# What a value depends on that is not handed in. `random` and `secrets` are entropy.
CLOCK_AND_ENTROPY = {"os", "random", "secrets", "socket", "time", "uuid"}
CLOCK_CALLS = {"now", "today", "utcnow"}


@cache
def trees(folder: Path) -> dict[str, ast.Module]:
    """Every module below a folder by its dotted name."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): (
            ast.parse(path.read_text())
        )
        for path in sorted(folder.rglob("*.py"))
    }


PACKAGE = {name: tree for name, tree in trees(SHARED).items() if name.startswith("licensing.")}
FUNCTIONS = trees(ROOT / "functions")
INSIDE = sorted(name for name in PACKAGE if name.split(".")[1] in {"domain", "usecases"})
"""The rules and the use cases, which know nothing of the world outside."""


def imports(tree: ast.AST) -> Iterator[str]:
    """Everything that is imported to run, wherever in the module; what only types need is not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in PACKAGE else node.module for name in names)
        yield from imports(node)


def rooms(tree: ast.Module) -> set[str]:
    """The rooms of the package that a module imports from."""
    return {name.split(".")[1] for name in imports(tree) if name.startswith("licensing.")}


def foreign(tree: ast.Module) -> set[str]:
    """The first names of everything that a module imports."""
    return {name.partition(".")[0] for name in imports(tree)}


# -- one way ---------------------------------------------------------------------------------------


def test_every_module_is_in_a_room() -> None:
    assert {name.split(".")[1] for name in PACKAGE} == ROOMS.keys()
    # The others are the client for agents and the operators' command line, each cut in a way of its
    # own (tests/agent, tests/cli), and what writes files from the code.
    others = {"licensing_agent", "licensing_build", "licensing_cli"}
    assert {name.partition(".")[0] for name in trees(SHARED)} == {"licensing"} | others


@pytest.mark.parametrize("module", PACKAGE)
def test_a_module_imports_from_the_rooms_that_its_own_may_know(module: str) -> None:
    assert rooms(PACKAGE[module]) <= ROOMS[module.split(".")[1]]


@pytest.mark.parametrize("module", INSIDE)
def test_rules_and_use_cases_know_nothing_of_aws_and_http(module: str) -> None:
    assert not foreign(PACKAGE[module]) & OUTSIDE


def test_importing_rules_and_use_cases_brings_in_nothing_of_aws_or_http() -> None:
    program = f"""
import importlib, sys
for module in {INSIDE}:
    importlib.import_module(module)
print(*({OUTSIDE} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SHARED)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == []


def test_no_two_modules_import_each_other() -> None:
    graph = {name: set(imports(tree)) & PACKAGE.keys() for name, tree in PACKAGE.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(PACKAGE)


def test_the_package_does_not_know_the_functions_and_a_function_not_another() -> None:
    verbs = {name.partition(".")[0] for name in FUNCTIONS}
    for tree in PACKAGE.values():
        assert not foreign(tree) & verbs
    for name, tree in FUNCTIONS.items():
        assert not foreign(tree) & (verbs - {name.partition(".")[0]})


# -- one door --------------------------------------------------------------------------------------


def test_only_adapters_speak_to_aws() -> None:
    speaking = {name for name, tree in PACKAGE.items() if foreign(tree) & {"boto3", "botocore"}}
    assert {".".join(name.split(".")[:3]) for name in speaking} == {
        "licensing.adapters.dynamo",
        "licensing.adapters.aws_clients",
        "licensing.adapters.aws_connections",
        "licensing.adapters.aws_errors",
        "licensing.adapters.aws_signatures",
        "licensing.adapters.documents",
    }
    for tree in FUNCTIONS.values():
        assert not foreign(tree) & {"boto3", "botocore"}


def test_only_the_deployment_makes_clients() -> None:
    for name, tree in {**PACKAGE, **FUNCTIONS}.items():
        assert "boto3" not in foreign(tree), name
        if name != "licensing.entrypoints.deployment":
            assert "licensing.adapters.aws_clients" not in imports(tree), name


def test_only_the_deployment_reads_environment_clock_and_entropy() -> None:
    for name, tree in {**PACKAGE, **FUNCTIONS}.items():
        if name == "licensing.entrypoints.deployment":
            continue
        connecting = {"socket"} if name == "licensing.adapters.aws_connections" else set()
        assert not foreign(tree) & CLOCK_AND_ENTROPY - connecting, name
        called = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime"}
        }
        assert not called & CLOCK_CALLS, name


def test_the_deployment_reads_nothing_at_import() -> None:
    for name, tree in {**PACKAGE, **FUNCTIONS}.items():
        at_import = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
        read = {
            ast.unparse(node)
            for statement in at_import
            if not isinstance(statement, ast.ClassDef)
            for node in ast.walk(statement)
            if isinstance(node, ast.Attribute)
        }
        assert not {text for text in read if text.startswith(("os.", "time.time"))}, name


# -- docstrings ------------------------------------------------------------------------------------


def undocumented(name: str, node: ast.AST) -> Iterator[str]:
    """The public things in a module that say nothing about themselves."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if not ast.get_docstring(node):
            yield name
        # What stands in a function is its own affair.
        if isinstance(node, ast.Module | ast.ClassDef):
            for child in node.body:
                child_name = getattr(child, "name", "_")
                if not child_name.startswith("_"):
                    yield from undocumented(f"{name}.{child_name}", child)


@pytest.mark.parametrize("name", sorted({**PACKAGE, **FUNCTIONS}))
def test_everything_public_has_a_docstring(name: str) -> None:
    assert list(undocumented(name, {**PACKAGE, **FUNCTIONS}[name])) == []


def test_the_errors_docstring_draws_the_whole_tree() -> None:
    tree = PACKAGE["licensing.domain.errors"]
    drawn = ast.get_docstring(tree) or ""
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert classes[0] == "LicensingError"
    for name in classes:
        assert f" {name} " in f" {drawn} ".replace("\n", " ")
