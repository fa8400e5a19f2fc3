"""Whose certificates are trusted, and what to do when one is not.

What this module guarantees:

* What the system trusts is trusted, a company's own authority with it. ``ca_file`` adds to it.
* Where the system has no store of certificates, the authorities that come along with ``httpx`` are
  trusted.
* A variable that names what is not there stops nothing. It is named where the certificate that it
  was to vouch for is not trusted.
"""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import certifi
import truststore

from licensing_agent.proxies import Unreadable

_FILE: Final = "SSL_CERT_FILE"
_FOLDER: Final = "SSL_CERT_DIR"

_UNKNOWN: Final = (
    "The certificate, the service's or that of what inspects TLS on the way, is from an unknown "
    "issuer: add your company's CA to the system's store, or set ca_file."
)
_OVER: Final = "The certificate is expired, or this machine's clock is wrong: check the clock."
_EARLY: Final = (
    "The certificate is not valid yet, or this machine's clock is wrong: check the clock."
)
_OTHER_HOST: Final = (
    "The certificate is for another host name: check the address of the service, and what answers "
    "in its place."
)
_NO_TLS: Final = (
    "What answers there does not speak TLS: check the port, and the scheme of the proxy's address."
)
_ADVICE: Final = {
    # OpenSSL's
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN),
    9: _EARLY,
    10: _OVER,
    **dict.fromkeys((62, 64), _OTHER_HOST),
    # those of Windows
    0x800B0109: _UNKNOWN,
    0x800B010A: _UNKNOWN,
    0x800B0101: _OVER,
    0x800B010F: _OTHER_HOST,
    # those of macOS
    -67843 & 0xFFFFFFFF: _UNKNOWN,
    -67818 & 0xFFFFFFFF: _OVER,
    -67819 & 0xFFFFFFFF: _EARLY,
    -67602 & 0xFFFFFFFF: _OTHER_HOST,
}


def context(ca_file: Path | None) -> ssl.SSLContext:
    """What TLS connections are made with. Raises :class:`Unreadable` without ``ca_file``."""
    made = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not _has_store():
        with suppress(OSError):
            made.load_verify_locations(cafile=certifi.where())
    if named := os.environ.get(_FILE):
        with suppress(OSError):
            made.load_verify_locations(cafile=named)  # on Windows and macOS nobody else does
    if ca_file is not None:
        try:
            made.load_verify_locations(cafile=ca_file)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise Unreadable(
                f"ca_file cannot be read: it must be certificates in PEM: {ca_file}: {why}"
            ) from None
    return made


def advice(error: BaseException) -> str | None:
    """What to do about a failure, if TLS is what it is about.

    Errors that ``truststore`` makes on Windows and macOS lack attributes of OpenSSL's.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            told = _ADVICE.get(getattr(cause, "verify_code", 0) & 0xFFFFFFFF)
            return told if told != _UNKNOWN else " ".join([told, *_unreadable()])
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in {
            "HTTP_REQUEST",
            "RECORD_LAYER_FAILURE",
            "WRONG_VERSION_NUMBER",
        }:
            return _NO_TLS
        cause = cause.__cause__ or cause.__context__
    return None


def _has_store() -> bool:
    """Whether the system has certificates: where they are not files, it always has."""
    paths = ssl.get_default_verify_paths()
    are_files = sys.platform not in {"darwin", "win32"}
    return not are_files or bool(paths.cafile) or _is_folder(paths.capath)


def _is_folder(path: str | None) -> bool:
    """Whether OpenSSL would find certificates there: their names are hashes."""
    return path is not None and any(Path(path).glob("????????.[0-9]"))


def _unreadable() -> list[str]:
    """The variables that name what is no certificates."""
    told = []
    if named := os.environ.get(_FILE):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=named)
        except OSError:
            told.append(f"{_FILE} cannot be read: it must name a file of certificates in PEM.")
    if (folders := os.environ.get(_FOLDER)) and not any(map(_is_folder, folders.split(os.pathsep))):
        told.append(f"{_FOLDER} cannot be read: it must name a folder made by openssl rehash.")
    return told
