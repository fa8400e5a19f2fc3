"""Licences, organizations, claims and requests as items: the tables of their attributes.

A field that is stored is a row here, the one place for its name. Where records stand in the table
and in its indexes is the schema's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from licensing.adapters.dynamo.attributes import (
    Attributes,
    Record,
    added,
    always,
    optional,
    optional_part,
    part,
)
from licensing.adapters.dynamo.schema import (
    ORGANIZATIONS,
    due_shard,
    id_of,
    issued_at_in_sort_key,
    license_key,
    license_sort_key,
    licenses_of,
    name_sort_key,
    names_like,
    organization_key,
    organization_sort_key,
    pair_key,
    proof_key,
    request_key,
    sort_key_of,
    temporary_licenses_of,
)
from licensing.adapters.dynamo.values import (
    BYTES,
    FLAG,
    NUMBER,
    TEXT,
    WRITTEN,
    Item,
    Kind,
    StoredItem,
    Value,
    number,
    one_of,
    present,
    read_bytes,
    read_text,
    text,
)
from licensing.domain import environment as environments
from licensing.domain.drift import Former, Past
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.key_history import KeyHistory
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import SEEN_HOURS, LastSeen, License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import Claim
from licensing.domain.organization import Organization, Policy, Subscription, SubscriptionStatus
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.filters import AgentActivity, LicenseSummary, OrganizationSummary
from licensing.usecases.pagination import by_text
from licensing.usecases.ports import ProofUse

# -- licences --------------------------------------------------------------------------------------

_HASHES: Final[Kind[tuple[bytes, ...]]] = Kind(
    "BS", list, lambda hashes: tuple(sorted(map(read_bytes, hashes)))
)
_HASH_BYTES: Final = 16


def _in_order(hashes: tuple[bytes, ...]) -> list[bytes]:
    # A set has no order: where it matters, each hash has its place behind it.
    if list(hashes) == sorted(hashes):
        return list(hashes)
    return [digest + bytes([place]) for place, digest in enumerate(hashes)]


def _read_in_order(hashes: Iterable[object]) -> tuple[bytes, ...]:
    placed = sorted(map(read_bytes, hashes), key=lambda octets: (octets[_HASH_BYTES:], octets))
    return tuple(octets[:_HASH_BYTES] for octets in placed)


_ORDERED_HASHES: Final[Kind[tuple[bytes, ...]]] = Kind("BS", _in_order, _read_in_order)
_FORMER: Final[Kind[tuple[Former, ...]]] = Kind(
    "M",
    lambda former: {one.component.hex(): number(one.left_at) for one in former},
    lambda former: tuple(
        sorted(
            (Former(bytes.fromhex(name), int(at["N"])) for name, at in former.items()),
            key=lambda one: (-one.left_at, one.component),
        )
    ),
)
_HOURS: Final[Kind[int]] = Kind(
    "B",
    lambda hours: hours.to_bytes(SEEN_HOURS // 8, "big"),
    lambda octets: int.from_bytes(read_bytes(octets), "big"),
)

_MACHINE: Final = Record(
    Machine,
    optional("machine_id_hash", BYTES, field="machine_id"),
    optional("mac_hashes", _ORDERED_HASHES, field="mac_addresses", none=()),
    optional("name_hash", BYTES, field="computer_name"),
    optional("local_mac_hashes", _HASHES, field="local_addresses", none=()),
    optional("name_is_default", FLAG, field="has_default_name", none=False),
    optional("virtual_mac_hashes", _HASHES, field="virtual_addresses", none=()),
)
_PAST: Final = Record(
    Past,
    optional("moved_at", NUMBER, none=0),
    optional("former_components", _FORMER, field="former", none=()),
    optional("moves_held", FLAG, field="is_held", none=False),
    optional("reported_machines", _ORDERED_HASHES, field="reported", none=()),
)
_TERM: Final = Record(
    Term,
    always("ttl_name", one_of(TimeToLive), field="ttl"),
    always("expires_at", NUMBER),
    optional("holder", TEXT),
    optional("holder_name", WRITTEN),
    optional("note", WRITTEN),
)
_LAST_SEEN: Final = Record(
    LastSeen,
    always("seen_at", NUMBER, field="at"),
    optional("seen_version", TEXT, field="agent_version"),
    optional("seen_from", TEXT, field="source_address"),
    added("seen_hours", _HOURS, field="hours", older=1),
)
_LEFT_HEAD: Final = Record(
    Left,
    always("id", TEXT),
    always("at", NUMBER),
    optional("by_login", FLAG, none=False),
)
_LEFT: Final[Kind[tuple[Left, ...]]] = Kind(
    "L",
    lambda left: [{"M": present(_LEFT_HEAD.write(one))} for one in left],
    lambda left: tuple(_LEFT_HEAD.read(one["M"]) for one in left),
)
_INSTANTS: Final[Kind[tuple[int, ...]]] = Kind(
    "L",
    lambda instants: [number(at) for at in instants],
    lambda instants: tuple(int(at["N"]) for at in instants),
)
_TEXTS: Final[Kind[tuple[str, ...]]] = Kind(
    "L",
    lambda texts: [text(one) for one in texts],
    lambda texts: tuple(one["S"] for one in texts),
)
_LINK: Final = Record(
    Link,
    always("lease_id", TEXT, field="id"),
    added("leased_at", NUMBER, field="issued_at", older=0),
    # One that is over: it is presented in the next question.
    added("leased_to", NUMBER, field="expires_at", older=0),
)
_CHAIN: Final = Record(
    Chain,
    optional_part("link", _LINK),
    optional("asked", TEXT, field="question"),
    optional("leased_from", TEXT, field="source_address"),
    optional("presented", FLAG, field="is_presented", none=False),
    optional("left_leases", _LEFT, field="left", none=()),
    optional("returned_at", _INSTANTS, none=()),
)
_KEYS: Final = Record(
    KeyHistory,
    optional("former_device_keys", _TEXTS, field="former", none=()),
    optional("device_key_came_back_at", _INSTANTS, field="came_back_at", none=()),
)

# Fixed at its issue.
_ISSUED: Final = (
    always("organization_id", TEXT),
    always("environment", TEXT),
    always("identity", BYTES),
    always("secret_version", NUMBER),
    always("issued_at", NUMBER),
    always("issued_by", TEXT),
    optional("issued_by_name", WRITTEN),
)
# What a change may change.
_CHANGED: Final = (
    always("state", one_of(State)),
    part("machine", _MACHINE),
    optional("computer_name", WRITTEN),
    always("primary", FLAG),
    optional("label", WRITTEN),
    always("is_exclusive", FLAG, field="exclusive"),
    optional_part("term", _TERM),
    optional("device_key", TEXT),
    part("keys", _KEYS),
    optional("pending_key", TEXT),
    optional("lent_at", NUMBER, none=0),
    optional("agent_version", TEXT),
    optional("added_by", BYTES),
    always("revision", NUMBER),
    always("updated_at", NUMBER),
)
# Traces of its use, which move without a revision: each is written when it does.
_SEEN: Final = optional_part("last_seen", _LAST_SEEN)
_LEASED: Final = part("chain", _CHAIN)
_PROVED: Final = optional("proved_ms", NUMBER, none=0)
_LEASED_UNTIL: Final = optional("leased_until", NUMBER, none=0)
_HAS_CHANGED: Final = part("past", _PAST)

LICENSE: Final = Record(
    License, *_ISSUED, *_CHANGED, _SEEN, _LEASED, _PROVED, _LEASED_UNTIL, _HAS_CHANGED
)
_LICENSE_CHANGES: Final = Attributes[License](*_CHANGED)
_LICENSE_SUMMARY: Final = LICENSE.only(
    LicenseSummary, "environment", "computer_name", "label", "primary", "state", "device_key"
)
_CHAIN_MOVES: Final = Attributes[License](_LEASED)
_PROOFS: Final = Attributes[License](_PROVED)
_LEASE_ENDS: Final = Attributes[License](_LEASED_UNTIL)
_PASTS: Final = Attributes[License](_HAS_CHANGED)


def license_item(record: License) -> Item:
    """A new licence as a whole."""
    partition_of = licenses_of if record.term is None else temporary_licenses_of
    return {
        **license_key(record.id),
        "org_pk": text(partition_of(record.organization_id)),
        "org_sk": text(license_sort_key(record)),
        **present(name_attributes(record)),
        **present(due_attributes(record.id, record.due_at)),
        **present(LICENSE.write(record)),
    }


def license_attributes(record: License) -> dict[str, Value | None]:
    """What a change of a licence may change; ``None`` is an attribute to remove."""
    attributes = _LICENSE_CHANGES.write(record)
    attributes["org_sk"] = text(license_sort_key(record))
    attributes |= name_attributes(record)
    attributes |= due_attributes(record.id, record.due_at)
    return attributes


def name_attributes(record: License) -> dict[str, Value | None]:
    """A licence's place in ``across_organizations``, by the name of its computer.

    A temporary one has none: whose computer that is, only its own list tells (R28).
    """
    name = by_text(record.computer_name)
    if not name or record.term is not None:
        return {"across_pk": None, "across_sk": None}
    return {"across_pk": text(names_like(name)), "across_sk": text(name_sort_key(name))}


def last_seen_attributes(seen: LastSeen) -> dict[str, Value | None]:
    """When an agent was last seen (R17)."""
    return _LAST_SEEN.write(seen)


def chain_attributes(record: License) -> dict[str, Value | None]:
    """Where the chain of a licence's leases stands."""
    return _CHAIN_MOVES.write(record)


