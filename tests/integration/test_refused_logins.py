"""R4, R32: who learns what of a refused login: the person, their organization, and the holder."""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from licensing.usecases.note_refusal import MACHINES_PER_HOUR
from tests.devices import Device
from tests.integration import pages
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.outbox import Outbox
from tests.integration.partner import generated, login_with
from tests.integration.policy import govern
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    OLIVIA,
    PAVEL,
    YEAR,
    Answer,
    Person,
    World,
    instant,
    new_world,
)

FOREIGN = "machine_registered_to_other_organization"
HOUR = NOON - NOON % 3600
BELLA = Person("bella", "bolt")


def a_machine(number: int) -> dict[str, Any]:
    return {
        "machine_id": f"9f8e7d6c-0001-4000-8000-{number:012x}",
        "mac_addresses": [f"3c:52:82:1b:00:{number:02x}"],
        "computer_name": f"SPARE-{number}",
    }


def feed(world: World, person: Person = ADA, name: str = "acme") -> list[dict[str, Any]]:
    """The refusals that an organization's own administrators see, newest first."""
    return [e for e in pages.feed(world, person, name) if e["type"] == "AccessRefused"]


# -- who is told what -----------------------------------------------------------------------------


def _first(world: World) -> Callable[[], Answer]:
    return lambda: world.login(BORIS, MACHINE_A)


def _reassigned(world: World) -> Callable[[], Answer]:
    issued = world.login(BORIS, MACHINE_B).json
    world.act("dissociate", issued["license"]["id"], BEA)
    return lambda: world.login(BORIS, MACHINE_A, license_key=issued["license_key"])


def _partners(world: World) -> Callable[[], Answer]:
    temporary = generated(world, "7d", "bolt")
    return lambda: login_with(world, temporary.key, PAVEL, MACHINE_A)


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        (_first, {"seconds": 0}),
        (_first, {"status": "paused"}),
        (_first, {"status": "cancelled"}),
        (_reassigned, {"seconds": 0}),
        (_partners, {"seconds": 0}),
    ],
)
def test_r04_an_organization_without_a_subscription_learns_nothing_about_the_machine(
    world: World, how: Callable[[World], Callable[[], Answer]], wanted: dict[str, Any]
) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(ALICE, MACHINE_A)
    attempt = how(world)
    assert_problem(attempt(), 409, FOREIGN)
    world.change("bolt", **wanted)
    before = [e for e in events(world, "AccessRefused") if e["organization_id"] == "acme"]
    answer = attempt()
    assert_problem(answer, 409, "subscription_ended")
    assert "Acme" not in answer.text
    after = [e for e in events(world, "AccessRefused") if e["organization_id"] == "acme"]
    assert after == before, "it was not tried there"


# -- at the organization of who tried -------------------------------------------------------------


def _without_a_seat(world: World) -> Answer:
    world.change("acme", max_agents=0)
    return world.login()


def _beyond_the_limit(world: World) -> Answer:
    govern(world, agents_per_member=0)
    return world.login()


def _after_the_end(world: World) -> Answer:
    world.change("acme", seconds=0)
    return world.login()


def _while_paused(world: World) -> Answer:
    world.change("acme", status="paused")
    return world.login()


def _without_a_device_key(world: World) -> Answer:
    govern(world, require_device_key=True)
    return world.login()


def _without_the_bound_device_key(world: World) -> Answer:
    assert Agent(world, Device()).login(AMIR).status == 201
    return world.login()


def _on_anothers_machine(world: World) -> Answer:
    assert world.login(BORIS).status == 201
    return world.login()


REFUSED = {
    _without_a_seat: "seat_limit_reached",
    _beyond_the_limit: "member_limit_reached",
    _after_the_end: "subscription_ended",
    _while_paused: "subscription_ended",
    _without_a_device_key: "proof_required",
    _without_the_bound_device_key: "proof_required",
    _on_anothers_machine: FOREIGN,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("refused", "code"), REFUSED.items())
