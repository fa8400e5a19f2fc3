"""What `make build` made, and its name: `python -m tests.deployment.build` gives it one.

The name is written into the built template, where it becomes a part of the release (`Release` in
`template.yaml`): other artefacts are another release of all functions. Each artefact is built the
same to the byte wherever it is built, and so is the name.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.artefacts.building import LAYER, ROOT, artefacts
from tests.artefacts.check import digest, read

BUILT = ROOT / ".aws-sam" / "build"
UNNAMED = "Artefacts: named by make build"


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
        """What a function or the layer is made of, by path."""
        return {str(file.path): file.content for file in read(self.folder / artefact)}

    @property
    def functions(self) -> set[str]:
        """By logical id."""
        return {path.name for path in artefacts(self.folder)} - {LAYER}


def named(folder: Path = BUILT) -> Build:
    """What was built and has its name. Raises :class:`BuildError`."""
    build = Build(folder)
    if not build.template.is_file() or UNNAMED in build.template.read_text("utf-8"):
        raise BuildError("Nothing is built here: run `make build` in the commit that is deployed.")
    return build


def name(folder: Path = BUILT) -> str:
    """Write the name of the artefacts and their template into the template; the name.

    Raises :class:`BuildError` if there is no place for it, or more than one.
    """
    build = Build(folder)
    text = build.template.read_text("utf-8")
    if text.count(UNNAMED) != 1:
        raise BuildError(f"The template says {UNNAMED!r} {text.count(UNNAMED)} times, not once.")
    whole = sha256(text.encode())
    for artefact in artefacts(folder):
        whole.update(f"{artefact.name} {digest(read(artefact))}\n".encode())
    found = whole.hexdigest()[:16]
    build.template.write_text(text.replace(UNNAMED, f"Artefacts: {found}"), "utf-8")
    return found


if __name__ == "__main__":
    sys.stdout.write(f"The artefacts are {name()}\n")
