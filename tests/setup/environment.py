"""Make a Python environment what lock files say: `python environment.py FOLDER LOCK...`.

Run by any Python that is new enough, with nothing installed: by that Python the environment is
made. Every file is checked against its hash in a lock, the installer's own too. Locks add up: what
an earlier run asked for stays. Where nothing has changed, nothing is done.

With `--this-python`, an environment of another version of Python is made anew; otherwise it stays.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = "tests/setup/locks/uv.txt"
_RUNNING = ".".join(map(str, sys.version_info[:2]))
_BIN = "Scripts" if os.name == "nt" else "bin"
_UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Kept:
    """What an environment was made with: a Python, and the digests of its locks."""

    python: str
    locks: dict[str, str]


class NotMadeError(Exception):
    """The environment cannot be made; the message says why, and what to do."""


def main() -> int:
    """Do it; 1 if it cannot be done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("locks", nargs="+", metavar="lock", help="relative to the project")
    parser.add_argument("--this-python", action="store_true")
    asked = parser.parse_args()
    try:
        prepare(asked.folder, asked.locks, this_python=asked.this_python)
    except NotMadeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def prepare(folder: Path, locks: list[str], *, this_python: bool) -> None:
    """Let the environment in `folder` hold what `locks` say. Raises NotMadeError."""
    kept = _kept(folder)
    if kept and this_python and kept.python != _RUNNING:
        _say(f"{folder} is of Python {kept.python}: it is made anew, with Python {_RUNNING}")
        kept = None
    uv = [] if _has_uv() else [UV]
    wanted = {lock: _digest(lock) for lock in [*uv, *(kept.locks if kept else ()), *locks]}
    if kept and kept.locks == wanted:
        return
    _say(f"Installing {', '.join(locks)} into {folder}")
    if kept:
        _stamp(folder).unlink()  # what is half installed is no longer what it says
    else:
        _create(folder)
    _install(folder, wanted)
    made = Kept(kept.python if kept else _RUNNING, wanted)
    _stamp(folder).write_text(json.dumps(asdict(made)))


def _has_uv() -> bool:
    """Whether this runs in an environment that has been made here, with a uv that was checked."""
    return _UV.is_file() and _stamp(Path(sys.executable).parents[1]).is_file()


def _stamp(folder: Path) -> Path:
    return folder / "locks.json"


def _kept(folder: Path) -> Kept | None:
    """What an earlier run has made; None where it cannot be used."""
    try:
        kept = Kept(**json.loads(_stamp(folder).read_text()))
        subprocess.run([_program(folder, "python"), "-c", ""], check=True)
    except (OSError, ValueError, TypeError, subprocess.CalledProcessError):
        return None
    # A lock that is gone since asks for nothing any more.
    here = {lock: seen for lock, seen in kept.locks.items() if (ROOT / lock).is_file()}
    return replace(kept, locks=here)


def _digest(lock: str) -> str:
    try:
        return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    except OSError as error:
        raise NotMadeError(f"{lock} cannot be read: {error.strerror}") from error


def _create(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if _has_uv():
        _run(_UV, "venv", "--quiet", "--python", sys.executable, folder)
        return
    made = _ran(sys.executable, "-m", "venv", folder)
    if made.returncode != 0:
        raise NotMadeError(
            f"Python {_RUNNING} cannot make an environment here; on Debian and Ubuntu,"
            f" `apt-get install python3-venv` mends it.\n{made.stdout.strip()}"
        )
    _run(
        _program(folder, "python"),
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "-r", ROOT / UV),
    )


def _install(folder: Path, locks: dict[str, str]) -> None:
    _run(
        _UV if _has_uv() else _program(folder, "uv"),
        *("pip", "sync", "--quiet", "--require-hashes"),
        *("--python", _program(folder, "python")),
        *(ROOT / lock for lock in locks),
    )


def _program(folder: Path, name: str) -> Path:
    return folder / _BIN / name


def _run(*command: str | Path) -> None:
    ran = _ran(*command)
    if ran.returncode != 0:
        shown = " ".join(map(str, command))
        raise NotMadeError(f"{ran.stdout.strip()}\nThis failed: {shown}")


def _ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
