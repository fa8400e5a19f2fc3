"""Who is signed in: a token from the environment, or one that was kept, renewed in time.

What this module guarantees: a token is never printed and never stands on a command line. One in
``LICENSING_TOKEN`` goes before what is kept, and is not kept. What is kept no longer is revoked at
the identity provider, where that can be done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from licensing_cli.errors import SignedOut
from licensing_cli.token_store import Kept, Store

if TYPE_CHECKING:
    import httpx

    from licensing_cli import provider

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
        from licensing_cli import provider

        tokens = provider.refreshed(
            self.client, kept.token_endpoint, kept.client_id, kept.refresh_token
        )
        renewed = replace(
            kept,
            id_token=tokens.id_token,
            # The one before stays good if no other one came.
            refresh_token=tokens.refresh_token or kept.refresh_token,
            expires_at=int(self.clock() + tokens.seconds),
        )
        self.store.write(renewed)
        return renewed

    def begin(
        self, tokens: provider.Tokens, registration: provider.Registration | None = None
    ) -> None:
        """Keep what a person has signed in with, by ``registration``, in the place of another."""
        before = self.store.read(self.url)
        self.store.write(
            Kept(
                url=self.url,
                id_token=tokens.id_token,
                refresh_token=tokens.refresh_token,
                expires_at=int(self.clock() + tokens.seconds),
                token_endpoint=registration.token_endpoint if registration else "",
                revocation_endpoint=registration.revocation_endpoint if registration else "",
                client_id=registration.client_id if registration else "",
            )
        )
        if before is not None:
            self._revoke(before)

    def end(self) -> str | None:
        """Forget the sign-in and revoke it; ``None`` if there was none.

        What is left to tell: ``""`` if the identity provider lets nobody go on with it.
        """
        kept = self.store.read(self.url)
        is_forgotten = self.store.forget(self.url)
        if kept is None:
            return "" if is_forgotten else None
        return self._revoke(kept)

    def _revoke(self, kept: Kept) -> str:
        if not kept.refresh_token:
            return ""
        if not kept.revocation_endpoint:
            return "The identity provider revokes no sign-ins: this one ends there by itself."
        from licensing_cli import provider

        if provider.revoked(
            self.client, kept.revocation_endpoint, kept.client_id, kept.refresh_token
        ):
            return ""
        return (
            "The identity provider did not confirm it: the sign-in may go on there until it ends "
            "by itself."
        )
