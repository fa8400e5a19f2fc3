"""What races are made of: one use case each, ready to be let loose on a store.

A task is a function of the store that it is to run on, so that whoever runs it, a thread or a
process, brings a store, and with it a client, of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes

from licensing.adapters.dynamo import DynamoStore, schema
from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.caller import Caller, Role
from licensing.domain.device_key import Proof
from licensing.domain.lease import LeaseTerms
from licensing.domain.license import Action, License
from licensing.domain.license_key import LicenseKey
from licensing.domain.machine import Credentials
from licensing.domain.organization import (
    Organization,
    PolicyFloor,
    Subscription,
    SubscriptionStatus,
    Terms,
)
from licensing.domain.refusal import Refused
from licensing.domain.temporary_license import TimeToLive
from licensing.usecases.agent_requests import Login, Validation
from licensing.usecases.amend_organization import Amendment, AmendOrganization, Decision
from licensing.usecases.change_license import Changed, ChangeLicense, Edit
from licensing.usecases.change_subscription import ChangeSubscription, OrganizationSpec, Registered
from licensing.usecases.context import Context, UserContext
from licensing.usecases.expected import Versions
from licensing.usecases.generate_temporary import Asked, Generated, GenerateTemporary
from licensing.usecases.log_in import LogIn
from licensing.usecases.login import Issued
from licensing.usecases.ports import Keyrings
from licensing.usecases.sweep_expired import SweepExpired, SweepReport
from licensing.usecases.validate import ValidateLicense, Verdict
from tests.world import NOON

SWEEP_WORKERS = 4

_OPERATOR = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))
_PEOPLE = frozenset({Role.MEMBER, Role.PARTNER})  # what counts depends on the organization
_BY_OPERATOR = Origin(actor=Actor(ActorKind.USER, "olivia"), request_id="operator")
_BY_AGENT = Origin(actor=Actor(ActorKind.AGENT, "agent"), request_id="agent")
_BY_BILLING = Origin(actor=Actor(ActorKind.BILLING, "billing"), request_id="billing")
_BY_SCHEDULE = Origin(actor=Actor(ActorKind.SCHEDULE, "expiry-sweep"), request_id="sweep")


def _by_operator(now: int) -> UserContext:
    return UserContext(_BY_OPERATOR, now, token_bytes, _OPERATOR)


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """Every use case that takes part in a race; what they need beside a store."""

    keyrings: Keyrings
    lease_terms: LeaseTerms
    last_seen_seconds: int

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
        wanted = OrganizationSpec(
            organization_id,
            name or organization_id.capitalize(),
            Subscription(until, SubscriptionStatus.ACTIVE),
            max_agents,
        )
        expected = None if version is None else Versions(frozenset({version}))
        return lambda store: ChangeSubscription(store).by_administrator(
            wanted, _by_operator(now), expected_version=expected
        )

    def govern(
        self, organization_id: str, decision: Decision, *, now: int = NOON
    ) -> Callable[[DynamoStore], Organization | Refused]:
        """Let an organization decide about its agents."""
        return lambda store: AmendOrganization(store, PolicyFloor())(
            organization_id, Amendment({}, decision), _by_operator(now)
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
        proof: Proof | None = None,
        now: int = NOON,
    ) -> Callable[[DynamoStore], Issued | Refused]:
        """Log an agent in; it may present a key, and prove to hold a device key."""
        request = Login(credentials, environment, agent_version, key, proof=proof)
        context = UserContext(
            Origin(actor=Actor(ActorKind.USER, subject), request_id=f"login of {subject}"),
            now,
            token_bytes,
            Caller(subject, organization_id, _PEOPLE),
        )
        return lambda store: LogIn(
            store, self.keyrings, self.lease_terms, PolicyFloor(), accepts_older_agents=True
        )(request, context)

    def use(
        self, key: LicenseKey, subject: str, credentials: Credentials, *, now: int = NOON
    ) -> Callable[[DynamoStore], Issued | Refused]:
        """Log a partner in with a temporary licence."""
        return self.login("partner-works", credentials, subject=subject, key=key, now=now)

    def generate(
        self,
        organization_id: str,
        ttl: TimeToLive = TimeToLive.ONE_HOUR,
        *,
        idempotency_key: str | None = None,
        now: int = NOON,
    ) -> Callable[[DynamoStore], Generated | Refused]:
        """Generate a temporary licence."""
        return lambda store: GenerateTemporary(store, self.keyrings)(
            organization_id, Asked(ttl), _by_operator(now), idempotency_key=idempotency_key
        )

    def end(
        self, license_id: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """End a temporary licence early."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store).revoke_temporary(license_id, _by_operator(now))
            return answer if isinstance(answer, Refused) else answer[0]

        return task

    def act(
        self, action: Action, license_id: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """Do what administrators do to a licence."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store).apply(action, license_id, _by_operator(now))
            return answer.record if isinstance(answer, Changed) else answer

        return task

    def reset(
        self, license_id: str, *, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """Have a licence forget its device key."""

        def task(store: DynamoStore) -> License | Refused:
            answer = ChangeLicense(store).reset_device_key(license_id, _by_operator(now))
            return answer.record if isinstance(answer, Changed) else answer

        return task

    def edit(
        self, license_id: str, label: str, *, seen: int | None = None, now: int = NOON
    ) -> Callable[[DynamoStore], License | Refused]:
        """Label a licence, if it still has the version that was `seen`."""
        expected = None if seen is None else Versions(frozenset({seen}))

        def task(store: DynamoStore) -> License | Refused:
            change, edit = ChangeLicense(store), Edit(label=label)
            answer = change.edit(edit, license_id, _by_operator(now), expected_version=expected)
            return answer.record if isinstance(answer, Changed) else answer

        return task

    def bill(
        self, organization_id: str, version: int, *, until: int, now: int = NOON
    ) -> Callable[[DynamoStore], Registered]:
        """Let billing say something."""
        terms = Terms(
            name=f"{organization_id.capitalize()} {version}",
            valid_until=until,
            status=SubscriptionStatus.ACTIVE,
            max_agents=None,
        )
        return lambda store: ChangeSubscription(store).by_billing(
            organization_id, terms, Context(_BY_BILLING, now, token_bytes), version=version
        )

    def validate(
        self,
        key: LicenseKey,
        organization_id: str | None,
        credentials: Credentials,
        *,
        now: int,
        agent_version: str = "4.5.0.0",
        nonce: str | None = None,
        lease: str | None = None,
        proof: Proof | None = None,
    ) -> Callable[[DynamoStore], Verdict]:
        """Validate a key; the agent may present its last lease, and a proof of its device key."""
        request = Validation(
            key, organization_id, None, credentials, agent_version, nonce, lease, proof
        )

        def task(store: DynamoStore) -> Verdict:
            verdict = ValidateLicense(
                store,
                self.keyrings,
                self.lease_terms,
                self.last_seen_seconds,
                PolicyFloor(),
                accepts_older_agents=True,
            )(request, Context(_BY_AGENT, now, token_bytes))
            assert isinstance(verdict, Verdict), verdict
            return verdict

        return task

    def sweep(
        self, *, now: int, workers: int = SWEEP_WORKERS
    ) -> Callable[[DynamoStore], SweepReport]:
        """Sweep what is due."""

        def task(store: DynamoStore) -> SweepReport:
            report = SweepExpired(store)(
                Context(_BY_SCHEDULE, now, token_bytes), workers=workers, has_time=lambda: True
            )
            report.raise_faults()
            return report

        return task


def in_shard_of(store: DynamoStore, organization_id: str) -> DynamoStore:
    """The same store, to which only one organization's shard of what is due exists."""

    class OneShard(type(store)):  # type: ignore[misc]
        __slots__ = ()
        due_shards = (schema.due_shard(organization_id),)

    return OneShard(store.client, store.table, store.retry_policy)


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
