"""The portal's scripts without a browser: run by Node where they need no page, and type-checked."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.site import STATIC
from tests.setup import node
from tests.setup.registry import PORTAL_CHECKS

Evaluate = Callable[..., Any]
_ANSWER = """
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

for await (const line of createInterface({ input: process.stdin })) {
  const [scripts, expression, given] = JSON.parse(line);
  const names = scripts.map((name) => name.replaceAll("-", "_"));
  const imported = scripts.map((name) => import(pathToFileURL(`${process.cwd()}/${name}.js`)));
  const evaluate = new Function(...names, "given", `return ${expression}`);
  const told = await Promise.all(imported)
    .then((modules) => ({ found: evaluate(...modules, given) ?? null }))
    .catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(told)}\\n`);
}
"""
_TSCONFIG = Path(__file__).with_name("tsconfig.json")


def copied(folder: Path) -> Path:
    """A copy of the portal's scripts and types, which Node takes for modules."""
    portal = folder / "functions" / "portal"
    shutil.copytree(STATIC, portal / "static")
    shutil.copy(STATIC.with_name("contract.d.ts"), portal)
    (portal / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (folder / "tests" / "browser").mkdir(parents=True)
    shutil.copy(_TSCONFIG, folder / "tests" / "browser")
    return portal


@contextmanager
def evaluated(portal: Path) -> Iterator[Evaluate]:
    """What evaluates expressions that use scripts by their names, and `given`; all in UTC."""
    with subprocess.Popen(
        [node.found().node, "--input-type=module", "--eval", _ANSWER],
        cwd=portal / "static",
        env={**os.environ, "TZ": "UTC"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked
        assert told

        def evaluate(scripts: str, expression: str, given: Any = None) -> Any:
            asked.write(json.dumps([scripts.split(), expression, given]) + "\n")
            asked.flush()
            answer = json.loads(told.readline())
            assert "error" not in answer, answer["error"]
            return answer["found"]

        yield evaluate
        asked.close()


def wrong_types(folder: Path) -> list[str]:
    """What the type checker finds in a copy that was made in a folder."""
    done = subprocess.run(
        [
            node.modules(PORTAL_CHECKS) / ".bin" / "tsc",
            *("--pretty", "false", "--project", folder / "tests" / "browser" / _TSCONFIG.name),
        ],
        cwd=folder,
        env={**os.environ, "PATH": node.found().path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return re.split(r"\n(?=\S)", done.stdout.rstrip()) if done.stdout else []
