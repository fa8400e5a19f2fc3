"""The licence table, as the use cases ask for it (the Protocols in :mod:`licensing.ports`).

What this module guarantees:

* Uniqueness of a machine is the primary key of its pair claims and a condition on each (R4, R5).
* A licence, its claims, its organization's seat counter and the audit event change together (R6).
* A condition that fails means *decide anew*; it never turns into an answer of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from licensing.audit import Event, Refusal
from licensing.dynamo import items
from licensing.dynamo.steps import Step, organization_steps, steps_of, update_expression
from licensing.dynamo.transaction import Pacing, Transactions, availability
from licensing.errors import Unavailable
from licensing.keys import is_license_id
from licensing.license import License, Sighting, State
from licensing.organization import Organization, is_organization_id
from licensing.ports import Change, Claims, Holders, LicensePage, Outcome

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef, UpdateItemInputTypeDef

    from licensing.dynamo.items import Item, StoredItem, Value

_CLAIM_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class DynamoStore:
    """One table. Made once per execution environment; safe to use from several threads."""

    client: DynamoDBClient
    table: str
    pacing: Pacing

    # -- reading ------------------------------------------------------------------------------

    def license(self, license_id: str) -> License | None:
        """See :class:`licensing.ports.LicenseReader`."""
        if not is_license_id(license_id):
            return None  # whatever came in a path: it may be too long for a key of the table
        item = self._get(items.license_key(license_id))
        return items.read_license(item) if item else None

    def organization(self, organization_id: str) -> Organization | None:
        """See :class:`licensing.ports.LicenseReader`."""
        if not is_organization_id(organization_id):
            return None
        item = self._get(items.organization_key(organization_id))
        return items.read_organization(item) if item else None

    def license_and_organization(
        self, license_id: str, organization_id: str
    ) -> tuple[License | None, Organization | None]:
        """See :class:`licensing.ports.ValidationStore`."""
        record, organization = None, None
        for item in self._batch_get(
            [items.license_key(license_id), items.organization_key(organization_id)]
        ):
            if items.is_organization(item):
                organization = items.read_organization(item)
            else:
                record = items.read_license(item)
        return record, organization

    def claims_and_organization(
        self, pairs: Collection[bytes], organization_id: str
    ) -> tuple[Claims, Organization | None]:
        """See :class:`licensing.ports.LoginStore`."""
        claims: dict[bytes, Holders] = {}
        organization = None
        for item in self._batch_get(
            [items.organization_key(organization_id), *map(items.pair_key, sorted(pairs))]
        ):
            if items.is_organization(item):
                organization = items.read_organization(item)
            else:
                claims[items.read_pair(item)] = items.read_holders(item)
        return claims, organization

    def licenses(
        self,
        organization_id: str,
        *,
        states: Collection[State],
        environment: str | None,
        limit: int,
        cursor: str | None,
    ) -> LicensePage:
        """See :class:`licensing.ports.LicenseLister`."""
        entries = self._entries(
            organization_id,
            states,
            environment=environment,
            after=items.read_cursor(cursor, organization_id) if cursor is not None else None,
            # One more than the page tells whether there is a next one.
            page_size=limit + 1,
        )
        found = list(islice(entries, limit + 1))
        page = found[:limit]
        return LicensePage(
            [record for record in self._hydrated(page) if record.state in states],
            items.write_cursor(page[-1]) if len(found) > limit else None,
        )

    def some_licenses(self, organization_id: str, state: State, *, limit: int) -> list[License]:
        """See :class:`licensing.ports.SweepStore`."""
        entries = self._entries(organization_id, [state], page_size=limit)
        found: list[License] = []
        # The index may still show licences that have left the state: go on behind them.
        while len(found) < limit and (chunk := list(islice(entries, limit))):
            found += [record for record in self._hydrated(chunk) if record.state is state]
        return found[:limit]

    @property
    def due_shards(self) -> Sequence[str]:
        """See :class:`licensing.ports.SweepStore`."""
        return [items.due_shard_name(shard) for shard in range(items.DUE_SHARDS)]

    def due_organizations(self, shard: str, now: int) -> Iterator[tuple[str, int]]:
        """See :class:`licensing.ports.SweepStore`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": items.BY_DUE,
                "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
                "ExpressionAttributeValues": {
                    ":shard": items.text(shard),
                    ":now": items.number(now),
                },
            }
        )
        return ((items.id_of(entry), int(entry["due_at"]["N"])) for entry in entries)

    # -- writing ------------------------------------------------------------------------------

    def commit(
        self,
        changes: Sequence[Change],
        *,
        organization: Organization | None = None,
        claims: Claims | None = None,
    ) -> Outcome:
        """See :class:`licensing.ports.Committer`."""
        known = dict(claims or {})
        for attempt in range(_CLAIM_ATTEMPTS):
            steps = steps_of(changes, organization=organization, known=known, table=self.table)
            failed = self._run(steps, name=f"{changes[0].event.id}/{attempt}")
            if not failed:
                return Outcome.COMMITTED
            # Other agents on the same machine hold some of the pairs too: now that this is known,
            # share them. Whatever else does not hold, the use case has to look at.
            learned = {
                step.pair: items.read_holders(found) if found else {}
                for step, found in failed
                if step.pair is not None
            }
            if len(learned) < len(failed) or learned.items() <= known.items():
                return Outcome.LOST
            known |= learned
        return Outcome.LOST

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        """See :class:`licensing.ports.OrganizationStore`."""
        steps = organization_steps(before, after, event, due_at=due_at, table=self.table)
        failed = self._run(steps, name=event.id)
        return Outcome.LOST if failed else Outcome.COMMITTED

    def settle(self, organization: Organization, *, due_at: int | None) -> Outcome:
        """See :class:`licensing.ports.SweepStore`."""
        return self._set(
            items.organization_key(organization.id),
            items.due_attributes(organization.id, due_at),
            condition="version = :seen_version",
            values={":seen_version": items.number(organization.version)},
        )

    def note_sighting(self, license_id: str, sighting: Sighting, *, interval: int) -> None:
        """See :class:`licensing.ports.ValidationStore`."""
        # A lost race means that another validation has just noted it, which is as good.
        self._set(
            items.license_key(license_id),
            items.sighting_attributes(sighting),
            condition="attribute_exists(pk) "
            "AND (attribute_not_exists(seen_at) OR seen_at <= :overdue)",
            values={":overdue": items.number(sighting.at - interval)},
        )

    def note_refusal(self, refusal: Refusal) -> None:
        """See :class:`licensing.ports.LoginStore`."""
        self._set(
            items.refusal_key(refusal),
            items.refusal_attributes(refusal),
            clause="ADD times :once",
            # Sent twice, when the first answer is lost, it still counts once.
            condition="attribute_not_exists(request_id) OR request_id <> :request_id",
            values={":once": items.number(1)},
        )

    # -- one request each ---------------------------------------------------------------------

    def _run(self, steps: Sequence[Step], *, name: str) -> list[tuple[Step, StoredItem]]:
        failures = Transactions(self.client, self.table, self.pacing).run(
            [step.action for step in steps],
            mark=next(position for position, step in enumerate(steps) if step.is_mark),
            name=name,
        )
        return [(steps[failure.position], failure.found) for failure in failures]

    def _get(self, key: Item) -> StoredItem | None:
        with availability():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _batch_get(self, keys: Sequence[Item]) -> list[StoredItem]:
        found: list[StoredItem] = []
        wanted = list(keys)
        for _ in self.pacing.pauses():
            with availability():
                answer = self.client.batch_get_item(
                    RequestItems={self.table: {"Keys": wanted, "ConsistentRead": True}}
                )
            found += answer["Responses"].get(self.table, [])
            wanted = answer["UnprocessedKeys"].get(self.table, {"Keys": []})["Keys"]
            if not wanted:
                return found
        raise Unavailable("The database is busy.")

    def _entries(
        self,
        organization_id: str,
        states: Collection[State],
        *,
        page_size: int,
        environment: str | None = None,
        after: str | None = None,
    ) -> Iterator[StoredItem]:
        """An organization's licences in the index, in order, from behind ``after`` on."""
        for state in sorted(states):
            if after is not None and state < items.state_of_place(after):
                continue
            query: QueryInputTypeDef = {
                "TableName": self.table,
                "IndexName": items.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :organization AND begins_with(org_sk, :state)",
                "ExpressionAttributeValues": {
                    ":organization": items.text(items.licenses_of(organization_id)),
                    ":state": items.text(f"{state}#"),
                },
            }
            if environment is None:
                query["Limit"] = page_size
            else:
                # No limit: it would count what is read, not what the filter lets through.
                query["FilterExpression"] = "environment = :environment"
                query["ExpressionAttributeValues"] = {
                    **query["ExpressionAttributeValues"],
                    ":environment": items.text(environment),
                }
            if after is not None and state is items.state_of_place(after):
                query["ExclusiveStartKey"] = items.key_of_place(organization_id, after)
            yield from self._query(query)

    def _hydrated(self, entries: Sequence[StoredItem]) -> list[License]:
        """The licences behind index entries, read consistently, in the entries' order."""
        if not entries:
            return []
        keys = [items.license_key(items.id_of(entry)) for entry in entries]
        found = {items.id_of(item): items.read_license(item) for item in self._batch_get(keys)}
        return [found[items.id_of(entry)] for entry in entries if items.id_of(entry) in found]

    def _query(self, query: QueryInputTypeDef) -> Iterator[StoredItem]:
        """Everything that a query finds, page by page as it is asked for."""
        while True:
            with availability():
                answer = self.client.query(**query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query = {**query, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _set(
        self,
        key: Item,
        attributes: Mapping[str, Value | None],
        *,
        values: Mapping[str, Value],
        condition: str | None = None,
        clause: str = "",
    ) -> Outcome:
        """Set attributes of one item, and do what ``clause`` says, if ``condition`` holds."""
        expression, names, set_values = update_expression(attributes)
        update: UpdateItemInputTypeDef = {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": f"{expression} {clause}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**set_values, **values},
        }
        if condition is not None:
            update["ConditionExpression"] = condition
        for _ in self.pacing.pauses():
            try:
                with availability():
                    self.client.update_item(**update)
            except self.client.exceptions.ConditionalCheckFailedException:
                return Outcome.LOST
            except self.client.exceptions.TransactionConflictException:
                continue  # a transaction holds the item for a moment
            return Outcome.COMMITTED
        raise Unavailable("The database is busy.")
