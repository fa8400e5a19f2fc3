"""Where a sign-in is kept from one command to the next: a file for each service.

What this module guarantees: a file is there as a whole or not at all, and only the account that
runs can read it; one of another service, or one that is torn, is none.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import platformdirs

_NAMES = (
    *("url", "id_token", "refresh_token"),
    *("token_endpoint", "revocation_endpoint", "client_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A sign-in at the service at ``url``.

    ``expires_at`` is by this computer's clock, in epoch seconds; ``refresh_token`` is ``""`` where
    there is none, and with it the endpoints and the client that it is good at.
    """

    url: str
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: int
    token_endpoint: str
    revocation_endpoint: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Store:
    """The files, in a folder that is this account's alone."""

    folder: Path

    @classmethod
    def of_this_account(cls) -> Store:
        """Where the platform wants such files."""
        return cls(platformdirs.user_state_path("licensing-cli", appauthor=False))

    def path(self, url: str) -> Path:
        """The file of a service."""
        return self.folder / f"{sha256(url.encode()).hexdigest()[:32]}.json"

    def read(self, url: str) -> Kept | None:
        """The sign-in at a service, if there is one. Raises :class:`OSError`."""
        try:
            kept = _decoded(self.path(url).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return kept if kept.url == url else None

    def write(self, kept: Kept) -> None:
        """Keep a sign-in in the place of another. Raises :class:`OSError`."""
        from licensing_agent.storage import files

        files.make_folder(self.folder)
        files.replace(self.path(kept.url), json.dumps(asdict(kept)).encode())

    def forget(self, url: str) -> bool:
        """Forget a sign-in; whether there was one. Raises :class:`OSError`."""
        try:
            self.path(url).unlink()
        except FileNotFoundError:
            return False
        return True


def _decoded(data: bytes) -> Kept:
    from licensing_agent.protocol import strict_json

    value = strict_json.read_object(data)
    texts = {name: value.get(name) for name in _NAMES}
    expires_at = value.get("expires_at")
    if not all(isinstance(text, str) for text in texts.values()) or type(expires_at) is not int:
        raise ValueError("not what was kept")
    return Kept(expires_at=expires_at, **{name: str(text) for name, text in texts.items()})
