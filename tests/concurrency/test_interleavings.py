"""Every operation, interrupted before each of its AWS calls by each operation that it can meet.

Races find what is likely; this finds what one interruption makes possible, the same in each run.
Two operations that overlap must answer, and leave the table, as if one had come after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from licensing.dynamo import DynamoStore, places
from licensing.errors import Unavailable
from licensing.license import License, State
from licensing.login import Issued
from licensing.organization import DAY
from licensing.subscribe import Registered
from licensing.sweep import SETTLING_SECONDS, SweepReport
from licensing.validate import Verdict
from tests.concurrency import canonical
from tests.concurrency.arena import Arena, machine, with_stores
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.table import restore
from tests.world import NOON, YEAR

if TYPE_CHECKING:
    from licensing.dynamo.values import Item, StoredItem

ENDED = NOON + 1000
NOW = ENDED + SETTLING_SECONDS + 1

Task = Callable[[DynamoStore], object]
Outcome = tuple[str, str, Sequence[str]]
"""The answer of the interrupted operation, that of the other one, and the state they leave."""

MEETINGS = [
    # Who gets a machine?
    ("first login", "first login"),
    ("first login", "first login of another organization"),
    ("first login", "first login to staging"),
    ("first login to staging", "first login of another organization"),
    # Who gets a seat?
    ("login to the last seat", "login to the last seat"),
    ("login to the last seat", "first login of another organization"),
    ("login to the last seat", "fewer seats"),
    # What does a revocation leave?
    ("revocation", "revocation"),
    ("revocation", "repeated login"),
    ("revocation", "login to staging"),
    ("revocation", "login on a foreign machine"),
    ("revocation", "validation"),
    # What does a change of the organization leave?
    ("change", "change"),
    ("change", "first login"),
    ("change", "revocation"),
]
READ_NO_BATCH = ["revocation", "change", "fewer seats"]
MEETINGS_OF_SWEEP = ["sweep", "renewal", "change", "revocation of an ended one"]


def both_ways(meetings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each of two may be the one that is interrupted."""
    return [*meetings, *((other, one) for one, other in meetings if one != other)]


class ReadsApart(DynamoStore):
    """Reads a batch in two steps: what DynamoDB answers in one batch is not of one instant."""

    def _batch_get(self, keys: Sequence[Item]) -> list[StoredItem]:
        found: list[StoredItem] = []
        for part in self._parts(keys):
            found += super()._batch_get(part)
        return found

    def _parts(self, keys: Sequence[Item]) -> list[Sequence[Item]]:
        return [part for part in (keys[:1], keys[1:]) if part]


class ReadsApartBackwards(ReadsApart):
    """The same the other way around."""

    def _parts(self, keys: Sequence[Item]) -> list[Sequence[Item]]:
        return super()._parts(keys)[::-1]


@dataclass(frozen=True)
class Scene:
    """Acme's subscription is about to end, Bolt's has ended, Cork has one of two seats left."""

    arena: Arena
    snapshot: Sequence[Mapping[str, Any]]
    known: frozenset[str]
    operations: Mapping[str, Task]
    state: Callable[[Arena], Sequence[object]]
    serial: dict[object, list[str]] = field(default_factory=dict)

    def in_order(self, *names: str) -> list[str]:
        """The answers of operations, one after the other, and the state: found out once."""
        found = self.serial.get((self.state, names))
        if found is None:
            restore(self.arena.world, self.snapshot)
            answers = [self._answer(self.operations[name](self.arena.stores[1])) for name in names]
            found = self.serial[self.state, names] = [*answers, self._state()]
        return found

    def interrupted(self, outer: str, inner: str, at: int) -> list[str] | None:
        """The same, with `inner` before call number `at` of `outer`; `None` if it has no such."""
        restore(self.arena.world, self.snapshot)
        store, other = self.arena.stores[:2]
        answers: list[str] = []
        calls = iter(range(at + 1))

        def interrupt(**_: Any) -> None:
            if next(calls, None) == at:
                answers.append(self._answer(self.operations[inner](other)))

        events = store.client.meta.events
        events.register("before-call.dynamodb", interrupt)
        try:
            answers.insert(0, self._answer(self.operations[outer](store)))
        finally:
            events.unregister("before-call.dynamodb", interrupt)
        return [*answers, self._state()] if len(answers) == 2 else None

    def meet(self, outer: str, inner: str) -> None:
        """Interrupt each call of `outer` in turn, and check what comes of it."""
        later, sooner, state = self.in_order(inner, outer)
        allowed = [self.in_order(outer, inner), [sooner, later, state]]
        at = 0
        while (outcome := self.interrupted(outer, inner, at)) is not None:
            assert outcome in allowed, f"before call {at + 1} of {outer}: {outcome[:2]}"
            at += 1
        assert at, f"{outer} makes no call"

    def _answer(self, answer: object) -> str:
        match answer:
            case Issued():
                told: object = (answer.record.id, answer.created)
            case License():
                told = (answer.id, answer.state)
            case Registered():
                told = (answer.organization.version, answer.created)
            case Verdict():
                told = answer.code
            case SweepReport():
                told = "swept"
            case _:
                told = answer
        return canonical.text(told, self.known)

    def _state(self) -> str:
        return "\n".join(sorted(canonical.text(one, self.known) for one in self.state(self.arena)))


