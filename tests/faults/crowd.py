"""Many licences at once, written as the service would have left them had they logged in."""

from collections.abc import Iterator
from typing import Any

from licensing.adapters.dynamo import events, items
from licensing.domain import audit
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.domain.license import License, State
from licensing.domain.machine import Credentials, Machine
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus

_ORIGIN = Origin(actor=Actor(ActorKind.USER, "somebody"), request_id="crowd")


def crowd(
    organization_id: str, agents: range, *, until: int, now: int, max_agents: int | None = None
) -> Iterator[dict[str, Any]]:
    """An organization whose subscription ends at `until`, with agents on machines of their own."""
    organization = Organization(
        id=organization_id,
        name=organization_id.capitalize(),
        subscription=Subscription(until, SubscriptionStatus.ACTIVE),
        max_agents=max_agents,
        seats=len(agents),
        updated_at=now,
    )
    yield items.organization_item(organization, due_at=min(until, now))
    yield events.event_item(
        audit.of_organization(
            EventType.ORGANIZATION_CREATED,
            None,
            organization,
            id=audit.new_event_id(organization_id.encode().ljust(16)),
            origin=_ORIGIN,
        )
    )
    for number in agents:
        yield from _agent(organization_id, number, now)


def _agent(organization_id: str, number: int, now: int) -> Iterator[dict[str, Any]]:
    credentials = Credentials.of(
        machine_id=f"machine-{number}", mac_addresses=[], computer_name=f"pc-{number}"
    )
    known = Machine.of(credentials, b"a key of the test's own")
    record = License(
        id=f"lic_{number:016d}",
        organization_id=organization_id,
        environment="production",
        state=State.ACTIVE,
        machine=known,
        computer_name=credentials.display_name,
        identity=known.identity(),
        secret_version=1,
        issued_at=now,
        issued_by="somebody",
        agent_version="4.5.0.0",
        updated_at=now,
    )
    yield items.license_item(record)
    event = audit.of_license(
        EventType.LICENSE_ISSUED,
        None,
        record,
        id=audit.new_event_id(number.to_bytes(16)),
        origin=_ORIGIN,
    )
    yield events.event_item(event)
    for pair in known.pairs():
        yield items.claim_item(pair, record)
