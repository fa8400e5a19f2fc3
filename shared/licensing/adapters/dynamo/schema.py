"""Where records stand: the one place for the keys of the table and of its indexes.

======================  =============================================  ==========================
record                  pk · sk                                        indexes
======================  =============================================  ==========================
licence                 ``LICENSE#id`` · ``LICENSE``                   by_organization; by_due,
                                                                       if temporary
organization            ``ORGANIZATION#id`` · ``ORGANIZATION``         by_organization; by_due,
                                                                       while due
pair claim              ``PAIR#hex`` · ``PAIR``
event of a licence      ``LICENSE#id`` · ``EVENT#at#revision#id``      by_organization
event of organization   ``ORGANIZATION#id`` · ``EVENT#at#version#id``  by_organization
folded refusal          ``LICENSE#id`` · ``EVENT#hour#REFUSED#why``    by_organization
======================  =============================================  ==========================

Uniqueness rests on the primary key of pair claims. Times are integer epoch seconds, padded to ten
digits inside keys, so that text order is time order.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from licensing.adapters.dynamo.values import Item, StoredItem, text
from licensing.domain.audit import Event, RefusedAttempt
from licensing.domain.license import License, State
from licensing.usecases import pagination

BY_ORGANIZATION: Final = "by_organization"


BY_DUE: Final = "by_due"


DUE_SHARDS: Final = 8
"""Partitions of the due index. A constant, since a change would hide what is due already."""


_LICENSE: Final = "LICENSE"


_ORGANIZATION: Final = "ORGANIZATION"


_PAIR: Final = "PAIR"


_ID: Final = r"lic_[0-9a-z]{16}"


LICENSE_PLACE: Final = re.compile(rf"(?:{'|'.join(State)})#[0-9]{{10}}#{_ID}")


ACTIVITY_PLACE: Final = re.compile(rf"[0-9]{{6}}#{LICENSE_PLACE.pattern}")


TEMPORARY_PLACE: Final = re.compile(rf"[0-9]{{10}}#{_ID}")


_ENTRY: Final = r"[0-9]{10}#(?:[0-9]{6}#evt_[0-9a-f]{32}|REFUSED#[a-z_]+)"


HISTORY_PLACE: Final = re.compile(_ENTRY)


FEED_PLACE: Final = re.compile(rf"{_ENTRY}#(?:LICENSE|ORGANIZATION)#[0-9a-z_-]+")


_LATEST: Final = 9_999_999_999
"""The last second that a place has digits for."""


def license_partition(license_id: str) -> str:
    """Partition of a licence and its history."""
    return f"{_LICENSE}#{license_id}"


def license_key(license_id: str) -> Item:
    """Primary key of a licence."""
    return {"pk": text(license_partition(license_id)), "sk": text(_LICENSE)}


def organization_key(organization_id: str) -> Item:
    """Primary key of an organization."""
    return {"pk": text(f"{_ORGANIZATION}#{organization_id}"), "sk": text(_ORGANIZATION)}


def pair_key(pair: bytes) -> Item:
    """Primary key of the claim on a pair."""
    return {"pk": text(f"{_PAIR}#{pair.hex()}"), "sk": text(_PAIR)}


def event_key(event: Event) -> Item:
    """Primary key of an event: its operation's own, so that it shows whether that took place."""
    owner = (
        license_key(event.license_id)
        if event.license_id
        else organization_key(event.organization_id)
    )
    return {
        "pk": owner["pk"],
        "sk": text(f"EVENT#{event.at:010d}#{event.revision:06d}#{event.id}"),
    }


def refusal_key(refusal: RefusedAttempt) -> Item:
    """Primary key of a refusal's entry: the same for one licence, reason and hour (R32)."""
    return {
        "pk": license_key(refusal.license_id)["pk"],
        "sk": text(f"EVENT#{refusal.hour:010d}#REFUSED#{refusal.reason}"),
    }


def licenses_of(organization_id: str) -> str:
    """Partition of an organization's licences in ``by_organization``."""
    return f"LICENSES#{organization_id}"


def temporary_licenses_of(organization_id: str) -> str:
    """Partition of an organization's temporary licences in ``by_organization``."""
    return f"TEMPORARY#{organization_id}"


def activity_of(organization_id: str) -> str:
    """What cursors of an organization's activity are for, which belong to no other list."""
    return f"ACTIVITY#{organization_id}"


ORGANIZATIONS: Final = "ORGANIZATIONS"
"""Partition of all organizations in ``by_organization``, written once for each."""


def organization_sort_key(organization_id: str) -> str:
    """An organization's place among all of them: spread evenly, whatever the ids look like."""
    return f"{zlib.crc32(organization_id.encode()):08x}#{organization_id}"


