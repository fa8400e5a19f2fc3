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
from licensing.domain.audit import (
    Actor,
    ActorKind,
    EventType,
    OrganizationNote,
    Origin,
    Reason,
    RefusedAttempt,
)
from licensing.domain.idempotency import KeyedRequest, request_id
from licensing.domain.refusal import RefusalCode
from licensing.domain.temporary_license import TimeToLive
from licensing.usecases.generate_temporary import Asked
from licensing.usecases.ports import ProofUse
from licensing_build.story import (
    ALICE,
    ALICE_LOGGED_IN,
    BY_ALICE,
    DAY,
    ISSUED,
    NOW,
    OLIVIA_REGISTERED_ACME,
    ORGANIZATION,
    TEMPORARY,
    USED,
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
    yield "A licence, in use and bound to a device key", items.license_item(USED)
    yield "A temporary licence that nobody has used yet", items.license_item(TEMPORARY)
    organization = replace(ORGANIZATION, seats=1)
    yield "An organization", items.organization_item(organization, due_at=NOW + 335 * DAY)
    if ALICE.member is not None:
        member = schema.member_key("acme", ALICE.member)
        yield "The count of a member's agents", {**member, "agents": number(1)}
    pair = min(USED.claims)
    yield "A claim on a pair", items.claim_item(pair, USED)
    request = KeyedRequest.of(
        request_id("acme", "olivia", "order-17"),
        Asked(TimeToLive.THREE_HOURS, "Paula, for the update in hall 3").content,
        license_id=TEMPORARY.id,
        now=NOW,
    )
    yield "A request with an idempotency key", items.request_item(request)
    proof = hashlib.sha256(b"a device key and a proof's jti").hexdigest()
    use = ProofUse([proof], f"op_{bytes(range(32, 48)).hex()}", NOW)
    yield "A proof of a login", items.proof_item(proof, use)
    yield "An event of a licence", event_item(ALICE_LOGGED_IN)
    yield "An event of an organization", event_item(OLIVIA_REGISTERED_ACME)
    refusal = RefusedAttempt(
        license_id=USED.id,
        organization_id="acme",
        reason="machine_mismatch",
        at=NOW + DAY,
        origin=Origin(
            actor=Actor(ActorKind.AGENT, USED.id),
            request_id="L5cRqg9SvHcEJGQ=",
            source_address="192.0.2.44",
            agent_version="4.5.0.0",
        ),
        license_computer_name=USED.computer_name,
        computer_name="OFFICE-PC-09",
    )
    folded = {**refusal_attributes(refusal), "times": number(3)}
    yield "A folded refusal", {**schema.refusal_key(refusal), **present(folded)}
    note = OrganizationNote(
        type=EventType.BILLING_EVENT_IGNORED,
        organization_id="acme",
        reason=Reason.BILLING_STALE,
        at=NOW + DAY,
        origin=Origin(actor=Actor(ActorKind.BILLING, "billing"), request_id="17793124-05d4-b198"),
    )
    noted = {**note_attributes(note), "times": number(1)}
    yield "A note about an organization", {**schema.note_key(note), **present(noted)}
    login = OrganizationNote(
        type=EventType.ACCESS_REFUSED,
        organization_id="acme",
        reason=RefusalCode.SEAT_LIMIT_REACHED,
        at=NOW + DAY,
        origin=BY_ALICE,
        about=ISSUED.identity.hex(),
        computer_name="FACTORY-PC-02",
    )
    refused = {**note_attributes(login), "times": number(2)}
    yield "A refused login", {**schema.note_key(login), **present(refused)}
    machines: Item = {"noted": {"SS": [schema.about_digest(ISSUED.identity.hex())]}}
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
