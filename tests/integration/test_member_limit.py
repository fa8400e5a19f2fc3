"""R38: how many agents a member may add, counted in the transaction that binds or frees one."""

from collections.abc import Callable
from typing import Any

import pytest

from licensing.adapters.dynamo import items, schema
from tests.concurrency.consistency import assert_consistent
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.answers import assert_problem
from tests.integration.partner import generated, used
from tests.integration.policy import govern
from tests.integration.trail import but_notes
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    Answer,
    Person,
    World,
    new_world,
)

CODE = "member_limit_reached"
OLDER = "4.3.0.12"


def limited(world: World, limit: int | None, *, max_agents: int | None = None) -> None:
    """Acme, which lets a member add so many agents."""
    world.register("acme", max_agents=max_agents)
    assert govern(world, agents_per_member=limit).status == 200


def added(world: World) -> list[int]:
    """What the members' counts stand at, after a check that they are right."""
    found = world.items()
    assert_consistent(found)
    return sorted(items.read_agents(item) for item in found if schema.is_member(item))


def machine(number: int) -> dict[str, Any]:
    """An invented machine."""
    return {"machine_id": f"machine-id-{number}", "computer_name": f"PC-{number}"}


def refused(answer: Answer) -> str:
    """What a member is told who may add no more."""
    assert_problem(answer, 409, CODE)
    detail: str = answer.json["detail"]
    assert "Ask an administrator to log in on this machine, or to raise the limit." in detail
    return detail


def id_of(answer: Answer) -> str:
    """The licence of a login."""
    assert answer.status in {200, 201}, answer
    license_id: str = answer.json["license"]["id"]
    return license_id


def test_r38_a_member_cannot_fill_the_seats_with_invented_machines(world: World) -> None:
    limited(world, 2, max_agents=5)
    answers = [world.login(ALICE, machine(number)) for number in range(5)]
    assert [answer.status for answer in answers] == [201, 201, 409, 409, 409]
    before = but_notes(world)
    told = refused(world.login(ALICE, machine(9)))
    assert told.startswith("A member of Acme may add 2 agents, and you have added 2.")
    assert but_notes(world) == before
    assert world.seats("acme") == 2
    # The others have their own.
    assert world.login(AMIR, machine(6)).status == 201
    assert added(world) == [1, 2]


def test_r38_administrators_of_the_organization_add_any_number(world: World) -> None:
    limited(world, 1)
    for number in range(3):
        assert world.login(ADA, machine(number)).status == 201
    assert added(world) == [], "nobody counts them"
    # No other role lets anybody add more; some let nobody log in at all.
    for number, roles in enumerate([("partner",), ("super-admin",), ("member", "partner"), ()]):
        person = Person(f"person-{number}", "acme", roles)
        world.login(person, machine(10 + number))
        assert world.login(person, machine(20 + number)).status in {403, 409}, roles


@pytest.mark.parametrize(
    ("limit", "told"), [(0, "may add no agents, and you have added 0."), (1, "may add 1 agent, ")]
)
def test_r38_none_means_none_and_the_grammar_is_right(world: World, limit: int, told: str) -> None:
    limited(world, limit)
    for number in range(limit):
        assert world.login(ALICE, machine(number)).status == 201
    assert told in refused(world.login(ALICE, MACHINE_B))
    # Where an administrator has logged in, every member works.
    world.login(ADA, MACHINE_B)
    assert world.login(ALICE, MACHINE_B).status == 200
    assert world.login(AMIR, MACHINE_B).status == 200


def test_r38_a_repeated_login_never_counts_whoever_logs_in(world: World) -> None:
    limited(world, 1)
    for person in (ALICE, ALICE, AMIR, ADA, AMIR):
        assert world.login(person).status in {200, 201}
    assert added(world) == [1]
    assert world.login(AMIR, MACHINE_B).status == 201


def test_r38_each_environment_is_an_agent(world: World) -> None:
    limited(world, 2)
    assert world.login(ALICE, environment="one").status == 201
    assert world.login(ALICE, environment="two").status == 201
    refused(world.login(ALICE, environment="three"))


