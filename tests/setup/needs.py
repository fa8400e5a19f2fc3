"""What a need of the tests is: something that is found on the machine, or brought."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BROUGHT = ROOT / ".cache"
_LAST_WORDS = 3


class NotHereError(Exception):
    """The machine has it not, and it was not brought. The message says what is missing, and why."""


@dataclass(frozen=True)
class Need:
    """Something that tests need."""

    name: str
    """What `WITHOUT=` calls it."""
    title: str
    fixtures: frozenset[str]
    """A test that uses one of these is left out where this is not here. So is one that is marked by
    `needs(name)`, or has the name as one of its parameters."""
    found: Callable[[], str]
    """What it is and where, in words. Raises NotHereError."""
    bring: Callable[[], None]
    """Bring it here. Raises NotHereError."""
    advice: str
    """What a person can do where it can be neither found nor brought."""
    is_optional: bool = False
    """Whether a run passes without it, and says so: nothing can bring it."""


def ran(*command: str | Path, failing: str, cwd: Path = ROOT) -> str:
    """What a program says. Raises NotHereError, which begins with `failing`, if it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise NotHereError(f"{failing}: {error}") from error
    if done.returncode != 0:
        words = " ".join(done.stdout.strip().splitlines()[-_LAST_WORDS:])
        raise NotHereError(f"{failing}: {words or f'it ended with {done.returncode}'}")
    return done.stdout


def on_path(*names: str) -> str | None:
    """The first of these programs that is on the PATH."""
    return next(filter(None, map(shutil.which, names)), None)
