"""Audit events and folded entries as items: the table of their attributes (R32).

A field that is stored is a row here, the one place for its name. A change and a refusal are written
from what happened, and both are read as entries.
"""

from __future__ import annotations

import hashlib
from typing import Final

from licensing.adapters.dynamo.attributes import Attributes, Record, always, as_map, optional, part
from licensing.adapters.dynamo.schema import (
    across_shard,
    event_key,
    events_of,
    feed_sort_key,
    note_key,
    refusal_key,
    sort_key_of,
    time_in_sort_key,
)
from licensing.adapters.dynamo.values import (
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    WRITTEN,
    WRITTEN_LINES,
    Item,
    Kind,
    StoredItem,
    Value,
    number,
    one_of,
    present,
    read_text,
    text,
)
from licensing.domain.audit import (
    AcrossType,
    Actor,
    ActorKind,
    Event,
    EventType,
    OrganizationNote,
    Origin,
    Reading,
    RefusedAttempt,
)
from licensing.domain.errors import Misconfigured
from licensing.domain.facts import Fact, Facts
from licensing.domain.license import State
from licensing.domain.statistics import Move
from licensing.domain.text import readable
from licensing.usecases.ports import RecordedEvent

_ACROSS: Final = frozenset(EventType(kind) for kind in AcrossType)

FOLDED_SECONDS: Final = 400 * 86_400
"""How long a folded entry is kept; nothing depends on it, unlike the events of changes."""

_NOTED_SECONDS: Final = 86_400
"""How long it is kept what the notes of an hour are about: no request lasts beyond its hour so."""


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


def _facts(facts: Facts) -> Item:
    return {name: _fact(value) for name, value in facts.items()}


def _read_fact(value: Value) -> Fact:
    if "N" in value:
        return int(value["N"])
    if "BOOL" in value:
        return value["BOOL"]
    return readable(value["S"]) if "S" in value else None


def _read_facts(facts: StoredItem) -> Facts:
    return {name: _read_fact(fact) for name, fact in facts.items()}


_FACTS: Final = Kind("M", _facts, _read_facts)

_READINGS: Final[Kind[tuple[Reading, ...]]] = Kind(
    "SS", list, lambda words: tuple(sorted(map(Reading, words)))
)

_ACTOR: Final = Record(
    Actor,
    always("kind", one_of(ActorKind)),
    always("subject", TEXT),
    always("roles", TEXTS),
    optional("name", WRITTEN),
)
_ORIGIN: Final = Record(
    Origin,
    always("actor", as_map(_ACTOR)),
    always("request_id", TEXT),
    optional("source_address", TEXT),
    optional("origin_agent_version", TEXT, field="agent_version"),
)

# What every entry tells.
_TOLD_OF_ALL: Final = (
    always("type", one_of(EventType)),
    always("organization_id", TEXT),
    part("origin", _ORIGIN),
    optional("reason", WRITTEN_LINES),
    optional("confidential", FLAG, none=False),
)
# And every one that may be about a licence.
_ALWAYS_TOLD: Final = (
    *_TOLD_OF_ALL,
    optional("license_id", TEXT),
    optional("other_address", TEXT),
)
# And one about a computer that tried.
_COMPUTER_NAME: Final = optional("computer_name", WRITTEN)
# And a refusal about the licence's; a change tells that of the licence after it.
_LICENSE_COMPUTER: Final = optional("license_computer_name", WRITTEN)
# What a change tells besides.
_OF_A_CHANGE: Final = (
    always("id", TEXT),
    always("at", NUMBER),
    optional("revision", NUMBER),
    optional("before", _FACTS),
    optional("after", _FACTS),
    optional("components", TEXTS, none=()),
)
# What a refusal or a note tells besides: its entry is that of an hour, and the latest one's.
_OF_AN_HOUR: Final = (
    always("at", NUMBER, field="hour"),
    always("last_at", NUMBER, field="at"),
)
# What is read back of the entry of an hour.
_FOLDED: Final = (
    optional("times", NUMBER),
    optional("last_at", NUMBER),
    optional("readings", _READINGS, none=()),
)