@pytest.mark.parametrize("action", ["revoke", "dissociate"])
@pytest.mark.parametrize("first", [None, "detach"])
def test_r38_what_is_freed_may_be_added_again(world: World, action: str, first: str | None) -> None:
    limited(world, 1)
    license_id = id_of(world.login(ALICE))
    if first is not None:
        world.act(first, license_id)
        refused(world.login(ALICE, MACHINE_B))
        assert added(world) == [1], "a blocked agent is one still"
    for _ in range(2):
        assert world.act(action, license_id).status == 200
    assert added(world) == [0]
    assert world.login(ALICE, MACHINE_B).status == 201
    assert added(world) == [1]


def test_r20_r38_who_binds_a_license_anew_has_added_it(world: World) -> None:
    limited(world, 1)
    issued = world.login(ALICE).json
    license_id, key = issued["license"]["id"], issued["license_key"]
    world.act("dissociate", license_id)
    assert world.login(AMIR, MACHINE_B, license_key=key).status == 200
    assert added(world) == [0, 1]
    assert world.login(ALICE).status == 201
    refused(world.login(AMIR, machine(1)))
    # A key that waits is no way around the limit.
    world.act("dissociate", license_id)
    refused(world.login(ALICE, machine(2), license_key=key))
    assert world.login(ADA, machine(2), license_key=key).status == 200
    assert added(world) == [0, 1]
    world.act("revoke", license_id)
    assert added(world) == [0, 1]


def test_r38_a_limit_that_is_set_later_counts_what_is_there_and_a_lowered_one_ends_nothing(
    world: World,
) -> None:
    world.register("acme")
    keys = [world.login(ALICE, machine(n)).json["license_key"] for n in range(3)]
    govern(world, agents_per_member=3)
    refused(world.login(ALICE, machine(3)))
    govern(world, agents_per_member=1)
    assert {world.code(key, machine(n)) for n, key in enumerate(keys)} == {"VALID"}
    assert world.login(ALICE, machine(0)).status == 200
    assert "may add 1 agent, and you have added 3." in refused(world.login(ALICE, machine(3)))
    govern(world, agents_per_member=4)
    assert world.login(ALICE, machine(3)).status == 201
    govern(world, agents_per_member=None)
    assert world.login(ALICE, machine(4)).status == 201
    assert added(world) == [5]


def test_r38_who_becomes_an_administrator_and_back_has_added_what_they_added_as_a_member(
    world: World,
) -> None:
    limited(world, 1)
    assert world.login(ALICE, machine(1)).status == 201
    promoted = Person("alice", "acme", ("org-admin",))
    assert world.login(promoted, machine(2)).status == 201
    assert world.login(promoted, machine(1)).status == 200
    refused(world.login(ALICE, machine(3)))
    assert added(world) == [1]


def test_r38_subjects_are_members_of_one_organization_whatever_they_look_like(
    world: World,
) -> None:
    limited(world, 1)
    subjects = ["a", "A", "a ", "a#b", "MEMBER#a", "acme", "é", "x" * 2000]
    for number, subject in enumerate(subjects):
        assert world.login(Person(subject, "acme"), machine(number)).status == 201, subject
        refused(world.login(Person(subject, "acme"), machine(100 + number)))
    assert added(world) == [1] * len(subjects)
    # The same person's name at another organization is another member there.
    world.register("bolt")
    assert world.login(Person("a", "bolt"), machine(200)).status == 201


def test_r30_r38_older_agents_count_the_same(world: World) -> None:
    limited(world, 1)
    body = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01", "AgentVersion": OLDER}
    older = world.request("POST", "/v1/licenses", person=ALICE, json=body)
    assert older.status == 201
    refused(world.login(ALICE, MACHINE_B))
    other = body | {"MacId": "3C-52-82-0A-1B-2D", "ComputerName": "ACME-PC-02"}
    refused(world.request("POST", "/v1/licenses", person=ALICE, json=other))


def test_r36_r38_an_agent_with_a_device_key_counts_the_same(world: World) -> None:
    limited(world, 1)
    agent = Agent(world, Device())
    assert agent.login(ALICE).status == 201
    assert agent.login(ALICE).status == 200
    assert added(world) == [1]


