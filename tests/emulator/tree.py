"""A copy of the project, to build, change and deploy without touching what it was copied from."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from platform import machine

from tests.artefacts.building import ROOT

SAM_ENVIRONMENT = ROOT / ".venv-sam"
_OF_MAKE = {"CONFIRM", "PARAMETERS", "STACK", "TO", "WAY_BACK"}
_SAID = ("Live and build", "All functions", "Everything works", "Successfully", "The seat counters")


class CommandError(Exception):
    """A command failed; the message is all that it said."""


@dataclass(frozen=True)
class Tree:
    """The copy, and what its commands get from the environment."""

    folder: Path
    variables: Mapping[str, str]

    def make(self, target: str, *variables: str) -> list[str]:
        """`make` a target of the project; what it said that is of interest."""
        # Functions run on this machine, by this Python.
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        given = {
            "VENV": Path(sys.prefix).name,
            "CONFIRM": "no",
            "PYTHON_PLATFORM": f"{machine()}-manylinux2014",
            "PYTHON_VERSION": version,
            "RUNTIME_PYTHON": sys.executable,
        }
        assigned = (f"{name}={value}" for name, value in given.items())
        return self.run("make", "--silent", target, *assigned, *variables)

    def sam(self, *arguments: str) -> list[str]:
        """Run the SAM CLI by itself; what it said that is of interest."""
        return self.run(str(SAM_ENVIRONMENT / "bin" / "sam"), *arguments)

    def run(self, *command: str) -> list[str]:
        """Run a command. Raises :class:`CommandError` if it fails."""
        # The options of the `make` that runs this are not meant for what this runs.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MAKE", "MFLAGS"))}
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise CommandError(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stdout}")
        return [line for line in ran.stdout.splitlines() if line.startswith(_SAID)]

    def change(self, path: str, before: str, after: str) -> None:
        """Replace what a file says exactly once."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise ValueError(f"{path} says {before!r} {text.count(before)} times, not once")
        file.write_text(text.replace(before, after), encoding="utf-8")


def copied(folder: Path, variables: Mapping[str, str]) -> Tree:
    """The project as it is here, committed or not, with its environments."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git the reader has
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # it may have been deleted since
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for environment in (Path(sys.prefix), SAM_ENVIRONMENT):
        (folder / environment.name).symlink_to(environment)
    return Tree(folder, variables)