@pytest.fixture(scope="module")
def scene(arena: Arena) -> Scene:
    restore(arena.world)
    arena.register("acme", until=NOW + 5 * DAY)
    arena.register("bolt", until=ENDED)
    arena.register("cork", max_agents=2)
    acme = arena.issued("acme", machine(1))
    bolt = arena.issued("bolt", machine(2))
    arena.issued("cork", machine(5))

    def login(organization_id: str, number: int, environment: str = "production") -> Task:
        return arena.login(organization_id, machine(number), environment=environment, now=NOW)

    operations: dict[str, Task] = {
        "first login": login("acme", 3),
        "first login to staging": login("acme", 3, "staging"),
        "first login of another organization": login("cork", 3),
        "login to the last seat": login("cork", 4),
        "repeated login": login("acme", 1),
        "login to staging": login("acme", 1, "staging"),
        "login on a foreign machine": login("cork", 1),
        "validation": arena.validate(acme.key, "acme", machine(1), now=NOW),
        "revocation": arena.revoke(acme.record.id, now=NOW),
        "revocation of an ended one": arena.revoke(bolt.record.id, now=NOW),
        "change": arena.put("acme", version=1, name="Acme Ltd", until=NOW + 5 * DAY, now=NOW),
        "fewer seats": arena.put("cork", version=1, max_agents=1, until=NOON + YEAR, now=NOW),
        "renewal": arena.put("bolt", version=1, until=NOW + YEAR, now=NOW),
        "sweep": arena.sweep(now=NOW, workers=1),
    }
    snapshot = arena.checked()
    known = frozenset(item["pk"]["S"].partition("#")[2] for item in snapshot)
    return Scene(arena, snapshot, known, operations, whole_state)


def whole_state(arena: Arena) -> Sequence[object]:
    """Everything: two operations that overlap leave no trace of that."""
    return arena.checked()


def state_after_sweep(arena: Arena) -> Sequence[object]:
    """What people see: a sweep makes many small steps, so its history may be a longer one."""
    arena.checked()
    arena.sweep(now=NOW, workers=1)(arena.stores[2])
    scanned = arena.checked()
    organizations = [item for item in scanned if places.is_organization(item)]
    return [*organizations, *((record.id, record.state) for record in arena.licenses(scanned))]


@pytest.mark.parametrize(
    ("outer", "inner", "kind"),
    [
        (outer, inner, kind)
        for outer, inner in both_ways(MEETINGS)
        for kind in (ReadsApart, ReadsApartBackwards)
        if kind is ReadsApart or outer not in READ_NO_BATCH
    ],
)
def test_r05_operations_that_overlap_end_as_if_one_had_come_after_the_other(
    scene: Scene, outer: str, inner: str, kind: type[DynamoStore]
) -> None:
    replace(scene, arena=with_stores(scene.arena, kind)).meet(outer, inner)


@pytest.mark.parametrize(
    ("outer", "inner"), both_ways([("sweep", other) for other in MEETINGS_OF_SWEEP])
)
def test_r24_whatever_overlaps_a_sweep_ends_as_if_one_had_come_after_the_other(
    scene: Scene, outer: str, inner: str
) -> None:
    replace(scene, state=state_after_sweep).meet(outer, inner)


def test_r24_a_sweep_marks_no_license_once_its_subscription_has_been_renewed(scene: Scene) -> None:
    restore(scene.arena.world, scene.snapshot)
    (bolt,) = [
        record
        for record in scene.arena.licenses(scene.snapshot)
        if record.organization_id == "bolt"
    ]
    found: list[License | None] = []

    def renew(store: DynamoStore) -> object:
        answer = scene.operations["renewal"](store)
        found.append(store.license(bolt.id))
        return answer

    noted = replace(scene, operations={**scene.operations, "noted renewal": renew})
    at = 0
    while noted.interrupted("sweep", "noted renewal", at) is not None:
        state_after_sweep(scene.arena)
        was_marked = found.pop() != bolt
        after = scene.arena.stores[2].license(bolt.id)
        assert after is not None
        assert (after.state, after.revision) == (State.ACTIVE, 3 if was_marked else 1)
        at += 1


@pytest.mark.parametrize(
    ("outer", "inner"),
    # A login that is refused changes nothing that the bug could spoil.
    [(outer, inner) for outer, inner in MEETINGS if inner != "login on a foreign machine"],
)
def test_r05_a_check_followed_by_a_put_is_caught(scene: Scene, outer: str, inner: str) -> None:
    planted = replace(scene, arena=with_stores(scene.arena, CheckThenPut))
    with pytest.raises((AssertionError, Unavailable)):
        planted.meet(outer, inner)


@pytest.mark.parametrize("inner", MEETINGS_OF_SWEEP)
def test_r24_a_check_followed_by_a_put_of_the_sweep_is_caught(scene: Scene, inner: str) -> None:
    planted = replace(scene, arena=with_stores(scene.arena, CheckThenPut), state=state_after_sweep)
    with pytest.raises((AssertionError, Unavailable)):
        planted.meet("sweep", inner)
