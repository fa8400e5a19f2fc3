"""The keys of the table and of its indexes: only this module makes and reads them.

`shared/licensing/README.md` lists the kinds of items with their keys, and who reads them.

Uniqueness rests on the primary key of pair claims (R10). Times are integer epoch seconds. They and
revisions are padded to ten digits inside keys, so that text order is their order.

A *place* is the sort key of an entry in a list: in an index, or in a licence's history without
``EVENT#``. Cursors name the place that the next page begins behind.

>>> license_key("lic_0123456789abcdef")
{'pk': {'S': 'LICENSE#lic_0123456789abcdef'}, 'sk': {'S': 'LICENSE'}}
>>> licenses_of("acme")
'LICENSES#acme'
"""

from __future__ import annotations

import hashlib
import re
import zlib
from types import MappingProxyType
from typing import Final

from licensing.adapters.dynamo.values import Item, StoredItem, text
from licensing.domain.audit import Event, EventType, OrganizationNote, RefusedAttempt
from licensing.domain.license import License, State
from licensing.usecases import pagination

BY_ORGANIZATION: Final = "by_organization"
"""The index of an organization's licences and events, and of all organizations."""


BY_DUE: Final = "by_due"
"""The index of what the sweep has to look at, by time (R23)."""


DUE_SHARDS: Final = 8
"""How many partitions the due index has (R23). A change would hide what is due already."""


ACROSS_ORGANIZATIONS: Final = "across_organizations"
"""The index of what super-admins look for in all organizations at once."""


ACROSS_SHARDS: Final = 8
"""How many partitions each type of events has there. A change would hide what is there already."""


ACROSS: Final = "ACROSS"
"""The name of the list of events of all organizations, for its cursors; no partition has it."""


NAMES: Final = "NAMES"
"""What partitions of names begin with; the name of the list of all, for its cursors."""


LONGEST_NAME: Final = 64
"""How many characters of a computer's name stand in its key: a key has 1,024 bytes at most."""


_LICENSE: Final = "LICENSE"


_ORGANIZATION: Final = "ORGANIZATION"


_READS: Final = "READS"


_REFUSED: Final = "REFUSED"


_PAIR: Final = "PAIR"


_MEMBER: Final = "MEMBER#"


_REQUEST: Final = "REQUEST"


_PROOF: Final = "PROOF"


_ID: Final = r"lic_[0-9a-z]{16}"


_NOTED_APART: Final = MappingProxyType(
    {EventType.ORGANIZATION_READ: _READS, EventType.ACCESS_REFUSED: _REFUSED}
)


# What cursors may name. They come from clients: nothing else becomes part of a query's key.


LICENSE_PLACE: Final = re.compile(rf"(?:{'|'.join(State)})#[0-9]{{10}}#{_ID}")


NAME_PLACE: Final = re.compile(rf".+#{_ID}", re.DOTALL)


ACTIVITY_PLACE: Final = re.compile(rf"[0-9]{{6}}#{LICENSE_PLACE.pattern}")


TEMPORARY_PLACE: Final = re.compile(rf"[0-9]{{10}}#{_ID}")


# Earlier builds padded revisions to six digits. Times decide the order between their events and the
# present ones; within one second, the present ones may stand before them.
_ENTRY: Final = (
    r"[0-9]{10}#(?:[0-9]{6,10}#evt_[0-9a-f]{32}|REFUSED#[a-z_]+|NOTED#[a-z_]+(?:#[0-9a-f]{32})?)"
)


HISTORY_PLACE: Final = re.compile(_ENTRY)


FEED_PLACE: Final = re.compile(rf"{_ENTRY}#(?:LICENSE|ORGANIZATION|READS|REFUSED)#[0-9a-z_-]+")


_LATEST: Final = 9_999_999_999
"""The last second that ten digits hold."""


def license_partition(license_id: str) -> str:
    """The partition of a licence and its history: ``LICENSE#id``."""
    return f"{_LICENSE}#{license_id}"


def license_key(license_id: str) -> Item:
    """The primary key of a licence."""
    return {"pk": text(license_partition(license_id)), "sk": text(_LICENSE)}


def organization_key(organization_id: str) -> Item:
    """The primary key of an organization."""
    return {"pk": text(f"{_ORGANIZATION}#{organization_id}"), "sk": text(_ORGANIZATION)}


def pair_key(pair: bytes) -> Item:
    """The primary key of the claim on a pair (R10): the table holds one claim per pair."""
    return {"pk": text(f"{_PAIR}#{pair.hex()}"), "sk": text(_PAIR)}


def member_key(organization_id: str, member: bytes) -> Item:
    """The primary key of the count of a member's agents (R38)."""
    return {"pk": text(members_of(organization_id)), "sk": text(f"{_MEMBER}{member.hex()}")}


def members_of(organization_id: str) -> str:
    """The partition of the counts of an organization's members' agents: ``MEMBERS#id``."""
    return f"MEMBERS#{organization_id}"


def request_key(request_id: str) -> Item:
    """The primary key of a request that counts once: the table holds one per key (R25)."""
    return {"pk": text(f"{_REQUEST}#{request_id}"), "sk": text(_REQUEST)}


