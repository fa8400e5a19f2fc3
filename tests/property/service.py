"""The real service as a reference sees it: use cases over the real store, their answers as words.

Mishaps happen on the wire to DynamoDB: see `tests.faults.seam`. Nobody waits, whatever the pause.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from licensing.adapters.dynamo import DynamoStore
from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.domain import license_key
from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.caller import Caller, Role
from licensing.domain.device_key import EARLY, Proof
from licensing.domain.errors import InvalidInput, StaleProof, Unavailable
from licensing.domain.keyring import Keyring
from licensing.domain.lease import SignedLease
from licensing.domain.license import Action
from licensing.domain.machine import Credentials
from licensing.domain.organization import (
    Organization,
    PolicyFloor,
    Subscription,
    SubscriptionStatus,
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
from licensing.usecases.sweep_expired import SweepExpired
from licensing.usecases.validate import ValidateLicense, Verdict
from tests.faults.seam import Fault, Request, Stopwatch, Wire, answer_lost, no_waiting
from tests.property.reference import Card, Shown, Told
from tests.world import World

SECONDS = 29.0
"""How long an operation may take: as long as the functions of the template."""

NEWER, OLDER = "4.5.0.0", "4.3.0.12"

_OPERATOR = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))


@dataclass(frozen=True)
class Asking:
    """What an agent asks for its next lease with; `lease` is a token."""

    lease: str | None
    nonce: str


@dataclass
class Secrets:
    """The server secret, as the use cases ask for it; it can be rotated."""

    versions: list[bytes] = field(default_factory=lambda: [b"1" * 32])

    def keyring(self, at_least: int = 1) -> Keyring:
        """All versions; none is ever unknown here."""
        assert at_least <= len(self.versions)
        return Keyring(dict(enumerate(self.versions, 1)))

    def rotate(self) -> None:
        """Add a version."""
        self.versions.append(bytes([49 + len(self.versions)]) * 32)


class Service:
    """One table, one set of secrets, and every use case."""

    def __init__(self, world: World, kind: Callable[..., DynamoStore] = DynamoStore) -> None:
        made = world.runtime
        client = boto3.session.Session().client(
            "dynamodb",
            endpoint_url=made.dynamodb.meta.endpoint_url,
            config=made.dynamodb.meta.config,
        )
        self.world = world
        self._stopwatch = Stopwatch(SECONDS)
        self._wire = Wire(client, self._stopwatch)
        self._chance = random.Random(0)  # noqa: S311 - reproducible, not secret
        retry_policy = RetryPolicy(
            self._stopwatch.remaining, self._chance.random, self._stopwatch.pause
        )
        self.store = kind(client, made.settings.table_name, retry_policy)
        self._terms = made.lease_terms
        self.secrets = Secrets()
        self.keys: dict[str, license_key.LicenseKey] = {}
        self._requests = 0

    @contextmanager
    def nobody_waits(self) -> Iterator[None]:
        """Let the pauses of botocore's own retries take no time."""
        with no_waiting(self._stopwatch.pass_by):
            yield

    def begin_anew(self) -> None:
        """An empty table's service."""
        self._chance.seed(0)
        self.secrets = Secrets()
        self.keys.clear()
        self._requests = 0

    @contextmanager
    def losing_answers(self, *, for_good: bool) -> Iterator[None]:
        """Lose the answers to one transaction of the next request, or to all it asks from then."""
        self._wire.break_with(_lost(for_good=for_good))
        try:
            yield
        finally:
            self._wire.mend()

    # -- agents ----------------------------------------------------------------------------------

    def login(
        self,
        person: Caller,
        card: Card,
        environment: str,
        version: str,
        presented: str | None,
        proof: Proof | None,
        asking: Asking,
        now: int,
    ) -> Told:
        """Log an agent in."""
        use_case = LogIn(
            self.store, self.secrets, self._terms, PolicyFloor(), accepts_older_agents=True
        )
        key = self._key(presented) if presented else None
        request = Login(
            credentials(card),
            environment,
            version,
            key,
            proof=proof,
            lease=asking.lease,
            nonce=asking.nonce,
        )
        return self._told(lambda: use_case(request, self._by(person, now)))

    def validate(
        self,
        license_id: str,
        claimed_id: str,
        card: Card,
        environment: str | None,
        version: str,
        proof: Proof | None,
        asking: Asking,
        now: int,
    ) -> Told:
        """Validate a key."""
        use_case = ValidateLicense(
            self.store,
            self.secrets,
            self._terms,
            self.world.runtime.settings.last_seen_seconds,
            PolicyFloor(),
            accepts_older_agents=True,
        )
        request = Validation(
            self._key(license_id),
            claimed_id,
            environment,
            credentials(card),
            version,
            asking.nonce,
            asking.lease,
            proof,
        )
        return self._told(lambda: use_case(request, self._context(now)))

    # -- administrators --------------------------------------------------------------------------

    def apply(self, action: str, license_id: str, admin: Caller, now: int) -> Told:
        """Revoke, detach, attach or dissociate."""
        use_case = ChangeLicense(self.store)
        return self._told(lambda: use_case.apply(Action(action), license_id, self._by(admin, now)))

    def reset(self, license_id: str, admin: Caller, now: int) -> Told:
        """Forget its device keys."""
        use_case = ChangeLicense(self.store)
        return self._told(lambda: use_case.reset_device_key(license_id, self._by(admin, now)))

    def edit(self, license_id: str, admin: Caller, *, primary: bool, now: int) -> Told:
        """Mark as primary, or not."""
        use_case, edit = ChangeLicense(self.store), Edit(primary=primary)
        return self._told(lambda: use_case.edit(edit, license_id, self._by(admin, now)))

    def generate(
        self, organization_id: str, ttl: TimeToLive, idempotency_key: str, now: int
    ) -> Told:
        """Generate a temporary licence."""
        use_case = GenerateTemporary(self.store, self.secrets)
        context = self._by(_OPERATOR, now)
        return self._told(
            lambda: use_case(organization_id, Asked(ttl), context, idempotency_key=idempotency_key)
        )

    def revoke_temporary(self, license_id: str, now: int) -> Told:
        """End one early."""
        use_case = ChangeLicense(self.store)
        return self._told(lambda: use_case.revoke_temporary(license_id, self._by(_OPERATOR, now)))

    def change(self, wanted: OrganizationSpec, seen: int | None, now: int) -> Told:
        """Change an organization as a super-admin."""
        use_case, context = ChangeSubscription(self.store), self._by(_OPERATOR, now)
        expected = None if seen is None else Versions(frozenset({seen}))
        return self._told(
            lambda: use_case.by_administrator(wanted, context, expected_version=expected)
        )

    def bill(self, wanted: OrganizationSpec, version: int, now: int) -> Told:
        """Change an organization as billing."""
        use_case, context = ChangeSubscription(self.store), self._context(now)
        return self._told(
            lambda: use_case.by_billing(
                wanted.organization_id, wanted.terms, context, version=version
            )
        )

    def decide(
        self,
        organization_id: str,
        admin: Caller,
        *,
        requires_proof: bool,
        blocks_clones: bool,
        each: int | None,
        now: int,
    ) -> Told:
        """Decide about an organization's agents."""
        decision = Decision(
            require_device_key=requires_proof, block_clones=blocks_clones, agents_per_member=each
        )
        wanted = Amendment({}, decision)
        use_case = AmendOrganization(self.store, PolicyFloor())
        return self._told(lambda: use_case(organization_id, wanted, self._by(admin, now)))

    def sweep(self, pieces: int, now: int) -> None:
        """Let the sweep do so many pieces of its work, and no more."""
        left = iter(range(pieces))
        report = SweepExpired(self.store)(
            self._context(now), workers=1, has_time=lambda: next(left, None) is not None
        )
        report.raise_faults()

    # -- within ----------------------------------------------------------------------------------

    def _key(self, license_id: str) -> license_key.LicenseKey:
        """A licence's key, even where the one answer that told it was lost."""
        if license_id not in self.keys:
            record = self.store.license(license_id)
            assert record is not None
            secrets = self.secrets.keyring().license_key_secrets
            self.keys[license_id] = record.key(secrets[record.secret_version])
        return self.keys[license_id]

    def _entropy(self, length: int) -> bytes:
        # Ids of licences decide ties, so a run repeats them; those of events name transactions,
        # which the engine remembers beyond an example.
        return self._chance.randbytes(length) if length == 10 else token_bytes(length)

    def _context(self, now: int) -> Context:
        return Context(self._origin(Actor(ActorKind.AGENT, "somebody")), now, self._entropy)

    def _by(self, person: Caller, now: int) -> UserContext:
        origin = self._origin(Actor(ActorKind.USER, person.subject))
        return UserContext(origin, now, self._entropy, person)

    def _origin(self, actor: Actor) -> Origin:
        self._requests += 1
        return Origin(actor=actor, request_id=f"request {self._requests}")

    def _told(self, ask: Callable[[], object]) -> Told:
        self._stopwatch.elapsed = 0.0
        try:
            answer = ask()
        except Unavailable:
            return Told("unavailable")
        except InvalidInput:
            return Told("invalid")
        except StaleProof:
            return Told("stale")
        return self._in_words(answer)

    def _in_words(self, answer: Any) -> Told:
        match answer:
            case Issued():
                id = answer.record.id
                assert self.keys.setdefault(id, answer.key) == answer.key, "another key"
                return _leased("issued" if answer.created else "again", id, answer.lease)
            case Verdict():
                return _leased(
                    answer.code, answer.record.id if answer.record else None, answer.lease
                )
            case Generated():
                id = answer.record.id
                assert self.keys.setdefault(id, answer.key) == answer.key, "another key"
                return Told("generated", id, answer.term.expires_at)
            case Changed():
                return Told("changed", answer.record.id)
            case (record, _):
                return Told("changed", record.id)
            case Registered():
                return Told("changed" if answer.changed else "unchanged")
            case Organization():
                return Told("decided")
            case Refused():
                return Told(answer.code)
            case _:
                raise TypeError(f"no words for {answer!r}")


