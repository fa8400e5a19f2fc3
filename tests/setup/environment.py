"""Install what lock files say into a Python environment: `python environment.py FOLDER LOCK...`.

Run by any Python that is new enough, with nothing installed: by that Python the environment is
made. Every file is checked against its hash in a lock, the installer's own too. Locks add up: what
an earlier run asked for stays. `locks.json` in the folder records what is installed. Where that is
still so, nothing is done; where somebody has installed other versions, the locked ones come back.

With `--this-python`, an environment of another version of Python is made anew; otherwise it stays.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK_OF_UV = "tests/setup/locks/uv.txt"
_RUNNING = ".".join(map(str, sys.version_info[:2]))
_BIN = "Scripts" if os.name == "nt" else "bin"
_INTERRUPTED = 130
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:2])))"


@dataclass(frozen=True)
class Record:
    """What an environment was made with, and what is in it."""

    folder: str
    """Its scripts name it: moved elsewhere they do not start."""
    python: str
    locks: dict[str, str]
    """The digest of each lock that it holds."""
    packages: list[str]
    """The names of its packages' metadata, which tell their versions."""


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
        prepare(asked.folder.resolve(), asked.locks, this_python=asked.this_python)
    except NotMadeError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say(f"Interrupted: {asked.folder} is not ready; the next command goes on with it.")
        return _INTERRUPTED
    return 0


def prepare(folder: Path, locks: list[str], *, this_python: bool) -> None:
    """Let the environment in `folder` hold what `locks` say. Raises NotMadeError."""
    record = _usable(folder)
    if record and this_python and record.python != _RUNNING:
        _say(f"{folder} is of Python {record.python}: it is made anew, with Python {_RUNNING}")
        record = None
    # A lock that is gone since asks for nothing any more.
    earlier = [lock for lock in (record.locks if record else ()) if (ROOT / lock).is_file()]
    installer = [] if _uv_of_another(folder) else [LOCK_OF_UV]
    wanted = {lock: _digest(lock) for lock in [*installer, *earlier, *locks]}
    if record and record.locks == wanted and set(record.packages) <= _packages(folder):
        return
    _say(f"Installing {', '.join(locks)} into {folder}")
    if not record:
        _create(folder)
    python = record.python if record else _RUNNING
    # What is half installed is not what it shall be.
    _write(folder, Record(str(folder), python, {}, []))
    _install(folder, wanted)
    _write(folder, Record(str(folder), python, wanted, sorted(_packages(folder))))


def is_prepared(folder: Path, locks: list[str]) -> bool:
    """Whether the environment in `folder` is of this Python, and holds what `locks` say now."""
    record = _usable(folder)
    return (
        record is not None
        and record.python == _RUNNING
        and {lock: _digest(lock) for lock in locks}.items() <= record.locks.items()
        and set(record.packages) <= _packages(folder)
    )


def _uv_of_another(folder: Path) -> Path | None:
    """The uv of another environment that has been made here, if that one's Python runs this."""
    running = Path(sys.prefix)
    uv = _program(running, "uv")
    is_made_here = (running / "locks.json").is_file() and uv.is_file()
    return uv if is_made_here and running.resolve() != folder.resolve() else None


def _usable(folder: Path) -> Record | None:
    """What an earlier run has recorded; None where the environment cannot be used as it is."""
    try:
        record = Record(**json.loads((folder / "locks.json").read_text()))
        told = subprocess.run(
            [_program(folder, "python"), "-c", _VERSION],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, ValueError, TypeError, subprocess.CalledProcessError):
        return None
    return record if (record.folder, record.python) == (str(folder), told) else None


def _write(folder: Path, record: Record) -> None:
    (folder / "locks.json").write_text(json.dumps(asdict(record), indent=1))


def _packages(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[Ll]ib*/**/site-packages/*.dist-info")}


def _digest(lock: str) -> str:
    try:
        return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    except OSError as error:
        raise NotMadeError(f"{lock} cannot be read: {error.strerror}") from error


def _create(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise NotMadeError(f"{folder} holds something else than an environment: name another VENV=")
    if uv := _uv_of_another(folder):
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        return
    # Run by the environment itself, what it was made by makes it anew.
    python = getattr(sys, "_base_executable", sys.executable)
    shutil.rmtree(folder, ignore_errors=True)
    made = _ran(python, "-m", "venv", folder)
    if made.returncode != 0:
        raise NotMadeError(
            f"Python {_RUNNING} cannot make an environment here; on Debian and Ubuntu,"
            f" `apt-get install python3-venv` mends it.\n{made.stdout.strip()}"
        )
    _run(
        _program(folder, "python"),
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "-r", ROOT / LOCK_OF_UV),
    )


def _install(folder: Path, locks: dict[str, str]) -> None:
    _run(
        _uv_of_another(folder) or _program(folder, "uv"),
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
    # Some machines have pip install into the home, which an environment's pip refuses.
    return subprocess.run(
        command,
        env=os.environ | {"PIP_USER": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