def proof_attributes(record: License) -> dict[str, Value | None]:
    """How new the last proof of a licence's device key was: nothing while there was none."""
    return _PROOFS.write(record)


def lease_end_attributes(record: License) -> dict[str, Value | None]:
    """When the longest lease of a licence ends."""
    return _LEASE_ENDS.write(record)


def past_attributes(record: License) -> dict[str, Value | None]:
    """What a licence remembers of how its machine has changed (R11)."""
    return _PASTS.write(record)


def read_license(item: StoredItem) -> License:
    """The licence that an item holds."""
    return LICENSE.read(item, id=id_of(item))


LICENSE_PLACE: Final = ("pk", "org_sk")
"""The attributes that tell which licence an entry of the index is of, and its place there."""


LICENSE_SUMMARY: Final = (
    *LICENSE_PLACE,
    "state",
    "environment",
    "computer_name",
    "label",
    "primary",
    "device_key",
)
"""The attributes that a :class:`LicenseSummary` is read from."""


def read_license_summary(entry: StoredItem) -> LicenseSummary:
    """What the index tells of a licence."""
    issued_at = issued_at_in_sort_key(sort_key_of(entry))
    return _LICENSE_SUMMARY.read(entry, id=id_of(entry), issued_at=issued_at)


LAST_SEEN: Final = ("pk", "seen_at", "seen_hours")
"""The attributes that tell when an agent was seen."""


