"""What every command has at hand: the service, the sign-in, the output.

What this module guarantees: it alone reads the environment and makes connections; they are closed
when the command ends. Nothing is asked of the service before a command needs it.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

from licensing_cli import addresses
from licensing_cli.errors import WrongUse
from licensing_cli.output import Output

if TYPE_CHECKING:
    import httpx

    from licensing_cli.api import Api
    from licensing_cli.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was said on the command line or in the environment; ``timeout`` is in seconds."""

    url: str | None
    timeout: float
    retries: int


@dataclass(kw_only=True)
class Invocation:
    """One command that runs."""

    settings: Settings
    output: Output
    _closing: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @cached_property
    def url(self) -> str:
        """The service's address. Raises :class:`WrongUse` if none was named."""
        if not self.settings.url:
            raise WrongUse(
                "Which service? No address is given.", "Use --url https://…, or set LICENSING_URL."
            )
        return addresses.service(self.settings.url)

    @cached_property
    def client(self) -> httpx.Client:
        """Connections, to the service and the identity provider."""
        from licensing_cli import connections

        return self._closing.enter_context(connections.client(self.settings.timeout))

    @cached_property
    def session(self) -> Session:
        """The sign-in."""
        from licensing_cli.session import VARIABLE, Session
        from licensing_cli.token_store import Store

        return Session(
            url=self.url,
            store=Store.of_this_account(),
            given=os.environ.get(VARIABLE, "").strip() or None,
            client=self.client,
            clock=time.time,
        )

    @cached_property
    def api(self) -> Api:
        """The service."""
        return self.api_of(self.settings.retries)

    def api_of(self, retries: int) -> Api:
        """The service, to be asked again so often."""
        from licensing_cli.api import Api

        return Api(
            url=self.url,
            bearer=self.session,
            client=self.client,
            retries=retries,
            tell=self.output.tell,
            warn=self.output.note,
        )
