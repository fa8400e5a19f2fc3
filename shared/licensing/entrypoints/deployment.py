"""The running deployment: its clock, entropy and clients, which only this module makes.

What this module guarantees:

* Nothing is read or made at import; the first request makes the :class:`Deployment`, which then
  lives as long as the execution environment.
* Where people sign in is asked of the identity provider when the portal needs it, and kept.
* :func:`rehearse` makes all of it without a call that leaves and without the secret;
  :func:`refresh` drops what must not be shared by those who were restored from one snapshot.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final, TypeVar

from licensing.adapters.aws_clients import Clients
from licensing.adapters.aws_connections import response
from licensing.adapters.secrets import SecretsManagerKeyrings
from licensing.domain.audit import Origin
from licensing.entrypoints.settings import Settings
from licensing.usecases.context import Context
from licensing.usecases.ports import Entropy

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient

    from licensing.adapters.dynamo import DynamoStore
    from licensing.adapters.event_bus import EventBus
    from licensing.adapters.oidc_discovery import Discovery
    from licensing.domain.lease import LeaseTerms
    from licensing.domain.organization import PolicyFloor

UseCase = TypeVar("UseCase", bound="DataclassInstance")
Clock = Callable[[], float]
"""Epoch seconds."""

_USUAL_MS: Final = 10_000
"""How much time there is where no invocation has said so."""


@dataclass
class Deployment:
    """What handlers work with, each part made when it is first asked for.

    ``entropy`` is a cryptographic source.
    """

    settings: Settings
    clock: Clock
    entropy: Entropy
    clients: Clients
    _remaining_ms: Callable[[], int] = field(
        default_factory=lambda: lambda: _USUAL_MS, init=False, repr=False
    )

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The table's client."""
        return self.clients.dynamodb(self.settings.dynamodb_endpoint)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """The secret's client."""
        return self.clients.secrets()

    @cached_property
    def store(self) -> DynamoStore:
        """The licence table."""
        # Who publishes events, or serves pages, never asks for it.
        from licensing.adapters.dynamo import DynamoStore  # noqa: PLC0415
        from licensing.adapters.dynamo.transaction import RetryPolicy  # noqa: PLC0415

        retry_policy = RetryPolicy(
            remaining=self.remaining_seconds,
            jitter=random.random,
            sleep=time.sleep,
        )
        return DynamoStore(self.dynamodb, self.settings.table_name, retry_policy)

    @cached_property
    def keyrings(self) -> SecretsManagerKeyrings:
        """The server secret."""
        return SecretsManagerKeyrings(self.secrets, self.settings.secret_id, self.clock)

    @cached_property
    def discovery(self) -> Discovery:
        """Where people sign in."""
        from licensing.adapters.documents import fetched  # noqa: PLC0415 - the portal's alone
        from licensing.adapters.oidc_discovery import Discovery  # noqa: PLC0415

        return Discovery(self.settings.sign_in, fetched, self.clock)

    @cached_property
    def bus(self) -> EventBus:
        """The bus that events leave the service on (R34)."""
        from licensing.adapters.event_bus import EventBus  # noqa: PLC0415 - only one function publishes

        return EventBus(self.clients.events(), self.settings.event_bus)

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str],
        *,
        clock: Clock = time.time,
        entropy: Entropy = token_bytes,
    ) -> Deployment:
        """Make the clients that ``environ`` asks for."""
        clients = Clients(environ.get("REQUESTS_CA_BUNDLE"))
        return cls(Settings.from_environ(environ), clock, entropy, clients)

    @property
    def lease_terms(self) -> LeaseTerms:
        """What leases this deployment grants (R16)."""
        from licensing.domain.lease import LeaseTerms  # noqa: PLC0415 - brings in cryptography

        return LeaseTerms(self.settings.lease_issuer, self.settings.lease_seconds)

    @property
    def last_seen_seconds(self) -> int:
        """How seldom it is written that an agent was seen (R17)."""
        return self.settings.last_seen_seconds

    @property
    def accepts_older_agents(self) -> bool:
        """Whether agents from before 4.4 are served (R31)."""
        return self.settings.older_agents

    @property
    def policy_floor(self) -> PolicyFloor:
        """What the vendor demands of the agents of every organization (R38)."""
        return self.settings.policy_floor

    def use_case(self, kind: type[UseCase]) -> UseCase:
        """A use case with all that it needs.

        A use case is a dataclass; each of its fields is what this deployment has by that name::

            deployment.use_case(ChangeLicense)  # ChangeLicense(store=deployment.store)
        """
        return kind(**{name: getattr(self, name) for name in _asked_for(kind)})

    def context(self, origin: Origin) -> Context:
        """The context of what begins now, and comes from ``origin``."""
        return Context(origin, self.now(), self.entropy)

    def rehearse(self) -> None:
        """Go through one call of each client, up to where it would leave."""
        # So that their first use finds them there.
        from licensing.domain import dpop, keyring  # noqa: F401, PLC0415

        self.clients.prepare()
        with _kept_in(self.dynamodb, b'{"Responses": {}, "UnprocessedKeys": {}}'):
            self.store.license_and_organization("", "rehearsal")
        with _kept_in(self.secrets, b"{}"):
            self.secrets.get_secret_value(SecretId=self.settings.secret_id)

    def refresh(self) -> None:
        """Forget the secret and all else that was made of the clients, and close connections."""
        for name in ("store", "keyrings", "discovery", "bus"):
            vars(self).pop(name, None)
        for name in ("dynamodb", "secrets"):
            if name in vars(self):
                vars(self)[name].close()

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


_FOR_USE_CASES: Final = frozenset(
    {
        "accepts_older_agents",
        "keyrings",
        "last_seen_seconds",
        "lease_terms",
        "policy_floor",
        "store",
    }
)
"""What use cases may ask for. No clock, no randomness, no client: those come by other ways."""


@cache
def _asked_for(kind: type[DataclassInstance]) -> tuple[str, ...]:
    """What a use case asks for by its fields. Raises :class:`LookupError` for anything else."""
    names = tuple(each.name for each in fields(kind))
    for name in names:
        if name not in _FOR_USE_CASES:
            raise LookupError(f"{kind.__name__} asks for {name}, which is no use case's")
    return names


@contextmanager
def _kept_in(client: BaseClient, body: bytes) -> Iterator[None]:
    """Have a client's calls answered with ``body`` instead of sent."""

    # Botocore's stubs know no hook with an answer.
    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        return response(request.url, 200, {}, body)

    client.meta.events.register_first("before-send", answer)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", answer)


class _Installed:
    deployment: Deployment | None = None


def current_deployment() -> Deployment:
    """The execution environment's deployment, made on first use."""
    if _Installed.deployment is None:
        _Installed.deployment = Deployment.from_environ(os.environ)
    return _Installed.deployment


def takes_snapshots() -> bool:
    """Whether others will be restored from a snapshot of this execution environment."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def rehearse() -> None:
    """Make what the first request would make."""
    current_deployment().rehearse()


def refresh() -> None:
    """Become different from everybody who was restored from the same snapshot, and up to date.

    The pauses between retries are drawn anew: those who draw the same collide again and again.
    """
    random.seed()
    if _Installed.deployment is not None:
        _Installed.deployment.refresh()


def install_deployment(deployment: Deployment | None) -> None:
    """Put another deployment in place, for a local stack or a test; ``None`` forgets it."""
    _Installed.deployment = deployment
