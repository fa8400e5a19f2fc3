"""The clients as programs. Compiled once for each source and compiler, and kept in `.cache`."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.setup import go, java, node
from tests.setup.needs import BROUGHT

FOLDER: Final = Path(__file__).parent
_BUILT: Final = BROUGHT / "clients"
_GO: Final = {
    "GO111MODULE": "off",
    "GOTOOLCHAIN": "local",
    "GOFLAGS": "",
    "GOPROXY": "off",
    "CGO_ENABLED": "0",
    "GOCACHE": str(BROUGHT / "go-build"),
    "GOPATH": str(BROUGHT / "go-path"),
}


def program(need: str) -> list[str]:
    """The command that starts the client whose language is this need of the tests.

    Its compiler must have nothing to say about it, nor must what checks the language's code.
    """
    return {"node": _node, "go": _go, "jdk": _java}[need]()


def _node() -> list[str]:
    return [str(node.found().node), str(FOLDER / "agent.mjs")]


def _go() -> list[str]:
    compiler = go.found()

    def build(into: Path, *sources: str) -> None:
        assert said(str(Path(compiler).with_name("gofmt")), "-l", *sources) == ""
        said(compiler, "vet", *sources, environment=_GO)
        said(compiler, "build", "-o", str(into / "agent"), *sources, environment=_GO)

    return [str(_built("*.go", compiler, build) / "agent")]


def _java() -> list[str]:
    compiler = java.compiler()

    def build(into: Path, *sources: str) -> None:
        said(compiler, "-Xlint:all", "-Werror", "-d", str(into), *sources)

    classes = _built("*.java", compiler, build)
    # As short commands start fastest.
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return [str(Path(compiler).with_name("java")), *quick, "-cp", str(classes), "Agent"]


def _built(pattern: str, compiler: str, build: Callable[..., None]) -> Path:
    """Where `build` has put what it makes of the sources; one process does, the others wait."""
    sources = sorted(FOLDER.glob(pattern))
    digest = hashlib.sha256(compiler.encode())
    for source in sources:
        digest.update(source.read_bytes())
    folder = _BUILT / f"{pattern.rpartition('.')[2]}-{digest.hexdigest()[:16]}"
    _BUILT.mkdir(parents=True, exist_ok=True)
    with (_BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            build(folder, *map(str, sources))
            (folder / "done").touch()
    return folder


def said(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program says that has to end well."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
