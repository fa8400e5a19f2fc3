"""A page and its files as they are served: read once, named by what is in them, and locked in.

There are two: the portal, and the API's documentation, which is Swagger UI.

What this module guarantees:

* A file is served by a name that was found in the folder; no name that is asked for is ever a path.
* A file's address has the digest of all files in it, so what was fetched once is good for ever, and
  a page never runs beside scripts of another version.
* A page names all its scripts, so that a browser asks for them at once, and not import by import.
* A page of a version that has been replaced finds the script that notices: that one is served under
  the address of every version, and loads the page anew.
* A page runs its own scripts alone, talks to its own origin, and the portal's to those that tokens
  come from and are revoked at, and is in nobody's frame.
* Text becomes markup nowhere in the portal, and in the documentation only by way of a policy of its
  own (Trusted Types).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aws_lambda_powertools

PAGE: Final = "index.html"
STARTER: Final = "starting.js"
"""What each page runs first, whatever its version."""
CONTENT_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml; charset=utf-8",
    }
)
"""What sites are made of, by the ends of names."""

FILE_HEADERS: Final = MappingProxyType({"cache-control": "public, max-age=31536000, immutable"})
"""What goes with a file."""

_VERSION: Final = "{version}"
_MODULE: Final = "{module}"
_POWERS: Final = (
    *("accelerometer", "autoplay", "camera", "clipboard-read", "display-capture"),
    *("encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid"),
    *("idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "publickey-credentials-create", "publickey-credentials-get"),
    *("screen-wake-lock", "serial", "storage-access", "usb", "window-management"),
    "xr-spatial-tracking",
)
_PAGE_HEADERS: Final = MappingProxyType(
    {
        "cache-control": "no-cache",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        # Copying a key is the one thing that the page needs of the machine it runs on.
        "permissions-policy": ", ".join(
            [*(f"{power}=()" for power in _POWERS), "clipboard-write=(self)"]
        ),
        "referrer-policy": "no-referrer",
    }
)


@dataclass(frozen=True, slots=True)
class File:
    """One file: what it is, and what is in it."""

    content_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Site:
    """A page, and what it loads by name; ``version`` is the digest of all of it."""

    version: str
    page: File
    _files: Mapping[str, File]

    @classmethod
    def of(cls, folder: Path, beside: Iterable[Path] = ()) -> Site:
        """Read the files of a folder, and those ``beside`` it.

        Raises ``KeyError`` for one of an unknown kind, or no page, and ``OSError`` for one beside
        it that is not there.
        """
        paths = [*(path for path in folder.iterdir() if not path.is_dir()), *beside]
        files = {
            path.name: File(CONTENT_TYPES[path.suffix], path.read_text(encoding="utf-8"))
            for path in sorted(paths, key=lambda path: path.name)
        }
        whole = sha256()
        for name, file in files.items():
            whole.update(f"{name}\0{sha256(file.text.encode()).hexdigest()}\n".encode())
        version = whole.hexdigest()[:32]
        page = files.pop(PAGE)
        filled = _for_each_script(page.text, files).replace(_VERSION, version)
        return cls(version, File(page.content_type, filled), MappingProxyType(files))

    def file(self, version: str, name: str) -> File | None:
        """A file of this version, or ``None``: of another one, there is :data:`STARTER` alone."""
        return self._files.get(name) if version == self.version or name == STARTER else None

    def page_headers(self, policy: str) -> dict[str, str]:
        """What goes with the page, which is under this Content-Security-Policy."""
        # What the page may do is part of it: a browser must not keep an old policy.
        tag = sha256(f"{self.page.text}\0{policy}".encode()).hexdigest()[:32]
        return {**_PAGE_HEADERS, "content-security-policy": policy, "etag": f'"{tag}"'}


def _for_each_script(page: str, names: Iterable[str]) -> str:
    """The page's line about ``{module}``, if it has one, once for each script."""
    scripts = [name for name in names if name.endswith(".js")]
    return "".join(
        "".join(line.replace(_MODULE, name) for name in scripts) if _MODULE in line else line
        for line in page.splitlines(keepends=True)
    )


def portal_policy(origins: Sequence[str] = ()) -> str:
    """What the portal may do; its scripts may also speak to these origins."""
    return _policy(images="'self'", connections=" ".join(["'self'", *origins]), markup="'none'")


def documentation_policy() -> str:
    """What Swagger UI may do.

    Its style sheet has pictures in it. It makes markup of the document's Markdown: cleaned under
    the policy ``dompurify``, then checked by ours, ``default``.
    """
    return _policy(images="'self' data:", connections="'self'", markup="dompurify default")


def swagger_ui() -> list[Path]:
    """The script and the style sheet of Swagger UI, which Powertools brings with it."""
    powertools = Path(aws_lambda_powertools.__file__).parent
    # To import their folder's package would import what Powertools makes documents with.
    folder = powertools / "event_handler" / "openapi" / "swagger_ui"
    return [folder / "swagger-ui-bundle.min.js", folder / "swagger-ui.min.css"]


def _policy(*, images: str, connections: str, markup: str) -> str:
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
        f"connect-src {connections}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"require-trusted-types-for 'script'; trusted-types {markup}"
    )
