"""Audit events and folded refusals as items, written and read (R32)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from licensing.adapters.dynamo.schema import (
    event_key,
    events_of,
    feed_sort_key,
    refusal_key,
    sort_key_of,
    time_in_sort_key,
)
from licensing.adapters.dynamo.values import (
    number,
    optional_text,
    present,
    read_number,
    read_optional_number,
    read_text,
    read_texts,
    text,
    texts,
)
from licensing.domain.audit import (
    Actor,
    ActorKind,
    Event,
    EventType,
    Fact,
    Facts,
    Origin,
    RefusedAttempt,
)
from licensing.domain.errors import Misconfigured
from licensing.domain.license import State
from licensing.domain.statistics import Move
from licensing.usecases.ports import RecordedEvent

if TYPE_CHECKING:
    from licensing.adapters.dynamo.values import Item, StoredItem, Value


REFUSAL_SECONDS: Final = 400 * 86_400
"""How long a folded refusal is kept; nothing depends on it, unlike the events of changes."""


def event_item(event: Event) -> Item:
    """An audit event."""
    key = event_key(event)
    return {
        **key,
        "org_pk": text(events_of(event.organization_id)),
        "org_sk": text(feed_sort_key(key)),
        "id": text(event.id),
        "type": text(event.type),
        "at": number(event.at),
        "organization_id": text(event.organization_id),
        "revision": number(event.revision),
        "after": _facts(event.after),
        **present(
            {
                "license_id": optional_text(event.license_id),
                "before": _facts(event.before) if event.before is not None else None,
                "reason": optional_text(event.reason),
                "components": texts(event.components) if event.components else None,
                "other_address": optional_text(event.other_address),
                "confidential": {"BOOL": True} if event.confidential else None,
                "moved": _moved(event),
                **_origin_attributes(event.origin),
            }
        ),
    }


def refusal_attributes(refusal: RefusedAttempt) -> dict[str, Value | None]:
    """A refusal's entry, apart from its count; the latest origin stands for all."""
    key = refusal_key(refusal)
    name = f"{key['pk']['S']}/{key['sk']['S']}"
    return {
        "org_pk": text(events_of(refusal.organization_id)),
        "org_sk": text(feed_sort_key(key)),
        "id": text(f"evt_{hashlib.sha256(name.encode()).hexdigest()[:32]}"),
        "type": text(refusal.type),
        "at": number(refusal.hour),
        "last_at": number(refusal.at),
        "organization_id": text(refusal.organization_id),
        "license_id": text(refusal.license_id),
        "reason": text(refusal.reason),
        "other_address": optional_text(refusal.other_address),
        "confidential": {"BOOL": True} if refusal.confidential else None,
        "ttl": number(refusal.hour + REFUSAL_SECONDS),
        **_origin_attributes(refusal.origin),
    }


def read_move(entry: StoredItem) -> Move | None:
    """The change of a licence's state that an index entry tells of."""
    moved = read_text(entry, "moved")
    if moved is None:
        return None
    before, _, after = moved.partition(">")
    return Move(
        time_in_sort_key(sort_key_of(entry)), State(before) if before else None, State(after)
    )


def read_event(item: StoredItem) -> RecordedEvent:
    """The event or folded refusal that an item holds.

    Raises :class:`Misconfigured` for an item that this package has not written.
    """
    try:
        return _read_entry(item)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        # Without its cause, which would carry values of the item along (R35).
        raise Misconfigured(f"no entry of this service: {type(error).__name__}") from None


def _read_entry(item: StoredItem) -> RecordedEvent:
    actor = item["actor"]["M"]
    return RecordedEvent(
        id=item["id"]["S"],
        type=EventType(item["type"]["S"]),
        at=read_number(item, "at"),
        organization_id=item["organization_id"]["S"],
        license_id=read_text(item, "license_id"),
        revision=read_optional_number(item, "revision"),
        origin=Origin(
            actor=Actor(
                ActorKind(actor["kind"]["S"]),
                actor["subject"]["S"],
                read_texts(actor["roles"]),
            ),
            request_id=item["request_id"]["S"],
            source_address=read_text(item, "source_address"),
            agent_version=read_text(item, "origin_agent_version"),
        ),
        before=_read_facts(item["before"]) if "before" in item else None,
        after=_read_facts(item["after"]) if "after" in item else None,
        reason=read_text(item, "reason"),
        components=read_texts(item["components"]) if "components" in item else (),
        other_address=read_text(item, "other_address"),
        confidential="confidential" in item,
        times=read_optional_number(item, "times"),
        last_at=read_optional_number(item, "last_at"),
    )


def _moved(event: Event) -> Value | None:
    """From which state to which a licence of the organization's own went, for the index.

    So that states at a time past are counted without reading the events themselves.
    """
    if event.license_id is None or event.confidential:
        return None
    before = event.before["state"] if event.before else ""
    after = event.after["state"]
    return text(f"{before}>{after}") if after != before else None


def _origin_attributes(origin: Origin) -> dict[str, Value | None]:
    return {
        "actor": {
            "M": {
                "kind": text(origin.actor.kind),
                "subject": text(origin.actor.subject),
                "roles": texts(origin.actor.roles),
            }
        },
        "request_id": text(origin.request_id),
        "source_address": optional_text(origin.source_address),
        "origin_agent_version": optional_text(origin.agent_version),
    }


def _facts(facts: Facts) -> Value:
    return {"M": {name: _fact(value) for name, value in facts.items()}}


def _fact(value: Fact) -> Value:
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return number(value)
        case str():
            return text(value)
        case _:
            return {"NULL": True}


def _read_facts(value: Value) -> Facts:
    return {name: _read_fact(fact) for name, fact in value["M"].items()}


def _read_fact(value: Value) -> Fact:
    if "N" in value:
        return int(value["N"])
    if "BOOL" in value:
        return value["BOOL"]
    return value.get("S")
