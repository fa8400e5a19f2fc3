"""What is put in bulk is what the service itself would have left, attribute by attribute."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from licensing.domain.license import State
from licensing.domain.organization import ANNOUNCED_DAYS, DAY
from licensing.domain.temporary_license import TimeToLive
from tests.benchmarks.population import Agents, Customer, Part, Temporaries, dealt, fill
from tests.benchmarks.sweep import SMALL, SOME, parts
from tests.concurrency import canonical
from tests.concurrency.consistency import assert_consistent
from tests.concurrency.racers import Ground
from tests.concurrency.table import restore, write
from tests.world import ADA, ALICE, NOON, OLIVIA, YEAR, World, new_world

pytestmark = [pytest.mark.thorough, pytest.mark.needs("dynamodb-local")]

UNTIL = NOON + 40 * DAY
ADAPTS = ("request_id", "due_shard")
"""What hangs on ids that are drawn: in which shard of the index a licence is due, too."""


def machine(number: int) -> dict[str, Any]:
    """A machine of a population as its agent would describe it."""
    return {
        "machine_id": f"machine-{number:04d}",
        "mac_addresses": [
            f"3c:52:82:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        ],
        "computer_name": f"pc-{number:04d}",
    }


def as_text(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Items such that those of two populations can be compared."""
    return canonical.state(found, without=ADAPTS)


def put(world: World, population: Sequence[Part]) -> None:
    """Put a population."""
    for part in population:
        write(world.runtime.dynamodb, world.runtime.settings.table_name, part.items())


def hashing_key(world: World) -> bytes:
    """The world's own."""
    return world.runtime.keyrings.keyring().hashing_key


def lived(world: World, at: int) -> None:
    """What the service leaves by `at`: three agents of Acme, one of them revoked, a partner's."""
    world.register("acme", seconds=UNTIL - NOON, max_agents=500)
    issued = [world.login(ALICE, machine(number)).json for number in (1, 2, 70_000)]
    assert (
        world.request(
            "POST", "/v1/organizations/acme/temporary-licenses", person=OLIVIA, json={"ttl": "7d"}
        ).status
        == 201
    )
    world.clock.advance(DAY)
    assert world.revoke(issued[-1]["license"]["id"], ADA).status == 200
    for moment in sorted({NOON + DAY + 100, *(UNTIL - days * DAY for days in ANNOUNCED_DAYS)}):
        if moment <= at:
            world.clock.time = moment
            world.sweep()


def population(world: World, at: int) -> list[Part]:
    """The same, to be put."""
    key = hashing_key(world)
    return [
        Customer("acme", NOON, UNTIL, seats=2, now=at, max_agents=500),
        Agents("acme", range(1, 3), NOON, key),
        Agents("acme", range(70_000, 70_001), NOON, key, State.REVOKED, later=NOON + DAY),
        Temporaries("acme", range(1), NOON, TimeToLive.SEVEN_DAYS),
    ]


@pytest.mark.parametrize("days", [2, 39.5])
def test_r22_what_is_put_is_what_the_service_leaves_attribute_by_attribute(
    world: World, days: float
) -> None:
    at = NOON + int(days * DAY)
    # Nothing of the partner's is marked before a sweep comes by: compare without it later on.
    own, partners = population(world, at)[:-1], population(world, at)[-1:]
    lived(world, at)
    kept = world.items()
    restore(world)
    put(world, own)
    is_early = days < 7
    if is_early:
        put(world, partners)
    made = world.items()
    assert_consistent(made)
    temporary = () if is_early else _owners_of_temporaries(kept)
    assert as_text(made) == as_text([item for item in kept if item["pk"]["S"] not in temporary])


def _owners_of_temporaries(found: Sequence[Mapping[str, Any]]) -> set[str]:
    return {item["pk"]["S"] for item in found if "ttl_name" in item}


def test_r22_an_expired_agent_is_what_the_sweep_leaves(world: World) -> None:
    world.register("acme", seconds=DAY)
    world.login(ALICE, machine(5))
    world.clock.advance(DAY)
    assert world.sweep()["expired"] == 1
    key = hashing_key(world)
    mine = [*Agents("acme", range(5, 6), NOON, key, State.EXPIRED, later=NOON + DAY).items()]
    left = [item for item in world.items() if not item["pk"]["S"].startswith("ORGANIZATION")]
    assert as_text(mine) == as_text(left)


def test_r13_an_agent_that_was_put_logs_in_and_validates_like_any_other(world: World) -> None:
    put(world, [Customer("acme", NOON, NOON + YEAR, seats=1, now=NOON)])
    put(world, [Agents("acme", range(7, 8), NOON, hashing_key(world))])
    again = world.login(ALICE, machine(7))
    assert (again.status, again.json["created"]) == (200, False)
    assert world.code(again.json["license_key"], machine(7)) == "VALID"
    assert world.revoke(again.json["license"]["id"]).status == 200
    assert world.seats("acme") == 0
    assert_consistent(world.items())


def test_r06_a_whole_population_is_consistent_before_and_after_the_sweep(engine: str) -> None:
    with new_world(engine) as world:
        told: list[str] = []
        fill(Ground.of(world), [*parts(world, SMALL, SOME, traces=True)], told.append, "population")
        assert "licences written" in told[-1]
        before = world.items()
        assert_consistent(before)
        licenses = [item for item in before if item["sk"]["S"] == "LICENSE"]
        assert len(licenses) == SMALL.licenses + SOME.licenses
        report = world.sweep()
        assert (report["expired"] + report["temporary_expired"]) == SMALL.licenses
        assert_consistent(world.items())


def test_a_range_is_dealt_without_a_gap() -> None:
    assert [*dealt(range(3, 10), 3)] == [range(3, 6), range(6, 9), range(9, 10)]
    assert [*dealt(range(3), 3)] == [range(3)]
    assert [*dealt(range(0), 3)] == []
