"""Cursors as callers hold them: sealed, so that nobody makes one, and nobody changes one.

What this module guarantees:

* A cursor is taken only as it was handed out, to its last character, and only from whom it was
  handed to: a super-admin, or somebody of the same organization. Which list it is of, it says
  itself (:mod:`licensing.usecases.pagination`).
* Whatever is wrong with one, the answer is the same, and was found in the same time.

>>> cursors = Cursors("a key of 32 characters or more....")
>>> sealed = cursors.sealed("TElDRU5TRVM", "acme")
>>> sealed
'TElDRU5TRVM.AmIRALvdjuza7i-H4UMk-g'
>>> cursors.opened(sealed, "acme")
'TElDRU5TRVM'
>>> cursors.opened(sealed, "bolt")
Traceback (most recent call last):
    ...
licensing.domain.errors.InvalidInput: This cursor does not belong to this list. ...
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from typing import Final

from licensing.domain.caller import Caller
from licensing.domain.errors import Misconfigured
from licensing.usecases.pagination import foreign_cursor

_SHORTEST_KEY: Final = 32
"""Characters."""
_MAC_BYTES: Final = 16
_SUPER_ADMINS: Final = "*"
"""No organization has this id."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Seals cursors under ``key``."""

    key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise :class:`Misconfigured` for no key, or a short one."""
        if len(self.key) < _SHORTEST_KEY:
            raise Misconfigured(
                f"the environment variable CURSOR_KEY has fewer than {_SHORTEST_KEY} characters"
            )

    def sealed(self, cursor: str, scope: str) -> str:
        """What a caller of a scope is handed."""
        return f"{cursor}.{self._mac(cursor, scope)}"

    def opened(self, sealed: str, scope: str) -> str:
        """The cursor that was sealed for a scope. Raises ``InvalidInput`` for anything else."""
        cursor, _, mac = sealed.rpartition(".")
        # Compared as text: two encodings of the same bytes would be two cursors.
        if not hmac.compare_digest(_bytes(mac), _bytes(self._mac(cursor, scope))):
            raise foreign_cursor()
        return cursor

    def _mac(self, cursor: str, scope: str) -> str:
        digest = hmac.digest(_bytes(self.key), _bytes(f"{scope}\n{cursor}"), "sha256")
        return base64.urlsafe_b64encode(digest[:_MAC_BYTES]).rstrip(b"=").decode()


def scope_of(caller: Caller) -> str:
    """Whose cursors are a caller's, too."""
    return _SUPER_ADMINS if caller.is_super_admin else caller.organization_id or ""


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # half a character is no reason to fail
