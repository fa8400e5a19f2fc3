"""How records look in the table: the one place for keys and attribute names.

======================  =============================================  ==========================
record                  pk · sk                                        indexes
======================  =============================================  ==========================
licence                 ``LICENSE#id`` · ``LICENSE``                   by_organization
organization            ``ORGANIZATION#id`` · ``ORGANIZATION``         by_due, while due
pair claim              ``PAIR#hex`` · ``PAIR``
event of a licence      ``LICENSE#id`` · ``EVENT#at#revision#id``      by_organization
event of organization   ``ORGANIZATION#id`` · ``EVENT#at#version#id``  by_organization
folded refusal          ``LICENSE#id`` · ``EVENT#hour#REFUSED#why``    by_organization
======================  =============================================  ==========================

Uniqueness rests on the primary key of pair claims. Times are integer epoch seconds, padded to ten
digits inside keys, so that text order is time order.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from licensing.audit import Event, EventType, Fact, Facts, Origin, Refusal
from licensing.errors import InvalidInput
from licensing.license import License, Sighting, State
from licensing.machine import Machine
from licensing.organization import Organization, Subscription, SubscriptionStatus
from licensing.ports import Holders

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Value: TypeAlias = AttributeValueTypeDef
    Item: TypeAlias = dict[str, Value]
    StoredItem: TypeAlias = Mapping[str, Value]

BY_ORGANIZATION: Final = "by_organization"
BY_DUE: Final = "by_due"

DUE_SHARDS: Final = 8
"""Partitions of the due index. A constant, since a change would hide what is due already."""

_LICENSE: Final = "LICENSE"
_ORGANIZATION: Final = "ORGANIZATION"
_PAIR: Final = "PAIR"
_PLACE: Final = re.compile(rf"(?:{'|'.join(State)})#[0-9]{{10}}#lic_[0-9a-z]{{16}}")


def text(value: str) -> Value:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Value:
    """A number attribute."""
    return {"N": str(value)}


def binary(value: bytes) -> Value:
    """A binary attribute."""
    return {"B": value}


def license_key(license_id: str) -> Item:
    """Primary key of a licence."""
    return {"pk": text(f"{_LICENSE}#{license_id}"), "sk": text(_LICENSE)}


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


def refusal_key(refusal: Refusal) -> Item:
    """Primary key of a refusal's entry: the same for one licence, reason and hour (R32)."""
    return {
        "pk": license_key(refusal.license_id)["pk"],
        "sk": text(f"EVENT#{refusal.hour:010d}#REFUSED#{refusal.reason}"),
    }


def licenses_of(organization_id: str) -> str:
    """Partition of an organization's licences in ``by_organization``."""
    return f"LICENSES#{organization_id}"


def license_sort_key(record: License) -> str:
    """A licence's place in ``by_organization``: by state, then by time of issue."""
    return f"{record.state}#{record.issued_at:010d}#{record.id}"


def due_shard(organization_id: str) -> str:
    """The partition of the due index that an organization belongs to."""
    return due_shard_name(zlib.crc32(organization_id.encode()) % DUE_SHARDS)


def due_shard_name(shard: int) -> str:
    """The partition's key."""
    return f"DUE#{shard}"


def is_organization(item: StoredItem) -> bool:
    """Whether a stored item is an organization."""
    return item["sk"]["S"] == _ORGANIZATION


def id_of(item: StoredItem) -> str:
    """The id within a primary key."""
    return item["pk"]["S"].partition("#")[2]


# -- cursors ----------------------------------------------------------------------------------
#
# A cursor is an organization and a licence's place among its licences. The organization to read
# comes from the request each time, so a cursor cannot lead into another one; that it is named here
# shows when a cursor is used where it does not belong.


def write_cursor(entry: StoredItem) -> str:
    """The place of an index entry, opaque to callers."""
    name = f"{entry['org_pk']['S']}#{entry['org_sk']['S']}"
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str, organization_id: str) -> str:
    """The place that a cursor of this organization's names.

    Raises :class:`InvalidInput` for anything else.
    """
    try:
        name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise _foreign_cursor() from error
    place = name.removeprefix(f"{licenses_of(organization_id)}#")
    if place == name or not _PLACE.fullmatch(place):
        raise _foreign_cursor()
    return place


def state_of_place(place: str) -> State:
    """The state whose licences a place is among."""
    return State(place.partition("#")[0])


