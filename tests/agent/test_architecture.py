"""The cut of the agent's package: it stands alone, its rules are pure, and it ships by itself."""

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.agent.installed import FOLDER, installed
from tests.artefacts.building import for_this_machine
from tests.unit.test_architecture import CLOCK_AND_ENTROPY, ROOT, foreign, trees, undocumented

MODULES = {
    name: tree
    for name, tree in trees(ROOT / "shared").items()
    if name.startswith("licensing_agent")
}
RULES = {
    "protocol.credentials",
    "storage.state",
    "protocol.lease",
    "protocol.license_key",
    "lifecycle",
    "obstacles",
    "protocol.outcomes",
    "protocol.strict_json",
    "protocol.timekeeping",
    "transitions",
    "wire",
    "words",
}
ROOMS = {"protocol": set(), "storage": {"protocol"}, "machine": {"protocol", "storage"}}
"""What each folder may import beside itself; the client, on top of them, knows all."""
OF_OTHERS = {"certifi", "cryptography", "httpx", "truststore"}


def own(tree: ast.Module) -> set[str]:
    """The package's modules that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("licensing_agent"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found


def test_it_needs_nothing_but_what_it_names() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    assert {text.partition(">")[0] for text in project["dependencies"]} == OF_OTHERS
    for name, tree in MODULES.items():
        others = foreign(tree) - set(sys.stdlib_module_names) - {"licensing_agent"}
        assert others <= OF_OTHERS, name


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_reads_no_clock_no_chance_and_no_file(rule: str) -> None:
    tree = MODULES[f"licensing_agent.{rule}"]
    assert not foreign(tree) & (CLOCK_AND_ENTROPY | {"httpx", "pathlib", "subprocess"})
    assert "datetime.now" not in ast.unparse(tree)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_from_the_rooms_that_its_own_may_know(name: str) -> None:
    room = name.split(".")[1] if "." in name else ""
    if room in ROOMS:
        imported = {one.split(".")[1] for one in own(MODULES[name])}
        assert imported <= ROOMS[room] | {room}


def test_nothing_loads_the_sign_in_but_who_uses_it() -> None:
    for name, tree in MODULES.items():
        if not name.startswith("licensing_agent.sign_in"):
            assert not [one for one in own(tree) if ".sign_in" in one], name


def test_no_two_modules_import_each_other() -> None:
    order = TopologicalSorter({name: own(tree) for name, tree in MODULES.items()}).static_order()
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_everything_public_has_a_docstring(name: str) -> None:
    assert list(undocumented(name, MODULES[name])) == []


def test_the_layer_does_not_ship_it(tmp_path: Path) -> None:
    for_this_machine(tmp_path)
    shipped = {path.relative_to(tmp_path).parts for path in tmp_path.rglob("*")}
    assert any(parts[-1] == "licensing" for parts in shipped)
    others = {"licensing_agent", "licensing_build", "licensing_cli"}
    assert not [parts for parts in shipped if others & {*parts}]


def test_it_installs_alone_and_runs(tmp_path: Path) -> None:
    """In an environment with nothing else, of the Python that runs the tests."""
    python = installed(tmp_path / "environment")
    ran = subprocess.run(
        [
            python,
            "-m",
            "licensing_agent",
            "machine",
            "--folder",
            tmp_path,
            "--computer-name",
            "A-1",
        ],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "A-1" in ran.stdout
    listed = "import licensing_agent, pathlib; print(pathlib.Path(licensing_agent.__file__).parent)"
    where = subprocess.run([python, "-c", listed], check=True, capture_output=True, text=True)
    root = Path(where.stdout.strip())
    there = {path.relative_to(root) for path in root.rglob("*.py")}
    assert there == {path.relative_to(FOLDER) for path in FOLDER.rglob("*.py")}
    assert not [path.name for path in FOLDER.iterdir() if path.name in {"build", "dist"}]
