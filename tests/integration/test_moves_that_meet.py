"""R5, R9, R11: a move of a machine that something else comes in between of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.devices import Device
from tests.integration import pairs
from tests.integration.agents import Agent
from tests.integration.trail import events
from tests.world import ADA, ALICE, AMIR, MACHINE_A, World

DAY = 86_400
OFFICE: dict[str, Any] = {
    "machine_id": "6f1de3c0-9a41-4b7e-8a55-27d1c9e0b3f4",
    "mac_addresses": ["3c:52:82:0a:1b:77"],
    "computer_name": "ACME-PC-77",
}
MADE_ANEW: dict[str, Any] = {
    "machine_id": "0b8a7c6d-1e2f-4a3b-9c4d-5e6f70818293",
    "mac_addresses": ["56:01:02:03:99:03"],
    "computer_name": "ACME-PC-77",
}
RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}


@contextmanager
def before_the_first(world: World, call: str, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, let something else happen just before the first call of a kind."""
    left = [act]

    def interrupt(**_: Any) -> None:
        if left:
            left.pop()()

    hooks = world.runtime.store.client.meta.events
    hooks.register(f"before-call.dynamodb.{call}", interrupt)
    try:
        yield
    finally:
        hooks.unregister(f"before-call.dynamodb.{call}", interrupt)
    assert not left


def test_r09_a_login_by_the_device_key_that_is_overtaken_moves_the_machine_all_the_same(
    world: World,
) -> None:
    world.register("acme")
    agent = Agent(world, Device(), OFFICE)
    agent.login()
    assert agent.code() == "VALID"
    agent.machine = MADE_ANEW

    def act() -> None:
        world.request(
            "PATCH", f"/v1/licenses/{agent.license_id}", person=ADA, json={"label": "Till 3"}
        )

    with before_the_first(world, "TransactWriteItems", act):
        answer = agent.login(AMIR, license_key=agent.key)
    assert answer.status == 200, answer
    assert pairs.held_by(world, agent.license_id) == pairs.of(world, MADE_ANEW)
    assert agent.code() == "VALID"


def test_r11_a_login_that_ends_the_hold_is_not_undone_by_a_report(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    world.code(key, RENAMED)
    assert world.code(key) == "VALID"  # put back, and held

    with before_the_first(world, "UpdateItem", lambda: world.login(AMIR)):
        assert world.code(key, {**MACHINE_A, "computer_name": "ACME-PC-03"}) == "VALID"

    world.clock.advance(8 * DAY)
    other = {**MACHINE_A, "computer_name": "ACME-PC-04"}
    assert world.code(key, other) == "VALID"
    assert pairs.of(world, other) <= set(pairs.held(world))


def test_r11_an_agent_that_reads_its_id_only_now_and_then_works_on_and_costs_nothing(
    world: World,
) -> None:
    world.register("acme")
    without = {**MACHINE_A, "machine_id": None}
    key = world.login(ALICE, without).json["license_key"]
    for number in range(10):
        world.clock.advance(60)
        with world.counting() as calls:
            assert world.code(key, (MACHINE_A, without)[number % 2]) == "VALID"
        assert number < 4 or calls["TransactWriteItems"] == 0
        assert number < 4 or calls["BatchGetItem"] == 1
    assert len(events(world, "MachineDrifted")) == 2
    assert world.login(AMIR, without).json["license_key"] == key