def events_of(organization_id: str) -> str:
    """Partition of an organization's events in ``by_organization``."""
    return f"EVENTS#{organization_id}"


def license_sort_key(record: License) -> str:
    """A licence's place in ``by_organization``.

    By state, then by time of issue; a temporary one by the time when it ends or has ended, so
    that, read backwards, active ones come first and then the others, newest first (R25).
    """
    if record.term is None:
        return f"{record.state}#{record.issued_at:010d}#{record.id}"
    ended = record.updated_at if record.state is State.REVOKED else record.term.expires_at
    return f"{min(ended, record.term.expires_at):010d}#{record.id}"


def feed_sort_key(key: Item) -> str:
    """An event's place in its organization's feed: by time, then by whom it is about."""
    return f"{history_sort_key(key)}#{key['pk']['S']}"


def due_shard(id: str) -> str:
    """The partition of the due index that an organization or a licence belongs to."""
    return due_shard_name(zlib.crc32(id.encode()) % DUE_SHARDS)


def due_shard_name(shard: int) -> str:
    """The partition's key."""
    return f"DUE#{shard}"


def is_organization(item: StoredItem) -> bool:
    """Whether a stored item is an organization."""
    return item["sk"]["S"] == _ORGANIZATION


def is_license(item: StoredItem) -> bool:
    """Whether a stored item is a licence."""
    return item["sk"]["S"] == _LICENSE


def id_of(item: StoredItem) -> str:
    """The id within a primary key."""
    return item["pk"]["S"].partition("#")[2]


def read_pair(item: StoredItem) -> bytes:
    """The pair that a claim is on."""
    return bytes.fromhex(id_of(item))


def read_cursor(cursor: str, partition: str, form: re.Pattern[str]) -> str:
    """The place that a cursor for this partition names.

    Raises :class:`~licensing.domain.errors.InvalidInput` for anything else.
    """
    place = pagination.read_cursor(cursor, partition)
    if not form.fullmatch(place):
        raise pagination.foreign_cursor()
    return place


def span_of_times(since: int | None, before: int | None) -> tuple[str, str]:
    """Between which places the events from ``since`` on and before ``before`` stand.

    No place is either of them: what stands in one goes on behind the time.
    """
    first = "0" if since is None else f"{min(since, _LATEST):010d}"
    return first, ":" if before is None else f"{min(before, _LATEST):010d}"


def read_cursor_within(
    cursor: str, partition: str, form: re.Pattern[str], span: tuple[str, str]
) -> str:
    """The place within a span that a cursor names: a query takes no other to start behind.

    Raises :class:`~licensing.domain.errors.InvalidInput` for anything else.
    """
    place = read_cursor(cursor, partition, form)
    if not span[0] <= place <= span[1]:
        raise pagination.foreign_cursor()
    return place


def sort_key_of(entry: StoredItem) -> str:
    """The place of an index entry."""
    return entry["org_sk"]["S"]


def state_in_sort_key(place: str) -> State:
    """The state whose licences a place is among."""
    return State(place.partition("#")[0])


def events_from(since: int) -> str:
    """Where, within a history, the events since a time begin."""
    return f"EVENT#{feed_from(since)}"


def feed_from(since: int) -> str:
    """Where, within a feed, the events since a time begin."""
    return f"{since:010d}"


def time_in_sort_key(place: str) -> int:
    """When the event at a place of the feed happened."""
    return int(place.partition("#")[0])


def is_refusal_sort_key(place: str) -> bool:
    """Whether the entry at a place of the feed is a folded refusal."""
    return place.partition("#")[2].startswith("REFUSED#")


def issued_at_in_sort_key(place: str) -> int:
    """When the licence at a place was issued."""
    return int(place.split("#")[1])


def license_start(partition: str, place: str) -> Item:
    """The key in ``by_organization`` to go on behind, among licences."""
    return {
        **license_key(place.rpartition("#")[2]),
        "org_pk": text(partition),
        "org_sk": text(place),
    }


def feed_start(organization_id: str, place: str) -> Item:
    """The key in ``by_organization`` to go on behind, among events."""
    entry, kind, owner = place.rsplit("#", 2)
    return {
        "pk": text(f"{kind}#{owner}"),
        "sk": text(f"EVENT#{entry}"),
        "org_pk": text(events_of(organization_id)),
        "org_sk": text(place),
    }


def history_start(license_id: str, place: str) -> Item:
    """The key to go on behind, within a licence's history."""
    return {"pk": license_key(license_id)["pk"], "sk": text(f"EVENT#{place}")}


def history_sort_key(item: StoredItem) -> str:
    """The place of an entry within its licence's history."""
    return item["sk"]["S"].removeprefix("EVENT#")