def proof_key(proof_id: str) -> Item:
    """The primary key of a login's proof that has counted: the table holds each once (R36)."""
    return {"pk": text(f"{_PROOF}#{proof_id}"), "sk": text(_PROOF)}


def event_key(event: Event) -> Item:
    """The primary key of an event.

    It is unique to the operation, so that the event shows whether that was committed (R5).
    """
    owner = (
        license_key(event.license_id)
        if event.license_id
        else organization_key(event.organization_id)
    )
    return {
        "pk": owner["pk"],
        "sk": text(f"EVENT#{event.at:010d}#{event.revision:010d}#{event.id}"),
    }


def refusal_key(refusal: RefusedAttempt) -> Item:
    """The primary key of a refusal's entry: the same for one licence, reason and hour (R32)."""
    return {
        "pk": license_key(refusal.license_id)["pk"],
        "sk": text(f"EVENT#{refusal.hour:010d}#REFUSED#{refusal.reason}"),
    }


def note_key(note: OrganizationNote) -> Item:
    """The primary key of a note's entry: the same for one organization, reason and hour (R32).

    What it is ``about`` stands there as a digest: of any length, and nothing of it can be read.
    Reads stand apart, so that the functions which only read may write there and nowhere else; and
    refused logins, so that no number of them stands between an organization and its changes.
    """
    about = "" if note.about is None else f"#{about_digest(note.about)}"
    owner = _NOTED_APART.get(note.type, _ORGANIZATION)
    return {
        "pk": text(f"{owner}#{note.organization_id}"),
        "sk": text(f"EVENT#{note.hour:010d}#NOTED#{note.reason}{about}"),
    }


def noted_key(note: OrganizationNote) -> Item:
    """The primary key of what the notes of one organization and hour are about, beside them."""
    return {"pk": note_key(note)["pk"], "sk": text(f"NOTED#{note.hour:010d}")}


def about_digest(about: str) -> str:
    """What stands in keys for what a note is about: 32 hexadecimal digits."""
    return hashlib.sha256(about.encode()).hexdigest()[:32]


def licenses_of(organization_id: str) -> str:
    """The partition of an organization's own licences in ``by_organization``."""
    return f"LICENSES#{organization_id}"


def temporary_licenses_of(organization_id: str) -> str:
    """The partition of an organization's temporary licences in ``by_organization``."""
    return f"TEMPORARY#{organization_id}"


def activity_of(organization_id: str) -> str:
    """The name of an organization's list of activity, for its cursors; no partition has it."""
    return f"ACTIVITY#{organization_id}"


ORGANIZATIONS: Final = "ORGANIZATIONS"
"""The partition of all organizations in ``by_organization``; their seats are written there, too."""


def organization_sort_key(organization_id: str) -> str:
    """An organization's place among all of them: by a checksum of its id, so evenly spread."""
    return f"{zlib.crc32(organization_id.encode()):08x}#{organization_id}"


def events_of(organization_id: str) -> str:
    """The partition of an organization's events in ``by_organization``: its feed (R33)."""
    return f"EVENTS#{organization_id}"


def license_sort_key(record: License) -> str:
    """A licence's place in ``by_organization``: ``state#issued_at#id``.

    A temporary one has ``end#id``, where a revoked one ended when it was revoked. Read backwards,
    the active ones come first and then the others, newest first (R25).
    """
    if record.term is None:
        return f"{record.state}#{record.issued_at:010d}#{record.id}"
    # One that was revoked after its end had ended before.
    ended = record.updated_at if record.state is State.REVOKED else record.term.expires_at
    return f"{min(ended, record.term.expires_at):010d}#{record.id}"


def feed_sort_key(key: StoredItem) -> str:
    """The place in the organization's feed of the event with primary key ``key``: by time."""
    return f"{history_sort_key(key)}#{key['pk']['S']}"


def names_like(name: str) -> str:
    """The partition in ``across_organizations`` of the names that begin as ``name`` does.

    There is one for each first character: no search needs two, and writes are spread.
    """
    return f"{NAMES}#{name[0]}"


def name_sort_key(name: str) -> str:
    """The place of a name there; several licences may have the same."""
    return name[:LONGEST_NAME]


def name_place(entry: StoredItem) -> str:
    """The place of an entry of names, by which it is told from those of the same name."""
    return f"{across_sort_key(entry)}#{id_of(entry)}"


def names_start(place: str) -> Item:
    """The ``ExclusiveStartKey`` of a query for names that goes on behind ``place``."""
    name, _, license_id = place.rpartition("#")
    return {
        **license_key(license_id),
        "across_pk": text(names_like(name)),
        "across_sk": text(name),
    }


def across_shard(kind: str, place: str) -> str:
    """The partition in ``across_organizations`` of the event of a type at a place of its feed."""
    return across_shard_name(kind, zlib.crc32(place.encode()) % ACROSS_SHARDS)


def across_shard_name(kind: str, shard: int) -> str:
    """The key of a type's partition there with this number, from 0."""
    return f"EVENTS#{kind}#{shard}"


