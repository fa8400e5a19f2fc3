"""The running deployment: its settings, clock, entropy and clients, which only this module reads.

What this module guarantees:

* Nothing is read or made at import; the first request makes the :class:`Runtime`, which then
  lives as long as the execution environment.
* The server secret is fetched once and kept for :data:`SECRET_SECONDS`, and longer while it is
  out of reach; a key of a version that is not known yet has it fetched again, at most once a
  minute.
* Where people sign in is asked of the identity provider when the portal needs it, and kept.
* Clients give up early (1 s to connect, 2 s to read), so that a retry fits into the request.
* :func:`rehearse` makes all of it without a call that leaves and without the secret;
  :func:`refresh` drops what must not be shared by those who were restored from one snapshot.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from botocore.response import StreamingBody

from licensing.adapters.aws_errors import availability
from licensing.adapters.dynamo import DynamoStore
from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.adapters.oidc_discovery import Discovery, Registration
from licensing.domain.errors import Misconfigured, Unavailable
from licensing.usecases.ports import Entropy

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient

    from licensing.adapters.event_bus import EventBus
    from licensing.domain.keyring import Keyring
    from licensing.domain.lease import LeaseTerms

Clock = Callable[[], float]
"""Epoch seconds."""

SECRET_SECONDS: Final = 900
"""How long a keyring is used before it is fetched again: how late a rotation may be noticed."""

_UNKNOWN_VERSION_SECONDS: Final = 60
_READ_SECONDS: Final = 2
_LARGEST_DOCUMENT: Final = 65_536
_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=16,
    # A sixth of a request's CPU went into checking what our own builders make, and into a header.
    parameter_validation=False,
    user_agent="licensing",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decides. Durations are in seconds."""

    table_name: str
    secret_id: str
    lease_issuer: str
    lease_seconds: int
    last_seen_seconds: int
    organization_claim: str
    roles_claim: str
    older_agents: bool
    agent_url: str | None
    event_bus: str
    dynamodb_endpoint: str | None
    sign_in: Registration

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings. Raises :class:`Misconfigured`, naming what is missing or wrong."""

        def required(name: str) -> str:
            value = environ.get(name, "")
            if not value:
                raise Misconfigured(f"the environment variable {name} is not set")
            return value

        def positive(name: str) -> int:
            value = required(name)
            if not (value.isascii() and value.isdecimal() and int(value) > 0):
                raise Misconfigured(f"the environment variable {name} is not a positive number")
            return int(value)

        def switch(name: str) -> bool:
            value = required(name)
            if value not in ("on", "off"):
                raise Misconfigured(f"the environment variable {name} is neither on nor off")
            return value == "on"

        return cls(
            table_name=required("TABLE_NAME"),
            secret_id=required("SECRET_ID"),
            lease_issuer=required("LEASE_ISSUER"),
            lease_seconds=positive("LEASE_SECONDS"),
            last_seen_seconds=positive("LAST_SEEN_SECONDS"),
            organization_claim=required("ORGANIZATION_CLAIM"),
            roles_claim=required("ROLES_CLAIM"),
            older_agents=switch("OLDER_AGENTS"),
            # Only the functions that agents call are told.
            agent_url=environ.get("AGENT_URL") or None,
            event_bus=required("EVENT_BUS"),
            dynamodb_endpoint=environ.get("DYNAMODB_ENDPOINT") or None,
            # Only the portal's function is told.
            sign_in=Registration(
                issuer=environ.get("ISSUER", ""),
                client_id=environ.get("PORTAL_CLIENT_ID", ""),
                scope=environ.get("PORTAL_SCOPE", ""),
                portal_url=environ.get("PORTAL_URL", ""),
                discovery_url=environ.get("DISCOVERY_URL") or None,
                command_line_client_id=environ.get("COMMAND_LINE_CLIENT_ID", ""),
            ),
        )


@dataclass(slots=True)
class SecretsManagerKeyrings:
    """The server secret in Secrets Manager, cached: :class:`~licensing.usecases.ports.Keyrings`."""

    client: SecretsManagerClient
    secret_id: str
    clock: Clock
    _keyring: Keyring | None = field(default=None, init=False, repr=False)
    _fetched_at: float = field(default=0.0, init=False)
    _asked_at: float = field(default=float("-inf"), init=False)

    def keyring(self, at_least: int = 1) -> Keyring:
        """The current keyring. Raises ``Unavailable`` or :class:`Misconfigured`."""
        kept, now = self._keyring, self.clock()
        # A clock that was set back makes an age negative: that is no reason to keep it for ever.
        is_fresh = kept is not None and 0 <= now - self._fetched_at < SECRET_SECONDS
        knows = kept is not None and kept.newest >= at_least
        has_just_asked = 0 <= now - self._asked_at < _UNKNOWN_VERSION_SECONDS
        if kept is not None and is_fresh and (knows or has_just_asked):
            return kept
        try:
            self._keyring = self._fetched()
            self._fetched_at = self.clock()
            if kept is not None and not knows:
                self._asked_at = now
        except Unavailable:
            if kept is None or kept.newest < at_least:
                raise
            # What is kept still signs and verifies: use it, and look again in a while.
            from licensing.adapters import telemetry  # noqa: PLC0415 - whoever imports it starts to log

            telemetry.logger.warning("the secret could not be fetched anew", exc_info=True)
            self._fetched_at = self.clock() - SECRET_SECONDS + _UNKNOWN_VERSION_SECONDS
            return kept
        return self._keyring

    def _fetched(self) -> Keyring:
        # Most functions do without the cryptography that this brings in.
        from licensing.domain.keyring import Keyring  # noqa: PLC0415

        with availability("The secret store"):
            answer = self.client.get_secret_value(SecretId=self.secret_id)
        # A secret may also be bytes: that one has no text at all.
        return Keyring.from_secret(answer.get("SecretString", ""))


@dataclass(slots=True)
class Runtime:
    """What handlers work with. ``entropy`` is a cryptographic source."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    dynamodb: DynamoDBClient
    secrets: SecretsManagerClient
    store: DynamoStore = field(init=False)
    keyrings: SecretsManagerKeyrings = field(init=False)
    discovery: Discovery = field(init=False)
    _bus: EventBus | None = field(default=None, init=False, repr=False)
    _remaining_ms: Callable[[], int] = field(default=lambda: 10_000, init=False, repr=False)

    def __post_init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        retry_policy = RetryPolicy(
            remaining=self.remaining_seconds,
            jitter=random.random,
            sleep=time.sleep,
        )
        self.store = DynamoStore(self.dynamodb, self.settings.table_name, retry_policy)
        self.keyrings = SecretsManagerKeyrings(self.secrets, self.settings.secret_id, self.clock)
        self.discovery = Discovery(self.settings.sign_in, fetched, self.clock)

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str],
        *,
        clock: Clock = time.time,
        entropy: Entropy = token_bytes,
    ) -> Runtime:
        """Make the clients that ``environ`` asks for."""
        settings = Settings.from_environ(environ)
        session = boto3.session.Session()
        return cls(
            settings=settings,
            clock=clock,
            entropy=entropy,
            dynamodb=session.client(
                "dynamodb", config=_CONFIG, endpoint_url=settings.dynamodb_endpoint
            ),
            secrets=session.client("secretsmanager", config=_CONFIG),
        )

    @property
    def lease_terms(self) -> LeaseTerms:
        """What leases this deployment grants (R16)."""
        from licensing.domain.lease import LeaseTerms  # noqa: PLC0415 - as in SecretsManagerKeyrings

        return LeaseTerms(self.settings.lease_issuer, self.settings.lease_seconds)

    @property
    def bus(self) -> EventBus:
        """The bus that events leave the service on (R34)."""
        from licensing.adapters.event_bus import EventBus  # noqa: PLC0415 - only one function publishes

        if self._bus is None:
            client = boto3.session.Session().client("events", config=_CONFIG)
            self._bus = EventBus(client, self.settings.event_bus)
        return self._bus

    def rehearse(self) -> None:
        """Go through one call of each client, up to where it would leave."""
        # So that their first use finds them there.
        from licensing.domain import dpop, keyring  # noqa: F401, PLC0415

        with _kept_in(self.dynamodb, b'{"Responses": {}, "UnprocessedKeys": {}}'):
            self.store.license_and_organization("", "rehearsal")
        with _kept_in(self.secrets, b"{}"):
            self.secrets.get_secret_value(SecretId=self.settings.secret_id)

    def refresh(self) -> None:
        """Forget the secret, and close every connection."""
        for client in (self.dynamodb, self.secrets):
            client.close()
        self._bus = None
        self._begin_anew()

    def now(self) -> int:
        """The time, in whole epoch seconds: read once per request and handed on."""
        return int(self.clock())

    def now_ms(self) -> int:
        """The time, in whole epoch milliseconds: how new the nonces of proofs are."""
        return int(self.clock() * 1000)

    def begin(self, remaining_ms: Callable[[], int]) -> None:
        """Take over the time limit of the invocation that begins."""
        self._remaining_ms = remaining_ms

    def remaining_seconds(self) -> float:
        """What is left of the invocation's time."""
        return self._remaining_ms() / 1000


