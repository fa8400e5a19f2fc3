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

from licensing_agent.obstacles import Obstacle
from licensing_agent.proxies import Unreadable

_FILE: Final = "SSL_CERT_FILE"
_FOLDER: Final = "SSL_CERT_DIR"

_OF_PLAIN_TEXT: Final = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})
"""What OpenSSL calls an answer that is not TLS."""
_GOES_ON: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What is no failure, but stands in the context of one."""
_MEANT: Final = {
    # OpenSSL's
    **dict.fromkeys((2, 18, 19, 20, 21), Obstacle.ISSUER_UNKNOWN),
    9: Obstacle.NOT_YET_VALID,
    10: Obstacle.EXPIRED,
    **dict.fromkeys((62, 64), Obstacle.OTHER_HOST),
    # those of Windows
    0x800B0109: Obstacle.ISSUER_UNKNOWN,
    0x800B010A: Obstacle.ISSUER_UNKNOWN,
    0x800B0101: Obstacle.EXPIRED,
    0x800B010F: Obstacle.OTHER_HOST,
    # those of macOS
    -67843 & 0xFFFFFFFF: Obstacle.ISSUER_UNKNOWN,
    -67818 & 0xFFFFFFFF: Obstacle.EXPIRED,
    -67819 & 0xFFFFFFFF: Obstacle.NOT_YET_VALID,
    -67602 & 0xFFFFFFFF: Obstacle.OTHER_HOST,
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


def obstacle(error: BaseException) -> Obstacle | None:
    """What an error of TLS is about.

    Errors that ``truststore`` makes on Windows and macOS lack attributes of OpenSSL's.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0) & 0xFFFFFFFF
        return _MEANT.get(code, Obstacle.TLS_FAILED)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Obstacle.CUT_OFF
    if not isinstance(error, ssl.SSLError) or isinstance(error, _GOES_ON):
        return None
    is_plain = getattr(error, "reason", None) in _OF_PLAIN_TEXT
    return Obstacle.NO_TLS if is_plain else Obstacle.TLS_FAILED


def causes(error: BaseException) -> list[BaseException]:
    """An error, and what it came from, the innermost first: that is the most specific one."""
    found, left = list[BaseException](), [error]
    while left:
        one = left.pop()
        if one in found:
            continue
        found.append(one)
        inner = one.__cause__ or one.__context__
        left += [inner] if inner is not None else []
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
    return found[::-1]


def _has_store() -> bool:
    """Whether the system has certificates: where they are not files, it always has."""
    paths = ssl.get_default_verify_paths()
    are_files = sys.platform not in {"darwin", "win32"}
    return not are_files or bool(paths.cafile) or _is_folder(paths.capath)


def _is_folder(path: str | None) -> bool:
    """Whether OpenSSL would find certificates there: their names are hashes."""
    return path is not None and any(Path(path).glob("????????.[0-9]"))


def unreadable() -> list[str]:
    """What there is to say of the variables that name what is no certificates."""
    told = []
    if named := os.environ.get(_FILE):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=named)
        except OSError:
            told.append(f"{_FILE} cannot be read: it must name a file of certificates in PEM.")
    if (folders := os.environ.get(_FOLDER)) and not any(map(_is_folder, folders.split(os.pathsep))):
        told.append(f"{_FOLDER} cannot be read: it must name a folder made by openssl rehash.")
    return told
