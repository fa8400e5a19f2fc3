"""What the peer of the benchmarks is built of: Python packages, and PostgreSQL.

The packages are in an environment of their own for each version of Python. PostgreSQL is the
machine's: no package brings one.
"""

import sys
from pathlib import Path

from tests.setup import environment
from tests.setup.needs import BROUGHT, NotHereError, on_path

_LOCK = "tests/setup/locks/peer.txt"
_PYTHON = BROUGHT / f"peer-{sys.version_info[0]}.{sys.version_info[1]}"
_PROGRAMS = ("initdb", "postgres", "psql")
DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu have the programs of each version: on the PATH is `psql` alone."""


def python() -> Path:
    """The Python that has the packages. Raises NotHereError."""
    if not environment.is_prepared(_PYTHON.resolve(), [_LOCK]):
        raise NotHereError(f"what {_LOCK} says is not installed")
    return _PYTHON / "bin" / "python"


def found() -> str:
    """Where the packages are. Raises NotHereError."""
    return str(python().parent)


def bring() -> None:
    """Install the packages. Raises NotHereError."""
    try:
        environment.prepare(_PYTHON.resolve(), [_LOCK], this_python=True)
    except environment.NotMadeError as error:
        raise NotHereError(str(error)) from error


def postgresql() -> Path:
    """The folder of PostgreSQL's programs, of the newest version. Raises NotHereError."""
    initdb = on_path("initdb")
    versions = [folder for folder in DEBIAN.glob("*/bin") if folder.parent.name.isdecimal()]
    versions.sort(key=lambda folder: -int(folder.parent.name))
    for folder in [*([Path(initdb).parent] if initdb else []), *versions]:
        if all((folder / program).is_file() for program in _PROGRAMS):
            return folder
    raise NotHereError("PostgreSQL's server is missing")
