"""What the deployed code never does: run text as code or commands, unpack objects, build patterns.

The service has no shell, no language of templates, no XML and no mail, so nothing that is sent to
it is ever a text in one of those.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYED = sorted([*(ROOT / "shared/licensing").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])
SCRIPTS = sorted((ROOT / "functions/portal/static").rglob("*.js"))

CALLS = {"eval", "exec", "compile", "__import__", "open", "globals", "system", "popen"}
MODULES = {
    *("code", "ctypes", "importlib", "marshal", "multiprocessing", "pickle", "runpy", "shelve"),
    *("smtplib", "socket", "subprocess", "tempfile", "xml", "yaml", "jinja2", "lxml", "ldap"),
}
OF_SCRIPTS = re.compile(
    r"\beval\(|new Function|\.(?:inner|outer)HTML|insertAdjacentHTML|document\.write|srcdoc"
    r"|document\.cookie|localStorage|indexedDB|postMessage|__proto__|\.prototype\b|Object\.assign"
    r"|\w\[[^\]]+\] = "
)
"""Markup out of text, what outlives the tab, other pages, and names that could be a prototype's."""
OWN = [("main.js", "s[part.slice(1)] = "), ("session.js", "localStorage")]
"""Names of parameters, out of the page's own table of places; and one word that tabs share."""


SHARED = ["setItem(LASTING, word)", "removeItem(LASTING)", "getItem(LASTING)"]
"""All that is done with what tabs share: no token is ever put there."""


def found_in(tree: ast.AST) -> list[str]:
    """What a module does that none may do."""
    found = []
    patterns = {id(call) for call in _within_functions(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            found += _called(node, is_late=id(node) in patterns)
    return found


def _within_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs with values that were sent: a pattern of the module itself is made before."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from ast.walk(node)


def _called(node: ast.Call, *, is_late: bool) -> list[str]:
    called = ast.unparse(node.func)
    owner, _, name = called.rpartition(".")
    if owner == "re":
        return [called] if is_late and not isinstance(node.args[0], ast.Constant) else []
    if name == "format" and not isinstance(node.func, ast.Name):
        assert isinstance(node.func, ast.Attribute)
        return [] if isinstance(node.func.value, ast.Constant) else [called]
    return [called] if name in CALLS else []


def test_nothing_that_is_sent_is_run_unpacked_or_taken_for_a_pattern() -> None:
    assert len(DEPLOYED) > 80
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in DEPLOYED}
    found = {name: found for name, tree in trees.items() if (found := found_in(tree))}
    assert found == {"aws_connections.py": ["socket"]}  # which connects to AWS and nowhere else


def test_scripts_make_no_markup_of_text_and_leave_nothing_behind_the_tab() -> None:
    assert len(SCRIPTS) > 20
    found = [
        (path.name, text)
        for path in SCRIPTS
        for text in OF_SCRIPTS.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == OWN
    session = next(path for path in SCRIPTS if path.name == "session.js")
    kept = re.findall(r"browserStorage\(\)\.\w+\([^()]*\)", session.read_text(encoding="utf-8"))
    assert kept == [f"browserStorage().{call}" for call in SHARED]


@pytest.mark.parametrize(
    "planted",
    [
        "eval(text)",
        "import pickle",
        "from xml.etree import ElementTree",
        "os.system(text)",
        "def find(text): return re.compile(text)",
        "find = lambda text: re.match(f'{text}', text)",
        "text.format(secret=secret)",
    ],
)
def test_what_is_planted_is_found(planted: str) -> None:
    assert found_in(ast.parse(planted))
