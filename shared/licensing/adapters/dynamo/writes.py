"""The writes of one transaction, with their conditions, for each change (R5, R6, R10, R32).

What this module guarantees:

* Each write repeats, as its condition, what the decision rested on (R5).
* The claims of a licence, its seat and its place in a member's count follow from its state before
  and after, so no use case can forget them (R6, R10, R38).
* Each change writes its event in the same transaction, under a key that only this change uses
  (R32). That event is the transaction's receipt: where it stands, the transaction was committed.

Pure: it builds requests, and sends none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.events import event_item
from licensing.adapters.dynamo.values import Item, Value, number, text
from licensing.domain import environment as environments
from licensing.domain.audit import Event
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.license import License
from licensing.domain.machine_claims import Claim
from licensing.domain.organization import Organization
from licensing.usecases.ports import Beside, Change, ProofUse

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef


_ABSENT: Final = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class Write:
    """One action of a transaction.

    ``released`` is the pair that it gives up, if any. ``is_receipt``: it writes the event.
    ``is_proof``: it lets a proof count.
    """

    action: TransactWriteItemTypeDef
    released: bytes | None = None
    is_receipt: bool = False
    is_proof: bool = False


def writes_of(
    changes: Sequence[Change],
    *,
    organization: Organization | None,
    known: Mapping[bytes, Claim],
    table: str,
    proofs: ProofUse | None = None,
) -> list[Write]:
    """All writes of one transaction that changes licences of one organization (R5, R6, R32).

    ``organization`` is the one that the decision rested on: its version must not have changed;
    ``None`` when the decision rested on none. ``known`` is what was read of the pairs' claims: what
    the decision rested on, and what chooses the form of the writes. Where it is out of date, a
    condition fails. ``proofs`` count along with it (R36).
    """
    writes: list[Write] = []
    seats = 0
    for change in changes:
        before, after = change.before, change.after
        writes.append(_license_write(before, after, table))
        writes += _claim_writes(before, after, known, table)
        if change.beside is not None:
            writes += _beside(change.beside, after.organization_id, table)
        if change.request is not None:
            writes.append(_request_write(change.request, change.event.at, table))
        writes.append(_event_write(change.event, table))
        seats += after.is_bound - (before.is_bound if before else False)
    # DynamoDB takes one action per item: the counts and the seats of all changes, and the check of
    # the version.
    writes += _member_writes(changes, table)
    if seats:
        organization_id = changes[0].after.organization_id
        writes.append(_seat_write(organization_id, organization, seats, table))
    elif organization is not None:
        writes.append(_unchanged_write(organization, table))
    if proofs is not None:
        writes += [_proof_write(proof_id, proofs, table) for proof_id in sorted(set(proofs.ids))]
    return writes


def organization_writes(
    before: Organization | None,
    after: Organization,
    event: Event,
    *,
    due_at: int,
    table: str,
) -> list[Write]:
    """The writes of an organization's change or announcement; ``before`` is ``None`` for a new one.

    ``due_at``, in epoch seconds, is when the sweep looks at it next.
    """
    if before is None:
        write = _put(items.organization_item(after, due_at=due_at), table)
    else:
        condition, values = _organization_is(before)
        write = _update(
            schema.organization_key(after.id),
            items.organization_attributes(after, due_at=due_at),
            condition=condition,
            values=values,
            table=table,
        )
    return [write, _event_write(event, table)]


def use_attributes(before: License, after: License) -> dict[str, Value | None]:
    """The attributes of the traces that a use leaves, each only if it changes.

    Validations move them without a revision: writing the old value would undo that.
    """
    attributes: dict[str, Value | None] = {}
    if after.chain != before.chain:
        attributes |= items.chain_attributes(after)
    if after.proved_ms != before.proved_ms:
        attributes |= items.proof_attributes(after)
    if after.leased_until != before.leased_until:
        attributes |= items.lease_end_attributes(after)
    if after.past != before.past:
        attributes |= items.past_attributes(after)
    if after.last_seen is not None and after.last_seen != before.last_seen:
        attributes |= items.last_seen_attributes(after.last_seen)
        # Licences of an earlier build have no place there yet. Written again, it costs nothing.
        attributes |= items.name_attributes(after)
    return attributes


def use_conditions(before: License, after: License) -> tuple[str, dict[str, Value]]:
    """The condition that ``before`` is still what a change of it rests on, with its values.

    The revision stands for all that every change moves. Of what moves without: a proof counts once,
    a link is followed once, the end of the longest lease never decreases, a machine whose moves a
    login has freed is not held again (R11), and no other device key takes the bound one's place
    when that has got another lease meanwhile (R36).
    """
    conditions = ["revision = :seen_revision"]
    values = {":seen_revision": number(before.revision)}
    if after.proved_ms != before.proved_ms:
        conditions.append("(attribute_not_exists(proved_ms) OR proved_ms < :proved_ms)")
    if after.chain != before.chain:
        head = before.chain.link
        if head is None or head.id is None:
            conditions.append("attribute_not_exists(lease_id)")
        else:
            conditions.append("lease_id = :seen_lease_id")
            values[":seen_lease_id"] = text(head.id)
    if after.past != before.past:
        # A login that has ended the hold is not to be undone.
        conditions.append(f"attribute_{'' if before.past.is_held else 'not_'}exists(moves_held)")
    if None not in (before.device_key, after.device_key) and (
        after.device_key != before.device_key
    ):
        if before.leased_until:
            conditions.append("leased_until = :seen_leased_until")
            values[":seen_leased_until"] = number(before.leased_until)
        else:
            conditions.append("attribute_not_exists(leased_until)")
    elif after.leased_until != before.leased_until:
        conditions.append("(attribute_not_exists(leased_until) OR leased_until < :leased_until)")
    return " AND ".join(conditions), values


def update_expression(
    attributes: Mapping[str, Value | None],
) -> tuple[str, dict[str, str], dict[str, Value]]:
    """An update that sets the attributes with a value and removes the others.

    Returns the expression, the names and the values that stand in it.

    >>> update_expression({"state": text("revoked"), "label": None})
    ('SET #state = :state REMOVE #label', {'#state': 'state', '#label': 'label'}, {':state': ...})
    """
    sets = [f"#{name} = :{name}" for name, value in attributes.items() if value is not None]
    removes = [f"#{name}" for name, value in attributes.items() if value is None]
    clauses = [f"SET {', '.join(sets)}"] * bool(sets) + [f"REMOVE {', '.join(removes)}"] * bool(
        removes
    )
    return (
        " ".join(clauses),
        {f"#{name}": name for name in attributes},
        {f":{name}": value for name, value in attributes.items() if value is not None},
    )


def _license_write(before: License | None, after: License, table: str) -> Write:
    if before is None:
        return _put(items.license_item(after), table)
    condition, values = use_conditions(before, after)
    return _update(
        schema.license_key(after.id),
        {**items.license_attributes(after), **use_attributes(before, after)},
        condition=condition,
        values=values,
        table=table,
    )


# Conditions on a pair's claim; `holders` maps organization → environment → licence id, and
# `#organization` is the licence's own.
_OWN_ONLY: Final = "attribute_exists(holders.#organization) AND size(holders) = :one"
_HOLDER: Final = "attribute_exists(holders.#organization)"
_FREE_SLOT: Final = f"{_HOLDER} AND attribute_not_exists(holders.#organization.#environment)"
_OPEN: Final = (
    "attribute_exists(holders) AND attribute_not_exists(holders.#organization) "
    "AND is_exclusive = :false"
)
_AS_SEEN: Final = "holders = :seen"


def _claim_writes(
    before: License | None, after: License, known: Mapping[bytes, Claim], table: str
) -> list[Write]:
    """Let a licence hold the pairs of its machine, and no others (R10)."""
    held = before.claims if before else frozenset()
    taken, kept = after.claims - held, sorted(held & after.claims)
    beside = [known[pair] for pair in kept if pair in known]
    # Sorted: sent again, a transaction has to have the same bytes.
    writes = [_claim(pair, after, known.get(pair), beside, table) for pair in sorted(taken)]
    if before is None:
        return writes
    writes += [
        _release(pair, before, known.get(pair), table) for pair in sorted(held - after.claims)
    ]
    # Where it follows others, the decision rests on what it shares with them, too.
    follows = any(pair in known and not _is_open(known[pair], after) for pair in taken)
    closes = after.exclusive and not before.exclusive
    for pair in kept:
        seen = known.get(pair) if follows else None
        if closes:
            writes.append(_close(pair, after, seen, table))
        elif seen is not None:
            writes.append(_check(schema.pair_key(pair), _AS_SEEN, _seen(seen), table))
    return writes


def _is_open(claim: Claim, record: License) -> bool:
    return claim.is_open_to(record.organization_id, exclusive=record.exclusive)


def _claim(
    pair: bytes, record: License, claim: Claim | None, beside: Sequence[Claim], table: str
) -> Write:
    """Take a pair that nobody holds, or join those who do (R4, R10, R31).

    ``claim`` is the one on the pair and ``beside`` are those on what the licence keeps, as seen.
    """
    own, slot = record.organization_id, items.slot_of(record)
    path, names = "holders.#organization", {"#organization": own}
    values: dict[str, Value] = {":mine": {"M": {slot: text(record.id)}}}
    if claim is not None and own in claim.holders:
        path, condition = f"{path}.#environment", _FREE_SLOT
        names["#environment"], values[":mine"] = slot, text(record.id)
    elif claim is not None and _is_open(claim, record):
        condition, values[":false"] = _OPEN, {"BOOL": False}
    elif claim is not None and claim.is_shared_along(beside, own):
        condition = f"{_AS_SEEN} AND attribute_not_exists(holders.#organization)"
        values |= _seen(claim)
    else:
        # Where a claim stands, the condition fails.
        return _put(items.claim_item(pair, record), table)
    update = f"SET {path} = :mine"
    if record.exclusive:
        update += ", is_exclusive = :true"
        values[":true"] = {"BOOL": True}
    return _change_claim(pair, _ClaimChange(update, condition, names, values), table)


def _release(pair: bytes, record: License, claim: Claim | None, table: str) -> Write:
    """Give a pair up: remove the claim, or only this licence from it when others hold it too."""
    own = record.organization_id
    licenses = claim.licenses_of(own) if claim is not None else {}
    slot = next((name for name, id in licenses.items() if id == record.id), None)
    if claim is None or slot is None:
        # Unknown, or not this licence's any more: written as if it held the pair alone, so that the
        # condition fails where that is wrong, and hands the claim back.
        slot = items.slot_of(record)
        claim = Claim({own: {slot: record.id}}, exclusive=record.exclusive)
    if claim.holders == {own: {slot: record.id}}:
        return Write(
            {
                "Delete": {
                    "TableName": table,
                    "Key": schema.pair_key(pair),
                    "ConditionExpression": _AS_SEEN,
                    "ExpressionAttributeValues": _seen(claim),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            released=pair,
        )
    path, names = "holders.#organization", {"#organization": own}
    if len(claim.licenses_of(own)) > 1:
        path, names["#environment"] = f"{path}.#environment", slot
    change = _ClaimChange(f"REMOVE {path}", _AS_SEEN, names, _seen(claim))
    return replace(_change_claim(pair, change, table), released=pair)


def _close(pair: bytes, record: License, seen: Claim | None, table: str) -> Write:
    """Let nobody new get on a pair that the licence keeps; ``seen`` is what has to be so (R31)."""
    condition = _HOLDER if seen is None else f"{_HOLDER} AND {_AS_SEEN}"
    names = {"#organization": record.organization_id}
    values: dict[str, Value] = {":true": {"BOOL": True}, **(_seen(seen) if seen else {})}
    change = _ClaimChange("SET is_exclusive = :true", condition, names, values)
    return _change_claim(pair, change, table)


def _seen(claim: Claim) -> dict[str, Value]:
    return {":seen": items.holders_value(claim.holders)}


def _beside(beside: Beside, organization_id: str, table: str) -> list[Write]:
    """Check that a machine is the client's or nobody's, its agent there as it was (R19, R26)."""
    standing = beside.standing
    checks = [_is_clients(pair, beside, organization_id, table) for pair in sorted(beside.pairs)]
    if standing is not None:
        values = {":seen_revision": number(standing.revision)}
        key = schema.license_key(standing.id)
        checks.append(_check(key, "revision = :seen_revision", values, table))
    return checks


def _is_clients(pair: bytes, beside: Beside, organization_id: str, table: str) -> Write:
    """Check that no other organization holds a pair, and no licence that has not been seen."""
    names, condition = {"#organization": organization_id}, _OWN_ONLY
    if beside.standing is None:
        names["#environment"] = environments.normal(beside.environment)
        condition += " AND attribute_not_exists(holders.#organization.#environment)"
    return Write(
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": schema.pair_key(pair),
                "ConditionExpression": f"{_ABSENT} OR ({condition})",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {":one": number(1)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


@dataclass(frozen=True, slots=True)
class _ClaimChange:
    """Expressions of an update, with what stands for names and values in them."""

    update: str
    condition: str
    names: Mapping[str, str]
    values: Mapping[str, Value]


def _change_claim(pair: bytes, change: _ClaimChange, table: str) -> Write:
    return Write(
        {
            "Update": {
                "TableName": table,
                "Key": schema.pair_key(pair),
                "UpdateExpression": change.update,
                "ConditionExpression": change.condition,
                "ExpressionAttributeNames": change.names,
                "ExpressionAttributeValues": change.values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


def _seat_write(
    organization_id: str, organization: Organization | None, seats: int, table: str
) -> Write:
    values = {":seats": number(seats)}
    # ADD would make a new item where there is none.
    conditions = ["attribute_exists(pk)"]
    # Seats can be freed even when there are more than a lowered limit allows.
    if seats > 0:
        conditions.append("(attribute_not_exists(max_agents) OR seats < max_agents)")
    if organization is not None:
        conditions.append("version = :seen_version")
        values[":seen_version"] = number(organization.version)
    return Write(
        {
            "Update": {
                "TableName": table,
                "Key": schema.organization_key(organization_id),
                "UpdateExpression": "ADD seats :seats",
                "ConditionExpression": " AND ".join(conditions),
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


def _member_writes(changes: Sequence[Change], table: str) -> list[Write]:
    """Count for each member the agents that come and go (R38)."""
    counts: Counter[tuple[str, bytes]] = Counter()
    limits: dict[tuple[str, bytes], int] = {}
    for change in changes:
        organization_id = change.after.organization_id
        if change.before is not None and change.before.counted_for is not None:
            counts[organization_id, change.before.counted_for] -= 1
        if change.after.counted_for is not None:
            member = organization_id, change.after.counted_for
            counts[member] += 1
            if change.member_limit is not None:
                limits[member] = change.member_limit
    return [
        _member_write(schema.member_key(*member), agents, limits.get(member), table)
        for member, agents in sorted(counts.items())
        if agents
    ]


def _member_write(key: Item, agents: int, limit: int | None, table: str) -> Write:
    """Add so many to a member's count, up to the limit, or take them from it (R38)."""
    update: UpdateTypeDef = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "ADD agents :agents",
        "ExpressionAttributeValues": {":agents": number(agents)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    # They can be taken from more than a lowered limit allows.
    if agents < 0:
        update["ConditionExpression"] = "attribute_exists(pk)"
    elif limit is not None:
        first = f"{_ABSENT} OR " if agents <= limit else ""
        update["ConditionExpression"] = f"{first}agents <= :most"
        update["ExpressionAttributeValues"] = {
            **update["ExpressionAttributeValues"],
            ":most": number(limit - agents),
        }
    return Write({"Update": update})


def _unchanged_write(organization: Organization, table: str) -> Write:
    key = schema.organization_key(organization.id)
    values = {":seen_version": number(organization.version)}
    return _check(key, "version = :seen_version", values, table)


def _check(key: Item, condition: str, values: Mapping[str, Value], table: str) -> Write:
    return Write(
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": key,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


def _organization_is(seen: Organization) -> tuple[str, dict[str, Value]]:
    """The organization as it was read: an announcement changes it without a new version."""
    values = {":seen_version": number(seen.version)}
    if seen.announced_days is None:
        return "version = :seen_version AND attribute_not_exists(announced_days)", values
    values[":seen_days"] = number(seen.announced_days)
    return "version = :seen_version AND announced_days = :seen_days", values


def _request_write(request: KeyedRequest, now: int, table: str) -> Write:
    """Keep a request under its key, if that is free: it never was used, or long ago (R25)."""
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": items.request_item(request),
                "ConditionExpression": f"{_ABSENT} OR ends_at <= :now",
                "ExpressionAttributeValues": {":now": number(now)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


UNUSED: Final = f"{_ABSENT} OR used_by = :used_by"
"""The condition that a proof has counted for no other operation than this one (R36)."""


def _proof_write(proof_id: str, use: ProofUse, table: str) -> Write:
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": items.proof_item(proof_id, use),
                "ConditionExpression": UNUSED,
                "ExpressionAttributeValues": {":used_by": text(use.operation)},
            }
        },
        is_proof=True,
    )


def _event_write(event: Event, table: str) -> Write:
    return _put(event_item(event), table, is_receipt=True)


def _put(item: Item, table: str, *, is_receipt: bool = False) -> Write:
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": item,
                "ConditionExpression": _ABSENT,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        is_receipt=is_receipt,
    )


def _update(
    key: Item,
    attributes: Mapping[str, Value | None],
    *,
    condition: str,
    values: Mapping[str, Value],
    table: str,
) -> Write:
    expression, names, set_values = update_expression(attributes)
    return Write(
        {
            "Update": {
                "TableName": table,
                "Key": key,
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {**set_values, **values},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )
