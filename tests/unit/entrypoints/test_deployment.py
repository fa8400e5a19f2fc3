"""A deployment makes each use case from what it has."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from licensing.entrypoints.deployment import Deployment
from tests.unit.samples import ENVIRON

ROOT = Path(__file__).parents[3]


def use_cases() -> Iterator[tuple[str, str]]:
    """The module and the name of each use case that somebody has a deployment make."""
    for path in [*ROOT.glob("functions/*/handler.py"), *ROOT.glob("shared/licensing/**/*.py")]:
        text = path.read_text()
        if "use_case(" not in text:
            continue
        tree = ast.parse(text)
        made = {
            node.args[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "use_case"
            and isinstance(node.args[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.module, a.name) for a in node.names if a.name in made)


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    return Deployment.from_environ(ENVIRON)


USE_CASES = sorted(set(use_cases()))


def test_every_use_case_of_the_functions_is_looked_at() -> None:
    assert len(USE_CASES) >= 11
    assert all(module.startswith("licensing.usecases.") for module, _ in USE_CASES)


@pytest.mark.parametrize(("module", "name"), USE_CASES)
def test_a_deployment_has_all_that_a_use_case_needs(
    deployment: Deployment, module: str, name: str
) -> None:
    kind: Any = getattr(import_module(module), name)
    made = deployment.use_case(kind)
    assert type(made) is kind
    for field in fields(kind):
        assert getattr(made, field.name) == getattr(deployment, field.name)


def test_it_trusts_whom_the_environment_names(deployment: Deployment) -> None:
    named = Deployment.from_environ({**ENVIRON, "REQUESTS_CA_BUNDLE": "/none/such.pem"})
    deployment.clients.prepare()
    with pytest.raises(OSError, match="No such file"):
        named.clients.prepare()


def test_a_use_case_gets_no_client_and_no_clock(deployment: Deployment) -> None:
    @dataclass(frozen=True)
    class Curious:
        secrets: object

    with pytest.raises(LookupError, match="Curious asks for secrets"):
        deployment.use_case(Curious)
