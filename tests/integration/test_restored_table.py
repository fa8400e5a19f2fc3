"""A table that is put back: the service goes on with a new one, made of an export of the old.

An export is the table at one moment. Life goes on in the old table until the service has the new
one, and what happens in between is forgotten. The operators' page tells what to do about that; here
is what it says, tried on AWS's own engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Configuration
from tests.agent.driven import Driven
from tests.agent.in_process import HOST, Way
from tests.agent.process import ISSUER
from tests.agent.unit.test_machine import adapter, tree
from tests.concurrency.consistency import assert_consistent
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.billing import bill
from tests.integration.exported import exported, imported, restored, with_stream, working_on
from tests.integration.outbox import Outbox
from tests.integration.partner import PETRA, generated, login_with, used
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import (
    ADA,
    AGENTS,
    ALICE,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    PAVEL,
    World,
)

DAY = 86_400
HALF = DAY // 2
MACHINE_C: dict[str, Any] = {
    "machine_id": "deadbea7-2bad-4b0b-8dad-5eed5ca1ab1e",
    "mac_addresses": ["3c:52:82:ca:7a:93"],
    "computer_name": "ACME-PC-03",
}


@dataclass
class Fleet:
    """Computers with the bundled client on them, and Alice in front of each."""

    way: Way
    place: Path
    clients: dict[str, Driven] = field(default_factory=dict)

    def start(self, name: str) -> Driven:
        """One computer more."""
        number = len(self.clients) + 1
        card = adapter("eth0", f"3c:52:82:0a:1b:{number:02x}", {"addr_assign_type": "0\n"})
        client = self.clients[name] = Driven(self.way)
        client.name = name
        client.root = tree(
            self.place / name, {"etc/machine-id": f"{number:04x}9b1d4c" * 3 + "7e\n", **card}
        )
        self.sits_there(name)
        return client.start(
            Configuration(
                url=f"http://{HOST}",
                issuer=ISSUER,
                folder=self.place / f"{name}-state",
                use_keyring=False,
            )
        )

    def sits_there(self, name: str, *, somebody: bool = True) -> None:
        """Whether somebody can sign in."""
        self.clients[name].signed_in = ALICE.token(AGENTS) if somebody else None

    def told(self, name: str) -> tuple[str, str | None]:
        """What a client says after it has asked: its state, and the service's code."""
        self.way.world.clock.advance(1)  # nonces of proofs count by the millisecond
        status = self.clients[name].check(at_once=True)
        return status.license_state.value, status.code

    def license(self, name: str) -> str:
        """Whose licence a client has."""
        found = self.clients[name].engine.status().license_id
        assert found is not None
        return found


@pytest.fixture
def fleet(world: World, tmp_path: Path) -> Iterator[Fleet]:
    """No computers yet."""
    made = Fleet(Way(world), tmp_path)
    yield made
    for client in made.clients.values():
        client.engine.close()


@pytest.fixture
def acme(world: World) -> World:
    """A world with Acme, where clones are blocked, and with Bolt."""
    world.register("acme", seconds=400 * DAY, max_agents=4)
    world.register("bolt", seconds=400 * DAY)
    assert govern(world, block_clones=True).status == 200
    return world


# -- the bundled client ----------------------------------------------------------------------------


def test_r37_agents_go_on_over_a_table_that_was_put_back_and_none_is_taken_for_a_clone(
    acme: World, fleet: Fleet
) -> None:
    for name in ("still", "busy"):
        assert fleet.start(name).check().license_state == "valid"
    acme.clock.advance(HALF)
    assert [fleet.told(name) for name in fleet.clients] == [("valid", None)] * 2
    export, licenses = exported(acme), [fleet.license(name) for name in fleet.clients]

    for _ in range(3):
        acme.clock.advance(HALF)
        assert fleet.told("busy") == ("valid", None)

    with restored(acme, export) as moved:
        assert_consistent(moved.items())
        fleet.way.world, fleet.way.requests = moved, []
        for _ in range(4):
            assert [fleet.told(name) for name in fleet.clients] == [("valid", None)] * 2
            moved.clock.advance(HALF)
        assert [fleet.license(name) for name in fleet.clients] == licenses
        assert {one.path for one in fleet.way.requests} == {"/v1/licenses/validate"}
        returned = [event["reason"] for event in events(moved, "AgentReturned")]
        assert (returned, events(moved, "CloneSuspected")) == (["newer_lease"], [])
        assert moved.seats("acme") == 2
        assert_consistent(moved.items())


