"""What makes clients out of the API's document and checks them, for Python and for TypeScript.

That for Python is in an environment of its own for each version of Python, since it is compiled.
"""

import sys
from pathlib import Path

from tests.setup import environment, node
from tests.setup.needs import BROUGHT, NotHereError

_LOCK = "tests/setup/locks/clients.txt"
_PYTHON = BROUGHT / f"clients-{sys.version_info[0]}.{sys.version_info[1]}"
_PACKAGES = "clients"


def python() -> Path:
    """The folder of the programs for Python. Raises NotHereError."""
    if not environment.is_prepared(_PYTHON.resolve(), [_LOCK]):
        raise NotHereError(f"what {_LOCK} says is not installed")
    return _PYTHON / "bin"


def typescript() -> Path:
    """The `node_modules` for TypeScript. Raises NotHereError."""
    return node.modules(_PACKAGES)


def found() -> str:
    """Where both are. Raises NotHereError."""
    return f"{python()}, {typescript()}, with {node.found().node}"


def bring() -> None:
    """Install both. Raises NotHereError."""
    try:
        environment.prepare(_PYTHON.resolve(), [_LOCK], this_python=True)
    except environment.NotMadeError as error:
        raise NotHereError(str(error)) from error
    node.install(_PACKAGES)
