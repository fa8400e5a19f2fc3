"""The licence table, as the use cases ask for it (:mod:`licensing.usecases.ports`).

What this module guarantees:

* Uniqueness of a machine is the primary key of its pair claims and a condition on each (R4, R5).
* A licence, its claims, its organization's seat counter and the audit event change together (R6).
* A condition that fails means *decide anew*; it never turns into an answer of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from licensing.adapters.aws_errors import availability
from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.events import read_event, read_move, refusal_attributes
from licensing.adapters.dynamo.transaction import RetryPolicy, Transactions
from licensing.adapters.dynamo.values import number, text
from licensing.adapters.dynamo.writes import (
    Write,
    organization_writes,
    proof_conditions,
    update_expression,
    use_attributes,
    writes_of,
)
from licensing.domain.audit import Event, EventType, RefusedAttempt
from licensing.domain.errors import Unavailable
from licensing.domain.license import BOUND, LastSeen, License, State
from licensing.domain.license_key import is_license_id
from licensing.domain.machine_claims import Claim, Claims
from licensing.domain.organization import Organization, is_organization_id
from licensing.domain.statistics import Move
from licensing.usecases.filters import (
    AgentActivity,
    EventFilter,
    LicenseFilter,
    LicenseSummary,
    OrganizationSummary,
)
from licensing.usecases.pagination import write_cursor
from licensing.usecases.ports import (
    Change,
    Due,
    EventPage,
    LastSeenPage,
    LicensePage,
    LicensesPast,
    LoginView,
    OrganizationPast,
    Outcome,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        QueryInputTypeDef,
        UpdateItemInputTypeDef,
    )

    from licensing.adapters.dynamo.values import Item, StoredItem, Value

_CLAIM_ATTEMPTS: Final = 3
_BATCH: Final = 100
"""What DynamoDB reads in one batch."""
_FILTERED: Final = 1_000
"""Entries that are read at a time to find the fitting ones: a page often needs no more."""
_AT_ONCE: Final = 8
"""Batches that are read at once, where there are many: a client has twice as many connections."""


@dataclass(frozen=True, slots=True)
class DynamoStore:
    """One table. Made once per execution environment; safe to use from several threads."""

    client: DynamoDBClient
    table: str
    retry_policy: RetryPolicy

    # -- reading ------------------------------------------------------------------------------

    def license(self, license_id: str) -> License | None:
        """See :class:`licensing.usecases.ports.LicenseReader`."""
        if not is_license_id(license_id):
            return None  # whatever came in a path: it may be too long for a key of the table
        item = self._get(schema.license_key(license_id))
        return items.read_license(item) if item else None

    def organization(self, organization_id: str) -> Organization | None:
        """See :class:`licensing.usecases.ports.LicenseReader`."""
        if not is_organization_id(organization_id):
            return None
        item = self._get(schema.organization_key(organization_id))
        return items.read_organization(item) if item else None

    def license_and_organization(
        self, license_id: str, organization_id: str
    ) -> tuple[License | None, Organization | None]:
        """See :class:`licensing.usecases.ports.LicenseReader`."""
        if not is_license_id(license_id):
            return None, self.organization(organization_id)
        view = self._view(
            [schema.license_key(license_id), schema.organization_key(organization_id)]
        )
        return view.presented, view.organization

    def claims(self, pairs: Collection[bytes]) -> Claims:
        """See :class:`licensing.usecases.ports.MachineStore`."""
        return self._view([schema.pair_key(pair) for pair in sorted(pairs)]).claims

    def login_view(
        self, pairs: Collection[bytes], organization_id: str, license_id: str | None
    ) -> LoginView:
        """See :class:`licensing.usecases.ports.LoginStore`."""
        presented = [schema.license_key(license_id)] if license_id is not None else []
        return self._view(
            [
                schema.organization_key(organization_id),
                *presented,
                *(schema.pair_key(pair) for pair in sorted(pairs)),
            ]
        )

    def licenses(
        self,
        organization_id: str,
        *,
        states: Collection[State],
        sought: LicenseFilter,
        limit: int,
        cursor: str | None,
    ) -> LicensePage:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        partition = schema.licenses_of(organization_id)
        place = schema.LICENSE_PLACE
        entries = self._entries(
            organization_id,
            states,
            environment=sought.environment,
            after=schema.read_cursor(cursor, partition, place) if cursor is not None else None,
            # One more than the page tells whether there is a next one. Of those that are passed
            # over, many are read at a time.
            page_size=_FILTERED if sought.passes_over else limit + 1,
        )
        fitting = (one for one in entries if sought.fits(items.read_license_summary(one)))
        found, next_cursor = _page(fitting, limit, partition, schema.sort_key_of)
        records = [record for record in self._hydrated(found) if record.state in states]
        return LicensePage([one for one in records if sought.fits(one)], next_cursor)

    def license_summaries(
        self, organization_id: str, *, states: Collection[State], environment: str | None
    ) -> Iterator[LicenseSummary]:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        entries = self._entries(organization_id, states, environment=environment)
        return map(items.read_license_summary, entries)

    def agent_activity(self, ids: Sequence[str]) -> Mapping[str, AgentActivity]:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        # The one function that needs threads imports them.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        keys = [schema.license_key(id) for id in ids]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = pool.map(
                lambda batch: self._batch_get(batch, only=items.ACTIVITY), _batches(keys)
            )
            return {
                schema.id_of(item): items.read_agent_activity(item)
                for batch in read
                for item in batch
            }

    def licenses_by_id(self, ids: Sequence[str]) -> list[License]:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        stored = self._batch_get([schema.license_key(id) for id in ids])
        found = {schema.id_of(item): items.read_license(item) for item in stored}
        return [found[id] for id in ids if id in found]

    def organization_summaries(self) -> Iterator[OrganizationSummary]:
        """See :class:`licensing.usecases.ports.OrganizationLister`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :partition",
                "ExpressionAttributeValues": {":partition": text(schema.ORGANIZATIONS)},
            }
        )
        return map(items.read_organization_summary, entries)

    def organizations(self, ids: Sequence[str]) -> list[Organization]:
        """See :class:`licensing.usecases.ports.OrganizationLister`."""
        stored = self._batch_get([schema.organization_key(id) for id in ids])
        found = {schema.id_of(item): items.read_organization(item) for item in stored}
        return [found[id] for id in ids if id in found]

    def temporary_licenses(
        self, organization_id: str, *, limit: int, cursor: str | None
    ) -> LicensePage:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        partition = schema.temporary_licenses_of(organization_id)
        query = self._newest_first(partition, page_size=limit + 1)
        if cursor is not None:
            place = schema.read_cursor(cursor, partition, schema.TEMPORARY_PLACE)
            query["ExclusiveStartKey"] = schema.license_start(partition, place)
        found, next_cursor = _page(self._query(query), limit, partition, schema.sort_key_of)
        return LicensePage(self._hydrated(found), next_cursor)

    def history(
        self, license_id: str, sought: EventFilter, *, limit: int, cursor: str | None
    ) -> EventPage:
        """See :class:`licensing.usecases.ports.EventReader`."""
        partition = schema.license_partition(license_id)
        first, last = span = schema.span_of_times(sought.since, sought.before)
        query: QueryInputTypeDef = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :license AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":license": text(partition),
                ":first": text(f"EVENT#{first}"),
                ":last": text(f"EVENT#{last}"),
            },
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": limit + 1,
        }
        if sought.type is not None:
            query = _of_type(query, sought.type)
        if cursor is not None:
            place = schema.read_cursor_within(cursor, partition, schema.HISTORY_PLACE, span)
            query["ExclusiveStartKey"] = schema.history_start(license_id, place)
        if first >= last:
            return EventPage([], None)  # DynamoDB takes no such span
        found, next_cursor = _page(self._query(query), limit, partition, schema.history_sort_key)
        return EventPage([read_event(item) for item in found], next_cursor)

    def feed(
        self,
        organization_id: str,
        sought: EventFilter,
        *,
        confidential: bool,
        limit: int,
        cursor: str | None,
    ) -> EventPage:
        """See :class:`licensing.usecases.ports.EventReader`."""
        partition = schema.events_of(organization_id)
        first, last = span = schema.span_of_times(sought.since, sought.before)
        query = self._newest_first(partition, page_size=limit + 1)
        query["KeyConditionExpression"] = "org_pk = :partition AND org_sk BETWEEN :first AND :last"
        query["ExpressionAttributeValues"] = {
            ":partition": text(partition),
            ":first": text(first),
            ":last": text(last),
        }
        if not confidential:
            query["FilterExpression"] = "attribute_not_exists(confidential)"
        if sought.type is not None:
            query = _of_type(query, sought.type)
        if cursor is not None:
            place = schema.read_cursor_within(cursor, partition, schema.FEED_PLACE, span)
            query["ExclusiveStartKey"] = schema.feed_start(organization_id, place)
        if first >= last:
            return EventPage([], None)  # DynamoDB takes no such span
        found, next_cursor = _page(self._query(query), limit, partition, schema.sort_key_of)
        keys = [{"pk": entry["pk"], "sk": entry["sk"]} for entry in found]
        whole = {schema.sort_key_of(item): item for item in self._batch_get(keys)}
        entries = [whole[place] for place in map(schema.sort_key_of, found) if place in whole]
        return EventPage([read_event(item) for item in entries], next_cursor)

    def organization_past(
        self, organization_id: str, since: int, *, most: int
    ) -> OrganizationPast | None:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        if not is_organization_id(organization_id):
            return None
        key = schema.organization_key(organization_id)
        found = self._query(
            {
                "TableName": self.table,
                "KeyConditionExpression": "pk = :organization AND sk BETWEEN :since AND :itself",
                "ExpressionAttributeValues": {
                    ":organization": key["pk"],
                    ":since": text(schema.events_from(since)),
                    # It stands behind its events: read backwards, it comes first.
                    ":itself": key["sk"],
                },
                "ConsistentRead": True,
                "ScanIndexForward": False,
                "Limit": most + 2,
            }
        )
        item = next(found, None)
        if item is None:
            return None
        entries = [read_event(item) for item in islice(found, most + 1)]
        return OrganizationPast(
            items.read_organization(item),
            entries[:most],
            entries[most].at if len(entries) > most else None,
        )

    def census(self, organization_id: str) -> Mapping[State, int]:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :partition",
                "ExpressionAttributeValues": {
                    ":partition": text(schema.licenses_of(organization_id))
                },
                "ProjectionExpression": "org_sk",
            }
        )
        return Counter(schema.state_in_sort_key(schema.sort_key_of(entry)) for entry in entries)

    def licenses_past(
        self, organization_id: str, since: int, *, most: int, most_refusals: int
    ) -> LicensesPast:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :partition AND org_sk >= :since",
                "ExpressionAttributeValues": {
                    ":partition": text(schema.events_of(organization_id)),
                    ":since": text(schema.feed_from(since)),
                },
                "ProjectionExpression": "pk, sk, org_sk, moved",
                "ScanIndexForward": False,
            }
        )
        moves: list[Move] = []
        refused: list[Item] = []
        left_at = None
        for count, entry in enumerate(entries, 1):
            place = schema.sort_key_of(entry)
            is_refusal = schema.is_refusal_sort_key(place)
            if count > most or (is_refusal and len(refused) == most_refusals):
                left_at = schema.time_in_sort_key(place)
                break
            if is_refusal:
                refused.append({"pk": entry["pk"], "sk": entry["sk"]})
            elif (move := read_move(entry)) is not None:
                moves.append(move)
        refusals = [
            read_event(item) for keys in _batches(refused) for item in self._batch_get(keys)
        ]
        return LicensesPast(moves, refusals, left_at)

    def last_seen(
        self, organization_id: str, *, hour: int, limit: int, cursor: str | None
    ) -> LastSeenPage:
        """See :class:`licensing.usecases.ports.StatisticsReader`."""
        cursors, after = schema.activity_of(organization_id), None
        if cursor is not None:
            place = schema.read_cursor(cursor, cursors, schema.ACTIVITY_PLACE)
            walked, _, after = place.partition("#")
            hour = int(walked)
        entries = self._entries(organization_id, tuple(State), page_size=limit + 1, after=after)
        found, next_cursor = _page(
            entries, limit, cursors, lambda entry: f"{hour:06d}#{schema.sort_key_of(entry)}"
        )
        # Each once: one that changes between two queries stands in the index at two places.
        ids = dict.fromkeys(map(schema.id_of, found))
        keys = [schema.license_key(id) for id in ids]
        seen = [
            items.read_last_seen(item)
            for batch in _batches(keys)
            for item in self._batch_get(batch, only=items.SIGHTING)
        ]
        return LastSeenPage(
            [last_seen for last_seen in seen if last_seen is not None], len(ids), hour, next_cursor
        )

    def some_licenses(self, organization_id: str, state: State, *, limit: int) -> list[License]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        entries = self._entries(organization_id, [state], page_size=limit)
        found: list[License] = []
        # The index may still show licences that have left the state: go on behind them.
        while len(found) < limit and (chunk := list(islice(entries, limit))):
            found += [record for record in self._hydrated(chunk) if record.state is state]
        return found[:limit]

    @property
    def due_shards(self) -> Sequence[str]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        return [schema.due_shard_name(shard) for shard in range(schema.DUE_SHARDS)]

    def due(self, shard: str, now: int) -> Iterator[Due]:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        entries = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_DUE,
                "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
                "ExpressionAttributeValues": {
                    ":shard": text(shard),
                    ":now": number(now),
                },
            }
        )
        return (
            Due(
                "organization" if schema.is_organization(entry) else "license",
                schema.id_of(entry),
                int(entry["due_at"]["N"]),
            )
            for entry in entries
        )

    def organizations_from(self, place: int, *, limit: int) -> list[str]:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        border = schema.organizations_sort_key(place)
        behind = self._organizations(">=", border, limit)
        before = self._organizations("<", border, limit - len(behind))
        return [*behind, *before]

    def bound_at_first_sight(self, organization_id: str) -> int:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        return sum(1 for _ in self._entries(organization_id, BOUND))

    def bound(self, organization_id: str) -> frozenset[tuple[str, int]]:
        """See :class:`licensing.usecases.ports.SeatStore`."""
        # The index may show one as dissociated that has just been bound again. None that has been
        # revoked ever is.
        entries = self._entries(organization_id, set(State) - {State.REVOKED})
        found: set[tuple[str, int]] = set()
        while chunk := list(islice(entries, _BATCH)):
            records = self._hydrated(chunk)
            found |= {(record.id, record.revision) for record in records if record.is_bound}
        return frozenset(found)

    # -- writing ------------------------------------------------------------------------------

    def commit(
        self,
        changes: Sequence[Change],
        *,
        organization: Organization | None = None,
        claims: Claims | None = None,
    ) -> Outcome:
        """See :class:`licensing.usecases.ports.Committer`."""
        known = dict(claims or {})
        for attempt in range(_CLAIM_ATTEMPTS):
            writes = writes_of(changes, organization=organization, known=known, table=self.table)
            failed = self._run(writes, name=f"{changes[0].event.id}/{attempt}")
            if not failed:
                return Outcome.COMMITTED
            # Other agents on the same machine hold some of the pairs too: now that this is known,
            # share them. Whatever else does not hold, the use case has to look at.
            learned = {
                write.pair: items.read_claim(found) if found else None
                for write, found in failed
                if write.pair is not None
            }
            if len(learned) < len(failed) or all(
                known.get(pair) == claim for pair, claim in learned.items()
            ):
                return Outcome.CONFLICT
            for pair, claim in learned.items():
                if claim is None:
                    known.pop(pair, None)
                else:
                    known[pair] = claim
        return Outcome.CONFLICT

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        """See :class:`licensing.usecases.ports.OrganizationStore`."""
        writes = organization_writes(before, after, event, due_at=due_at, table=self.table)
        failed = self._run(writes, name=event.id)
        return Outcome.CONFLICT if failed else Outcome.COMMITTED

    def settle(self, organization: Organization, *, due_at: int | None) -> Outcome:
        """See :class:`licensing.usecases.ports.SweepStore`."""
        return self._set(
            schema.organization_key(organization.id),
            items.due_attributes(organization.id, due_at),
            condition="version = :seen_version",
            values={":seen_version": number(organization.version)},
        )

    def record_last_seen(self, license_id: str, last_seen: LastSeen, *, interval: int) -> None:
        """See :class:`licensing.usecases.ports.ValidationStore`."""
        # A lost race means that another validation has just noted it, which is as good.
        self._set(
            schema.license_key(license_id),
            items.last_seen_attributes(last_seen),
            condition="attribute_exists(pk) "
            "AND (attribute_not_exists(seen_at) OR seen_at <= :overdue)",
            values={":overdue": number(last_seen.at - interval)},
        )

    def record_use(self, before: License, after: License) -> Outcome:
        """See :class:`licensing.usecases.ports.UseStore`."""
        attributes = use_attributes(before, after)
        # Whatever else has changed of the licence may be what decides.
        conditions = ["revision = :seen_revision", *proof_conditions(before, after)]
        values = {":seen_revision": number(before.revision)}
        if after.chain != before.chain:
            if before.chain is None:
                conditions.append("attribute_not_exists(lease_id)")
            else:
                conditions.append("lease_id = :seen_lease_id")
                values[":seen_lease_id"] = text(before.chain.current)
        if after.last_seen is not None and after.last_seen != before.last_seen:
            attributes |= items.last_seen_attributes(after.last_seen)
        return self._set(
            schema.license_key(after.id),
            attributes,
            condition=" AND ".join(conditions),
            values=values,
        )

    def record_refusal(self, refusal: RefusedAttempt) -> None:
        """See :class:`licensing.usecases.ports.LoginStore`."""
        self._set(
            schema.refusal_key(refusal),
            refusal_attributes(refusal),
            clause="ADD times :once",
            # Sent twice, when the first answer is lost, it still counts once.
            condition="attribute_not_exists(request_id) OR request_id <> :request_id",
            values={":once": number(1)},
        )

    # -- one request each ---------------------------------------------------------------------

    def _run(self, writes: Sequence[Write], *, name: str) -> list[tuple[Write, StoredItem]]:
        failures = Transactions(self.client, self.table, self.retry_policy).run(
            [write.action for write in writes],
            receipt=next(position for position, write in enumerate(writes) if write.is_receipt),
            name=name,
        )
        return [(writes[failure.position], failure.found) for failure in failures]

    def _view(self, keys: Sequence[Item]) -> LoginView:
        """Claims, an organization and a licence, read together in one request."""
        claims: dict[bytes, Claim] = {}
        organization, record = None, None
        for item in self._batch_get(keys):
            if schema.is_organization(item):
                organization = items.read_organization(item)
            elif schema.is_license(item):
                record = items.read_license(item)
            else:
                claims[schema.read_pair(item)] = items.read_claim(item)
        return LoginView(claims, organization, record)

    def _get(self, key: Item) -> StoredItem | None:
        with availability("The database"):
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _batch_get(self, keys: Sequence[Item], *, only: Sequence[str] = ()) -> list[StoredItem]:
        """Up to a hundred items, consistently: whole, or some attributes only."""
        if not keys:
            return []  # DynamoDB takes no empty batch
        found: list[StoredItem] = []
        wanted: KeysAndAttributesTypeDef = {"Keys": keys, "ConsistentRead": True}
        if only:
            wanted["ProjectionExpression"] = ", ".join(only)
        for _ in self.retry_policy.pauses():
            with availability("The database"):
                answer = self.client.batch_get_item(RequestItems={self.table: wanted})
            found += answer["Responses"].get(self.table, [])
            left = answer["UnprocessedKeys"].get(self.table, {"Keys": []})["Keys"]
            if not left:
                return found
            wanted = {**wanted, "Keys": left}
        raise Unavailable("The database is busy.")

    def _entries(
        self,
        organization_id: str,
        states: Collection[State],
        *,
        page_size: int | None = None,
        environment: str | None = None,
        after: str | None = None,
    ) -> Iterator[StoredItem]:
        """An organization's licences in the index, in order, from behind ``after`` on."""
        for state in sorted(states):
            if after is not None and state < schema.state_in_sort_key(after):
                continue
            partition = schema.licenses_of(organization_id)
            query: QueryInputTypeDef = {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": "org_pk = :partition AND begins_with(org_sk, :state)",
                "ExpressionAttributeValues": {
                    ":partition": text(partition),
                    ":state": text(f"{state}#"),
                },
            }
            if page_size is not None:
                query["Limit"] = page_size
            if environment is not None:
                query["FilterExpression"] = "environment = :environment"
                query["ExpressionAttributeValues"] = {
                    **query["ExpressionAttributeValues"],
                    ":environment": text(environment),
                }
            if after is not None and state is schema.state_in_sort_key(after):
                query["ExclusiveStartKey"] = schema.license_start(partition, after)
            yield from self._query(query)

    def _hydrated(self, entries: Sequence[StoredItem]) -> list[License]:
        """The licences behind index entries, read consistently, in the entries' order.

        Each once: one that changes between two queries stands in the index at two places.
        """
        return self.licenses_by_id(list(dict.fromkeys(map(schema.id_of, entries))))

    def _organizations(self, compares: str, border: str, limit: int) -> list[str]:
        """Up to ``limit`` organizations on one side of a place, in order."""
        if limit == 0:
            return []
        found = self._query(
            {
                "TableName": self.table,
                "IndexName": schema.BY_ORGANIZATION,
                "KeyConditionExpression": f"org_pk = :partition AND org_sk {compares} :border",
                "ExpressionAttributeValues": {
                    ":partition": text(schema.ORGANIZATIONS),
                    ":border": text(border),
                },
                "Limit": limit,
            }
        )
        return [schema.id_of(entry) for entry in islice(found, limit)]

    def _newest_first(self, partition: str, *, page_size: int) -> QueryInputTypeDef:
        """A query of a whole partition of ``by_organization``, backwards."""
        return {
            "TableName": self.table,
            "IndexName": schema.BY_ORGANIZATION,
            "KeyConditionExpression": "org_pk = :partition",
            "ExpressionAttributeValues": {":partition": text(partition)},
            "ScanIndexForward": False,
            "Limit": page_size,
        }

    def _query(self, query: QueryInputTypeDef) -> Iterator[StoredItem]:
        """Everything that a query finds, page by page as it is asked for."""
        while True:
            with availability("The database"):
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
        condition: str,
        clause: str = "",
    ) -> Outcome:
        """Set attributes of one item, and do what ``clause`` says, if ``condition`` holds."""
        expression, names, set_values = update_expression(attributes)
        update: UpdateItemInputTypeDef = {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": f"{expression} {clause}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**set_values, **values},
        }
        for _ in self.retry_policy.pauses():
            try:
                with availability("The database"):
                    self.client.update_item(**update)
            except self.client.exceptions.ConditionalCheckFailedException:
                return Outcome.CONFLICT
            except self.client.exceptions.TransactionConflictException:
                continue  # a transaction holds the item for a moment
            return Outcome.COMMITTED
        raise Unavailable("The database is busy.")


def _of_type(query: QueryInputTypeDef, wanted: EventType) -> QueryInputTypeDef:
    """A query of events, for those of one type alone; many are read at a time to find them."""
    others = [query["FilterExpression"]] if "FilterExpression" in query else []
    return {
        **query,
        "FilterExpression": " AND ".join([*others, "#type = :type"]),
        "ExpressionAttributeNames": {"#type": "type"},
        "ExpressionAttributeValues": {
            **query["ExpressionAttributeValues"],
            ":type": text(wanted),
        },
        "Limit": _FILTERED,
    }


def _batches(keys: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as DynamoDB reads in one batch."""
    return (keys[first : first + _BATCH] for first in range(0, len(keys), _BATCH))


def _page(
    entries: Iterator[StoredItem], limit: int, partition: str, place: Callable[[StoredItem], str]
) -> tuple[list[StoredItem], str | None]:
    """Up to ``limit`` entries, and the cursor to the next page if there is one."""
    found = list(islice(entries, limit + 1))
    page = found[:limit]
    return page, write_cursor(partition, place(page[-1])) if len(found) > limit else None
