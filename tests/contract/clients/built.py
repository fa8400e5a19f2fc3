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
    command = [str(node.found().node), str(FOLDER / "agent.mjs")]
    said(command[0], "--check", command[1])
    return command


def _go() -> list[str]:
    source, compiler = FOLDER / "agent.go", go.found()

    def build(into: Path) -> None:
        assert said(str(Path(compiler).with_name("gofmt")), "-l", str(source)) == ""
        said(compiler, "vet", str(source), environment=_GO)
        said(compiler, "build", "-o", str(into / "agent"), str(source), environment=_GO)

    return [str(_built(source, compiler, build) / "agent")]


def _java() -> list[str]:
    source, compiler = FOLDER / "Agent.java", java.compiler()

    def build(into: Path) -> None:
        said(compiler, "-Xlint:all", "-Werror", "-d", str(into), str(source))

    classes = _built(source, compiler, build)
    # As short commands start fastest.
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return [str(Path(compiler).with_name("java")), *quick, "-cp", str(classes), "Agent"]


def _built(source: Path, compiler: str, build: Callable[[Path], None]) -> Path:
    """Where `build` has put what it makes of a source; one process makes it, the others wait."""
    at = hashlib.sha256(compiler.encode() + source.read_bytes()).hexdigest()[:16]
    folder = _BUILT / f"{source.stem}-{source.suffix[1:]}-{at}"
    _BUILT.mkdir(parents=True, exist_ok=True)
    with (_BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            build(folder)
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