def across_sort_key(entry: StoredItem) -> str:
    """The place of an entry of ``across_organizations``: of an event, that in its feed."""
    return entry["across_sk"]["S"]


def due_shard(id: str) -> str:
    """The partition of the due index that an organization or a licence belongs to (R23)."""
    # Not hash(): that differs from one process to the next.
    return due_shard_name(zlib.crc32(id.encode()) % DUE_SHARDS)


def due_shard_name(shard: int) -> str:
    """The key of the due index's partition with this number, from 0."""
    return f"DUE#{shard}"


def is_organization(item: StoredItem) -> bool:
    """Whether a stored item is an organization."""
    return item["sk"]["S"] == _ORGANIZATION


def is_license(item: StoredItem) -> bool:
    """Whether a stored item is a licence."""
    return item["sk"]["S"] == _LICENSE


def is_member(item: StoredItem) -> bool:
    """Whether a stored item is the count of a member's agents."""
    return item["sk"]["S"].startswith(_MEMBER)


def read_member(item: StoredItem) -> bytes:
    """The member whose agents an item counts."""
    return bytes.fromhex(item["sk"]["S"].removeprefix(_MEMBER))


def id_of(item: StoredItem) -> str:
    """The id of an item's licence, organization, pair or request, from its partition key."""
    return item["pk"]["S"].partition("#")[2]


def read_pair(item: StoredItem) -> bytes:
    """The pair that a claim is on."""
    return bytes.fromhex(id_of(item))


def read_cursor(cursor: str, partition: str, form: re.Pattern[str]) -> str:
    """The place that ``cursor`` names; ``form`` is what places in this list look like.

    Raises :class:`~licensing.domain.errors.InvalidInput` for a cursor of another list.
    """
    place = pagination.read_cursor(cursor, partition)
    if not form.fullmatch(place):
        raise pagination.foreign_cursor()
    return place


def span_of_times(since: int | None, before: int | None) -> tuple[str, str]:
    """The lower and upper bound of the places of events from ``since`` on and before ``before``.

    Epoch seconds; ``None`` sets no bound. A place goes on behind its time, so it equals neither.

    >>> span_of_times(1_900_000_000, None)
    ('1900000000', ':')
    """
    # ":" is the character behind "9": every place that begins with digits sorts before it.
    first = "0" if since is None else f"{min(since, _LATEST):010d}"
    return first, ":" if before is None else f"{min(before, _LATEST):010d}"


def read_cursor_within(
    cursor: str, partition: str, form: re.Pattern[str], span: tuple[str, str]
) -> str:
    """As :func:`read_cursor`, for a place within ``span``: no query can start outside its own.

    Raises :class:`~licensing.domain.errors.InvalidInput` for a cursor of another list or span.
    """
    place = read_cursor(cursor, partition, form)
    if not span[0] <= place <= span[1]:
        raise pagination.foreign_cursor()
    return place


def sort_key_of(entry: StoredItem) -> str:
    """The place of an entry of ``by_organization``."""
    return entry["org_sk"]["S"]


def state_in_sort_key(place: str) -> State:
    """The state of the licence at a place, see :func:`license_sort_key`."""
    return State(place.partition("#")[0])


def events_from(since: int) -> str:
    """The sort key in a history behind which the events since a time stand (epoch seconds)."""
    return f"EVENT#{feed_from(since)}"


def feed_from(since: int) -> str:
    """The place in a feed behind which the events since a time stand (epoch seconds)."""
    return f"{since:010d}"


def time_in_sort_key(place: str) -> int:
    """When the event at a place of the feed happened, in epoch seconds."""
    return int(place.partition("#")[0])


def is_refusal_sort_key(place: str) -> bool:
    """Whether the entry at a place of the feed is a folded refusal."""
    return place.partition("#")[2].startswith("REFUSED#")


def issued_at_in_sort_key(place: str) -> int:
    """When the licence at a place was issued, in epoch seconds."""
    return int(place.split("#")[1])


def license_start(partition: str, place: str) -> Item:
    """The ``ExclusiveStartKey`` of a query for licences that goes on behind ``place``."""
    return {
        **license_key(place.rpartition("#")[2]),
        "org_pk": text(partition),
        "org_sk": text(place),
    }


def feed_start(organization_id: str, place: str) -> Item:
    """The ``ExclusiveStartKey`` of a query of a feed that goes on behind ``place``."""
    entry, kind, owner = place.rsplit("#", 2)
    return {
        "pk": text(f"{kind}#{owner}"),
        "sk": text(f"EVENT#{entry}"),
        "org_pk": text(events_of(organization_id)),
        "org_sk": text(place),
    }


def history_start(license_id: str, place: str) -> Item:
    """The ``ExclusiveStartKey`` of a query of a history that goes on behind ``place``."""
    return {"pk": license_key(license_id)["pk"], "sk": text(f"EVENT#{place}")}


def history_sort_key(item: StoredItem) -> str:
    """The place of an event within its licence's history."""
    return item["sk"]["S"].removeprefix("EVENT#")
