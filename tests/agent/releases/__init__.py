"""The clients that vendors have, each as it was released: agents are not updated with the service.

`python -m tests.agent.releases` freezes the client as it is, under the version that it names. Do so
when a version is tagged, and name the next one in `version.py`.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.agent.installed import FOLDER

HERE = Path(__file__).parent
SUMS = HERE / "SHA256SUMS"


def wheels() -> list[Path]:
    """All of them, by name."""
    return sorted(HERE.glob("*.whl"))


def sums() -> dict[str, str]:
    """The digest of each, as it was frozen."""
    pairs = (line.split() for line in SUMS.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def digest(wheel: Path) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def freeze() -> Path:
    """Add the client as it is. Raises :class:`SystemExit` where its version is frozen already."""
    before = wheels()
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", str(FOLDER)]
    folder = HERE / "new"
    subprocess.run([*build, "--out-dir", str(folder)], check=True)
    (made,) = folder.glob("*.whl")
    frozen = HERE / made.name
    if frozen in before:
        sys.exit(f"{made.name} is frozen already: name another version in {FOLDER}/version.py")
    made.replace(frozen)
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()
    with SUMS.open("a") as listed:
        listed.write(f"{digest(frozen)}  {frozen.name}\n")
    return frozen
