"""R36: a machine made anew from its image: state and device key cannot be opened, with the service.

Machine id and keyring are others; name and network card are as before, so it is the same machine
(R9). Who is on call is a member, not an administrator.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from licensing_agent import Configuration, Status
from tests.agent.driven import Driven
from tests.agent.in_process import HOST, Way
from tests.agent.process import ISSUER
from tests.agent.unit.test_machine import adapter, tree
from tests.integration.leases import verified
from tests.integration.test_made_anew import HALF
from tests.integration.trail import events
from tests.world import ADA, AGENTS, ALICE, AMIR, Person, World

IMAGE, ANEW = "4c4c4544004235108052b4c04f4e5931", "9b1d" * 8
HOUR = 3600
DAY = 2 * HALF


class Computer:
    """A computer with an agent on it, which may be made anew from its image."""

    def __init__(self, world: World, place: Path) -> None:
        self.way = Way(world)
        self.place = place
        self.agent: Driven | None = None

    def start(self, machine_id: str, person: Person | None) -> Driven:
        """The agent starts, with somebody or nobody there."""
        self.stop()
        self.agent = Driven(self.way)
        self.agent.signed_in = person.token(AGENTS) if person else None
        self.way.person = person or ALICE
        card = adapter("eth0", "3c:52:82:0a:1b:2c", {"addr_assign_type": "0\n"})
        root = self.place / machine_id[:4]
        if not root.exists():
            tree(root, {"etc/machine-id": f"{machine_id}\n", **card})
        self.agent.root = root
        return self.agent.start(
            Configuration(
                url=f"http://{HOST}",
                issuer=ISSUER,
                folder=self.place / "state",
                use_keyring=False,
            )
        )

    def stop(self) -> None:
        """The agent ends."""
        if self.agent is not None:
            self.agent.engine.close()
        self.agent = None

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.way.world.clock.advance(seconds)


@pytest.fixture
def computer(world: World, tmp_path: Path) -> Iterator[Computer]:
    """A computer whose agent has a licence, of an organization that has one seat."""
    world.register("acme", max_agents=1)
    made = Computer(world, tmp_path)
    assert made.start(IMAGE, ALICE).check().license_state == "valid"
    made.stop()
    yield made
    made.stop()


def license_of(computer: Computer) -> str | None:
    agent = computer.agent
    assert agent is not None
    return agent.engine.status().license_id


def shows(status: Status) -> tuple[str, bool]:
    return status.license_state, status.usable


def test_r36_a_member_on_call_suffices_and_gets_the_same_license_and_no_second_seat(
    computer: Computer,
) -> None:
    world = computer.way.world
    before = computer.start(IMAGE, None).engine.status()
    computer.passes(HOUR)
    agent = computer.start(ANEW, None)
    told = str(agent.check().storage)
    assert shows(agent.engine.status()) == ("signed_out", False)
    assert "The stored license state cannot be opened" in told
    assert "The device key is lost" in told
    assert "Any member's login gets the agent going" in told
    agent = computer.start(ANEW, AMIR)
    # It works at once, on the one lease that the service lends the new device key.
    status = agent.check()
    assert (*shows(status), status.license_id) == ("grace", True, before.license_id)
    assert status.until == before.until
    # That ends with the last lease of the old key.
    (pending,) = events(world, "DeviceKeyPending")
    assert pending["actor"]["subject"] == "amir"
    (*_, lent) = (
        exchange.answer
        for exchange in world.exchanges
        if exchange.route == "POST /v1/licenses" and exchange.answer.status == 200
    )
    assert verified(world, lent.json["lease"]["token"]).claims["exp"] == before.until
    # Then the new key takes over, and nobody has to be there.
    agent.signed_in = None
    computer.passes(DAY - HOUR)
    for _ in range(6):
        assert shows(agent.check(at_once=True)) == ("valid", True)
        computer.passes(HALF)
    assert license_of(computer) == before.license_id
    assert world.seats("acme") == 1
    assert events(world, "CloneSuspected") == []


def test_r36_an_administrator_replaces_the_device_key_at_once(computer: Computer) -> None:
    world = computer.way.world
    computer.passes(HOUR)
    agent = computer.start(ANEW, ADA)
    assert shows(agent.check()) == ("valid", True)
    agent.signed_in = None
    for _ in range(6):
        computer.passes(HALF)
        assert shows(agent.check(at_once=True)) == ("valid", True)
    assert world.seats("acme") == 1


def test_r09_an_image_id_that_is_put_back_has_its_license_back_without_a_person(
    computer: Computer,
) -> None:
    computer.passes(HOUR)
    computer.start(ANEW, None).check()
    computer.way.requests.clear()
    status = computer.start(IMAGE, None).check(at_once=True)
    assert (*shows(status), status.storage) == ("valid", True, None)
    assert [one.path for one in computer.way.requests] == ["/v1/licenses/validate"]
    assert computer.way.world.seats("acme") == 1
