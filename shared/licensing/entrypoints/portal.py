"""The portal's files as they are served: read once, named by what is in them, and locked in.

What this module guarantees:

* A file is served by a name that was found in the folder; no name that is asked for is ever a path.
* A file's address has the digest of all files in it, so what was fetched once is good for ever, and
  a page never runs beside scripts of another version.
* The page runs its own scripts alone, talks to its own origin and to those that tokens come from
  and are revoked at, and is in nobody's frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

PAGE: Final = "index.html"
CONTENT_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml; charset=utf-8",
    }
)
"""What the portal is made of, by the ends of names."""

FILE_HEADERS: Final = MappingProxyType({"cache-control": "public, max-age=31536000, immutable"})
"""What goes with a file."""

_VERSION: Final = "{version}"
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
class Portal:
    """The page, and what it loads by name; ``version`` is the digest of all of it."""

    version: str
    page: File
    _files: Mapping[str, File]

    @classmethod
    def of(cls, folder: Path) -> Portal:
        """Read a folder of files. Raises ``KeyError`` for one of an unknown kind, or no page."""
        files = {
            path.name: File(CONTENT_TYPES[path.suffix], path.read_text(encoding="utf-8"))
            for path in sorted(folder.iterdir())
        }
        whole = sha256()
        for name, file in files.items():
            whole.update(f"{name}\0{sha256(file.text.encode()).hexdigest()}\n".encode())
        version = whole.hexdigest()[:32]
        page = files.pop(PAGE)
        filled = File(page.content_type, page.text.replace(_VERSION, version))
        return cls(version, filled, MappingProxyType(files))

    def file(self, version: str, name: str) -> File | None:
        """A file of this version, or ``None``: of another one, this deployment has no files."""
        return self._files.get(name) if version == self.version else None

    def page_headers(self, origins: Sequence[str] = ()) -> dict[str, str]:
        """What goes with the page, whose scripts may also speak to these origins."""
        policy = _content_security_policy(origins)
        # What the page may do is part of it: a browser must not keep an old policy.
        tag = sha256(f"{self.page.text}\0{policy}".encode()).hexdigest()[:32]
        return {**_PAGE_HEADERS, "content-security-policy": policy, "etag": f'"{tag}"'}


def _content_security_policy(origins: Sequence[str]) -> str:
    connect = " ".join(["'self'", *origins])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
