"""What `make build` made, and its name: `python -m tests.deployment.build` gives it one.

The name is written into the built template, where it becomes a part of the release (`Release` in
`template.yaml`): other artefacts are another release of all functions. Each artefact is built the
same to the byte wherever it is built, its bytecode aside, and so is the name.

Behind it may stand what the layer was built for, if it is not what the source says
(`PYTHON_PLATFORM=x86_64-manylinux2014`). The built template then says so: AWS and `sam local` run
it on the machine that it was built for. (A Python of another version is for the emulator alone.)
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.artefacts.building import LAYER, ROOT, artefacts
from tests.artefacts.check import LAMBDA, Target, digest, read, target

BUILT = ROOT / ".aws-sam" / "build"
UNNAMED = "Artefacts: named by make build"
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "x86_64"}  # Lambda's names of machines


class BuildError(Exception):
    """There is no build, or none that `make build` has finished; the message says what to do."""


@dataclass(frozen=True)
class Build:
    """What was built into a folder."""

    folder: Path

    @property
    def template(self) -> Path:
        """The template, as `sam deploy` takes it."""
        return self.folder / "template.yaml"

    def files(self, artefact: str) -> Mapping[str, bytes]:
        """What a function or the layer is made of, by path; of bytecode, how it sees its source."""
        return {str(file.path): file.lasting for file in read(self.folder / artefact)}

    @property
    def functions(self) -> set[str]:
        """By logical id."""
        return {path.name for path in artefacts(self.folder)} - {LAYER}


def named(folder: Path = BUILT) -> Build:
    """What was built and has its name. Raises :class:`BuildError`."""
    build = Build(folder)
    if not build.template.is_file() or UNNAMED in build.template.read_text("utf-8"):
        raise BuildError(
            "There is no build here. Check out the commit to deploy and run `make build`."
        )
    return build


def name(folder: Path = BUILT, machine: Target = LAMBDA) -> str:
    """Write into the template its artefacts' name, and what they are for; the name.

    Raises :class:`BuildError` if there is no place for the name, or more than one.
    """
    build = Build(folder)
    if not build.template.is_file():
        raise BuildError("There is no build here. Run `make build`.")
    text = _made_for(machine, build.template.read_text("utf-8"))
    if text.count(UNNAMED) != 1:
        raise BuildError(
            f"The template contains {UNNAMED!r} {text.count(UNNAMED)} times, not once."
        )
    whole = sha256(text.encode())
    for artefact in artefacts(folder):
        whole.update(f"{artefact.name} {digest(read(artefact))}\n".encode())
    found = whole.hexdigest()[:16]
    build.template.write_text(text.replace(UNNAMED, f"Artefacts: {found}"), "utf-8")
    return found


def _made_for(machine: Target, text: str) -> str:
    theirs, ours = (_ARCHITECTURES[one.machine] for one in (LAMBDA, machine))
    return re.sub(rf"(?m)^(\s*(?:- |BuildArchitecture: )){theirs}$", rf"\g<1>{ours}", text)


def main(*variables: str) -> int:
    """Give the build its name."""
    machine = target(dict(variable.split("=", 1) for variable in variables))
    try:
        sys.stdout.write(f"The build is named {name(machine=machine)}\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
