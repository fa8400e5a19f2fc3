"""Where races are run: the real use cases over the real adapter, each thread with its own client.

A race is a function that takes an `Arena` and a seeded `Random`, sets a scene on an empty table,
lets tasks loose at the same instant and asserts what must be true afterwards. `Arena.rounds` runs
it again and again; a failure tells its round and seed.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_bytes
from threading import Barrier
from typing import Any, TypeVar

from licensing.access import Caller, Role
from licensing.audit import Actor, ActorKind, Origin
from licensing.dynamo import DynamoStore
from licensing.generate import Generated, GenerateTemporary
from licensing.issue import IssueLicense
from licensing.keys import LicenseKey
from licensing.license import Action, License
from licensing.login import Issued
from licensing.machine import Credentials
from licensing.organization import Organization, Subscription, SubscriptionStatus
from licensing.refusal import Refused
from licensing.requests import Login, Validation
from licensing.subscribe import ChangeOrganization, Registered, Wanted
from licensing.sweep import SweepExpiry, SweepReport
from licensing.temporary import TimeToLive
from licensing.transition import Changed, ChangeLicense, Edit
from licensing.validate import ValidateLicense, Verdict
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.table import restore
from tests.world import NOON, YEAR, World

THREADS = 16
SWEEP_WORKERS = 4

_OPERATOR = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))
_BY_OPERATOR = Origin(actor=Actor(ActorKind.USER, "olivia"), request_id="operator")
_BY_AGENT = Origin(actor=Actor(ActorKind.AGENT, "agent"), request_id="agent")
_BY_BILLING = Origin(actor=Actor(ActorKind.BILLING, "billing"), request_id="billing")
_BY_SCHEDULE = Origin(actor=Actor(ActorKind.SCHEDULE, "expiry-sweep"), request_id="sweep")

Result = TypeVar("Result")
Race = Callable[["Arena", random.Random], None]


@dataclass(frozen=True)
class Arena:
    """One table and a store per thread; `stores[0]` sets scenes, too."""

    world: World
    stores: Sequence[DynamoStore]
    pool: ThreadPoolExecutor

    def rounds(self, race: Race, count: int) -> None:
        """Run a race so many times, each on an empty table, each with a seed of its own."""
        for number in range(count):
            seed = random.SystemRandom().getrandbits(32)
            restore(self.world)
            try:
                race(self, random.Random(seed))  # noqa: S311 - reproducible, not secret
            except AssertionError as error:
                error.add_note(f"in round {number + 1} of {count}, seed {seed}")
                raise

    def at_once(
        self, tasks: Sequence[Callable[[DynamoStore], Result]], chance: random.Random
    ) -> list[Result]:
        """Run up to 16 tasks at the same instant; their results, in the order of `tasks`."""
        start = Barrier(len(tasks))
        stores = chance.sample(self.stores, len(tasks))

        def run(task: Callable[[DynamoStore], Result], store: DynamoStore) -> Result:
            start.wait()
            return task(store)

        started = [
            self.pool.submit(run, task, store) for task, store in zip(tasks, stores, strict=True)
        ]
        return [future.result() for future in started]

    def checked(self) -> list[dict[str, Any]]:
        """Every item, after checking that they are consistent."""
        items = self.world.items()
        assert_consistent(items)
        return items

    def organization(self, organization_id: str) -> Organization:
        """An organization as it is now."""
        found = self.stores[0].organization(organization_id)
        assert found is not None
        return found

    def licenses(self, items: Sequence[Mapping[str, Any]]) -> list[License]:
        """The licences among items."""
        ids = [item["pk"]["S"].partition("#")[2] for item in items if item["sk"]["S"] == "LICENSE"]
        found = [self.stores[0].license(license_id) for license_id in ids]
        return [record for record in found if record is not None]

    # -- what a task does ------------------------------------------------------------------------

    def register(
        self, organization_id: str, *, until: int = NOON + YEAR, max_agents: int | None = None
    ) -> Organization:
        """Register an organization: part of setting a scene."""
        answer = self.put(organization_id, until=until, max_agents=max_agents)(self.stores[0])
        assert isinstance(answer, Registered)
        return answer.organization

    def put(
        self,
        organization_id: str,
        *,
        until: int,
        version: int | None = None,
        name: str | None = None,
        max_agents: int | None = None,
        now: int = NOON,
    ) -> Callable[[DynamoStore], Registered | Refused]:
        """Put an organization."""
        wanted = Wanted(
            organization_id,
            name or organization_id.capitalize(),
            Subscription(until, SubscriptionStatus.ACTIVE),
            max_agents,
        )
        return lambda store: ChangeOrganization(store, token_bytes).by_administrator(
            wanted, _OPERATOR, _BY_OPERATOR, expected_version=version, now=now
        )

    def login(
        self,
        organization_id: str,
        credentials: Credentials,
        *,
        subject: str = "somebody",
        environment: str = "production",
        agent_version: str = "4.5.0.0",
        key: LicenseKey | None = None,
        role: Role = Role.MEMBER,
        now: int = NOON,
    ) -> Callable[[DynamoStore], Issued | Refused]:
        """Log an agent in; it may present a key."""
        runtime = self.world.runtime
        return lambda store: IssueLicense(
            store,
            runtime.keyrings,
            runtime.lease_terms,
            token_bytes,
            accepts_older_agents=True,
        )(
            Login(credentials, environment, agent_version, key),
            Caller(subject, organization_id, frozenset({role})),
            Origin(actor=Actor(ActorKind.USER, subject), request_id=f"login of {subject}"),
            now=now,
        )

    def issued(self, *args: Any, **more: Any) -> Issued:
        """Log an agent in: part of setting a scene."""
        answer = self.login(*args, **more)(self.stores[0])
        assert isinstance(answer, Issued)
        return answer

    def use(
        self, key: LicenseKey, subject: str, credentials: Credentials, *, now: int = NOON
    ) -> Callable[[DynamoStore], Issued | Refused]:
        """Log a partner in with a temporary licence."""
        return self.login(
            "partner-works", credentials, subject=subject, key=key, role=Role.PARTNER, now=now
        )

    def generate(
        self,
        organization_id: str,
        ttl: TimeToLive = TimeToLive.ONE_HOUR,
        *,
        idempotency_key: str | None = None,
        now: int = NOON,
    ) -> Callable[[DynamoStore], Generated | Refused]:
        """Generate a temporary licence."""
        return lambda store: GenerateTemporary(store, self.world.runtime.keyrings, token_bytes)(
            organization_id,
            ttl,
            _OPERATOR,
            _BY_OPERATOR,
            idempotency_key=idempotency_key,
            now=now,
        )

    def generated(self, organization_id: str, **more: Any) -> Generated:
        """Generate a temporary licence: part of setting a scene."""
        answer = self.generate(organization_id, **more)(self.stores[0])
        assert isinstance(answer, Generated)
        return answer

    def end(
        self, license_id: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """End a temporary licence early."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store, token_bytes).revoke_temporary(
                license_id, _OPERATOR, _BY_OPERATOR, reason=None, now=now
            )
            return answer if isinstance(answer, Refused) else answer[0]

        return task

    def act(
        self, action: Action, license_id: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """Do what administrators do to a licence."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store, token_bytes).apply(
                action, license_id, _OPERATOR, _BY_OPERATOR, reason=None, now=now
            )
            return answer.record if isinstance(answer, Changed) else answer

        return task

    def edit(
        self, license_id: str, label: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """Label a licence."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store, token_bytes).edit(
                Edit(label=label), license_id, _OPERATOR, _BY_OPERATOR, now=now
            )
            return answer.record if isinstance(answer, Changed) else answer

        return task

    def revoke(self, license_id: str, *, now: int = NOON) -> Callable[[DynamoStore], License]:
        """Revoke a licence."""

        def task(store: DynamoStore) -> License:
            answer = self.act(Action.REVOKE, license_id, now=now)(store)
            assert isinstance(answer, License), answer
            return answer

        return task

    def bill(
        self, organization_id: str, version: int, *, until: int, now: int = NOON
    ) -> Callable[[DynamoStore], Registered]:
        """Let billing say something."""
        wanted = Wanted(
            organization_id,
            f"{organization_id.capitalize()} {version}",
            Subscription(until, SubscriptionStatus.ACTIVE),
            None,
        )
        return lambda store: ChangeOrganization(store, token_bytes).by_billing(
            wanted, _BY_BILLING, version=version, now=now
        )

    def validate(
        self,
        key: LicenseKey,
        organization_id: str | None,
        credentials: Credentials,
        *,
        now: int,
        agent_version: str = "4.5.0.0",
    ) -> Callable[[DynamoStore], Verdict]:
        """Validate a key."""
        runtime = self.world.runtime
        request = Validation(key, organization_id, None, credentials, agent_version, None)

        def task(store: DynamoStore) -> Verdict:
            verdict = ValidateLicense(
                store,
                runtime.keyrings,
                runtime.lease_terms,
                token_bytes,
                runtime.settings.last_seen_seconds,
                accepts_older_agents=True,
            )(request, _BY_AGENT, now=now)
            assert isinstance(verdict, Verdict), verdict
            return verdict

        return task

    def sweep(
        self, *, now: int, workers: int = SWEEP_WORKERS
    ) -> Callable[[DynamoStore], SweepReport]:
        """Sweep what is due."""
        return lambda store: SweepExpiry(store, token_bytes, workers)(
            _BY_SCHEDULE, now=now, has_time=lambda: True
        )


def machine(number: int, **other: str) -> Credentials:
    """The credentials of one of many computers; `other` replaces some of their components."""
    parts = {
        "machine_id": f"machine-{number:04d}",
        "mac_address": f"3c5282{number:06x}",
        "computer_name": f"pc-{number:04d}",
        **other,
    }
    return Credentials.of(
        machine_id=parts["machine_id"],
        mac_addresses=[parts["mac_address"]],
        computer_name=parts["computer_name"],
    )


def with_stores(arena: Arena, kind: Callable[..., DynamoStore]) -> Arena:
    """The same arena with another kind of store."""
    make = partial(_as, kind)
    return replace(arena, stores=[make(store) for store in arena.stores])


def _as(kind: Callable[..., DynamoStore], store: DynamoStore) -> DynamoStore:
    return kind(store.client, store.table, store.pacing)
