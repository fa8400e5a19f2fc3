"""Licences, organizations and claims as items, written and read: the one place for their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from licensing.adapters.dynamo.schema import (
    ORGANIZATIONS,
    due_shard,
    id_of,
    issued_at_in_sort_key,
    license_key,
    license_sort_key,
    licenses_of,
    organization_key,
    organization_sort_key,
    pair_key,
    sort_key_of,
    temporary_licenses_of,
)
from licensing.adapters.dynamo.values import (
    binary,
    number,
    optional_number,
    optional_text,
    present,
    read_bytes,
    read_flag,
    read_number,
    read_optional_number,
    read_text,
    text,
)
from licensing.domain.lease_chain import Chain
from licensing.domain.license import SEEN_HOURS, LastSeen, License, State
from licensing.domain.machine import Machine
from licensing.domain.machine_claims import Claim
from licensing.domain.organization import Organization, Policy, Subscription, SubscriptionStatus
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.filters import AgentActivity, LicenseSummary, OrganizationSummary

if TYPE_CHECKING:
    from licensing.adapters.dynamo.values import Item, StoredItem, Value


def license_item(record: License) -> Item:
    """A new licence as a whole."""
    seen = record.last_seen
    item = {
        **license_key(record.id),
        "org_pk": text(
            licenses_of(record.organization_id)
            if record.term is None
            else temporary_licenses_of(record.organization_id)
        ),
        "organization_id": text(record.organization_id),
        "environment": text(record.environment),
        "identity": binary(record.identity),
        "secret_version": number(record.secret_version),
        "issued_at": number(record.issued_at),
        "issued_by": text(record.issued_by),
        **present(license_attributes(record)),
        **present(proof_attributes(record.proved_ms)),
    }
    return item if seen is None else {**item, **present(last_seen_attributes(seen))}


def license_attributes(record: License) -> dict[str, Value | None]:
    """What a change of a licence may change; ``None`` is an attribute to remove."""
    machine = record.machine
    return {
        "org_sk": text(license_sort_key(record)),
        **due_attributes(record.id, record.due_at),
        "state": text(record.state),
        "machine_id_hash": binary(machine.machine_id) if machine.machine_id else None,
        "mac_hashes": {"BS": list(machine.mac_addresses)} if machine.mac_addresses else None,
        "name_hash": binary(machine.computer_name) if machine.computer_name else None,
        "computer_name": optional_text(record.computer_name),
        "primary": {"BOOL": record.primary},
        "label": optional_text(record.label),
        "is_exclusive": {"BOOL": record.exclusive},
        "ttl_name": text(record.term.ttl) if record.term else None,
        "expires_at": optional_number(record.term.expires_at if record.term else None),
        "holder": optional_text(record.term.holder if record.term else None),
        "device_key": optional_text(record.device_key),
        "agent_version": optional_text(record.agent_version),
        "revision": number(record.revision),
        "updated_at": number(record.updated_at),
    }


def last_seen_attributes(seen: LastSeen) -> dict[str, Value | None]:
    """When an agent was last seen (R17)."""
    return {
        "seen_at": number(seen.at),
        "seen_version": optional_text(seen.agent_version),
        "seen_from": optional_text(seen.source_address),
        "seen_hours": binary(seen.hours.to_bytes(SEEN_HOURS // 8, "big")),
    }


def chain_attributes(chain: Chain | None) -> dict[str, Value | None]:
    """Where the chain of a licence's leases stands."""
    return {
        "lease_id": optional_text(chain.current if chain else None),
        "previous_lease_id": optional_text(chain.previous if chain else None),
        "leased_from": optional_text(chain.source_address if chain else None),
        "leased_at": number(chain.issued_at) if chain else None,
    }


def proof_attributes(proved_ms: int) -> dict[str, Value | None]:
    """How new the last proof of a device key was: nothing while there was none."""
    return {"proved_ms": number(proved_ms) if proved_ms else None}


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
            machine_id=read_bytes(machine_id["B"]) if machine_id else None,
            mac_addresses=tuple(sorted(read_bytes(mac) for mac in macs["BS"])) if macs else (),
            computer_name=read_bytes(name["B"]) if name else None,
        ),
        computer_name=read_text(item, "computer_name"),
        identity=read_bytes(item["identity"]["B"]),
        secret_version=read_number(item, "secret_version"),
        primary=item["primary"]["BOOL"],
        label=read_text(item, "label"),
        exclusive=item["is_exclusive"]["BOOL"],
        term=(
            Term(
                TimeToLive(item["ttl_name"]["S"]),
                read_number(item, "expires_at"),
                read_text(item, "holder"),
            )
            if "ttl_name" in item
            else None
        ),
        device_key=read_text(item, "device_key"),
        issued_at=read_number(item, "issued_at"),
        issued_by=item["issued_by"]["S"],
        agent_version=read_text(item, "agent_version"),
        revision=read_number(item, "revision"),
        updated_at=read_number(item, "updated_at"),
        last_seen=read_last_seen(item),
        chain=(
            Chain(
                item["lease_id"]["S"],
                read_text(item, "previous_lease_id"),
                read_text(item, "leased_from"),
                read_optional_number(item, "leased_at") or 0,  # not kept from the beginning
            )
            if "lease_id" in item
            else None
        ),
        proved_ms=read_optional_number(item, "proved_ms") or 0,
    )


