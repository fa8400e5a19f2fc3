"""Clients that are generated from the document as it is served compile, and do real work.

Whoever uses the API from Python or TypeScript does just this: fetch the document, have a client
made of it, and write a program with that.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.local import pasted, stack
from tests.local.client import Client
from tests.local.identity import PASSWORD
from tests.setup import clients, node

pytestmark = [pytest.mark.needs("clients"), pytest.mark.sampled(2)]

HERE = Path(__file__).parent
SHAPELESS = "post_hooks: []\n"
"""For openapi-python-client: nobody reads what it makes here."""


@dataclass(frozen=True)
class Service:
    """A service that is up: its document, and what programs know of it."""

    document: bytes
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One for all clients."""
    with stack.running() as up, closing(Client(up.url)) as client:
        pasted.seed(client, up.operator_client_id)
        alice = client.log_in(up.agent_client_id, "alice", PASSWORD).expect(200)
        ada = client.log_in(up.operator_client_id, "ada", PASSWORD).expect(200)
        document = client.call("GET", "/v1/openapi.json").expect(200).body
        yield Service(
            json.dumps(document).encode(),
            {
                "URL": document["servers"][0]["url"],
                "AGENT_TOKEN": alice["AuthenticationResult.IdToken"],
                "ADMINISTRATOR_TOKEN": ada["AuthenticationResult.IdToken"],
            },
        )


def ran(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a program says that ends well."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def in_python(folder: Path, service: Service) -> str:
    """By openapi-python-client: one module for each operation, one class for each schema."""
    programs = clients.python()
    (folder / "config.yaml").write_text(SHAPELESS, encoding="utf-8")
    shutil.copy(HERE / "program.py", folder)
    ran(
        *(programs / "openapi-python-client", "generate", "--fail-on-warning"),
        *("--path", "openapi.json", "--config", "config.yaml"),
        *("--meta", "none", "--output-path", "licensing_api"),
        cwd=folder,
    )
    # What the client stands on has been checked before.
    strict = ("--strict", "--cache-dir", programs.parent / "mypy")
    ran(programs / "mypy", *strict, "licensing_api", "program.py", cwd=folder)
    return ran(programs / "python", "program.py", cwd=folder, **service.environment)


def in_typescript(folder: Path, service: Service) -> str:
    """By openapi-typescript, which makes types alone, and openapi-fetch, which sends requests."""
    (folder / "node_modules").symlink_to(clients.typescript(), target_is_directory=True)
    programs, found = Path("node_modules", ".bin"), node.found()
    for name in ("program.ts", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    path = {"PATH": found.path}
    made = ("openapi.json", "-o", "licensing-api.d.ts")
    ran(programs / "openapi-typescript", *made, cwd=folder, **path)
    ran(programs / "tsc", "--project", ".", cwd=folder, **path)
    return ran(found.node, "program.js", cwd=folder, **path, **service.environment)


@pytest.mark.parametrize(
    ("program", "name"), [(in_python, "PYTHON"), (in_typescript, "TYPESCRIPT")]
)
def test_a_generated_client_compiles_and_agents_and_administrators_work_with_it(
    tmp_path: Path, service: Service, program: Callable[[Path, Service], str], name: str
) -> None:
    (tmp_path / "openapi.json").write_bytes(service.document)
    told: dict[str, Any] = json.loads(program(tmp_path, service))
    assert told == {
        "created": [True, True, True],
        "validated": [True, "VALID", "continue"],
        "same license": True,
        "lasts": True,
        "pages": [2, 1],
        "names": [f"{name}-PC-{number}" for number in range(3)],
        "changed": ["Press hall", True],
        "late": [412, 412, "precondition_failed"],
        "wrong": ["invalid_request", ["/environment"]],
    }
