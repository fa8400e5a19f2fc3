"""Where randomness and the server secret come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # For its type alone: it brings in the cryptography that most functions do without.
    from licensing.domain.keyring import Keyring


Entropy = Callable[[int], bytes]
"""So many bytes from a cryptographic source."""


class Keyrings(Protocol):
    """Where the server secret comes from."""

    def keyring(self, at_least: int = 1) -> Keyring:
        """The current keyring, fetched anew if it does not know version ``at_least`` yet.

        The same one as before where that has just been looked for.
        """
