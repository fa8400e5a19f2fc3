"""Where people sign in to the portal: the identity provider's endpoints, by OIDC discovery.

What this module guarantees:

* An endpoint is spoken to by https alone; by http on this machine only, for a local stack.
* A document that names another issuer than the deployment's is not believed (OpenID Connect
  Discovery 1.0, section 4.3).
* The provider is asked once an hour. While it is out of reach, what it said last counts, and it is
  asked again a minute later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from licensing.domain import strict_json
from licensing.domain.errors import Unavailable

DISCOVERY_SECONDS: Final = 3600
"""How long endpoints are used before they are asked for again."""

_AGAIN_SECONDS: Final = 60
_URL: Final = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?)"
    r"(?:[/?][!-~]*)?"
)
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Registration:
    """What the portal is registered as at the identity provider; ``""`` where nothing is named.

    ``portal_url`` is where the portal is opened, without ``/portal``. ``discovery_url`` is where
    the provider's document is, if not where its issuer says. ``command_line_client_id`` is what the
    operators' command line is registered as: it signs people in before the portal has an address.
    """

    issuer: str
    client_id: str
    scope: str
    portal_url: str
    discovery_url: str | None
    command_line_client_id: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether anybody can sign in to the portal."""
        return bool(self.issuer and self.client_id and self.portal_url)

    @property
    def document_url(self) -> str:
        """Where the provider tells its endpoints."""
        issuer = self.issuer.removesuffix("/")
        return self.discovery_url or f"{issuer}/.well-known/openid-configuration"

    def foreign_origins(self, endpoints: Endpoints) -> list[str]:
        """The origins that the portal's scripts send tokens to, each once, without its own."""
        named = (endpoints.token, endpoints.revocation)
        origins = dict.fromkeys(origin_of(one) for one in named if one is not None)
        origins.pop(origin_of(self.portal_url), None)
        return [*origins]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a browser is sent to, and where it gets tokens.

    Not every provider ends sessions, or revokes refresh tokens (RFC 7009).
    """

    authorization: str
    token: str
    end_session: str | None
    revocation: str | None

    @classmethod
    def of(cls, document: bytes, issuer: str) -> Endpoints:
        """Read a provider's document. Raises ``ValueError``, saying what is wrong with it."""
        said = strict_json.read(document)
        if not isinstance(said, dict) or said.get("issuer") != issuer:
            raise ValueError(f"the document is not of the issuer {issuer}")
        end_session, revocation = said.get("end_session_endpoint"), said.get("revocation_endpoint")
        return cls(
            authorization=_endpoint(said.get("authorization_endpoint")),
            token=_endpoint(said.get("token_endpoint")),
            end_session=None if end_session is None else _endpoint(end_session),
            revocation=None if revocation is None else _endpoint(revocation),
        )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL that may be spoken to. Raises ``ValueError`` for another."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError("an endpoint is no URL")
    if found["scheme"] != "https" and found["host"] not in _THIS_MACHINE:
        raise ValueError("an endpoint is not https")
    return found["origin"].lower()


def _endpoint(said: Any) -> str:
    if not isinstance(said, str):
        raise ValueError("an endpoint is missing")  # noqa: TRY004 - the document is wrong, not code
    origin_of(said)
    return said


@dataclass(slots=True)
class Discovery:
    """A provider's endpoints, kept. ``fetch`` gets a document, or raises ``Unavailable``."""

    registration: Registration
    fetch: Callable[[str], bytes]
    clock: Callable[[], float]
    _kept: Endpoints | None = field(default=None, init=False)
    _asked_at: float = field(default=0.0, init=False)
    _lasts: int = field(default=0, init=False)

    def endpoints(self) -> Endpoints:
        """Where to sign in. Raises ``Unavailable`` if the provider has never said so."""
        kept, now = self._kept, self.clock()
        # A clock that was set back makes an age negative: that is no reason to keep it for ever.
        if kept is not None and 0 <= now - self._asked_at < self._lasts:
            return kept
        try:
            found, self._lasts = self._asked(), DISCOVERY_SECONDS
        except Unavailable:
            if kept is None:
                raise
            from licensing.adapters import telemetry  # noqa: PLC0415 - whoever imports it starts to log

            telemetry.logger.warning("the identity provider could not be asked", exc_info=True)
            found, self._lasts = kept, _AGAIN_SECONDS
        self._kept, self._asked_at = found, now
        return found

    def _asked(self) -> Endpoints:
        url = self.registration.document_url
        try:
            origin_of(url)
            return Endpoints.of(self.fetch(url), self.registration.issuer)
        except ValueError as error:
            raise Unavailable(
                "The identity provider's discovery document is not valid.",
                retry_after=_AGAIN_SECONDS,
            ) from error