def key_of_place(organization_id: str, place: str) -> Item:
    """The index key to go on behind."""
    return {
        **license_key(place.rpartition("#")[2]),
        "org_pk": text(licenses_of(organization_id)),
        "org_sk": text(place),
    }


def _foreign_cursor() -> InvalidInput:
    return InvalidInput(
        "This cursor was not handed out here. Start without one.", pointer="/query/cursor"
    )


# -- licences ---------------------------------------------------------------------------------


def license_item(record: License) -> Item:
    """A new licence as a whole."""
    seen = record.last_seen
    item = {
        **license_key(record.id),
        "org_pk": text(licenses_of(record.organization_id)),
        "organization_id": text(record.organization_id),
        "environment": text(record.environment),
        "identity": binary(record.identity),
        "secret_version": number(record.secret_version),
        "issued_at": number(record.issued_at),
        "issued_by": text(record.issued_by),
        **present(license_attributes(record)),
    }
    return item if seen is None else {**item, **present(sighting_attributes(seen))}


def license_attributes(record: License) -> dict[str, Value | None]:
    """What a change of a licence may change; ``None`` is an attribute to remove."""
    machine = record.machine
    return {
        "org_sk": text(license_sort_key(record)),
        "state": text(record.state),
        "machine_id_hash": binary(machine.machine_id) if machine.machine_id else None,
        "mac_hashes": {"BS": list(machine.mac_addresses)} if machine.mac_addresses else None,
        "name_hash": binary(machine.computer_name) if machine.computer_name else None,
        "computer_name": _optional_text(record.computer_name),
        "primary": {"BOOL": record.primary},
        "agent_version": _optional_text(record.agent_version),
        "revision": number(record.revision),
        "updated_at": number(record.updated_at),
    }


def sighting_attributes(seen: Sighting) -> dict[str, Value | None]:
    """When an agent was last seen (R17)."""
    return {
        "seen_at": number(seen.at),
        "seen_version": _optional_text(seen.agent_version),
        "seen_from": _optional_text(seen.source_address),
    }


def read_license(item: StoredItem) -> License:
    """The licence that an item holds."""
    machine_id, name = item.get("machine_id_hash"), item.get("name_hash")
    macs = item.get("mac_hashes")
    return License(
        id=id_of(item),
        organization_id=item["organization_id"]["S"],
        environment=item["environment"]["S"],
        state=State(item["state"]["S"]),
        machine=Machine(
            machine_id=_bytes(machine_id["B"]) if machine_id else None,
            mac_addresses=tuple(sorted(_bytes(mac) for mac in macs["BS"])) if macs else (),
            computer_name=_bytes(name["B"]) if name else None,
        ),
        computer_name=_read_text(item, "computer_name"),
        identity=_bytes(item["identity"]["B"]),
        secret_version=_read_number(item, "secret_version"),
        primary=item["primary"]["BOOL"],
        issued_at=_read_number(item, "issued_at"),
        issued_by=item["issued_by"]["S"],
        agent_version=_read_text(item, "agent_version"),
        revision=_read_number(item, "revision"),
        updated_at=_read_number(item, "updated_at"),
        last_seen=(
            Sighting(
                _read_number(item, "seen_at"),
                _read_text(item, "seen_version"),
                _read_text(item, "seen_from"),
            )
            if "seen_at" in item
            else None
        ),
    )


# -- pair claims ------------------------------------------------------------------------------


def holders_value(holders: Holders) -> Value:
    """Who holds a pair, as a map of maps."""
    return {
        "M": {
            organization_id: {
                "M": {environment: text(holder) for environment, holder in licenses.items()}
            }
            for organization_id, licenses in holders.items()
        }
    }


def read_holders(item: StoredItem) -> Holders:
    """Who holds the pair of a claim."""
    return {
        organization_id: {environment: holder["S"] for environment, holder in licenses["M"].items()}
        for organization_id, licenses in item["holders"]["M"].items()
    }


def read_pair(item: StoredItem) -> bytes:
    """The pair that a claim is on."""
    return bytes.fromhex(id_of(item))


# -- organizations ----------------------------------------------------------------------------


def organization_item(organization: Organization, *, due_at: int) -> Item:
    """A new organization as a whole."""
    return {
        **organization_key(organization.id),
        "seats": number(organization.seats),
        **present(organization_attributes(organization, due_at=due_at)),
    }


