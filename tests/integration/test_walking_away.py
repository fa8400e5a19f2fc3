"""R11: whoever has the key alone walks no licence to another machine, and fills no history."""

from typing import Any

import pytest

from tests.devices import Device
from tests.integration import pairs
from tests.integration.agents import Agent
from tests.integration.trail import events, kinds
from tests.world import ADA, ALICE, AMIR, BORIS, MACHINE_A, NOON, World, instant

DAY = 86_400
THIEFS: dict[str, Any] = {
    "machine_id": "b1a7c0de-77aa-4c3e-9f10-0d5e6f708192",
    "mac_addresses": ["00:1b:63:84:45:e6"],
    "computer_name": "EVE-PC-01",
}
# One component of the thief's after the other.
WALK = (
    {**MACHINE_A, "mac_addresses": THIEFS["mac_addresses"]},
    {**THIEFS, "computer_name": MACHINE_A["computer_name"]},
    THIEFS,
)


@pytest.fixture
def key(world: World) -> str:
    """The key of a licence of Acme's that somebody has copied."""
    world.register("acme")
    issued: str = world.login(ALICE).json["license_key"]
    return issued


def refused(world: World, reason: str) -> list[dict[str, Any]]:
    return [event for event in events(world) if event.get("reason") == reason]


def test_r11_three_validations_in_a_row_walk_a_license_nowhere(world: World, key: str) -> None:
    codes = [world.code(key, machine) for machine in WALK]
    # The first component comes along; the second is let through and not followed.
    assert codes == ["VALID", "VALID", "MACHINE_MISMATCH"]
    assert world.code(key) == "VALID"
    assert world.login(AMIR).json["license_key"] == key
    assert len(events(world, "MachineDrifted")) == 1
    (withheld,) = refused(world, "drift_withheld")
    assert (withheld["type"], withheld["times"]) == ("AccessRefused", 1)


@pytest.mark.parametrize("component", ["machine_id", "computer_name"])
def test_r11_flips_make_no_events_without_end(world: World, key: str, component: str) -> None:
    other = {**MACHINE_A, component: THIEFS[component]}
    for turn in range(60):
        world.clock.advance(3600)
        assert world.code(key, other if turn % 2 else MACHINE_A) == "VALID"
    # To the other one, back, and no further.
    assert len(events(world, "MachineDrifted")) == 2
    assert len(refused(world, "drift_withheld")) == 1
    (suspected,) = events(world, "CloneSuspected")
    assert (suspected["reason"], suspected["times"]) == ("machine_came_back", 1)


def test_r11_many_machines_in_turn_make_few_entries(world: World, key: str) -> None:
    for number in range(60):
        world.clock.advance(3600)
        assert world.code(key, {**MACHINE_A, "computer_name": f"ACME-PC-1{number}"}) == "VALID"
    assert len(events(world, "MachineDrifted")) == 1
    assert len(refused(world, "drift_withheld")) == 4


def test_r11_what_is_not_followed_costs_nothing_once_it_was_told(world: World, key: str) -> None:
    for machine in WALK[:2]:
        world.code(key, machine)
    with world.counting() as calls:
        assert world.code(key, WALK[1]) == "VALID"
    assert calls == {"BatchGetItem": 1}


def test_r11_the_machine_that_is_still_there_gets_its_own_back_and_nothing_moves_until_a_login(
    world: World, key: str
) -> None:
    renamed = {**MACHINE_A, "computer_name": THIEFS["computer_name"]}
    assert world.code(key, renamed) == "VALID"
    world.clock.advance(29 * DAY)
    assert world.code(key) == "VALID"
    assert set(pairs.held(world)) == pairs.of(world, MACHINE_A)
    feed = world.request("GET", "/v1/organizations/acme/events?type=CloneSuspected", person=ADA)
    (suspected,) = feed.json["events"]
    assert suspected["last_at"] == instant(NOON + 29 * DAY)

    # Nothing moves, however long that lasts, until somebody logs in.
    for _ in range(3):
        world.clock.advance(8 * DAY)
        assert world.code(key, renamed) == "VALID"
        assert world.code(key, WALK[0]) == "VALID"
    assert set(pairs.held(world)) == pairs.of(world, MACHINE_A)
    assert world.login(AMIR, renamed).json["license_key"] == key
    assert set(pairs.held(world)) == pairs.of(world, renamed)
    world.clock.advance(8 * DAY)
    assert world.code(key, {**renamed, "mac_addresses": THIEFS["mac_addresses"]}) == "VALID"
    assert kinds(world).count("MachineDrifted") == 4


def test_r11_where_leases_are_presented_the_key_alone_moves_nothing(world: World) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    assert agent.code() == "VALID"
    before = pairs.held(world)
    # With leases that are none of its chain, and with none: which also shows as a second agent.
    for lease in (None, "nonsense"):
        assert world.code(agent.key, WALK[0], lease=lease) == "VALID"
    assert pairs.held(world) == before
    assert "MachineDrifted" not in kinds(world)


def test_r11_with_the_current_link_one_component_moves_and_the_link_goes_on_with_it(
    world: World,
) -> None:
    world.register("acme")
    agent = Agent(world)
    agent.login()
    agent.code()
    agent.machine = WALK[0]
    world.clock.advance(12 * 3600)
    world.runtime.keyrings.keyring()
    with world.counting() as calls:
        assert agent.code() == "VALID"
    assert calls == {"BatchGetItem": 2, "TransactWriteItems": 1}
    assert len(events(world, "MachineDrifted")) == 1
    world.clock.advance(3600)
    assert agent.code() == "VALID"
    assert events(world, "CloneSuspected") == []


def test_r11_a_proved_device_key_moves_as_often_as_its_machine_changes(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    agent.login()
    for machine in WALK:
        agent.machine = machine
        assert agent.code() == "VALID"
    assert len(events(world, "MachineDrifted")) == 3
    # Two machines that have it in turn do not: the first is put back, and then nothing moves.
    for turn in range(20):
        agent.machine = WALK[1] if turn % 2 == 0 else THIEFS
        assert agent.code() == "VALID"
    assert len(events(world, "MachineDrifted")) == 4
    assert len(events(world, "CloneSuspected")) == 1


def test_r20_the_owner_of_a_license_that_somebody_tried_to_walk_away_is_not_locked_out(
    world: World, key: str
) -> None:
    world.register("bolt")
    for machine in WALK:
        world.code(key, machine)
    for _ in range(6):  # and again a week later: one component, two at the most
        world.clock.advance(DAY)
        assert world.code(key) == "VALID"
    world.clock.advance(DAY)
    for machine in WALK[1:]:
        world.code(key, machine)
    assert world.code(key) == "VALID"
    assert len(events(world, "CloneSuspected")) == 1
    assert world.login(AMIR).json["license_key"] == key
    assert world.login(BORIS).status == 409
    assert world.login(AMIR, THIEFS, license_key=key).json["code"] == "license_still_bound"


def test_r11_other_environments_of_the_machine_are_not_walked_away_along_with_one(
    world: World, key: str
) -> None:
    staging = world.login(ALICE, environment="staging").json["license_key"]
    for machine in WALK:
        world.code(key, machine)
    assert world.code(staging, environment="staging") == "VALID"
    assert world.login(AMIR, environment="staging").json["license_key"] == staging
