"""What a change means for the table: the steps of one transaction and their conditions.

What this module guarantees:

* Each step repeats, as its condition, what the decision to take it rested on (R5).
* The claims and the seat of a licence follow from its state before and after, so no use case can
  forget one of them (R6, R10).
* Each change writes its event in the same transaction, under a key that only this change uses:
  that event is the transaction's mark (R32).

Pure: it builds requests, and sends none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from licensing.dynamo import items
from licensing.ports import Holders

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from licensing.audit import Event
    from licensing.dynamo.items import Item, Value
    from licensing.license import License
    from licensing.organization import Organization
    from licensing.ports import Change


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a transaction. ``pair`` is set when it claims or releases that pair."""

    action: TransactWriteItemTypeDef
    pair: bytes | None = None
    is_mark: bool = False


def steps_of(
    changes: Sequence[Change],
    *,
    organization: Organization | None,
    known: Mapping[bytes, Holders],
    table: str,
) -> list[Step]:
    """All steps of licences' changes; ``known`` is what is known of the pairs' holders."""
    steps: list[Step] = []
    seats = 0
    for change in changes:
        before, after = change.before, change.after
        held = before.claims if before else frozenset()
        steps.append(_license_step(before, after, table))
        steps += [_claim(pair, after, known, table) for pair in sorted(after.claims - held)]
        if before is not None:
            steps += [_release(pair, before, known, table) for pair in sorted(held - after.claims)]
        steps.append(_event_step(change.event, table))
        seats += after.state.is_bound - (before.state.is_bound if before else False)
    if seats:
        organization_id = changes[0].after.organization_id
        steps.append(_seat_step(organization_id, organization, seats, table))
    elif organization is not None:
        steps.append(_unchanged_step(organization, table))
    return steps


def organization_steps(
    before: Organization | None,
    after: Organization,
    event: Event,
    *,
    due_at: int,
    table: str,
) -> list[Step]:
    """The steps of an organization's change or announcement."""
    if before is None:
        step = _put(items.organization_item(after, due_at=due_at), table)
    else:
        condition, values = _organization_is(before)
        step = _update(
            items.organization_key(after.id),
            items.organization_attributes(after, due_at=due_at),
            condition=condition,
            values=values,
            table=table,
        )
    return [step, _event_step(event, table)]


def update_expression(
    attributes: Mapping[str, Value | None],
) -> tuple[str, dict[str, str], dict[str, Value]]:
    """Set the attributes that have a value, remove the others: expression, names, values."""
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


def _license_step(before: License | None, after: License, table: str) -> Step:
    if before is None:
        return _put(items.license_item(after), table)
    return _update(
        items.license_key(after.id),
        items.license_attributes(after),
        condition="revision = :seen_revision",
        values={":seen_revision": items.number(before.revision)},
        table=table,
    )


def _claim(pair: bytes, record: License, known: Mapping[bytes, Holders], table: str) -> Step:
    """Take a pair that nobody holds, or share it with the same organization's other agents."""
    mine = items.text(record.id)
    if pair not in known:
        holders = {record.organization_id: {record.environment: record.id}}
        claim = {**items.pair_key(pair), "holders": items.holders_value(holders)}
        return _put(claim, table, pair=pair)
    held_by_own_organization_only = (
        "attribute_exists(holders.#organization) AND size(holders) = :one"
    )
    free_for_this_environment = "attribute_not_exists(holders.#organization.#environment)"
    return Step(
        {
            "Update": {
                "TableName": table,
                "Key": items.pair_key(pair),
                "UpdateExpression": "SET holders.#organization.#environment = :license",
                "ConditionExpression": f"{held_by_own_organization_only} "
                f"AND {free_for_this_environment}",
                "ExpressionAttributeNames": _holder_names(record),
                "ExpressionAttributeValues": {":license": mine, ":one": items.number(1)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        pair=pair,
    )


def _release(pair: bytes, record: License, known: Mapping[bytes, Holders], table: str) -> Step:
    """Give a pair up: remove the claim, or only this licence from it when others hold it too."""
    mine = {record.organization_id: {record.environment: record.id}}
    holders = known.get(pair, mine)
    if holders.get(record.organization_id, {}).get(record.environment) != record.id:
        holders = mine  # not ours any more: the condition will say so
    as_known = {":known": items.holders_value(holders)}
    if holders == mine:
        return Step(
            {
                "Delete": {
                    "TableName": table,
                    "Key": items.pair_key(pair),
                    "ConditionExpression": "holders = :known",
                    "ExpressionAttributeValues": as_known,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            pair=pair,
        )
    is_last_of_organization = len(holders[record.organization_id]) == 1
    path = "holders.#organization" + ("" if is_last_of_organization else ".#environment")
    names = _holder_names(record)
    if is_last_of_organization:
        del names["#environment"]
    return Step(
        {
            "Update": {
                "TableName": table,
                "Key": items.pair_key(pair),
                "UpdateExpression": f"REMOVE {path}",
                "ConditionExpression": "holders = :known",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": as_known,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        pair=pair,
    )


def _holder_names(record: License) -> dict[str, str]:
    return {"#organization": record.organization_id, "#environment": record.environment}


def _seat_step(
    organization_id: str, organization: Organization | None, seats: int, table: str
) -> Step:
    values = {":seats": items.number(seats)}
    conditions = ["attribute_exists(pk)"]
    if seats > 0:
        conditions.append("(attribute_not_exists(max_agents) OR seats < max_agents)")
    if organization is not None:
        conditions.append("version = :seen_version")
        values[":seen_version"] = items.number(organization.version)
    return Step(
        {
            "Update": {
                "TableName": table,
                "Key": items.organization_key(organization_id),
                "UpdateExpression": "ADD seats :seats",
                "ConditionExpression": " AND ".join(conditions),
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


def _unchanged_step(organization: Organization, table: str) -> Step:
    return Step(
        {
            "ConditionCheck": {
                "TableName": table,
                "Key": items.organization_key(organization.id),
                "ConditionExpression": "version = :seen_version",
                "ExpressionAttributeValues": {":seen_version": items.number(organization.version)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
    )


def _organization_is(seen: Organization) -> tuple[str, dict[str, Value]]:
    """The organization as it was read: an announcement changes it without a new version."""
    values = {":seen_version": items.number(seen.version)}
    if seen.announced_days is None:
        return "version = :seen_version AND attribute_not_exists(announced_days)", values
    values[":seen_days"] = items.number(seen.announced_days)
    return "version = :seen_version AND announced_days = :seen_days", values


def _event_step(event: Event, table: str) -> Step:
    return _put(items.event_item(event), table, is_mark=True)


def _put(item: Item, table: str, *, pair: bytes | None = None, is_mark: bool = False) -> Step:
    return Step(
        {
            "Put": {
                "TableName": table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        pair=pair,
        is_mark=is_mark,
    )


def _update(
    key: Item,
    attributes: Mapping[str, Value | None],
    *,
    condition: str,
    values: Mapping[str, Value],
    table: str,
) -> Step:
    expression, names, set_values = update_expression(attributes)
    return Step(
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