def read_last_seen(item: StoredItem) -> LastSeen | None:
    """When the agent of the licence that an item holds was last seen."""
    return _LAST_SEEN.read_optional(item)


ACTIVITY: Final = ("pk", "agent_version", "seen_at", "seen_version")
"""The attributes that an :class:`AgentActivity` is read from."""


def read_agent_activity(item: StoredItem) -> AgentActivity:
    """What a licence tells of its agent: the version that it was last seen with counts."""
    seen = read_last_seen(item)
    return AgentActivity(
        (seen.agent_version if seen else None) or read_text(item, "agent_version"),
        seen.at if seen else None,
    )


# -- organizations ---------------------------------------------------------------------------------

_SUBSCRIPTION: Final = Record(
    Subscription,
    always("valid_until", NUMBER),
    always("subscription_status", one_of(SubscriptionStatus), field="status"),
)
_POLICY: Final = Record(
    Policy,
    added("require_device_key", FLAG, older=False),
    added("block_clones", FLAG, older=False),
    added("lock_device_keys", FLAG, older=False),
    optional("agents_per_member", NUMBER),
)

# Counted by the changes of its licences (R6).
_SEATS: Final = always("seats", NUMBER)
# What its own changes may change.
_GOVERNED: Final = (
    always("name", WRITTEN),
    part("subscription", _SUBSCRIPTION),
    optional("max_agents", NUMBER),
    always("version", NUMBER),
    always("billing_version", NUMBER),
    optional("billing_digest", TEXT),
    optional("announced_days", NUMBER),
    part("policy", _POLICY),
    always("updated_at", NUMBER),
)

ORGANIZATION: Final = Record(Organization, _SEATS, *_GOVERNED)
_ORGANIZATION_CHANGES: Final = Attributes[Organization](*_GOVERNED)
_ORGANIZATION_SUMMARY: Final = ORGANIZATION.only(
    OrganizationSummary, "name", "subscription", "seats", "max_agents"
)


