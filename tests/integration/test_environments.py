"""R9: a machine is one for all environments of an organization, however it changes meanwhile."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration import pairs
from tests.integration.trail import events
from tests.world import ADA, ALICE, AMIR, BORIS, MACHINE_A, World

pytestmark = pytest.mark.sampled(2)

RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}
RE_EQUIPPED = {**RENAMED, "machine_id": "0f0e0d0c-0b0a-4908-8706-050403020100"}
ANEW = {**RE_EQUIPPED, "mac_addresses": ["3c:52:82:0a:ff:01"]}
CHANGES = (RENAMED, RE_EQUIPPED, ANEW)
WEEK = 7 * 86_400


def issued(world: World, environment: str, **more: Any) -> tuple[str, str]:
    answer = world.login(ALICE, environment=environment, **more).json
    return answer["license_key"], answer["license"]["id"]


@pytest.mark.parametrize("how", ["validation", "login"])
def test_r09_an_agent_that_was_off_while_its_machine_changed_goes_on(
    world: World, how: str
) -> None:
    world.register("acme", max_agents=2)
    world.register("bolt")
    production, _ = issued(world, "production")
    staging, license_id = issued(world, "staging")
    for machine in CHANGES:
        if how == "login":
            assert world.login(AMIR, machine).json["license_key"] == production
        else:
            assert world.code(production, machine) == "VALID"
            world.clock.advance(WEEK)

    # There is no seat left, and its key would be bound elsewhere: it needs neither.
    again = world.login(AMIR, ANEW, environment="staging")
    assert (again.status, again.json["license_key"]) == (200, staging)
    again = world.login(AMIR, ANEW, environment="staging", license_key=staging)
    assert (again.status, again.json["license_key"]) == (200, staging)
    with world.counting() as calls:
        assert world.code(staging, ANEW, environment="staging") == "VALID"
    assert calls["TransactWriteItems"] == 0
    for pair in pairs.held(world).values():
        assert set(pair.holders["acme"]) == {"production", "staging"}
    assert world.login(BORIS, ANEW).status == 409
    told = [event for event in events(world, "MachineDrifted") if event["license_id"] == license_id]
    assert sorted(event["components"] for event in told) == [
        ["computer_name"],
        ["mac_addresses"],
        ["machine_id"],
    ]


def test_r09_all_of_many_agents_of_a_machine_move_along(world: World) -> None:
    world.register("acme")
    keys = {name: issued(world, name)[0] for name in ("one", "two", "three", "four")}
    for machine in CHANGES:
        assert world.login(AMIR, machine, environment="one").status == 200
    for name, key in keys.items():
        assert world.code(key, ANEW, environment=name) == "VALID"
    assert world.seats("acme") == 4


@pytest.mark.parametrize("state", ["detach", "dissociate", "revoke"])
def test_r09_what_is_blocked_moves_along_and_what_has_left_the_machine_does_not(
    world: World, state: str
) -> None:
    world.register("acme")
    issued(world, "production")
    staging, license_id = issued(world, "staging")
    world.act(state, license_id)
    for machine in CHANGES:
        assert world.login(AMIR, machine).status == 200
    answer = world.login(AMIR, ANEW, environment="staging")
    if state == "detach":
        assert answer.json["code"] == "agent_blocked"
    else:
        assert answer.status == 201
        assert answer.json["license_key"] != staging


def test_r09_an_agent_in_a_container_keeps_the_name_that_it_has_alone(world: World) -> None:
    world.register("acme")
    inside = {**MACHINE_A, "computer_name": "agent-0"}
    production, _ = issued(world, "production")
    staging, license_id = issued(world, "staging", machine=inside)
    for machine in CHANGES[:2]:
        assert world.login(AMIR, machine).status == 200
    inside = {**RE_EQUIPPED, "computer_name": "agent-0"}
    with world.counting() as calls:
        assert world.code(staging, inside, environment="staging") == "VALID"
        assert world.code(production, RE_EQUIPPED) == "VALID"
    assert calls == {"BatchGetItem": 2}
    shown = world.request("GET", f"/v1/licenses/{license_id}", person=ADA).json["license"]
    assert shown["computer_name"] == "agent-0"


def test_r09_another_computer_of_the_organization_is_no_machine_of_the_license(
    world: World,
) -> None:
    world.register("acme")
    production, _ = issued(world, "production")
    elsewhere = {
        "machine_id": "77777777-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": ["3c:52:82:0a:ee:01"],
        "computer_name": "ACME-PC-77",
    }
    issued(world, "staging", machine=elsewhere)
    assert world.code(production, elsewhere) == "MACHINE_MISMATCH"
    other = world.login(AMIR, elsewhere, license_key=production)
    assert other.json["code"] == "license_still_bound"


def test_r11_a_neighbour_that_cannot_move_along_stays_where_it_is(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    production, _ = issued(world, "production")
    macs = [*MACHINE_A["mac_addresses"], "3c:52:82:0a:ee:02"]
    staging, _ = issued(world, "staging", machine={**MACHINE_A, "mac_addresses": macs})
    # Bolt's computer has what the second agent alone would have, once it is renamed.
    bolts: Mapping[str, Any] = {"mac_addresses": macs[1:], "computer_name": "ACME-PC-02"}
    assert world.login(BORIS, bolts).status == 201
    before = pairs.held(world)

    assert world.code(production, RENAMED) == "VALID"

    moved = pairs.held(world)
    assert {name for name in moved if "bolt" in moved[name].holders} == pairs.of(world, bolts)
    assert len(events(world, "MachineDrifted")) == 1
    assert world.code(staging, environment="staging") == "VALID"
    assert before != moved


def test_r09_a_change_costs_two_requests_one_for_others_and_three_for_each(world: World) -> None:
    world.register("acme")
    keys = [issued(world, name)[0] for name in ("one", "two", "three")]
    with world.counting() as calls:
        assert world.code(keys[0], RENAMED, environment="one") == "VALID"
    assert calls == {"BatchGetItem": 2 + 1 + 2, "GetItem": 2, "TransactWriteItems": 1 + 2}
    for name, key in zip(("one", "two", "three"), keys, strict=True):
        with world.counting() as calls:
            assert world.code(key, RENAMED, environment=name) == "VALID"
        assert calls == {"BatchGetItem": 1}