def test_r32_an_administrator_sees_why_one_of_their_people_was_refused_and_where(
    world: World, refused: Callable[[World], Answer], code: str
) -> None:
    world.register("acme")
    world.register("bolt")
    assert refused(world).json["code"] == code
    request_id = world.exchanges[-1].event["requestContext"]["requestId"]
    (entry,) = feed(world)
    assert entry == {
        "id": entry["id"],
        "type": "AccessRefused",
        "at": instant(HOUR),
        "last_at": instant(NOON),
        "organization_id": "acme",
        "license_id": None,
        "revision": None,
        "actor": {"kind": "user", "subject": "alice", "name": None, "roles": ["member"]},
        "source_address": "203.0.113.7",
        "agent_version": "4.5.0.0",
        "request_id": request_id,
        "before": None,
        "after": None,
        "reason": code,
        "components": [],
        "other_address": None,
        "times": 1,
        "readings": [],
        "license_computer_name": None,
        "computer_name": "ACME-PC-01",
        "confidential": False,
    }
    assert "bolt" not in json.dumps(entry).lower()
    assert entry in feed(world, OLIVIA), "the trail says the same"


def test_r32_there_is_one_entry_for_each_machine_reason_and_hour(world: World) -> None:
    world.register("acme", max_agents=0)

    def log_in() -> None:
        for person, machine in product((ALICE, AMIR), (MACHINE_A, MACHINE_B)):
            assert world.login(person, machine).status == 409

    log_in()
    world.clock.advance(60)
    log_in()
    told = {entry["computer_name"]: entry for entry in feed(world)}
    assert len(feed(world)) == 2
    assert told.keys() == {"ACME-PC-01", "bolt-server"}
    for entry in told.values():
        assert (entry["times"], entry["actor"]["subject"]) == (4, "amir"), "the latest"
        assert entry["last_at"] == instant(NOON + 60)
    world.change("acme", status="paused", max_agents=0)
    log_in()
    world.clock.advance(3600)
    log_in()
    assert [(entry["reason"], entry["times"]) for entry in feed(world)] == [
        ("subscription_ended", 2),
        ("subscription_ended", 2),
        ("subscription_ended", 2),
        ("subscription_ended", 2),
        ("seat_limit_reached", 4),
        ("seat_limit_reached", 4),
    ]


def test_r32_so_many_machines_have_entries_of_their_own_in_an_hour_and_no_more(
    world: World,
) -> None:
    world.register("acme", max_agents=0)
    world.register("bolt", max_agents=0)
    for number in range(MACHINES_PER_HOUR + 3):
        assert world.login(ALICE, a_machine(number)).status == 409
    world.change("acme", status="paused", max_agents=0)
    for number in (0, MACHINES_PER_HOUR, MACHINES_PER_HOUR + 1):
        assert world.login(ALICE, a_machine(number)).status == 409
    assert world.login(BORIS, MACHINE_B).status == 409
    own = [e for e in feed(world) if e["computer_name"] is not None]
    shared = {e["reason"]: e["times"] for e in feed(world) if e["computer_name"] is None}
    assert len({entry["computer_name"] for entry in own}) == MACHINES_PER_HOUR
    assert len(own) == MACHINES_PER_HOUR + 1, "one that is known has one for each reason"
    assert shared == {"seat_limit_reached": 3, "subscription_ended": 2}
    assert [e["computer_name"] for e in feed(world, BEA, "bolt")] == ["bolt-server"]
    world.clock.advance(3600)
    assert world.login(ALICE, a_machine(MACHINES_PER_HOUR)).status == 409
    assert feed(world)[0]["computer_name"] == f"SPARE-{MACHINES_PER_HOUR}", "another hour"


def test_r33_a_feed_is_read_in_pages_across_refused_logins(world: World) -> None:
    world.register("acme", max_agents=0)
    for number in range(3):
        world.login(ALICE, a_machine(number))
        world.login(AMIR, a_machine(number))
    one_by_one = pages.pages(world, "/v1/organizations/acme/events", ADA, limit=1)
    assert [entry for (entry,) in one_by_one] == pages.feed(world, ADA)
    assert len(one_by_one) == 4


