"""Counters that are not the number of bound licences, looked for by `make seats` (R6, R38).

An organization's seats are counted, and the agents that each of its members has added. Counter and
binding change in one transaction, so a mismatch is a defect, or a hand in the table.

What this module guarantees:

* It changes nothing: people have to find out what has happened.
* It raises no false alarm while agents come and go. A mismatch is one only if two whole looks, some
  seconds apart, find the same bound licences at the same revisions, and the counters stand at other
  numbers before, between and after them.
* It passes over nothing in silence: an organization that changes during every look is undecided.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import boto3
from botocore.config import Config

from licensing.adapters.aws_errors import availability
from licensing.adapters.dynamo import DynamoStore, items, schema
from licensing.adapters.dynamo.transaction import RetryPolicy
from licensing.domain.license import State

LOOK_AGAIN_SECONDS: Final = 10
"""More than the index ever lags behind, as far as AWS tells: usually it is less than one."""

LOOKS: Final = 4
"""How often an organization that changes meanwhile is looked at before it stays undecided."""

_TOLD_EVERY: Final = 100  # organizations
_READ_AT_ONCE: Final = 100  # licences

Tell = Callable[[str], None]
"""Takes a line that says how far the check is."""


@dataclass(frozen=True, slots=True)
class SeatMismatch:
    """An organization's counter, and the number of bound licences that it should be.

    ``member`` is there when it counts the agents of one of the members, see
    :attr:`Caller.member <licensing.domain.caller.Caller.member>`.
    """

    organization_id: str
    counted: int
    bound: int
    member: bytes | None = None

    def __str__(self) -> str:
        """What the operator is told of it."""
        if self.member is None:
            return (
                f"WRONG {self.organization_id}: its seat counter says {self.counted}, but "
                f"{self.bound} of its licences are bound"
            )
        return (
            f"WRONG {self.organization_id}: the counter of its member {self.member.hex()} says "
            f"{self.counted}, but {self.bound} of the bound licences are this member's"
        )


@dataclass(frozen=True, slots=True)
class SeatReport:
    """What a check found in so many organizations; ``undecided`` are the ids of busy ones."""

    checked: int
    mismatches: Sequence[SeatMismatch]
    undecided: Sequence[str]

    def lines(self) -> Iterator[str]:
        """What the operator is told."""
        yield from map(str, self.mismatches)
        for organization_id in self.undecided:
            yield f"UNDECIDED {organization_id}: it changed during each check"
        if self.mismatches:
            yield (
                "No request can cause this: it is a defect, or somebody changed the table by hand. "
                "Read the organization's feed first. Correct the counter when you know the cause."
            )
        if self.undecided:
            yield "Repeat `make seats` at a time when fewer agents log in."
        if not self.mismatches and not self.undecided:
            yield f"The counters of all {self.checked:,} organizations are right."

    @property
    def status(self) -> int:
        """The exit status: 0 if all counters are right, 1 if one is not, 2 if that is not known."""
        if self.mismatches:
            return 1
        return 2 if self.undecided else 0


Counters = Counter[bytes | None]
"""Each member's agents, and under ``None`` the seats. A counter at zero is as good as none."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """A bound licence; ``member`` is who has added it."""

    id: str
    revision: int
    member: bytes | None


@dataclass(frozen=True, slots=True)
class _Look:
    """The bound licences, and the counters just before and just after."""

    before: Counters
    bound: frozenset[_Bound]
    after: Counters

    @property
    def stood_still(self) -> bool:
        return self.before == self.after

    def mismatches(self, organization_id: str) -> Iterator[SeatMismatch]:
        """The counters that are not what they should be: the seats first."""
        expected = _expected(self.bound)
        for member in sorted({*expected, *self.after}, key=lambda member: member or b""):
            if self.after[member] != expected[member]:
                yield SeatMismatch(organization_id, self.after[member], expected[member], member)


