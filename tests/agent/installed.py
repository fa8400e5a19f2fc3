"""The agent's package, installed alone, as whoever builds an agent has it; or with others."""

import subprocess
import sys
from pathlib import Path

from tests.artefacts.building import ROOT

FOLDER = ROOT / "shared" / "licensing_agent"


def installed(folder: Path, *others: Path) -> Path:
    """The Python of an environment with nothing else, of the version that runs the tests."""
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run(
        [*uv, "pip", "install", "--quiet", "--python", python, FOLDER, *others], check=True
    )
    return python