def test_r38_temporary_licenses_are_nobodys_to_count(world: World) -> None:
    limited(world, 0)
    one = generated(world)
    used(world, one)
    assert added(world) == []


def test_r11_r22_r38_drift_and_sweep_change_no_count(world: World) -> None:
    world.register("acme", seconds=3600)
    govern(world, agents_per_member=1)
    key = world.login(ALICE).json["license_key"]
    assert world.code(key, MACHINE_A | {"computer_name": "ACME-PC-07"}) == "VALID"
    world.clock.advance(3600)
    world.sweep()
    assert added(world) == [1]
    world.change("acme")
    world.sweep()
    assert added(world) == [1]
    refused(world.login(ALICE, MACHINE_B))


def test_r38_records_from_before_members_were_counted_are_nobodys(world: World) -> None:
    limited(world, 1)
    license_id = id_of(world.login(ALICE))
    client, table = world.runtime.dynamodb, world.runtime.settings.table_name
    client.update_item(
        TableName=table, Key=schema.license_key(license_id), UpdateExpression="REMOVE added_by"
    )
    (count,) = [item for item in world.items() if schema.is_member(item)]
    client.delete_item(TableName=table, Key={"pk": count["pk"], "sk": count["sk"]})
    assert world.login(ALICE).status == 200
    assert world.login(ALICE, MACHINE_B).status == 201
    assert world.revoke(license_id).status == 200
    assert added(world) == [1]


def test_r06_r38_the_seat_limit_is_told_first_since_an_administrator_would_meet_it_too(
    world: World,
) -> None:
    limited(world, 1, max_agents=1)
    world.login(ALICE)
    assert_problem(world.login(ALICE, MACHINE_B), 409, "seat_limit_reached")


@pytest.mark.parametrize(
    ("own", "counting"), [(None, 1), (5, 1), (1, 1), (0, 0)], ids=["any", "more", "as many", "less"]
)
def test_r38_the_vendors_floor_counts_where_it_is_stricter(own: int | None, counting: int) -> None:
    with new_world(AgentsPerMember="1") as world:
        world.register("acme")
        if own in {0, 1}:
            assert govern(world, agents_per_member=own).status == 200
        for number in range(counting):
            assert world.login(ALICE, machine(number)).status == 201
        refused(world.login(ALICE, machine(9)))


def before_commit(world: World, act: Callable[[], Answer]) -> list[Answer]:
    """Let something else happen between what the next request reads and its transaction."""
    answers: list[Answer] = []
    emitter = world.runtime.dynamodb.meta.events
    place = "provide-client-params.dynamodb.TransactWriteItems"

    def interrupt(**_: object) -> None:
        emitter.unregister(place, interrupt)
        answers.append(act())

    emitter.register(place, interrupt)
    return answers


def test_r05_r38_another_agent_that_comes_first_takes_what_was_left(world: World) -> None:
    limited(world, 1)
    others = before_commit(world, lambda: world.login(ALICE, MACHINE_B))
    refused(world.login(ALICE))
    assert [answer.status for answer in others] == [201]
    assert added(world) == [1]


def test_r02_r38_a_login_of_the_same_agent_that_comes_first_is_no_reason_to_refuse(
    world: World,
) -> None:
    limited(world, 1)
    others = before_commit(world, lambda: world.login(ALICE))
    assert world.login(ALICE).status == 200
    assert [answer.status for answer in others] == [201]
    assert added(world) == [1]


def test_r05_r38_a_limit_that_is_lowered_meanwhile_counts(world: World) -> None:
    limited(world, None)
    before_commit(world, lambda: govern(world, agents_per_member=0))
    refused(world.login(ALICE))
    assert added(world) == []


def test_r38_another_organizations_members_are_not_told_of(world: World) -> None:
    limited(world, 0)
    world.register("bolt")
    assert world.login(BORIS, MACHINE_B).status == 201
    assert_problem(world.login(ALICE, MACHINE_B), 409, "machine_registered_to_other_organization")
