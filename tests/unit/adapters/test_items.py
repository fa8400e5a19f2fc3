"""Licences, organizations, claims and entries as items: the names and forms that are stored."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from licensing.adapters.dynamo import events, items
from licensing.adapters.dynamo.attributes import Part, Record
from licensing.adapters.dynamo.values import Item, present
from licensing.domain.audit import Actor, ActorKind, Event, EventType, Origin, RefusedAttempt
from licensing.domain.drift import Former, Past
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.key_history import KeyHistory
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import Changes, LastSeen, State
from licensing.domain.machine import Machine
from licensing.domain.organization import Policy
from licensing.domain.temporary_license import Term, TimeToLive
from tests.unit.samples import NOW, ORIGIN, license, organization

RECORDS: dict[Record[Any], set[str]] = {
    items.LICENSE: {"id"},
    items.ORGANIZATION: {"id"},
    items.CLAIM: set(),
    events.ENTRY: set(),
}
"""What is read from a table, and of it what stands in the key instead."""

HASHES = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))
LICENSE = license(
    # The addresses in the order in which they were seen.
    machine=Machine(
        HASHES[0],
        (HASHES[2], HASHES[1]),
        HASHES[2],
        (HASHES[1],),
        has_default_name=True,
        virtual_addresses=(HASHES[2],),
    ),
    past=Past(NOW - 50, (Former(HASHES[1], NOW - 50),), is_held=True, reported=(HASHES[0],)),
    identity=HASHES[0],
    issued_by_name="Alice Liddell",
    label="till",
    term=Term(TimeToLive.ONE_DAY, NOW + 86_400, "petra", "Petra Kern", "for the update"),
    device_key="k",
    added_by=HASHES[1],
    pending_key="p",
    lent_at=NOW - 60,
    last_seen=LastSeen(NOW, "4.5.0.0", "203.0.113.9", 0b101),
    chain=Chain(
        Link("now", NOW, NOW + 60),
        "203.0.113.9",
        is_presented=True,
        left=(Left("before", NOW - 60), Left("beside", NOW - 50, by_login=True)),
        returned_at=(NOW - 60, NOW - 50),
        question="asked",
    ),
    keys=KeyHistory(("first", "second"), (NOW - 70, NOW - 60)),
    proved_ms=NOW * 1000,
    leased_until=NOW + 60,
)
STORED_LICENSE: Item = {
    "pk": {"S": "LICENSE#lic_0123456789abcdef"},
    "sk": {"S": "LICENSE"},
    "org_pk": {"S": "TEMPORARY#acme"},
    "org_sk": {"S": "1900086400#lic_0123456789abcdef"},
    "due_shard": {"S": "DUE#2"},
    "due_at": {"N": "1900086400"},
    "organization_id": {"S": "acme"},
    "environment": {"S": "production"},
    "identity": {"B": HASHES[0]},
    "secret_version": {"N": "1"},
    "issued_at": {"N": "1900000000"},
    "issued_by": {"S": "alice"},
    "issued_by_name": {"S": "Alice Liddell"},
    "state": {"S": "active"},
    "machine_id_hash": {"B": HASHES[0]},
    "mac_hashes": {"BS": [HASHES[2] + b"\0", HASHES[1] + b"\1"]},
    "name_hash": {"B": HASHES[2]},
    "local_mac_hashes": {"BS": [HASHES[1]]},
    "name_is_default": {"BOOL": True},
    "virtual_mac_hashes": {"BS": [HASHES[2]]},
    "moved_at": {"N": "1899999950"},
    "former_components": {"M": {HASHES[1].hex(): {"N": "1899999950"}}},
    "moves_held": {"BOOL": True},
    "reported_machines": {"BS": [HASHES[0]]},
    "computer_name": {"S": "ACME-PC-01"},
    "primary": {"BOOL": False},
    "label": {"S": "till"},
    "is_exclusive": {"BOOL": True},
    "ttl_name": {"S": "1d"},
    "expires_at": {"N": "1900086400"},
    "holder": {"S": "petra"},
    "holder_name": {"S": "Petra Kern"},
    "note": {"S": "for the update"},
    "device_key": {"S": "k"},
    "pending_key": {"S": "p"},
    "lent_at": {"N": "1899999940"},
    "agent_version": {"S": "4.5.0.0"},
    "added_by": {"B": HASHES[1]},
    "revision": {"N": "1"},
    "updated_at": {"N": "1900000000"},
    "seen_at": {"N": "1900000000"},
    "seen_version": {"S": "4.5.0.0"},
    "seen_from": {"S": "203.0.113.9"},
    "seen_hours": {"B": bytes(21) + b"\x05"},
    "lease_id": {"S": "now"},
    "leased_at": {"N": "1900000000"},
    "leased_to": {"N": "1900000060"},
    "asked": {"S": "asked"},
    "leased_from": {"S": "203.0.113.9"},
    "presented": {"BOOL": True},
    "left_leases": {
        "L": [
            {"M": {"id": {"S": "before"}, "at": {"N": "1899999940"}}},
            {"M": {"id": {"S": "beside"}, "at": {"N": "1899999950"}, "by_login": {"BOOL": True}}},
        ]
    },
    "returned_at": {"L": [{"N": "1899999940"}, {"N": "1899999950"}]},
    "former_device_keys": {"L": [{"S": "first"}, {"S": "second"}]},
    "device_key_came_back_at": {"L": [{"N": "1899999930"}, {"N": "1899999940"}]},
    "proved_ms": {"N": "1900000000000"},
    "leased_until": {"N": "1900000060"},
}
ORGANIZATION = organization(
    max_agents=5,
    seats=3,
    announced_days=7,
    policy=Policy(require_device_key=True, lock_device_keys=True, agents_per_member=2),
)
STORED_ORGANIZATION: Item = {
    "pk": {"S": "ORGANIZATION#acme"},
    "sk": {"S": "ORGANIZATION"},
    "org_pk": {"S": "ORGANIZATIONS"},
    "org_sk": {"S": "05c4ba3e#acme"},
    "seats": {"N": "3"},
    "name": {"S": "Acme"},
    "valid_until": {"N": "1931536000"},
    "subscription_status": {"S": "active"},
    "max_agents": {"N": "5"},
    "version": {"N": "1"},
    "billing_version": {"N": "0"},
    "announced_days": {"N": "7"},
    "require_device_key": {"BOOL": True},
    "block_clones": {"BOOL": False},
    "lock_device_keys": {"BOOL": True},
    "agents_per_member": {"N": "2"},
    "updated_at": {"N": "1900000000"},
    "due_shard": {"S": "DUE#6"},
    "due_at": {"N": "1900000000"},
}
EVENT = Event(
    id=f"evt_{0:032x}",
    type=EventType.LICENSE_DETACHED,
    at=NOW,
    organization_id="acme",
    license_id=LICENSE.id,
    revision=2,
    origin=Origin(
        actor=Actor(ActorKind.USER, "alice", ("member",), "Alice Liddell"),
        request_id="request-1",
        source_address="203.0.113.9",
        agent_version="4.5.0.0",
    ),
    before={"state": "active"},
    after={"state": "detached", "label": None, "primary": True, "expires_at": 5},
    reason="stolen",
    components=("machine_id",),
    other_address="203.0.113.10",
    computer_name="ACME-PC-02",
)
STORED_EVENT: Item = {
    "pk": {"S": "LICENSE#lic_0123456789abcdef"},
    "sk": {"S": f"EVENT#1900000000#0000000002#evt_{0:032x}"},
    "org_pk": {"S": "EVENTS#acme"},
    "org_sk": {"S": f"1900000000#0000000002#evt_{0:032x}#LICENSE#lic_0123456789abcdef"},
    "id": {"S": f"evt_{0:032x}"},
    "type": {"S": "LicenseDetached"},
    "at": {"N": "1900000000"},
    "organization_id": {"S": "acme"},
    "license_id": {"S": "lic_0123456789abcdef"},
    "revision": {"N": "2"},
    "before": {"M": {"state": {"S": "active"}}},
    "after": {
        "M": {
            "state": {"S": "detached"},
            "label": {"NULL": True},
            "primary": {"BOOL": True},
            "expires_at": {"N": "5"},
        }
    },
    "reason": {"S": "stolen"},
    "components": {"L": [{"S": "machine_id"}]},
    "other_address": {"S": "203.0.113.10"},
    "computer_name": {"S": "ACME-PC-02"},
    "moved": {"S": "active>detached"},
    "actor": {
        "M": {
            "kind": {"S": "user"},
            "subject": {"S": "alice"},
            "roles": {"L": [{"S": "member"}]},
            "name": {"S": "Alice Liddell"},
        }
    },
    "request_id": {"S": "request-1"},
    "source_address": {"S": "203.0.113.9"},
    "origin_agent_version": {"S": "4.5.0.0"},
}
REFUSAL = RefusedAttempt(
    license_id=LICENSE.id,
    organization_id="acme",
    reason="why",
    at=NOW,
    origin=ORIGIN,
    license_computer_name="ACME-PC-01",
    computer_name="ACME-PC-02",
)


def tables(record: Record[Any]) -> Iterator[Record[Any]]:
    """A table and those of its parts."""
    yield record
    for row in record.rows:
        if isinstance(row, Part):
            yield from tables(row.record)


# -- all fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_has_its_row(record: Record[Any]) -> None:
    for table in tables(record):
        assert isinstance(table.make, type)
        in_key = RECORDS[record] if table is record else set()
        rows = sorted([*(row.field for row in table.rows), *in_key])
        # A field that two values are not compared by is of the request alone.
        stored = [field.name for field in dataclasses.fields(table.make) if field.compare]
        assert rows == sorted(stored)


@pytest.mark.parametrize("record", RECORDS)
def test_no_two_rows_have_one_name(record: Record[Any]) -> None:
    assert len(record.names) == len(set(record.names))


def test_what_may_change_of_a_license_is_written_when_it_changes() -> None:
    fields = {**Changes.__annotations__, "revision": int, "updated_at": int}
    rows = [row for row in items.LICENSE.rows if row.field in fields]
    names = {*Record(dict, *rows).names, "org_sk", "due_shard", "due_at", "across_pk", "across_sk"}
    assert items.license_attributes(LICENSE).keys() == names


# -- as they are stored ----------------------------------------------------------------------------


def test_a_license_is_stored_under_these_names() -> None:
    assert items.license_item(LICENSE) == STORED_LICENSE
    assert items.read_license(STORED_LICENSE) == LICENSE


def test_an_organization_is_stored_under_these_names() -> None:
    assert items.organization_item(ORGANIZATION, due_at=NOW) == STORED_ORGANIZATION
    assert items.read_organization(STORED_ORGANIZATION) == ORGANIZATION


def test_r06_seats_are_not_what_a_change_of_an_organization_writes() -> None:
    written = items.organization_attributes(ORGANIZATION, due_at=NOW)
    assert STORED_ORGANIZATION.keys() - written.keys() == {"pk", "sk", "org_pk", "org_sk", "seats"}


def test_a_claim_is_stored_under_these_names() -> None:
    stored = items.claim_item(b"\x01\x02", LICENSE)
    assert stored == {
        "pk": {"S": "PAIR#0102"},
        "sk": {"S": "PAIR"},
        "holders": {"M": {"acme": {"M": {"production": {"S": "lic_0123456789abcdef"}}}}},
        "is_exclusive": {"BOOL": True},
    }
    assert items.read_claim(stored).holders == {"acme": {"production": LICENSE.id}}


def test_a_request_that_counts_once_is_stored_under_these_names() -> None:
    request = KeyedRequest("0102", b"digest", LICENSE.id, NOW)
    stored = items.request_item(request)
    assert stored == {
        "pk": {"S": "REQUEST#0102"},
        "sk": {"S": "REQUEST"},
        "content": {"B": b"digest"},
        "license_id": {"S": "lic_0123456789abcdef"},
        "ends_at": {"N": str(NOW)},
        "ttl": {"N": str(NOW)},
    }
    assert items.read_request(stored) == request


def test_an_event_is_stored_under_these_names() -> None:
    assert events.event_item(EVENT) == STORED_EVENT
    read = dataclasses.asdict(events.read_event(STORED_EVENT))
    of_hours = {"times": None, "last_at": None, "readings": (), "license_computer_name": None}
    assert read == {**dataclasses.asdict(EVENT), **of_hours}


def test_r32_a_refusal_is_stored_as_its_hour_and_never_says_what_only_a_change_does() -> None:
    stored = present(events.refusal_attributes(REFUSAL))
    assert stored["at"] == {"N": str(NOW - NOW % 3600)}
    assert stored["last_at"] == {"N": str(NOW)}
    of_changes = {"revision", "before", "after", "components", "moved", "times"}
    assert not events.refusal_attributes(REFUSAL).keys() & of_changes
    entry = events.read_event({**stored, "times": {"N": "2"}})
    assert (entry.computer_of_license, entry.computer_name) == ("ACME-PC-01", "ACME-PC-02")
    assert (entry.times, entry.at, entry.happened_at) == (2, REFUSAL.hour, NOW)
    assert (entry.revision, entry.before, entry.after, entry.components) == (None, None, None, ())


def test_an_actor_without_a_name_is_stored_without_one() -> None:
    (actor,) = (stored["M"] for stored in [events.refusal_attributes(REFUSAL)["actor"]] if stored)
    assert actor.keys() == {"kind", "subject", "roles"}


# -- what is not there -----------------------------------------------------------------------------


def test_an_older_license_is_read_as_what_it_meant() -> None:
    older = {
        name: value
        for name, value in STORED_LICENSE.items()
        if name
        not in {
            *("seen_hours", "leased_at", "leased_to", "presented", "left_leases"),
            *("returned_at", "proved_ms", "added_by", "issued_by_name", "holder_name", "note"),
        }
    }
    record = items.read_license(older)
    assert record.last_seen is not None
    assert record.last_seen.hours == 1
    # A lease that is over: it is presented in the next question, which is granted the next.
    assert record.chain.link == Link("now", 0, 0)
    assert not record.chain.is_presented
    assert record.proved_ms == 0
    assert record.counted_for is None, "it counts as nobody's (R38)"


def test_an_older_organization_demands_nothing() -> None:
    older = {
        name: value
        for name, value in STORED_ORGANIZATION.items()
        if name
        not in {"require_device_key", "block_clones", "lock_device_keys", "agents_per_member"}
    }
    assert items.read_organization(older).policy == Policy()


def test_what_a_license_has_no_longer_is_removed() -> None:
    bare = license(machine=Machine(None, (), None), computer_name=None, agent_version=None)
    removed = {name for name, value in items.license_attributes(bare).items() if value is None}
    assert removed == {
        *("across_pk", "across_sk"),
        *("due_shard", "due_at", "machine_id_hash", "mac_hashes", "name_hash", "computer_name"),
        *(
            "label",
            "ttl_name",
            "expires_at",
            "holder",
            "holder_name",
            "note",
            "agent_version",
            "added_by",
        ),
        *("device_key", "pending_key", "lent_at", "former_device_keys", "device_key_came_back_at"),
        *("local_mac_hashes", "name_is_default", "virtual_mac_hashes"),
    }
    assert set(items.past_attributes(bare).values()) == {None}
    assert set(items.chain_attributes(bare).values()) == {None}
    assert items.proof_attributes(bare) == {"proved_ms": None}
    assert items.lease_end_attributes(bare) == {"leased_until": None}


def test_a_license_in_no_known_state_is_not_read() -> None:
    with pytest.raises(KeyError, match="lost"):
        items.read_license({**STORED_LICENSE, "state": {"S": "lost"}})
    assert "lost" not in list(State)
