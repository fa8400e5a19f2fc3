"""R11: computers that change all the time work on, fill no history and cost what others cost."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.agents import Agent
from tests.integration.trail import events
from tests.world import MACHINE_A, World

DAY = 86_400
UUID = "0b8a7c6d-1e2f-4a3b-9c4d-5e6f7081829{}"
IN_TURN: dict[str, Callable[[int], dict[str, Any]]] = {
    "two systems on one computer": lambda day: {"machine_id": UUID.format(day % 2)},
    "two names that a network gives": lambda day: {"computer_name": f"DHCP-PC-{'AB'[day % 2]}"},
    "an id that not every start can read": lambda day: {
        "machine_id": UUID.format(1) if day % 2 else None
    },
}
EVER_NEW: dict[str, Callable[[int], dict[str, Any]]] = {
    "a random address each day": lambda day: {"mac_addresses": [f"52:8a:11:0c:{day:02x}:01"]},
    "a dozen docking stations": lambda day: {
        "mac_addresses": [f"3c:52:82:0a:ee:{day * 5 % 12:02x}"]
    },
    "a name for each container": lambda day: {"computer_name": f"agent-{day}x"},
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("what", [*IN_TURN, *EVER_NEW])
def test_r11_a_computer_that_changes_every_day_works_on(world: World, what: str) -> None:
    change = (IN_TURN | EVER_NEW)[what]
    world.register("acme")
    agent = Agent(world, machine=MACHINE_A | change(0))
    agent.login()
    for day in range(1, 11):
        world.clock.advance(DAY)
        agent.machine = MACHINE_A | change(day)
        assert agent.code() == "VALID"
        with world.counting() as calls:
            assert agent.code() == "VALID"
        assert calls["UpdateItem"] + calls["TransactWriteItems"] == 0, day
        assert calls["BatchGetItem"] == 1
    moves, suspicions = len(events(world, "MachineDrifted")), len(events(world, "CloneSuspected"))
    assert (moves, suspicions) == ((2, 1) if what in IN_TURN else (2, 0))
    assert len(events(world, "AccessRefused")) <= 2 * 4
