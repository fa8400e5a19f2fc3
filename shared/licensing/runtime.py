"""The running deployment: its settings, clock, entropy and clients, which only this module reads.

What this module guarantees:

* Nothing is read or made at import; the first request makes the :class:`Runtime`, which then
  lives as long as the execution environment.
* The server secret is fetched once and kept for :data:`SECRET_SECONDS`; a key of a version that
  is not known yet has it fetched again, at most once a minute.
* Clients give up early (1 s to connect, 2 s to read), so that a retry fits into the request.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from licensing.dynamo import DynamoStore
from licensing.dynamo.transaction import Pacing, availability
from licensing.errors import Misconfigured
from licensing.ports import Entropy

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient

    from licensing.keyring import Keyring
    from licensing.lease import LeaseTerms

Clock = Callable[[], float]
"""Epoch seconds."""

SECRET_SECONDS: Final = 900
"""How long a keyring is used before it is fetched again: how late a rotation may be noticed."""

_UNKNOWN_VERSION_SECONDS: Final = 60
_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=16,
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
    dynamodb_endpoint: str | None

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

        return cls(
            table_name=required("TABLE_NAME"),
            secret_id=required("SECRET_ID"),
            lease_issuer=required("LEASE_ISSUER"),
            lease_seconds=positive("LEASE_SECONDS"),
            last_seen_seconds=positive("LAST_SEEN_SECONDS"),
            organization_claim=required("ORGANIZATION_CLAIM"),
            roles_claim=required("ROLES_CLAIM"),
            dynamodb_endpoint=environ.get("DYNAMODB_ENDPOINT") or None,
        )


@dataclass(slots=True)
class SecretsManagerKeyrings:
    """The server secret in Secrets Manager, cached (see :class:`licensing.ports.Keyrings`)."""

    client: SecretsManagerClient
    secret_id: str
    clock: Clock
    _keyring: Keyring | None = field(default=None, init=False, repr=False)
    _fetched_at: float = field(default=0.0, init=False)

    def keyring(self, at_least: int = 1) -> Keyring:
        """The current keyring. Raises ``Unavailable`` or :class:`Misconfigured`."""
        kept, age = self._keyring, self.clock() - self._fetched_at
        lifetime = (
            SECRET_SECONDS
            if kept is not None and kept.newest >= at_least
            else _UNKNOWN_VERSION_SECONDS
        )
        # A clock that was set back makes the age negative: that is no reason to keep it for ever.
        if kept is not None and 0 <= age < lifetime:
            return kept
        # Most functions do without the cryptography that this brings in.
        from licensing.keyring import Keyring  # noqa: PLC0415

        with availability():
            answer = self.client.get_secret_value(SecretId=self.secret_id)
        # A secret may also be bytes: that one has no text at all.
        self._keyring = Keyring.from_secret(answer.get("SecretString", ""))
        self._fetched_at = self.clock()
        return self._keyring


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
    _remaining_ms: Callable[[], int] = field(default=lambda: 10_000, init=False, repr=False)

    def __post_init__(self) -> None:
        pacing = Pacing(
            remaining=self.remaining_seconds,
            jitter=random.random,
            sleep=time.sleep,
        )
        self.store = DynamoStore(self.dynamodb, self.settings.table_name, pacing)
        self.keyrings = SecretsManagerKeyrings(self.secrets, self.settings.secret_id, self.clock)

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
        from licensing.lease import LeaseTerms  # noqa: PLC0415 - as in SecretsManagerKeyrings

        return LeaseTerms(self.settings.lease_issuer, self.settings.lease_seconds)

    def now(self) -> int:
        """The time, in whole epoch seconds: read once per request and handed on."""
        return int(self.clock())

    def begin(self, remaining_ms: Callable[[], int]) -> None:
        """Take over the time limit of the invocation that begins."""
        self._remaining_ms = remaining_ms

    def remaining_seconds(self) -> float:
        """What is left of the invocation's time."""
        return self._remaining_ms() / 1000


class _Installed:
    runtime: Runtime | None = None


def current() -> Runtime:
    """The execution environment's runtime, made on first use."""
    if _Installed.runtime is None:
        _Installed.runtime = Runtime.from_environ(os.environ)
    return _Installed.runtime


def install(runtime: Runtime | None) -> None:
    """Put another runtime in place, for a local stack or a test; ``None`` forgets it."""
    _Installed.runtime = runtime
