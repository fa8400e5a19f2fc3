"""The agent's package, installed alone, as whoever builds an agent has it; or with others.

What it needs to run is of the versions that are locked: no test depends on what was released today.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.artefacts.building import ROOT

FOLDER = ROOT / "shared" / "licensing_agent"
LOCKED = ROOT / "requirements-dev.txt"
"""What is installed beside it, to the version."""


def installed(folder: Path, *others: Path) -> Path:
    """The Python of an environment with nothing else, of the version that runs the tests."""
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install: list[str | Path] = [
        *uv,
        "pip",
        "install",
        "--quiet",
        "--constraint",
        LOCKED,
        "--python",
        python,
    ]
    subprocess.run(
        [*install, FOLDER, *others], env={**os.environ, "UV_HTTP_TIMEOUT": "120"}, check=True
    )
    return python