def test_r13_an_agent_whose_license_is_forgotten_has_a_person_log_in_and_gets_another(
    acme: World, fleet: Fleet
) -> None:
    export = exported(acme)
    assert fleet.start("new").check().license_state == "valid"
    forgotten = fleet.license("new")
    fleet.sits_there("new", somebody=False)

    with restored(acme, export) as moved:
        fleet.way.world = moved
        assert fleet.clients["new"].engine.status().usable
        assert fleet.told("new") == ("refused", "NOT_FOUND")
        assert not fleet.clients["new"].check().usable, "a refusal ends its lease at once"
        fleet.sits_there("new")
        assert fleet.told("new") == ("valid", None)
        assert fleet.license("new") != forgotten
        assert moved.seats("acme") == 1
        assert_consistent(moved.items())


def test_r18_a_revocation_is_undone_for_agents_that_have_not_heard_of_it_and_stands_for_the_others(
    acme: World, fleet: Fleet
) -> None:
    for name in ("told", "untold"):
        assert fleet.start(name).check().license_state == "valid"
        fleet.sits_there(name, somebody=False)
    export, licenses = exported(acme), [fleet.license(name) for name in fleet.clients]
    for license_id in licenses:
        assert acme.revoke(license_id).status == 200
    assert fleet.told("told") == ("refused", "REVOKED")

    with restored(acme, export) as moved:
        fleet.way.world = moved
        assert fleet.told("untold") == ("valid", None)
        assert fleet.told("told") == ("refused", "REVOKED"), "it does not ask again by itself"
        fleet.sits_there("told")
        assert fleet.told("told") == ("valid", None)
        assert [fleet.license(name) for name in fleet.clients] == licenses
        for name, license_id in zip(fleet.clients, licenses, strict=True):
            fleet.sits_there(name, somebody=False)
            assert moved.revoke(license_id).status == 200
            assert fleet.told(name) == ("refused", "REVOKED")
        assert moved.seats("acme") == 0
        assert_consistent(moved.items())


# -- machines, seats and keys ----------------------------------------------------------------------


def test_r04_r06_machines_and_seats_are_those_of_that_moment_and_hold_from_there_on(
    acme: World,
) -> None:
    first = acme.login(machine=MACHINE_A).json
    acme.change("acme", seconds=400 * DAY, max_agents=1)
    export = exported(acme)
    acme.act("dissociate", first["license"]["id"])
    later = acme.login(machine=MACHINE_C).json
    assert acme.login(BORIS, MACHINE_A).status == 201

    with restored(acme, export) as moved:
        assert moved.code(later["license_key"], MACHINE_C) == "NOT_FOUND"
        assert_problem(moved.login(machine=MACHINE_C), 409, "seat_limit_reached")
        refused = moved.login(BORIS, MACHINE_A)
        assert_problem(refused, 409, "machine_registered_to_other_organization")
        assert moved.login(machine=MACHINE_A).json["license_key"] == first["license_key"]
        assert moved.code(first["license_key"]) == "VALID"

        moved.act("dissociate", first["license"]["id"])
        assert moved.login(machine=MACHINE_C).status == 201
        assert moved.login(BORIS, MACHINE_A).status == 201
        assert (moved.seats("acme"), moved.seats("bolt")) == (1, 1)
        assert_consistent(moved.items())


def test_r36_a_device_key_that_was_exchanged_since_waits_for_an_administrator(
    acme: World,
) -> None:
    old, new = Device(), Device()
    agent = Agent(acme, old)
    agent.login()
    assert agent.code() == "VALID"
    export = exported(acme)
    agent = replace(agent, device=new)
    assert agent.login(ADA).status == 200
    assert agent.code() == "VALID"

    with restored(acme, export) as moved:
        agent.world = moved
        assert agent.code() == "PROOF_INVALID"
        reset = moved.act("reset-device-key", agent.license_id)
        assert reset.status == 200
        assert agent.login().status == 200
        assert agent.code() == "VALID"
        assert events(moved, "CloneSuspected") == []
        assert_consistent(moved.items())


