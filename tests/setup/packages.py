"""Programs that come as Python packages, each in a folder of its own, checked against its lock."""

import shutil
import sys
from pathlib import Path

from tests.setup.needs import BROUGHT, ROOT, ran


def folder(name: str) -> Path | None:
    """Where a package is that `bring` has installed as its lock is now, if it has."""
    installed = BROUGHT / name
    return installed if is_as_locked(installed / "lock.txt", _lock(name)) else None


def bring(name: str, failing: str) -> None:
    """Install what `locks/NAME.txt` says. Raises NotHereError."""
    partial = BROUGHT / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    ran(
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes"),
        *("--only-binary", ":all:", "--target", partial, "-r", _lock(name)),
        failing=failing,
    )
    shutil.copy(_lock(name), partial / "lock.txt")
    put_in_place(partial, BROUGHT / name)


def is_as_locked(copy: Path, lock: Path) -> bool:
    """Whether what came with this copy of a lock is what the lock says now."""
    return copy.is_file() and copy.read_bytes() == lock.read_bytes()


def put_in_place(partial: Path, whole: Path) -> None:
    """Let a folder that is complete take the place of an earlier one."""
    shutil.rmtree(whole, ignore_errors=True)
    partial.rename(whole)


def _lock(name: str) -> Path:
    return ROOT / "tests" / "setup" / "locks" / f"{name}.txt"
