"""Licences in the table (:class:`~licensing.usecases.ports.Committer`).

What this module guarantees:

* Uniqueness of a machine is the primary key of its pair claims and a condition on each (R4, R5).
* A licence, its claims, its organization's seat counter and the audit event change together (R6).
* A condition that fails means *decide anew*; it never turns into an answer of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.organizations import Organizations
from licensing.adapters.dynamo.table import FILTERED, batches, cut, projected
from licensing.adapters.dynamo.values import StoredItem, number, text
from licensing.adapters.dynamo.writes import UNUSED, use_attributes, use_conditions, writes_of
from licensing.domain.device_key import already_used
from licensing.domain.idempotency import KeyedRequest
from licensing.domain.license import LastSeen, License, State
from licensing.domain.license_key import is_license_id
from licensing.domain.machine_claims import Claims
from licensing.domain.organization import Organization, is_organization_id
from licensing.usecases.filters import (
    AgentActivity,
    LicenseFilters,
    LicenseSummary,
    has_name,
)
from licensing.usecases.pagination import name_of
from licensing.usecases.ports import Change, LicensePage, Outcome, ProofUse

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

_RELEASE_ATTEMPTS: Final = 3
_AT_ONCE: Final = 8
"""Batches that are read at once, where there are many: a client has twice as many connections."""


class Licenses(Organizations):
    """Licences, read, listed and changed."""

    __slots__ = ()

    def license(self, license_id: str) -> License | None:
        """See :class:`licensing.usecases.ports.LicenseReader`."""
        if not is_license_id(license_id):
            return None  # whatever came in a path: it may be too long for a key of the table
        item = self._get(schema.license_key(license_id))
        return items.read_license(item) if item else None

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

    def organization_and_request(
        self, organization_id: str, request_id: str
    ) -> tuple[Organization | None, KeyedRequest | None]:
        """See :class:`licensing.usecases.ports.RequestStore`."""
        if not is_organization_id(organization_id):
            return None, None
        organization, request = None, None
        keys = [schema.organization_key(organization_id), schema.request_key(request_id)]
        for item in self._batch_get(keys):
            if schema.is_organization(item):
                organization = items.read_organization(item)
            else:
                request = items.read_request(item)
        return organization, request

    def licenses(
        self,
        organization_id: str,
        *,
        states: Collection[State],
        filters: LicenseFilters,
        limit: int,
        cursor: str | None,
    ) -> LicensePage:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        partition = schema.licenses_of(organization_id)
        place = schema.LICENSE_PLACE
        entries = self._entries(
            organization_id,
            states,
            only=items.LICENSE_SUMMARY,
            after=schema.read_cursor(cursor, partition, place) if cursor is not None else None,
            # One more than the page tells whether there is a next one. Of those that are passed
            # over, many are read at a time.
            page_size=FILTERED if filters.passes_over else limit + 1,
        )
        fitting = (one for one in entries if filters.fits(items.read_license_summary(one)))
        found, next_cursor = cut(fitting, limit, partition, schema.sort_key_of)
        records = [record for record in self._hydrated(found) if record.state in states]
        return LicensePage([one for one in records if filters.fits(one)], next_cursor)

    def license_summaries(
        self, organization_id: str, *, states: Collection[State]
    ) -> Iterator[LicenseSummary]:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        entries = self._entries(organization_id, states, only=items.LICENSE_SUMMARY)
        return map(items.read_license_summary, entries)

    def agent_activity(self, ids: Sequence[str]) -> Mapping[str, AgentActivity]:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        # The one function that needs threads imports them.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        keys = [schema.license_key(id) for id in ids]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = pool.map(
                lambda batch: self._batch_get(batch, only=items.ACTIVITY), batches(keys)
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

    def licenses_named(self, beginning: str, *, limit: int, cursor: str | None) -> LicensePage:
        """See :class:`licensing.usecases.ports.LicenseFinder`."""
        listing = name_of(schema.NAMES, beginning=beginning)
        query: QueryInputTypeDef = {
            "TableName": self.table,
            "IndexName": schema.ACROSS_ORGANIZATIONS,
            "KeyConditionExpression": "across_pk = :names AND begins_with(across_sk, :beginning)",
            "ExpressionAttributeValues": {
                ":names": text(schema.names_like(beginning)),
                ":beginning": text(schema.name_sort_key(beginning)),
            },
            "Limit": limit + 1,
        }
        if cursor is not None:
            place = schema.read_cursor(cursor, listing, schema.NAME_PLACE)
            query["ExclusiveStartKey"] = schema.names_start(place)
        found, next_cursor = cut(self._query(query), limit, listing, schema.name_place)
        # Of a name that is longer, the record has the rest; and it is as of now.
        records = [one for one in self._hydrated(found) if has_name(one, beginning)]
        return LicensePage(records, next_cursor)

    def temporary_licenses(
        self, organization_id: str, *, limit: int, cursor: str | None
    ) -> LicensePage:
        """See :class:`licensing.usecases.ports.LicenseLister`."""
        partition = schema.temporary_licenses_of(organization_id)
        query = self._newest_first(partition, page_size=limit + 1)
        if cursor is not None:
            place = schema.read_cursor(cursor, partition, schema.TEMPORARY_PLACE)
            query["ExclusiveStartKey"] = schema.license_start(partition, place)
        found, next_cursor = cut(self._query(query), limit, partition, schema.sort_key_of)
        return LicensePage(self._hydrated(found), next_cursor)

    def commit(
        self,
        changes: Sequence[Change],
        *,
        organization: Organization | None = None,
        claims: Claims | None = None,
        proofs: ProofUse | None = None,
    ) -> Outcome:
        """See :class:`licensing.usecases.ports.Committer`."""
        known = dict(claims or {})
        for attempt in range(_RELEASE_ATTEMPTS):
            writes = writes_of(
                changes, organization=organization, known=known, table=self.table, proofs=proofs
            )
            failed = self._run(writes, name=f"{changes[0].event.id}/{attempt}")
            if not failed:
                return Outcome.COMMITTED
            # Whatever else has changed: what another operation has used stays so.
            if any(write.is_proof for write, _ in failed):
                raise already_used()
            # Others hold some of the pairs that are given up, too: now that this is known, leave
            # them theirs. Whatever else does not hold, the use case has to look at.
            learned = {
                write.released: items.read_claim(found) if found else None
                for write, found in failed
                if write.released is not None
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
        condition, values = use_conditions(before, after)
        return self._set(
            schema.license_key(after.id),
            use_attributes(before, after),
            condition=condition,
            values=values,
        )

    def use_proofs(self, use: ProofUse) -> None:
        """See :class:`licensing.usecases.ports.LoginStore`."""
        for proof_id in use.ids:
            # It says whose use it is: when the answer is lost, and this is sent again, it holds.
            outcome = self._set(
                schema.proof_key(proof_id),
                items.used_proof_attributes(use),
                condition=UNUSED,
                values={},
            )
            if outcome is Outcome.CONFLICT:
                raise already_used()

    def _entries(
        self,
        organization_id: str,
        states: Collection[State],
        *,
        only: Sequence[str] = items.LICENSE_PLACE,
        page_size: int | None = None,
        after: str | None = None,
    ) -> Iterator[StoredItem]:
        """An organization's licences in the index, in order, from behind ``after`` on.

        Of each ``only`` these attributes; its place is among them.
        """
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
            if after is not None and state is schema.state_in_sort_key(after):
                query["ExclusiveStartKey"] = schema.license_start(partition, after)
            yield from self._query(projected(query, only))

    def _hydrated(self, entries: Sequence[StoredItem]) -> list[License]:
        """The licences behind index entries, read consistently, in the entries' order.

        Each once: one that changes between two queries stands in the index at two places.
        """
        return self.licenses_by_id(list(dict.fromkeys(map(schema.id_of, entries))))
