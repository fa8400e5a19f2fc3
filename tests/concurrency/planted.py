"""The bug that every race test must catch: check, then put.

`CheckThenPut` checks what the real store checks, by consistent reads, and then puts whole items
without any condition or transaction. As long as one thing happens after the other, it is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from licensing.adapters.dynamo import DynamoStore, events, items, schema, values
from licensing.adapters.dynamo.writes import use_attributes
from licensing.domain.device_key import already_used
from licensing.domain.license import LastSeen, License
from licensing.domain.machine_claims import Claim, Claims, foreign_holder
from licensing.domain.organization import Organization
from licensing.usecases.ports import Beside, Change, Outcome, ProofUse

if TYPE_CHECKING:
    from licensing.adapters.dynamo.values import Item, Value
    from licensing.domain.audit import Event, OrganizationNote


class CheckThenPut(DynamoStore):
    """A store that loses races."""

    def commit(
        self,
        changes: Sequence[Change],
        *,
        organization: Organization | None = None,
        claims: Claims | None = None,  # noqa: ARG002 - it looks for itself
        proofs: ProofUse | None = None,
    ) -> Outcome:
        if proofs is not None:
            self.use_proofs(proofs)
        organization_id = changes[0].after.organization_id
        seats = sum(_seats(change) for change in changes)
        found = self.organization(organization_id)
        if found is None or (organization is not None and found.version != organization.version):
            return Outcome.CONFLICT
        if seats > 0 and not found.has_free_seat():
            return Outcome.CONFLICT
        if not all(self._is_as_seen(change) for change in changes):
            return Outcome.CONFLICT
        added = {member: self._added(organization_id, member) for member in _members(changes)}
        if any(
            change.member_limit is not None
            and change.after.counted_for is not None
            and added[change.after.counted_for] >= change.member_limit
            for change in changes
        ):
            return Outcome.CONFLICT
        for change in changes:
            self._apply(change)
        if seats:
            seats_value = values.number(found.seats + seats)
            self._put_with(schema.organization_key(organization_id), {"seats": seats_value})
        for member, agents in _members(changes).items():
            agents_value = values.number(added[member] + agents)
            self._put_with(schema.member_key(organization_id, member), {"agents": agents_value})
        return Outcome.COMMITTED

    def commit_organization(
        self, before: Organization | None, after: Organization, event: Event, *, due_at: int
    ) -> Outcome:
        found = self.organization(after.id)
        if (found and (found.version, found.announced_days)) != (
            before and (before.version, before.announced_days)
        ):
            return Outcome.CONFLICT
        if before is None:
            self._put(items.organization_item(after, due_at=due_at))
        else:
            attributes = items.organization_attributes(after, due_at=due_at)
            self._put_with(schema.organization_key(after.id), attributes)
        self._put(events.event_item(event))
        return Outcome.COMMITTED

    def settle(self, organization: Organization, *, due_at: int | None) -> Outcome:
        found = self.organization(organization.id)
        if found is None or found.version != organization.version:
            return Outcome.CONFLICT
        attributes = items.due_attributes(organization.id, due_at)
        self._put_with(schema.organization_key(organization.id), attributes)
        return Outcome.COMMITTED

    def record_last_seen(self, license_id: str, last_seen: LastSeen, *, interval: int) -> None:
        seen = self._read(schema.license_key(license_id)).get("seen_at")
        if seen is None or int(seen["N"]) <= last_seen.at - interval:
            attributes = items.last_seen_attributes(last_seen)
            self._put_with(schema.license_key(license_id), attributes)

    def record_use(self, before: License, after: License) -> Outcome:
        found = self.license(after.id)
        if found is None or not _is_usable(found, before, after):
            return Outcome.CONFLICT
        self._put_with(schema.license_key(after.id), use_attributes(before, after))
        return Outcome.COMMITTED

    def use_proofs(self, use: ProofUse) -> None:
        for proof_id in use.ids:
            found = self._read(schema.proof_key(proof_id))
            if found and found["used_by"] != values.text(use.operation):
                raise already_used()
            self._put(items.proof_item(proof_id, use))

    def note_each(self, note: OrganizationNote, *, most: int) -> None:
        assert note.about is not None
        noted = self._read(schema.noted_key(note)).get("noted", {"SS": []})["SS"]
        about = schema.about_digest(note.about)
        if about in noted or len(noted) < most:
            attributes = events.noted_attributes(note) | {"noted": {"SS": [*{*noted, about}]}}
            self._put_with(schema.noted_key(note), attributes)
        else:
            note = replace(note, about=None, computer_name=None)
        self.note(note)

    def _is_as_seen(self, change: Change) -> bool:
        before, after = change.before, change.after
        found = self.license(after.id)
        if (found and found.revision) != (before and before.revision):
            return False
        if found and before and not _is_usable(found, before, after):
            return False
        if change.beside is not None and not self._is_beside(change.beside, after.organization_id):
            return False
        if change.request is not None and self._read(schema.request_key(change.request.id)):
            return False
        mine, exclusive = after.organization_id, after.exclusive
        kept = [self._claim(pair) for pair in _kept(change)]
        return all(
            (claim.is_open_to(mine, exclusive=exclusive) or claim.is_shared_along(kept, mine))
            and items.slot_of(after) not in claim.licenses_of(mine)
            for claim in map(self._claim, _taken(change))
        ) and not foreign_holder(map(self._claim, _beside(change)), mine)

    def _is_beside(self, beside: Beside, mine: str) -> bool:
        if beside.standing is not None:
            found = self.license(beside.standing.id)
            return found is not None and found.revision == beside.standing.revision
        return all(
            beside.environment not in self._claim(pair).licenses_of(mine) for pair in beside.pairs
        )

    def _apply(self, change: Change) -> None:
        before, after = change.before, change.after
        if before is None:
            self._put(items.license_item(after))
        else:
            attributes = {**items.license_attributes(after), **use_attributes(before, after)}
            self._put_with(schema.license_key(after.id), attributes)
        for pair in _taken(change) | (_kept(change) if after.exclusive else frozenset()):
            self._hold(pair, after, after.id)
        for pair in _given_up(change):
            self._hold(pair, after, None)
        if change.request is not None:
            self._put(items.request_item(change.request))
        self._put(events.event_item(change.event))

    def _added(self, organization_id: str, member: bytes) -> int:
        item = self._read(schema.member_key(organization_id, member))
        return items.read_agents(item) if item else 0

    def _claim(self, pair: bytes) -> Claim:
        item = self._read(schema.pair_key(pair))
        return items.read_claim(item) if item else Claim({}, exclusive=False)

    def _hold(self, pair: bytes, record: License, license_id: str | None) -> None:
        """Let a licence hold a pair, or nobody in its place."""
        claim = self._claim(pair)
        mine = dict(claim.licenses_of(record.organization_id))
        mine.pop(items.slot_of(record), None)
        if license_id is not None:
            mine[items.slot_of(record)] = license_id
        holders = {**claim.holders, record.organization_id: mine}
        holders = {name: licenses for name, licenses in holders.items() if licenses}
        if holders:
            closes = record.exclusive and license_id is not None
            is_exclusive: Value = {"BOOL": claim.exclusive or closes}
            self._put(
                {
                    **schema.pair_key(pair),
                    "holders": items.holders_value(holders),
                    "is_exclusive": is_exclusive,
                }
            )
        else:
            self.client.delete_item(TableName=self.table, Key=schema.pair_key(pair))

    def _read(self, key: Item) -> Mapping[str, Value]:
        answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return answer.get("Item", {})

    def _put_with(self, key: Item, attributes: Mapping[str, Value | None]) -> None:
        self._put(values.present({**key, **self._read(key), **attributes}))

    def _put(self, item: Item) -> None:
        self.client.put_item(TableName=self.table, Item=item)


def _is_usable(found: License, before: License, after: License) -> bool:
    has_chain = after.chain == before.chain or _head(found) == _head(before)
    is_same = found.revision == before.revision
    has_lease = (
        found.leased_until == before.leased_until
        if None not in (before.device_key, after.device_key)
        and before.device_key != after.device_key
        else after.leased_until == before.leased_until or found.leased_until < after.leased_until
    )
    return is_same and has_chain and has_lease and _is_newly_proved(found, before, after)


def _head(record: License) -> str | None:
    return record.chain.link.id if record.chain.link else None


def _is_newly_proved(found: License, before: License, after: License) -> bool:
    return after.proved_ms == before.proved_ms or found.proved_ms < after.proved_ms


def _beside(change: Change) -> frozenset[bytes]:
    return change.beside.pairs if change.beside else frozenset()


def _taken(change: Change) -> frozenset[bytes]:
    return change.after.claims - (change.before.claims if change.before else frozenset())


def _kept(change: Change) -> frozenset[bytes]:
    return change.after.claims & (change.before.claims if change.before else frozenset())


def _given_up(change: Change) -> frozenset[bytes]:
    return (change.before.claims if change.before else frozenset()) - change.after.claims


def _members(changes: Sequence[Change]) -> Mapping[bytes, int]:
    """By how many agents each member's count changes."""
    counts: dict[bytes, int] = {}
    for change in changes:
        before = change.before.counted_for if change.before else None
        for member, agents in ((before, -1), (change.after.counted_for, 1)):
            if member is not None:
                counts[member] = counts.get(member, 0) + agents
    return {member: agents for member, agents in counts.items() if agents}


def _seats(change: Change) -> int:
    return change.after.is_bound - (change.before.is_bound if change.before else False)
