"""What must be true of the whole table whenever nothing is in flight, whatever happened before.

Seats and the counts of members' agents are exact (R6, R38), claims are those of the bound licences
and of nobody else (R4, R10), and the events tell every change once, in an unbroken chain (R32).
Reads a full scan, trusts no index.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.values import present
from licensing.domain.audit import EventType
from licensing.domain.environment import normal
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.license import License
from licensing.domain.machine_claims import Claim
from licensing.domain.organization import Organization
from licensing.usecases.note_refusal import MACHINES_PER_HOUR

Item = Mapping[str, Any]

_CHANGES = {
    EventType.ORGANIZATION_CREATED,
    EventType.SUBSCRIPTION_CHANGED,
    EventType.ORGANIZATION_UPDATED,
}


def assert_consistent(scanned: Iterable[Item]) -> None:
    """Check every rule that ties items of the table to each other."""
    organizations: list[Organization] = []
    licenses: list[License] = []
    claims: dict[bytes, Claim] = {}
    added: Counter[tuple[str, bytes]] = Counter()
    requests: list[KeyedRequest] = []
    events: dict[str, list[Item]] = defaultdict(list)
    for item in scanned:
        _assert_shard(item)
        kind = item["sk"]["S"].partition("#")[0]
        if kind == "ORGANIZATION":
            organizations.append(items.read_organization(item))
        elif kind == "LICENSE":
            licenses.append(items.read_license(item))
            assert item["org_sk"]["S"] == schema.license_sort_key(licenses[-1])
            _assert_findable(licenses[-1], item)
        elif kind == "PAIR":
            claims[schema.read_pair(item)] = items.read_claim(item)
        elif kind == "MEMBER":
            member = schema.id_of(item), schema.read_member(item)
            added[member] = items.read_agents(item)
        elif kind == "REQUEST":
            requests.append(items.read_request(item))
        elif kind in ("PROOF", "NOTED"):
            _assert_passing(kind, item)
        else:
            assert kind == "EVENT", item
            events[item["pk"]["S"]].append(item)

    assert {request.license_id for request in requests} <= {record.id for record in licenses}
    bound = [record for record in licenses if record.is_bound]
    _assert_seats(organizations, bound)
    _assert_added(added, bound)
    _assert_claims(claims, bound)
    known = {schema.organization_key(one.id)["pk"]["S"] for one in organizations}
    known |= {f"{kind}#{one.id}" for one in organizations for kind in ("READS", "REFUSED")}
    for record in licenses:
        partition = schema.license_key(record.id)["pk"]["S"]
        _assert_history(record, events[partition])
        known.add(partition)
    for organization in organizations:
        partition = schema.organization_key(organization.id)["pk"]["S"]
        _assert_changes(organization, events[partition])
    assert events.keys() <= known, f"events of nothing: {events.keys() - known}"


def _assert_shard(item: Item) -> None:
    """What is due is in the shard that follows from its id, where the sweep looks for it."""
    if "due_at" in item or "due_shard" in item:
        assert item["due_shard"]["S"] == schema.due_shard(schema.id_of(item)), item


def _assert_findable(record: License, item: Item) -> None:
    """A search of all organizations finds a licence by the name that it has, or not at all."""
    named = present(items.name_attributes(record))
    assert {name: item[name] for name in item if name.startswith("across_")} == named, item


def _assert_passing(kind: str, item: Item) -> None:
    """What counts for a while alone says nothing but that."""
    own = {"PROOF": "used_by", "NOTED": "noted"}[kind]
    assert item.keys() == {"pk", "sk", own, "ttl"}, item
    assert kind == "PROOF" or len(item[own]["SS"]) <= MACHINES_PER_HOUR, item


def _assert_seats(organizations: Iterable[Organization], bound: Iterable[License]) -> None:
    counted = {organization.id: organization.seats for organization in organizations}
    expected = dict.fromkeys(counted, 0)
    for record in bound:
        expected[record.organization_id] += 1
    assert counted == expected, f"seats are {counted}, bound licences {expected}"


def _assert_added(counted: Counter[tuple[str, bytes]], bound: Iterable[License]) -> None:
    expected = Counter(
        (record.organization_id, record.added_by) for record in bound if record.added_by is not None
    )
    # A member whose agents have all gone keeps a counter, at zero.
    assert counted == expected, f"members have added {counted}, of what is bound {expected}"


def _assert_claims(claims: Mapping[bytes, Claim], bound: Iterable[License]) -> None:
    expected: dict[bytes, dict[str, dict[str, str]]] = {}
    closed = {pair for pair, claim in claims.items() if claim.exclusive}
    for record in bound:
        for pair in record.machine.pairs():
            holders = expected.setdefault(pair, {})
            environments = holders.setdefault(record.organization_id, {})
            environment = normal(record.environment)
            assert environment not in environments, (
                f"one agent, two licences: {environments[environment]} and {record.id}"
            )
            environments[environment] = record.id
        if record.exclusive:
            assert record.machine.pairs() <= closed, f"{record.id}: its machine is open"
    leaked = {pair.hex(): claims[pair] for pair in claims.keys() - expected.keys()}
    assert not leaked, f"claims without a licence: {leaked}"
    held = {pair: claim.holders for pair, claim in claims.items()}
    assert held == expected, "claims are not those of the bound licences"


def _assert_history(record: License, events: Iterable[Item]) -> None:
    """One event for each revision, each going on where the one before it ended."""
    changes = sorted(
        (event for event in events if "after" in event),  # but refusals and signs of a clone
        key=lambda event: int(event["revision"]["N"]),
    )
    revisions = [int(event["revision"]["N"]) for event in changes]
    assert revisions == list(range(1, record.revision + 1)), (
        f"{record.id} is at revision {record.revision}, its events are {revisions}"
    )
    first = EventType.TEMPORARY_LICENSE_GENERATED if record.term else EventType.LICENSE_ISSUED
    assert changes[0]["type"]["S"] == first
    for earlier, later in pairwise(changes):
        assert later["before"] == earlier["after"], f"{record.id}: a change nobody recorded"
    assert changes[-1]["after"]["M"]["state"]["S"] == record.state


def _assert_changes(organization: Organization, events: Iterable[Item]) -> None:
    """One event for each version, and each end announced at most once for as long as it stays."""
    ends: dict[int, str] = {}
    announced: list[tuple[int, str]] = []
    for event in events:
        if "after" not in event:
            continue  # a note: it changes nothing
        version = int(event["revision"]["N"])
        after = event["after"]["M"]
        if event["type"]["S"] in _CHANGES:
            assert version not in ends, f"{organization.id}: two changes to version {version}"
            ends[version] = after["valid_until"]["N"]
        else:
            assert event["type"]["S"] == EventType.SUBSCRIPTION_ENDING, event
            announced.append((version, after["announced_days"]["N"]))
    assert sorted(ends) == list(range(1, organization.version + 1)), (
        f"{organization.id} is at version {organization.version}, its events are {sorted(ends)}"
    )
    since = {1: 1}  # the version that brought the end which each version has
    for version in range(2, organization.version + 1):
        same = ends[version] == ends[version - 1]
        since[version] = since[version - 1] if same else version
    each = [(since[version], days) for version, days in announced]
    assert len(each) == len(set(each)), f"announced twice: {announced}"