def wanted(
    organization_id: str, until: int, status: str, max_agents: int | None
) -> OrganizationSpec:
    """An organization as it shall be."""
    name = organization_id.capitalize()
    subscription = Subscription(until, SubscriptionStatus(status))
    return OrganizationSpec(organization_id, name, subscription, max_agents)


def credentials(card: Card) -> Credentials:
    """A computer's credentials as its agent sends them."""
    return Credentials.of(
        machine_id=card.machine_id, mac_addresses=card.macs, computer_name=card.name
    )


def proof_of(shown: Shown, jti: str | None) -> Proof:
    """A proof, where that is over a lease, of the id `jti`."""
    nonce = "" if shown.over is None else f"{jti}{EARLY if shown.is_early else ''}"
    return Proof(shown.key, shown.made, f"{shown}", nonce=nonce)


def _leased(word: str, license_id: str | None, lease: SignedLease | None) -> Told:
    if lease is None:
        return Told(word, license_id)
    said = lease.statement
    return Told(word, license_id, said.expires_at, said.issued_at, said.id, lease.token)


def _lost(*, for_good: bool) -> Fault:
    """The fault: one call's answers, with all requests that botocore makes for it, or all."""
    first: list[int] = []

    def happen(request: Request) -> AWSResponse | None:
        if not first and request.operation == "TransactWriteItems":
            first.append(request.call)
        hits = first and (for_good or request.call == first[0])
        return answer_lost(request) if hits else None

    return happen