def organization_attributes(
    organization: Organization, *, due_at: int | None
) -> dict[str, Value | None]:
    """What a change of an organization may change: everything but its seats (R6)."""
    return {
        "name": text(organization.name),
        "valid_until": number(organization.subscription.valid_until),
        "subscription_status": text(organization.subscription.status),
        "max_agents": _optional_number(organization.max_agents),
        "version": number(organization.version),
        "announced_days": _optional_number(organization.announced_days),
        "updated_at": number(organization.updated_at),
        **due_attributes(organization.id, due_at),
    }


def due_attributes(organization_id: str, due_at: int | None) -> dict[str, Value | None]:
    """An organization's place in ``by_due``: none, if it is never due."""
    return {
        "due_shard": text(due_shard(organization_id)) if due_at is not None else None,
        "due_at": _optional_number(due_at),
    }


def read_organization(item: StoredItem) -> Organization:
    """The organization that an item holds."""
    return Organization(
        id=id_of(item),
        name=item["name"]["S"],
        subscription=Subscription(
            _read_number(item, "valid_until"),
            SubscriptionStatus(item["subscription_status"]["S"]),
        ),
        max_agents=_read_optional_number(item, "max_agents"),
        seats=_read_number(item, "seats"),
        version=_read_number(item, "version"),
        announced_days=_read_optional_number(item, "announced_days"),
        updated_at=_read_number(item, "updated_at"),
    )


# -- events -----------------------------------------------------------------------------------


def event_item(event: Event) -> Item:
    """An audit event."""
    key = event_key(event)
    return {
        **key,
        "org_pk": text(_events_of(event.organization_id)),
        "org_sk": text(key["sk"]["S"].removeprefix("EVENT#")),
        "id": text(event.id),
        "type": text(event.type),
        "at": number(event.at),
        "organization_id": text(event.organization_id),
        "revision": number(event.revision),
        "after": _facts(event.after),
        **present(
            {
                "license_id": _optional_text(event.license_id),
                "before": _facts(event.before) if event.before is not None else None,
                "reason": _optional_text(event.reason),
                **_origin_attributes(event.origin),
            }
        ),
    }


def refusal_attributes(refusal: Refusal) -> dict[str, Value | None]:
    """A refusal's entry, apart from its count; the latest origin stands for all."""
    key = refusal_key(refusal)
    name = f"{key['pk']['S']}/{key['sk']['S']}"
    return {
        "org_pk": text(_events_of(refusal.organization_id)),
        "org_sk": text(f"{key['sk']['S'].removeprefix('EVENT#')}#{refusal.license_id}"),
        "id": text(f"evt_{hashlib.sha256(name.encode()).hexdigest()[:32]}"),
        "type": text(EventType.ACCESS_REFUSED),
        "at": number(refusal.hour),
        "last_at": number(refusal.at),
        "organization_id": text(refusal.organization_id),
        "license_id": text(refusal.license_id),
        "reason": text(refusal.reason),
        **_origin_attributes(refusal.origin),
    }


def _events_of(organization_id: str) -> str:
    return f"EVENTS#{organization_id}"


def _origin_attributes(origin: Origin) -> dict[str, Value | None]:
    return {
        "actor": {
            "M": {
                "kind": text(origin.actor.kind),
                "subject": text(origin.actor.subject),
                "roles": {"L": [text(role) for role in origin.actor.roles]},
            }
        },
        "request_id": text(origin.request_id),
        "source_address": _optional_text(origin.source_address),
        "origin_agent_version": _optional_text(origin.agent_version),
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
        case None:
            return {"NULL": True}


# -- attributes -------------------------------------------------------------------------------


def present(attributes: Mapping[str, Value | None]) -> Item:
    """The attributes that have a value: what a whole item is made of."""
    return {name: value for name, value in attributes.items() if value is not None}


def _optional_text(value: str | None) -> Value | None:
    return text(value) if value is not None else None


def _optional_number(value: int | None) -> Value | None:
    return number(value) if value is not None else None


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"a binary attribute of DynamoDB is bytes, not {type(value).__name__}")
    return value


def _read_text(item: StoredItem, name: str) -> str | None:
    return item[name]["S"] if name in item else None


def _read_number(item: StoredItem, name: str) -> int:
    return int(item[name]["N"])


def _read_optional_number(item: StoredItem, name: str) -> int | None:
    return _read_number(item, name) if name in item else None