def organization_item(organization: Organization, *, due_at: int) -> Item:
    """A new organization as a whole."""
    return {
        **organization_key(organization.id),
        "org_pk": text(ORGANIZATIONS),
        "org_sk": text(organization_sort_key(organization.id)),
        **present(ORGANIZATION.write(organization)),
        **present(due_attributes(organization.id, due_at)),
    }


def organization_attributes(
    organization: Organization, *, due_at: int | None
) -> dict[str, Value | None]:
    """What a change of an organization may change: everything but its seats (R6)."""
    return _ORGANIZATION_CHANGES.write(organization) | due_attributes(organization.id, due_at)


def read_organization(item: StoredItem) -> Organization:
    """The organization that an item holds."""
    return ORGANIZATION.read(item, id=id_of(item))


ORGANIZATION_SUMMARY: Final = (
    "pk",
    "name",
    "valid_until",
    "subscription_status",
    "seats",
    "max_agents",
)
"""The attributes that an :class:`OrganizationSummary` is read from."""


def read_organization_summary(entry: StoredItem) -> OrganizationSummary:
    """What the index tells of an organization."""
    return _ORGANIZATION_SUMMARY.read(entry, id=id_of(entry))


def due_attributes(id: str, due_at: int | None) -> dict[str, Value | None]:
    """A record's place in ``by_due``: none, if it is never due."""
    if due_at is None:
        return {"due_shard": None, "due_at": None}
    return {"due_shard": text(due_shard(id)), "due_at": number(due_at)}


# -- members ---------------------------------------------------------------------------------------


def read_agents(item: StoredItem) -> int:
    """How many bound licences a member has added: counted by the changes of these (R38)."""
    return int(item["agents"]["N"])


# -- claims ----------------------------------------------------------------------------------------

Holders = Mapping[str, Mapping[str, str]]
"""Who holds a pair: organization id → environment → licence id."""


def _holders(holders: Holders) -> Item:
    return {
        organization_id: {
            "M": {environment: text(holder) for environment, holder in licenses.items()}
        }
        for organization_id, licenses in holders.items()
    }


def _read_holders(holders: StoredItem) -> Holders:
    return {
        organization_id: {environment: holder["S"] for environment, holder in licenses["M"].items()}
        for organization_id, licenses in holders.items()
    }


CLAIM: Final = Record(
    Claim,
    always("holders", Kind("M", _holders, _read_holders)),
    always("is_exclusive", FLAG, field="exclusive"),
)


def claim_item(pair: bytes, record: License) -> Item:
    """A licence's claim on a pair that nobody has held so far."""
    holders = {record.organization_id: {slot_of(record): record.id}}
    claim = Claim(holders, exclusive=record.exclusive)
    return {**pair_key(pair), **present(CLAIM.write(claim))}


def slot_of(record: License) -> str:
    """The name under which a licence claims pairs: one for all forms of its environment (R2, R12).

    What an earlier build claimed stands under the environment as the licence has it.
    """
    return environments.normal(record.environment)


def holders_value(holders: Holders) -> Value:
    """Who holds a pair, as a map of maps."""
    return {"M": _holders(holders)}


def read_claim(item: StoredItem) -> Claim:
    """The claim on a pair."""
    return CLAIM.read(item)


# -- requests that count once ----------------------------------------------------------------------

REQUEST: Final = Record(
    KeyedRequest,
    always("content", BYTES),
    always("license_id", TEXT),
    always("ends_at", NUMBER),
)


def request_item(request: KeyedRequest) -> Item:
    """A request that counts once. Nothing relies on its deletion: one that has ended is none."""
    return {
        **request_key(request.id),
        **present(REQUEST.write(request)),
        "ttl": number(request.ends_at),
    }


def read_request(item: StoredItem) -> KeyedRequest:
    """The request that an item holds."""
    return REQUEST.read(item, id=id_of(item))


# -- proofs ----------------------------------------------------------------------------------------

_KEPT_SECONDS: Final = 3600
"""How long a proof's item is kept at least: longer than any nonce is fresh."""


def proof_item(proof_id: str, use: ProofUse) -> Item:
    """A login's proof that has counted (R36). ``ttl`` only tidies up: nothing relies on it."""
    return {**proof_key(proof_id), **present(used_proof_attributes(use))}


def used_proof_attributes(use: ProofUse) -> dict[str, Value | None]:
    """For which operation a login's proof has counted."""
    return {"used_by": text(use.operation), "ttl": number(use.at + _KEPT_SECONDS)}
