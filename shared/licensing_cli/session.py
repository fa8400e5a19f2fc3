"""Who is signed in: a token from the environment, or one that was kept, renewed in time.

What this module guarantees: a token is never printed and never stands on a command line. One in
``LICENSING_TOKEN`` goes before what is kept, and is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from licensing_cli import provider
from licensing_cli.errors import SignedOut
from licensing_cli.token_store import Kept, Store

VARIABLE: Final = "LICENSING_TOKEN"
_RENEWED_BEFORE_SECONDS: Final = 60


@dataclass(slots=True, kw_only=True)
class Session:
    """The sign-in at the service at ``url``; ``given`` is the environment's token, if any."""

    url: str
    store: Store
    given: str | None = field(repr=False)
    client: httpx.Client
    clock: Callable[[], float]

    def __call__(self, *, anew: bool = False) -> str:
        """A token that is good for a while; see :class:`licensing_cli.api.Bearer`."""
        if self.given:
            # What HTTP cannot carry would be shown in the error that says so.
            if anew or not (self.given.isascii() and self.given.isprintable()):
                raise SignedOut(
                    f"The service does not accept the token in {VARIABLE}.",
                    "Set it to a new ID token, or unset it and sign in: licensing login",
                )
            return self.given
        kept = self.store.read(self.url)
        if kept is None:
            raise SignedOut(f"Nobody is signed in to {self.url}.")
        if not anew and self.clock() < kept.expires_at - _RENEWED_BEFORE_SECONDS:
            return kept.id_token
        return self._renewed(kept).id_token

    def _renewed(self, kept: Kept) -> Kept:
        if not kept.refresh_token:
            raise SignedOut("Your session has ended.")
        tokens = provider.refreshed(
            self.client, kept.token_endpoint, kept.client_id, kept.refresh_token
        )
        return self.keep(tokens, kept.token_endpoint, kept.client_id, kept.refresh_token)

    def keep(
        self, tokens: provider.Tokens, endpoint: str = "", client_id: str = "", refresh: str = ""
    ) -> Kept:
        """Keep what a person has signed in with; ``refresh`` stays good if no other one came."""
        kept = Kept(
            url=self.url,
            id_token=tokens.id_token,
            refresh_token=tokens.refresh_token or refresh,
            expires_at=int(self.clock() + tokens.seconds),
            token_endpoint=endpoint,
            client_id=client_id,
        )
        self.store.write(kept)
        return kept