def read_last_seen(item: StoredItem) -> LastSeen | None:
    """When the agent of the licence that an item holds was last seen."""
    if "seen_at" not in item:
        return None
    seen = LastSeen(
        read_number(item, "seen_at"), read_text(item, "seen_version"), read_text(item, "seen_from")
    )
    if "seen_hours" not in item:
        return seen
    return replace(seen, hours=int.from_bytes(read_bytes(item["seen_hours"]["B"]), "big"))


def claim_item(pair: bytes, record: License) -> Item:
    """A licence's claim on a pair that nobody has held so far."""
    holders = {record.organization_id: {record.environment: record.id}}
    return {
        **pair_key(pair),
        "holders": holders_value(holders),
        "is_exclusive": {"BOOL": record.exclusive},
    }


def holders_value(holders: Mapping[str, Mapping[str, str]]) -> Value:
    """Who holds a pair, as a map of maps."""
    return {
        "M": {
            organization_id: {
                "M": {environment: text(holder) for environment, holder in licenses.items()}
            }
            for organization_id, licenses in holders.items()
        }
    }


def read_claim(item: StoredItem) -> Claim:
    """The claim on a pair."""
    return Claim(
        holders={
            organization_id: {
                environment: holder["S"] for environment, holder in licenses["M"].items()
            }
            for organization_id, licenses in item["holders"]["M"].items()
        },
        exclusive=item["is_exclusive"]["BOOL"],
    )


def organization_item(organization: Organization, *, due_at: int) -> Item:
    """A new organization as a whole."""
    return {
        **organization_key(organization.id),
        "org_pk": text(ORGANIZATIONS),
        "org_sk": text(organization_sort_key(organization.id)),
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
        "max_agents": optional_number(organization.max_agents),
        "version": number(organization.version),
        "billing_version": number(organization.billing_version),
        "announced_days": optional_number(organization.announced_days),
        "require_device_key": {"BOOL": organization.policy.require_device_key},
        "block_clones": {"BOOL": organization.policy.block_clones},
        "updated_at": number(organization.updated_at),
        **due_attributes(organization.id, due_at),
    }


def due_attributes(id: str, due_at: int | None) -> dict[str, Value | None]:
    """A record's place in ``by_due``: none, if it is never due."""
    return {
        "due_shard": text(due_shard(id)) if due_at is not None else None,
        "due_at": optional_number(due_at),
    }


def read_organization(item: StoredItem) -> Organization:
    """The organization that an item holds."""
    return Organization(
        id=id_of(item),
        name=item["name"]["S"],
        subscription=_read_subscription(item),
        max_agents=read_optional_number(item, "max_agents"),
        seats=read_number(item, "seats"),
        version=read_number(item, "version"),
        billing_version=read_number(item, "billing_version"),
        announced_days=read_optional_number(item, "announced_days"),
        policy=Policy(
            require_device_key=read_flag(item, "require_device_key"),
            block_clones=read_flag(item, "block_clones"),
        ),
        updated_at=read_number(item, "updated_at"),
    )


def read_license_summary(entry: StoredItem) -> LicenseSummary:
    """What the index tells of a licence."""
    return LicenseSummary(
        id=id_of(entry),
        environment=entry["environment"]["S"],
        issued_at=issued_at_in_sort_key(sort_key_of(entry)),
        computer_name=read_text(entry, "computer_name"),
        label=read_text(entry, "label"),
        primary=entry["primary"]["BOOL"],
    )


LAST_SEEN: Final = ("seen_at", "seen_hours")
"""The attributes that tell when an agent was seen."""


ACTIVITY: Final = ("pk", "agent_version", "seen_at", "seen_version")
"""The attributes that an :class:`AgentActivity` is read from."""


def read_agent_activity(item: StoredItem) -> AgentActivity:
    """What a licence tells of its agent: the version that it was last seen with counts."""
    return AgentActivity(
        read_text(item, "seen_version") or read_text(item, "agent_version"),
        read_optional_number(item, "seen_at"),
    )


def read_organization_summary(entry: StoredItem) -> OrganizationSummary:
    """What the index tells of an organization."""
    return OrganizationSummary(id_of(entry), entry["name"]["S"], _read_subscription(entry))


def _read_subscription(item: StoredItem) -> Subscription:
    return Subscription(
        read_number(item, "valid_until"), SubscriptionStatus(item["subscription_status"]["S"])
    )