def test_r12_the_computers_name_is_shown_without_what_misleads(world: World) -> None:
    world.register("acme", max_agents=0)
    world.login(ALICE, MACHINE_A | {"computer_name": "PC\u202e-1"})
    nameless = {key: value for key, value in MACHINE_B.items() if key != "computer_name"}
    world.login(ALICE, nameless)
    assert {entry["computer_name"] for entry in feed(world)} <= {"PC\ufffd-1", None}


def test_r28_r32_other_refusals_leave_no_entry_there(world: World) -> None:
    world.register("acme")
    world.register("bolt", max_agents=0)
    world.login(ALICE)
    temporary = generated(world, "7d", "bolt")
    login_with(world, temporary.key, PAVEL, MACHINE_A)  # Acme's
    govern(world, require_device_key=True)
    login_with(world, generated(world).key, PAVEL, MACHINE_B)
    world.login(Person("nina", "nobody"))
    world.login(OLIVIA)
    world.login(ADA, machine={"computer_name": "alone"})
    assert [e for e in events(world, "AccessRefused") if "license_id" not in e] == []


def test_r32_a_login_that_is_let_in_costs_no_write_for_this_and_a_refused_one_two(
    world: World,
) -> None:
    world.register("acme", max_agents=1)
    with world.counting() as calls:
        assert world.login().status == 201
        assert world.login(AMIR).status == 200
    assert calls["UpdateItem"] == 0
    for machine in (MACHINE_B, a_machine(1), MACHINE_B):
        with world.counting() as calls:
            assert world.login(AMIR, machine).status == 409
        assert (calls["UpdateItem"], calls["TransactWriteItems"]) == (2, 0)


def test_r32_r35_a_refused_login_stands_in_no_chart_and_tells_no_machine_id(world: World) -> None:
    world.register("acme", max_agents=0)
    world.login()
    shown = world.request("GET", "/v1/organizations/acme/statistics", person=ADA).json
    assert shown["refusals"] == [], "those of licenses are counted there"
    stored = repr(world.items()).lower()
    assert MACHINE_A["machine_id"] not in stored
    assert MACHINE_A["mac_addresses"][0].replace(":", "") not in stored


def test_r32_no_number_of_refused_logins_hides_an_organizations_changes(world: World) -> None:
    world.register("acme", seconds=YEAR, max_agents=0)
    for number in range(3):
        world.login(ALICE, a_machine(number))
    past = world.runtime.store.organization_past("acme", NOON - 86_400, most=1)
    assert past is not None
    assert [entry.type for entry in past.events] == ["OrganizationCreated"]
    assert past.left_at is None


# -- at the organization that holds the machine ---------------------------------------------------


def test_r04_the_holder_learns_of_the_attempt_and_nothing_of_who_made_it() -> None:
    with new_world(has_stream=True) as world:
        outbox = Outbox(world)
        world.register("acme")
        world.register("bolt")
        issued = world.login(ALICE).json
        tried = world.request(
            "POST",
            "/v1/licenses",
            person=BELLA,
            json={"machine": MACHINE_A | {"computer_name": "BOLT-7"}, "agent_version": "9.8.7-b"},
            source_ip="198.51.100.23",
        )
        assert_problem(tried, 409, FOREIGN)
        (at_holder,), (own,) = feed(world), feed(world, BEA, "bolt")
        assert outbox.publish(outbox.records()) == []
        published = {
            event["detail"]["organization_id"]: event["detail"]
            for event in outbox.arrived()
            if event["detail-type"] == "AccessRefused"
        }
        assert published == {"acme": at_holder, "bolt": own}
    assert at_holder["license_id"] == issued["license"]["id"]
    assert (at_holder["reason"], at_holder["times"]) == (FOREIGN, 1)
    told = json.dumps(at_holder).lower()
    shared = {
        name
        for name, value in own.items()
        if value not in (None, [], False) and at_holder[name] == value
    }
    assert shared == {"type", "at", "last_at", "reason", "times"}
    for word in ("bolt", "bella", "198.51.100.23", "9.8.7", own["request_id"].lower()):
        assert word not in told
    assert "acme" not in json.dumps(own | {"request_id": ""}).lower()
    assert issued["license"]["id"] not in json.dumps(own)
