"""The portal's scripts without a browser: run by Node where they need no page, and type-checked."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.browser.site import STATIC
from tests.setup import node
from tests.setup.registry import PORTAL_CHECKS

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


def evaluated(portal: Path, name: str, expression: str, given: Any = None) -> Any:
    """What an expression gives that may use all that a script exports, and `given`; in UTC."""
    script = f"""
        import * as script from {json.dumps((portal / "static" / name).as_uri())};
        const given = {json.dumps(given)};
        console.log(JSON.stringify({expression}));
    """
    done = subprocess.run(
        [node.found().node, "--input-type=module", "--eval", script],
        env={**os.environ, "TZ": "UTC"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


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
