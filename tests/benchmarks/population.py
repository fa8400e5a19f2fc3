"""Populations of any size, put in bulk, as the service's own use cases would have left them.

What this module guarantees: an organization, an agent and a temporary licence have the very
attributes that a registration, sweeps, a login and a generation leave, made by the package's own
rules and item builders. Only ids are not drawn but counted, so that a population is reproducible.

A part of a population is a value that makes its items where they are written: in several
processes, since one cannot keep the engine busy.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, pairwise
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.config import Config

from licensing.adapters.dynamo import events, items, schema, values
from licensing.adapters.dynamo.values import present
from licensing.domain import audit, license_key
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.domain.caller import Caller
from licensing.domain.jws import encoded
from licensing.domain.lease_chain import Chain, Link
from licensing.domain.license import Action, LastSeen, License, State
from licensing.domain.machine import NO_MACHINE, Credentials, Machine
from licensing.domain.organization import (
    ANNOUNCED_DAYS,
    DAY,
    Organization,
    Subscription,
    SubscriptionStatus,
)
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.generate_temporary import ANY_ENVIRONMENT
from tests.benchmarks.outcome import Tell
from tests.benchmarks.workers import workers
from tests.concurrency.racers import Ground
from tests.concurrency.table import write
from tests.concurrency.tasks import machine
from tests.world import ADA, ALICE, OLIVIA, Person

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from licensing.adapters.dynamo.values import Item

AGENT_VERSION = "4.5.0.0"
PROCESSES = 2
TOLD_SECONDS = 5.0
_REQUEST = "population"
_ADDRESS = "203.0.113.7"
_MEMBER = Caller(ALICE.subject, "acme", frozenset()).member or b""
_LEASE_SECONDS = 86_400
_SCHEDULE = Actor(ActorKind.SCHEDULE, "expiry-sweep")


class Part(Protocol):
    """Some items of a population; `size` says how many licences are among them."""

    @property
    def size(self) -> int:
        """How many licences it makes."""

    def items(self) -> Iterator[Item]:
        """Its items."""


@dataclass(frozen=True, slots=True)
class Customer:
    """An organization that registered at `since`, and that sweeps have looked after until `now`.

    With no `now` no sweep has seen it yet. `seats` is how many bound licences it has.
    """

    id: str
    since: int
    until: int
    seats: int
    now: int | None = None
    max_agents: int | None = None

    @property
    def size(self) -> int:
        """It is no licence."""
        return 0

    def items(self) -> Iterator[Item]:
        """The organization and its history."""
        states = [*self._states()]
        last = states[-1][1]
        due_at = self.since if self.now is None else last.next_due(self.now)
        if self.now is not None and last.subscription.has_ended(self.now):
            due_at = self.until  # the end is what the next sweep will deal with
        made = items.organization_item(last, due_at=self.since)
        if due_at is None:
            raise ValueError(f"{self.id} is never due: it would not be there in this way")
        yield {**made, **present(items.due_attributes(self.id, due_at))}
        before: Organization | None = None
        for at, after in states:
            is_new = before is None
            event = audit.of_organization(
                EventType.ORGANIZATION_CREATED if is_new else EventType.SUBSCRIPTION_ENDING,
                before,
                after,
                id=_event_id(self.id, after.announced_days),
                origin=_by(OLIVIA) if is_new else Origin(actor=_SCHEDULE, request_id=_REQUEST),
            )
            yield events.event_item(replace(event, at=at))
            before = after

    def _states(self) -> Iterator[tuple[int, Organization]]:
        """Its registration, and each announcement of its end so far."""
        organization = Organization(
            id=self.id,
            name=self.id.capitalize(),
            subscription=Subscription(self.until, SubscriptionStatus.ACTIVE),
            max_agents=self.max_agents,
            seats=self.seats,
            updated_at=self.since,
        )
        yield self.since, organization
        if self.now is None:
            return
        for at in sorted({self.since, *(self.until - days * DAY for days in ANNOUNCED_DAYS)}):
            days = organization.due_announcement(at) if self.since <= at <= self.now else None
            if days is not None:
                organization = replace(organization, announced_days=days)
                yield at, organization


@dataclass(frozen=True, slots=True)
class Agents:
    """Agents of an organization, each on a machine of its own, named by `numbers`.

    All logged in `at` one second. `state` is active, expired (by a sweep, at `later`) or revoked
    (by its administrator, then, too). Without `traces`, claims and events are left out.
    """

    organization_id: str
    numbers: range
    at: int
    hashing_key: bytes
    state: State = State.ACTIVE
    later: int | None = None
    traces: bool = True

    @property
    def size(self) -> int:
        """How many licences it makes."""
        return len(self.numbers)

    def items(self) -> Iterator[Item]:
        """The licences, and all that their logins left with them."""
        for one in self.numbers:
            yield from agent(self, one, machine(one))
        if self.traces and self.state is not State.REVOKED:
            yield {
                **schema.member_key(self.organization_id, _MEMBER),
                "agents": values.number(self.size),
            }


@dataclass(frozen=True, slots=True)
class Temporaries:
    """Temporary licences of an organization that nobody has used, all generated `at` one second."""

    organization_id: str
    numbers: range
    at: int
    ttl: TimeToLive

    @property
    def size(self) -> int:
        """How many licences it makes."""
        return len(self.numbers)

    def items(self) -> Iterator[Item]:
        """The licences and their events."""
        for number in self.numbers:
            record = License(
                id=_license_id(f"temporary of {self.organization_id}", number),
                organization_id=self.organization_id,
                environment=ANY_ENVIRONMENT,
                state=State.ACTIVE,
                machine=NO_MACHINE,
                computer_name=None,
                identity=NO_MACHINE.identity(),
                secret_version=1,
                term=Term(self.ttl, self.at + self.ttl.seconds),
                issued_at=self.at,
                issued_by=OLIVIA.subject,
                agent_version=None,
                updated_at=self.at,
            )
            yield items.license_item(record)
            yield _changed(EventType.TEMPORARY_LICENSE_GENERATED, None, record, _by(OLIVIA))


def agent(of: Agents, number: int, credentials: Credentials) -> Iterator[Item]:
    """One agent of many, on a machine."""
    known = Machine.of(credentials, of.hashing_key)
    record = License(
        id=_license_id(of.organization_id, number),
        organization_id=of.organization_id,
        environment="production",
        state=State.ACTIVE,
        machine=known,
        computer_name=credentials.display_name,
        identity=known.identity(),
        secret_version=1,
        issued_at=of.at,
        issued_by=ALICE.subject,
        added_by=_MEMBER,
        leased_until=of.at + _LEASE_SECONDS,
        agent_version=AGENT_VERSION,
        updated_at=of.at,
        last_seen=LastSeen(of.at, AGENT_VERSION, _ADDRESS),
        chain=_chain(of, number),
    )
    states = [record, *_later(record, of)]
    yield items.license_item(states[-1])
    if not of.traces:
        return
    yield _changed(EventType.LICENSE_ISSUED, None, record, _by(ALICE, AGENT_VERSION))
    for before, after in pairwise(states):
        if after.state is State.EXPIRED:
            origin = Origin(actor=_SCHEDULE, request_id=_REQUEST)
            yield _changed(EventType.LICENSE_EXPIRED, before, after, origin)
        else:
            yield _changed(EventType.LICENSE_REVOKED, before, after, _by(ADA))
    for pair in states[-1].claims:
        yield items.claim_item(pair, states[-1])


def fill(ground: Ground, parts: Sequence[Part], tell: Tell, name: str) -> None:
    """Write a population, and tell how far that is, how fast it goes and how long it will take."""
    wanted, done, began = sum(part.size for part in parts), 0, time.monotonic()
    told = began
    with workers(PROCESSES, ground.environment) as pool:
        for one in as_completed([pool.submit(_write, ground, part) for part in parts]):
            done += one.result()
            now = time.monotonic()
            if now - told >= TOLD_SECONDS:
                told, rate = now, done / (now - began)
                left = (wanted - done) / rate if rate else 0.0
                tell(f"{name}: {done:,} of {wanted:,} licences, {rate:,.0f}/s, {left:.0f} s left")
    seconds = time.monotonic() - began
    tell(f"{name}: {wanted:,} licences written in {seconds:.0f} s, {wanted / seconds:,.0f}/s")


def dealt(numbers: range, at_most: int) -> Iterator[range]:
    """A range in pieces."""
    for start in count(numbers.start, at_most):
        if start >= numbers.stop:
            return
        yield range(start, min(start + at_most, numbers.stop))


def _write(ground: Ground, part: Part) -> int:
    environment = ground.environment
    client = _client(environment["DYNAMODB_ENDPOINT"])
    write(client, environment["TABLE_NAME"], part.items())
    return part.size


@cache
def _client(endpoint: str) -> DynamoDBClient:
    """A process's own, more patient than the service's."""
    config = Config(read_timeout=60)
    client: DynamoDBClient = boto3.client("dynamodb", endpoint_url=endpoint, config=config)
    return client


def _later(record: License, of: Agents) -> Iterator[License]:
    """What became of it, as the state machine has it."""
    if of.state is State.ACTIVE:
        return
    action = {State.EXPIRED: Action.EXPIRE, State.REVOKED: Action.REVOKE}[of.state]
    after = record.after(action, of.at if of.later is None else of.later)
    if not isinstance(after, License):
        raise TypeError(f"an agent cannot {action}")
    yield after


def _changed(kind: EventType, before: License | None, after: License, origin: Origin) -> Item:
    event_id = _event_id(after.id, after.revision)
    return events.event_item(audit.of_license(kind, before, after, id=event_id, origin=origin))


def _by(person: Person, agent_version: str | None = None) -> Origin:
    return Origin(
        actor=Actor(ActorKind.USER, person.subject, tuple(sorted(person.roles))),
        request_id=_REQUEST,
        source_address=_ADDRESS,
        agent_version=agent_version,
    )


def _chain(of: Agents, number: int) -> Chain:
    """As the login begins it: both texts are as long as those of the service."""
    digest = hashlib.sha256(f"{of.organization_id}/{number}".encode()).digest()
    link = Link(encoded(digest[:16]), of.at, of.at + _LEASE_SECONDS)
    return Chain(link, _ADDRESS, question=encoded(digest[16:]))


def _license_id(of: str, number: int) -> str:
    return license_key.new_license_id(hashlib.sha256(f"{of}/{number}".encode()).digest()[:10])


def _event_id(of: str, number: int | None) -> str:
    return audit.new_event_id(hashlib.sha256(f"{of}/{number}".encode()).digest()[:16])