def fetched(url: str) -> bytes:
    """A small document of somebody else's server. Raises :class:`Unavailable`.

    A redirect is not followed: whoever is asked answers.
    """
    session = URLLib3Session(timeout=_READ_SECONDS)
    request = AWSRequest(
        "GET", url, headers={"accept": "application/json"}, stream_output=True
    ).prepare()
    try:
        with availability("The identity provider"):
            answer = session.send(request)
            # Its stubs know no length that is unknown.
            body = StreamingBody(answer.raw, None)  # type: ignore[arg-type]
            document: bytes = body.read(_LARGEST_DOCUMENT + 1)
    finally:
        session.close()
    if answer.status_code != 200 or len(document) > _LARGEST_DOCUMENT:
        raise Unavailable(f"The identity provider answers {answer.status_code} to {url}.")
    return document


class _RawBody(BytesIO):
    """The body of an HTTP answer, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        """All of it, piece by piece."""
        yield self.read()


@contextmanager
def _kept_in(client: BaseClient, body: bytes) -> Iterator[None]:
    """Have a client's calls answered with ``body`` instead of sent."""

    # Botocore's stubs know no hook with an answer.
    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        return AWSResponse(request.url, 200, HTTPHeaders(), _RawBody(body))

    client.meta.events.register_first("before-send", answer)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", answer)


class _Installed:
    runtime: Runtime | None = None


def current() -> Runtime:
    """The execution environment's runtime, made on first use."""
    if _Installed.runtime is None:
        _Installed.runtime = Runtime.from_environ(os.environ)
    return _Installed.runtime


def takes_snapshots() -> bool:
    """Whether others will be restored from a snapshot of this execution environment."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def rehearse() -> None:
    """Make what the first request would make."""
    current().rehearse()


def refresh() -> None:
    """Become different from everybody who was restored from the same snapshot, and up to date.

    The pauses between retries are drawn anew: those who draw the same collide again and again.
    """
    random.seed()
    if _Installed.runtime is not None:
        _Installed.runtime.refresh()


def install(runtime: Runtime | None) -> None:
    """Put another runtime in place, for a local stack or a test; ``None`` forgets it."""
    _Installed.runtime = runtime