def _expected(bound: frozenset[_Bound]) -> Counters:
    seats: Counters = Counter({None: len(bound)})
    return seats + Counter(record.member for record in bound if record.member is not None)


@dataclass(frozen=True, slots=True)
class CheckSeats:
    """The check. ``pause`` lets the seconds pass after which a difference is looked at again."""

    store: DynamoStore
    pause: Callable[[], None]
    tell: Tell

    def __call__(self) -> SeatReport:
        """Check all organizations. Raises ``Unavailable`` if the database does not answer."""
        ids = [summary.id for summary in self.store.organization_summaries()]
        suspects: dict[str, _Look] = {}
        for number, organization_id in enumerate(ids, 1):
            look = self._look(organization_id)
            if look is not None:
                suspects[organization_id] = look
            if number % _TOLD_EVERY == 0:
                self.tell(f"{number:,} of {len(ids):,} organizations")
        mismatches, undecided = self._decided(suspects)
        return SeatReport(len(ids), mismatches, undecided)

    def _decided(
        self, suspects: Mapping[str, _Look]
    ) -> tuple[Sequence[SeatMismatch], Sequence[str]]:
        """Those of the suspects that look the same after a while, and those that never do."""
        mismatches: list[SeatMismatch] = []
        for _ in range(LOOKS - 1):
            if not suspects:
                break
            self.tell(f"Checking {len(suspects):,} of them again in {LOOK_AGAIN_SECONDS} seconds")
            self.pause()
            changing: dict[str, _Look] = {}
            for organization_id, earlier in suspects.items():
                look = self._look(organization_id)
                if look is None:
                    continue
                if look == earlier and look.stood_still:
                    mismatches += look.mismatches(organization_id)
                else:
                    changing[organization_id] = look
            suspects = changing
        return mismatches, [*suspects]

    def _look(self, organization_id: str) -> _Look | None:
        """Counters and bound licences, if they differ."""
        before = self._counters(organization_id)
        bound = self._bound(organization_id)
        if before == _expected(bound):
            return None
        return _Look(before, bound, self._counters(organization_id))

    def _counters(self, organization_id: str) -> Counters:
        organization = self.store.organization(organization_id)
        counters: Counters = Counter({None: organization.seats if organization else 0})
        pages = self.store.client.get_paginator("query").paginate(
            TableName=self.store.table,
            KeyConditionExpression="pk = :members",
            ExpressionAttributeValues={":members": {"S": schema.members_of(organization_id)}},
            ConsistentRead=True,
        )
        with availability("The database"):
            for page in pages:
                for item in page["Items"]:
                    counters[schema.read_member(item)] = items.read_agents(item)
        return counters

    def _bound(self, organization_id: str) -> frozenset[_Bound]:
        """The bound licences as they are.

        From an index which they are, each then read by itself: one may be missing that has been
        bound a moment ago.
        """
        # The index may show one as dissociated that has just been bound again. None that has been
        # revoked ever is. One that changes its state meanwhile may come twice.
        entries = self.store.license_summaries(organization_id, states=set(State) - {State.REVOKED})
        ids = iter(dict.fromkeys(entry.id for entry in entries))
        found: set[_Bound] = set()
        while some := list(islice(ids, _READ_AT_ONCE)):
            records = self.store.licenses_by_id(some)
            found |= {
                _Bound(record.id, record.revision, record.counted_for)
                for record in records
                if record.is_bound
            }
        return frozenset(found)


def check(table: str, tell: Tell) -> SeatReport:
    """Check the organizations of a table of this account and Region."""
    # An operator has more time than a request of the service has.
    patient = Config(retries={"mode": "standard", "total_max_attempts": 5})
    retry_policy = RetryPolicy(lambda: math.inf, random.random, time.sleep)
    store = DynamoStore(boto3.client("dynamodb", config=patient), table, retry_policy)
    return CheckSeats(store, lambda: time.sleep(LOOK_AGAIN_SECONDS), tell)()