def test_r27_a_temporary_license_is_as_it_was_and_its_partner_logs_in_once_more(
    acme: World,
) -> None:
    before = generated(acme, "7d")
    export = exported(acme)
    since_then = generated(acme, "7d")
    for temporary, machine in ((before, MACHINE_A), (since_then, MACHINE_B)):
        used(acme, temporary, machine=machine)

    with restored(acme, export) as moved:
        assert moved.code(since_then.key, MACHINE_B) == "NOT_FOUND"
        assert moved.code(before.key, MACHINE_A) != "VALID", "it is tied to nobody again"
        assert login_with(moved, before.key, PAVEL).status == 200
        assert moved.code(before.key, MACHINE_A) == "VALID"
        assert_problem(login_with(moved, before.key, PETRA), 403, "temporary_license_not_usable")
        assert_consistent(moved.items())


# -- subscriptions and the sweep -------------------------------------------------------------------


def test_r23_the_sweep_takes_up_what_was_due_and_does_again_what_is_forgotten(world: World) -> None:
    world.register("acme", seconds=100)
    world.register("bolt", seconds=1000)
    keys = {
        "acme": world.login(machine=MACHINE_A).json["license_key"],
        "bolt": world.login(BORIS, MACHINE_B).json["license_key"],
    }
    temporary = generated(world, "1h", "bolt")
    world.clock.advance(500)
    export = exported(world)  # Acme has ended, and nobody has marked it
    world.clock.advance(5000)
    assert world.sweep()["expired"] == 2

    with restored(world, export) as moved:
        assert moved.code(keys["acme"]) == moved.code(keys["bolt"], MACHINE_B, "bolt") == "EXPIRED"
        report = moved.sweep()
        assert (report["expired"], report["temporary_expired"], report["faults"]) == (2, 1, 0)
        assert moved.code(temporary.key, MACHINE_A, "bolt") == "EXPIRED"
        moved.clock.advance(61)
        moved.sweep()
        assert set(moved.sweep().values()) == {0}
        assert_consistent(moved.items())


def test_r14_billing_sends_again_what_is_forgotten_and_it_counts_again(world: World) -> None:
    assert bill(world, 1, seconds=1000)
    key = world.login().json["license_key"]
    export = exported(world)
    assert bill(world, 2, seconds=400 * DAY)
    world.clock.advance(2000)
    assert world.code(key) == "VALID"

    with restored(world, export) as moved:
        assert moved.code(key) == "EXPIRED"
        assert not bill(moved, 1, seconds=1000)
        assert bill(moved, 2, seconds=400 * DAY)
        assert moved.code(key) == "VALID"
        assert_consistent(moved.items())


# -- the stream ------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_stream", [True])
def test_r34_the_publisher_takes_up_with_the_new_tables_stream_and_tells_nothing_twice(
    world: World,
) -> None:
    outbox = Outbox(world)
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    assert outbox.publish(outbox.records()) == []
    told = len(outbox.records())
    label(world, license_id, "not on the bus when the table was exported")
    export = exported(world)
    label(world, license_id, "forgotten")
    waiting = outbox.records()[told:]

    with imported(world, export) as table:
        stream = with_stream(world, table)
        with working_on(world, table, stream) as moved:
            after = Outbox(moved)
            assert after.changes() == [], "what was restored is no news"
            label(moved, license_id, "after it")
            # The old stream's mapping stands for a while yet: it needs no table.
            assert after.publish(waiting) == []
            assert after.publish(after.records()) == []
            arrived = [*outbox.arrived()]
            in_table = {event["id"] for event in events(moved)}
        (forgotten,) = {event["id"] for event in events(world)} - in_table
    ids = [event["detail"]["id"] for event in arrived]
    assert len(ids) == len(set(ids)), "each event once"
    assert set(ids) == in_table | {forgotten}
    # Revisions count from that moment on once more: an id tells two events apart, they do not.
    revisions = [event["detail"]["revision"] for event in arrived if event["detail"]["license_id"]]
    assert revisions == [1, 2, 3, 3]


def label(world: World, license_id: str, text: str) -> None:
    """Have something happen to a licence."""
    path = f"/v1/licenses/{license_id}"
    assert world.request("PATCH", path, person=ADA, json={"label": text}).status == 200
