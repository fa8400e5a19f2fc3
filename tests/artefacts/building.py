"""Build what ships, by the Makefiles that `sam build` calls.

Here the artefacts can be built for another platform than Lambda's: for the machine and the Python
that run the tests, so that what is built is run. `python -m tests.artefacts.building FOLDER` builds
the way another person on another machine would, for `make build` to compare; behind it stand
variables of the layer's Makefile, if it is not for Lambda.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYER = "LicensingLayer"


@dataclass(frozen=True)
class Source:
    """Where a function's code is."""

    handler: Path

    @property
    def path(self) -> str:
        """What it ships of its code, and nothing else."""
        return f"{self.handler.parent.name}/{self.handler.name}"

    @property
    def files(self) -> Mapping[str, Path]:
        """All that it ships: its handler, and the files that it serves."""
        folder = self.handler.parent
        served = sorted(path for path in (folder / "static").rglob("*") if path.is_file())
        return {str(path.relative_to(folder.parent)): path for path in [self.handler, *served]}

    @property
    def function(self) -> str:
        """Its logical id: `expiry_sweep` is ExpirySweepFunction."""
        return self.handler.parent.name.title().replace("_", "") + "Function"


FUNCTIONS: Mapping[str, Source] = {
    source.function: source for source in map(Source, sorted(ROOT.glob("functions/*/handler.py")))
}
"""By logical id."""


def artefacts(folder: Path) -> Iterator[Path]:
    """The artefacts that were built into a folder."""
    return (one for one in sorted(folder.iterdir()) if one.is_dir())


def build(folder: Path, **variables: str) -> None:
    """Build all artefacts into a folder that is empty or not there yet."""
    _make("shared", LAYER, folder, variables)
    for name in FUNCTIONS:
        _make("functions", name, folder, {})


def for_this_machine(folder: Path) -> None:
    """Build all artefacts for the machine and the Python that this runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = f"{platform.machine()}-unknown-linux-gnu"
    build(folder, PYTHON_VERSION=python, PYTHON_PLATFORM=system, RUNTIME_PYTHON=sys.executable)


def _make(sources: str, artefact: str, folder: Path, variables: Mapping[str, str]) -> None:
    # The options of a `make` that runs this are not meant for this one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    # uv is locked beside the tests.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = [
        "make",
        "--silent",
        "--directory",
        str(ROOT / sources),
        f"build-{artefact}",
        f"ARTIFACTS_DIR={folder.resolve() / artefact}",
        *(f"{name}={value}" for name, value in variables.items()),
    ]
    made = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise RuntimeError(f"{artefact} was not built:\n{made.stdout}")


def main(folder: str, *variables: str) -> None:
    """Build afresh, as somebody whose files are private and whose clock is ahead."""
    shutil.rmtree(folder, ignore_errors=True)
    os.umask(0o077)
    os.environ["TZ"] = "Pacific/Auckland"
    build(Path(folder), **dict(variable.split("=", 1) for variable in variables))


if __name__ == "__main__":
    main(*sys.argv[1:])
