"""One example of each kind of item, made by the adapter itself: for the page about the table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.events import (
    event_item,
    note_attributes,
    noted_attributes,
    refusal_attributes,
)
from licensing.adapters.dynamo.values import Item, number, present
from licensing.domain import audit
from licensing.domain.audit import (
    Actor,
    ActorKind,
    EventType,
    OrganizationNote,
    Origin,
    Reason,
    RefusedAttempt,
)
from licensing.domain.caller import Caller, Role
from licensing.domain.idempotency import KeyedRequest, request_id
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import LastSeen, License, State
from licensing.domain.machine import NO_MACHINE, Credentials, Machine
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus
from licensing.domain.refusal import RefusalCode
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.generate_temporary import ANY_ENVIRONMENT
from licensing.usecases.ports import ProofUse

_NOW: Final = 1_900_000_000
_DAY: Final = 86_400

_CREDENTIALS: Final = Credentials.of(
    machine_id="4c4c4544-0042-3510-8052-b4c04f4e5931",
    mac_addresses=["3c:52:82:0a:1b:2c"],
    computer_name="FACTORY-PC-01",
)
_MACHINE: Final = Machine.of(_CREDENTIALS, b"a key for machine credentials")
_ALICE: Final = Caller("alice", "acme", frozenset({Role.MEMBER}))
_BY_ALICE: Final = Origin(
    actor=Actor(ActorKind.USER, "alice", ("member",)),
    request_id="JKJaXmPLvHcESHA=",
    source_address="203.0.113.7",
    agent_version="4.5.0.0",
)
_BY_OLIVIA: Final = Origin(
    actor=Actor(ActorKind.USER, "olivia", ("super-admin",)),
    request_id="Pq2ahK1zvHcEM5w=",
    source_address="198.51.100.4",
)

_ISSUED: Final = License(
    id="lic_0123456789abcdef",
    organization_id="acme",
    environment="production",
    state=State.ACTIVE,
    machine=_MACHINE,
    computer_name="FACTORY-PC-01",
    identity=_MACHINE.identity(),
    secret_version=1,
    device_key="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    issued_at=_NOW,
    issued_by="alice",
    added_by=_ALICE.member,
    agent_version="4.5.0.0",
    updated_at=_NOW,
)
_USED: Final = replace(
    _ISSUED,
    label="Hall 3",
    revision=2,
    updated_at=_NOW + 3_600,
    last_seen=LastSeen(_NOW + 43_200, "4.5.0.0", "203.0.113.7"),
    chain=Chain(
        Link("JVh5lX0yTSuFDm1bq3Rk2A", _NOW + 43_200, _NOW + 43_200 + _DAY),
        "203.0.113.7",
        is_presented=True,
        left=(Left("6oYzqLwvQ0ajkTtW8sNd1g", _NOW + 43_200),),
        returned_at=(_NOW + 43_200,),
    ),
    proved_ms=(_NOW + 43_200) * 1000,
    leased_until=_NOW + 43_200 + _DAY,
)
_TEMPORARY: Final = License(
    id="lic_7zk3m5r9t1vwxy2a",
    organization_id="acme",
    environment=ANY_ENVIRONMENT,
    state=State.ACTIVE,
    machine=NO_MACHINE,
    computer_name=None,
    identity=NO_MACHINE.identity(),
    secret_version=1,
    term=Term(TimeToLive.THREE_HOURS, _NOW + 10_800),
    issued_at=_NOW,
    issued_by="olivia",
    agent_version=None,
    updated_at=_NOW,
)
_ORGANIZATION: Final = Organization(
    id="acme",
    name="Acme",
    subscription=Subscription(_NOW + 365 * _DAY, SubscriptionStatus.ACTIVE),
    max_agents=60,
    updated_at=_NOW,
)


def example_items() -> str:
    """One item of each kind, folded, an attribute to a line."""
    return "\n".join(
        f"<details><summary>{title}</summary>\n\n```\n{_shown(item)}```\n\n</details>\n"
        for title, item in _examples()
    )


PARTS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType({"example-items": example_items})
"""The generated parts of shared/licensing/README.md."""


def _examples() -> Iterator[tuple[str, Item]]:
    yield "A licence, in use and bound to a device key", items.license_item(_USED)
    yield "A temporary licence that nobody has used yet", items.license_item(_TEMPORARY)
    organization = replace(_ORGANIZATION, seats=1)
    yield "An organization", items.organization_item(organization, due_at=_NOW + 335 * _DAY)
    if _ALICE.member is not None:
        member = schema.member_key("acme", _ALICE.member)
        yield "The count of a member's agents", {**member, "agents": number(1)}
    pair = min(_USED.claims)
    yield "A claim on a pair", items.claim_item(pair, _USED)
    request = KeyedRequest.of(
        request_id("acme", "olivia", "order-17"),
        TimeToLive.THREE_HOURS,
        license_id=_TEMPORARY.id,
        now=_NOW,
    )
    yield "A request with an idempotency key", items.request_item(request)
    proof = hashlib.sha256(b"a device key and a proof's jti").hexdigest()
    use = ProofUse([proof], f"op_{bytes(range(32, 48)).hex()}", _NOW)
    yield "A proof of a login", items.proof_item(proof, use)
    issued = audit.of_license(
        EventType.LICENSE_ISSUED,
        None,
        _ISSUED,
        id=audit.new_event_id(bytes(range(16))),
        origin=_BY_ALICE,
    )
    yield "An event of a licence", event_item(issued)
    created = audit.of_organization(
        EventType.ORGANIZATION_CREATED,
        None,
        _ORGANIZATION,
        id=audit.new_event_id(bytes(range(16, 32))),
        origin=_BY_OLIVIA,
    )
    yield "An event of an organization", event_item(created)
    refusal = RefusedAttempt(
        license_id=_USED.id,
        organization_id="acme",
        reason="machine_mismatch",
        at=_NOW + _DAY,
        origin=Origin(
            actor=Actor(ActorKind.AGENT, _USED.id),
            request_id="L5cRqg9SvHcEJGQ=",
            source_address="192.0.2.44",
            agent_version="4.5.0.0",
        ),
    )
    folded = {**refusal_attributes(refusal), "times": number(3)}
    yield "A folded refusal", {**schema.refusal_key(refusal), **present(folded)}
    note = OrganizationNote(
        type=EventType.BILLING_EVENT_IGNORED,
        organization_id="acme",
        reason=Reason.BILLING_STALE,
        at=_NOW + _DAY,
        origin=Origin(actor=Actor(ActorKind.BILLING, "billing"), request_id="17793124-05d4-b198"),
    )
    noted = {**note_attributes(note), "times": number(1)}
    yield "A note about an organization", {**schema.note_key(note), **present(noted)}
    login = OrganizationNote(
        type=EventType.ACCESS_REFUSED,
        organization_id="acme",
        reason=RefusalCode.SEAT_LIMIT_REACHED,
        at=_NOW + _DAY,
        origin=_BY_ALICE,
        about=_ISSUED.identity.hex(),
        computer_name="FACTORY-PC-02",
    )
    refused = {**note_attributes(login), "times": number(2)}
    yield "A refused login", {**schema.note_key(login), **present(refused)}
    machines: Item = {"noted": {"SS": [schema.about_digest(_ISSUED.identity.hex())]}}
    beside = {**schema.noted_key(login), **machines, **present(noted_attributes(login))}
    yield "The machines with refused logins in an hour", beside


def _shown(item: Item) -> str:
    width = max(map(len, item))
    return "".join(f"{name:<{width}}  {_plain(value)}\n" for name, value in item.items())


def _plain(value: Any) -> str:
    """A value in DynamoDB's notation as a person reads it."""
    ((letter, content),) = value.items()
    match letter:
        case "B":
            return f"<{len(content)} bytes>"
        case "BS":
            return "{" + ", ".join(f"<{len(one)} bytes>" for one in content) + "}"
        case "M":
            return "{" + ", ".join(f"{name}: {_plain(one)}" for name, one in content.items()) + "}"
        case "L":
            return "[" + ", ".join(map(_plain, content)) + "]"
        case "BOOL":
            return "true" if content else "false"
        case "NULL":
            return "null"
        case _:
            return str(content) or '""'
