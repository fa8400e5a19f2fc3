"""Every operation, interrupted at each of its AWS calls, or crashed there, by all it can meet.

Races find what is likely; this finds what a few interruptions make possible, the same in each run.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from licensing.adapters.dynamo import DynamoStore
from licensing.domain.errors import Unavailable
from licensing.domain.license import License, State
from tests.concurrency.arena import Arena, with_stores
from tests.concurrency.meetings import (
    HARMLESS,
    MEETINGS,
    MEETINGS_OF_SWEEP,
    READ_NO_BATCH,
    ReadsApart,
    ReadsApartBackwards,
    ReadsClaimsFirst,
    Scene,
    both_ways,
    set_up,
    state_after_sweep,
    state_but_sightings,
)
from tests.concurrency.planted import CheckThenPut
from tests.concurrency.table import restore
from tests.concurrency.turns import Choice, Run, every_order, some_orders
from tests.proof import Proof

pytestmark = pytest.mark.proof

ORDERS = 3
"""How many orders are tried of each meeting, unless all are."""


def orders(play: Callable[[Choice], Run], proof: Proof, seed: int) -> Iterator[Run]:
    """All orders, or some."""
    if proof.full:
        return every_order(play)
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return some_orders(play, chance, ORDERS)


@pytest.fixture(scope="module")
def scene(arena: Arena) -> Scene:
    return set_up(arena)


@pytest.mark.sampled(40, all=20)
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


@pytest.mark.parametrize("kind", [ReadsApart, ReadsApartBackwards, ReadsClaimsFirst])
def test_r20_a_login_with_the_key_that_is_being_dissociated_is_told_of_no_other_license(
    scene: Scene, kind: type[DynamoStore]
) -> None:
    replace(scene, arena=with_stores(scene.arena, kind)).meet("login with its key", "dissociation")


@pytest.mark.thorough
@pytest.mark.sampled(1, all=16)
@pytest.mark.parametrize(
    ("outer", "inner"), both_ways([("sweep", other) for other in MEETINGS_OF_SWEEP])
)
def test_r24_whatever_overlaps_a_sweep_ends_as_if_one_had_come_after_the_other(
    scene: Scene, outer: str, inner: str
) -> None:
    replace(scene, state=state_after_sweep).meet(outer, inner)


@pytest.mark.thorough
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


def test_r05_an_operation_that_crashes_anywhere_and_is_repeated_ends_as_if_it_had_not(
    scene: Scene, proof: Proof
) -> None:
    every = both_ways(MEETINGS)
    meetings = proof.of(test=every[::40], test_all=every[::12], prove=every)
    told_later = replace(scene, state=state_but_sightings)
    crashes = sum(told_later.crash(outer, inner, full=proof.full) for outer, inner in meetings)
    proof.found(
        f"{crashes} crashes, at every call of each of {len(meetings)} meetings, all of them "
        "repeated to an end that some order without a crash has",
        is_random=False,
    )


@pytest.mark.only_proof
@pytest.mark.parametrize(
    ("outer", "inner"), both_ways([("sweep", other) for other in MEETINGS_OF_SWEEP])
)
def test_r23_what_crashes_beside_a_sweep_and_is_repeated_ends_as_if_it_had_not(
    scene: Scene, outer: str, inner: str
) -> None:
    assert replace(scene, state=state_after_sweep).crash(outer, inner, full=False)


def test_r05_in_whatever_order_two_operations_make_their_calls_one_comes_after_the_other(
    scene: Scene, proof: Proof
) -> None:
    apart = replace(scene, arena=with_stores(scene.arena, ReadsApart))
    told_later = replace(apart, state=state_but_sightings)
    tried = crashed = 0
    meetings = proof.of(test=MEETINGS[::32], test_all=MEETINGS[::12], prove=MEETINGS)
    for (one, other), seed in zip(meetings, proof.seeds(len(meetings)), strict=True):
        whole = partial(apart.take_turns, one, other, with_crash=False)
        broken = partial(told_later.take_turns, one, other, with_crash=True)
        tried += sum(ran.is_new for ran in orders(whole, proof, seed))
        ends = [ran for ran in orders(broken, proof, seed) if ran.crashed is not None]
        crashed += sum(ran.is_new for ran in ends)
    proof.found(
        f"{tried} orders of the calls of {len(meetings)} meetings and {crashed} with a crash, "
        "all of them as if one had come after the other"
    )


@pytest.mark.sampled(40, all=10)
@pytest.mark.parametrize(
    ("outer", "inner"), [meeting for meeting in MEETINGS if meeting not in HARMLESS]
)
def test_r05_a_check_followed_by_a_put_is_caught(scene: Scene, outer: str, inner: str) -> None:
    planted = replace(scene, arena=with_stores(scene.arena, CheckThenPut))
    # One after the other it is right: what is caught is what comes of the overlap.
    alone = replace(planted, serial={})
    for names in ((outer, inner), (inner, outer)):
        assert alone.in_order(*names) == scene.in_order(*names)
    with pytest.raises((AssertionError, Unavailable)):
        planted.meet(outer, inner)


@pytest.mark.thorough
@pytest.mark.sampled(1, all=10)
@pytest.mark.parametrize(
    "inner", [inner for inner in MEETINGS_OF_SWEEP if ("sweep", inner) not in HARMLESS]
)
def test_r24_a_check_followed_by_a_put_of_the_sweep_is_caught(scene: Scene, inner: str) -> None:
    planted = replace(scene, arena=with_stores(scene.arena, CheckThenPut), state=state_after_sweep)
    with pytest.raises((AssertionError, Unavailable)):
        planted.meet("sweep", inner)