ENTRY: Final = Record(
    RecordedEvent,
    *_ALWAYS_TOLD,
    _LICENSE_COMPUTER,
    _COMPUTER_NAME,
    *_OF_A_CHANGE,
    *_FOLDED,
)
_CHANGE: Final = Attributes[Event](*_ALWAYS_TOLD, _COMPUTER_NAME, *_OF_A_CHANGE)
_REFUSAL: Final = Attributes[RefusedAttempt](
    *_ALWAYS_TOLD, _LICENSE_COMPUTER, _COMPUTER_NAME, *_OF_AN_HOUR
)
_NOTE: Final = Attributes[OrganizationNote](*_TOLD_OF_ALL, _COMPUTER_NAME, *_OF_AN_HOUR)


def event_item(event: Event) -> Item:
    """An audit event."""
    key = event_key(event)
    return {
        **key,
        "org_pk": text(events_of(event.organization_id)),
        "org_sk": text(feed_sort_key(key)),
        **_across(event.type, key),
        **present({**_CHANGE.write(event), "moved": _moved(event)}),
    }


def refusal_attributes(refusal: RefusedAttempt) -> dict[str, Value | None]:
    """A refusal's entry, apart from its count; the latest origin stands for all."""
    return {**_folded(refusal, refusal_key(refusal)), **_REFUSAL.write(refusal)}


def note_attributes(note: OrganizationNote) -> dict[str, Value | None]:
    """A note's entry, apart from its count; the latest origin stands for all."""
    return {**_folded(note, note_key(note)), **_NOTE.write(note)}


def noted_attributes(note: OrganizationNote) -> dict[str, Value | None]:
    """What stands beside the notes of an hour. ``ttl`` only tidies up: nothing relies on it."""
    return {"ttl": number(note.hour + _NOTED_SECONDS)}


def _folded(entry: RefusedAttempt | OrganizationNote, key: Item) -> dict[str, Value]:
    """What entries that are folded have in common: a place in the feed, a name and an end."""
    name = f"{key['pk']['S']}/{key['sk']['S']}"
    return {
        "org_pk": text(events_of(entry.organization_id)),
        "org_sk": text(feed_sort_key(key)),
        **_across(entry.type, key),
        "id": text(f"evt_{hashlib.sha256(name.encode()).hexdigest()[:32]}"),
        "ttl": number(entry.hour + FOLDED_SECONDS),
    }


def _across(kind: EventType, key: Item) -> dict[str, Value]:
    """The place of an event among those of all organizations, if it is of such a type."""
    if kind not in _ACROSS:
        return {}
    place = feed_sort_key(key)
    return {"across_pk": text(across_shard(kind, place)), "across_sk": text(place)}


def read_move(entry: StoredItem) -> Move | None:
    """The change of a licence's state that an index entry tells of."""
    moved = read_text(entry, "moved")
    if moved is None:
        return None
    before, _, after = moved.partition(">")
    return Move(
        time_in_sort_key(sort_key_of(entry)), State(before) if before else None, State(after)
    )


def is_of_clone(entry: StoredItem) -> bool:
    """Whether an index entry is about a clone that is suspected."""
    return read_text(entry, "type") == EventType.CLONE_SUSPECTED


def read_event(item: StoredItem) -> RecordedEvent:
    """The event or folded refusal that an item holds.

    Raises :class:`Misconfigured` for an item that this package has not written.
    """
    try:
        return ENTRY.read(item)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        # Without its cause, which would carry values of the item along (R35).
        raise Misconfigured(f"no entry of this service: {type(error).__name__}") from None


def _moved(event: Event) -> Value | None:
    """From which state to which a licence of the organization's own went, for the index.

    So that states at a time past are counted without reading the events themselves.
    """
    if event.license_id is None or event.confidential:
        return None
    before = event.before["state"] if event.before else ""
    after = event.after["state"]
    return text(f"{before}>{after}") if after != before else None
