"""R31: who is on a machine with whom, who gets on it, and who stays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from licensing.adapters.dynamo import items, schema
from licensing.adapters.dynamo.licenses import Licenses
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
from licensing.usecases.ports import Outcome
from tests.integration import pairs
from tests.integration.many import bind
from tests.integration.partner import generated, login_with
from tests.integration.test_older_agents import (
    CORA,
    MAC,
    NAME,
    WITHOUT_ID,
    assert_registered_with,
    old_code,
    old_login,
    shared,
)
from tests.integration.trail import events
from tests.world import ALICE, AMIR, BEA, BORIS, MACHINE_A, MACHINE_B, World

NEWER = "4.5.0.0"
OLDER = "4.3.0.12"
SECOND = "3C-52-82-0A-1B-02"
RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}


def names(
    world: World, machine: Mapping[str, Any] = WITHOUT_ID
) -> dict[str, tuple[set[str], bool]]:
    """Who holds each pair of a machine, and whether it is closed."""
    held = pairs.held(world)
    return {
        pair: (set(held[pair].holders), held[pair].exclusive)
        for pair in pairs.of(world, machine) & held.keys()
    }


def upgrades(world: World, how: str, key: str) -> None:
    """Acme's agent on the shared machine is one of 4.5 from now on."""
    if how == "validation":
        assert world.code(key, WITHOUT_ID, agent_version=NEWER) == "VALID"
    elif how == "login":
        answer = world.login(AMIR, WITHOUT_ID, agent_version=NEWER)
        assert (answer.status, answer.json["license_key"]) == (200, key)
    else:
        answer = world.login(AMIR, WITHOUT_ID, environment="staging", agent_version=NEWER)
        assert answer.status == 201


# -- who is on it stays on it, and closes it ------------------------------------------------------


@pytest.mark.parametrize("how", ["validation", "login", "another environment"])
def test_r31_nobody_new_gets_on_a_shared_machine_once_one_of_its_agents_is_4_4(
    world: World, how: str, subtests: pytest.Subtests
) -> None:
    acmes, bolts = shared(world)
    world.register("core")
    upgrades(world, how, acmes["license_key"])

    assert list(names(world).values()) == [({"acme", "bolt"}, True)]
    for version in (OLDER, "4.2", "0", NEWER, None):
        with subtests.test(version=version):
            assert_registered_with(world.login(CORA, WITHOUT_ID, agent_version=version), "Acme")
    assert_registered_with(old_login(world, CORA), "Acme")
    assert world.seats("core") == 0
    # The others stay, with all that they do.
    assert old_code(world, bolts["license_key"]) == "VALID"
    assert old_login(world, BORIS).json["license_key"] == bolts["license_key"]
    another = world.login(BORIS, WITHOUT_ID, environment="test", agent_version=OLDER)
    assert another.status == 201
    upgraded = world.login(BORIS, WITHOUT_ID, agent_version=NEWER)
    assert (upgraded.status, upgraded.json["license_key"]) == (200, bolts["license_key"])
    assert old_code(world, acmes["license_key"]) == "VALID"


def test_r31_a_repeated_validation_on_a_shared_machine_costs_one_request(world: World) -> None:
    acmes, bolts = shared(world)
    key, bolts_key = acmes["license_key"], bolts["license_key"]
    with world.counting() as calls:
        assert world.code(key, WITHOUT_ID, agent_version=NEWER) == "VALID"
    assert calls == {"BatchGetItem": 2, "TransactWriteItems": 1}
    (event,) = events(world, "LicenseUpdated")
    changed = {name for name, value in event["after"].items() if event["before"][name] != value}
    assert (event["organization_id"], changed) == ("acme", {"exclusive"})
    before = world.items()
    for version in (NEWER, None, OLDER):
        with world.counting() as calls:
            assert world.code(key, WITHOUT_ID, agent_version=version) == "VALID"
        assert calls == {"BatchGetItem": 1}
    world.login(AMIR, WITHOUT_ID, agent_version=NEWER)  # which begins its chain of leases
    with world.counting() as calls:
        assert world.login(AMIR, WITHOUT_ID, agent_version=NEWER).status == 200
    assert calls == {"BatchGetItem": 1, "GetItem": 1}
    before = world.items()
    # The other one's older agent does not come to want the machine because this one has closed it.
    with world.counting() as calls:
        assert old_code(world, bolts_key) == "VALID"
    assert calls == {"GetItem": 2}
    assert world.items() == before


def test_r31_a_closed_machine_stays_closed_until_everybody_has_left(world: World) -> None:
    acmes, bolts = shared(world)
    world.register("core")
    upgrades(world, "validation", acmes["license_key"])

    world.revoke(acmes["license"]["id"])

    assert_registered_with(old_login(world, CORA), "Bolt")
    # Whoever has left is new there, too.
    assert_registered_with(old_login(world, ALICE), "Bolt")
    assert old_code(world, bolts["license_key"]) == "VALID"
    world.revoke(bolts["license"]["id"], BEA)
    assert old_login(world, CORA).status == 201
    assert old_login(world, ALICE).status == 201


def test_r31_who_comes_with_4_4_while_others_are_there_is_refused(world: World) -> None:
    _, bolts = shared(world)
    world.register("core")
    newcomer = world.login(CORA, WITHOUT_ID, agent_version=NEWER)
    assert_registered_with(newcomer, "Acme")
    assert old_code(world, bolts["license_key"]) == "VALID"
    assert not any(is_closed for _, is_closed in names(world).values())


def test_r31_what_the_others_older_agents_claim_anew_on_a_closed_machine_is_their_own(
    world: World,
) -> None:
    acmes, _ = shared(world)
    upgrades(world, "validation", acmes["license_key"])
    both = {**WITHOUT_ID, "mac_addresses": [MAC, SECOND]}
    # It sees one more adapter: the new pairs are not Acme's, and nobody has closed them.
    made = world.login(BORIS, both, environment="test", agent_version=OLDER)
    assert made.status == 201
    record = world.runtime.store.license(made.json["license"]["id"])
    assert record is not None
    assert not record.exclusive
    (pair,) = pairs.of(world, {"mac_addresses": [SECOND], "computer_name": NAME})
    assert names(world, both)[pair] == ({"bolt"}, False)


# -- R4: one pair of somebody's machine opens no other --------------------------------------------


@pytest.mark.parametrize("versions", [(NEWER, NEWER), (NEWER, OLDER), (OLDER, NEWER)])
def test_r04_a_machine_that_is_made_up_of_two_opens_neither(
    world: World, versions: tuple[str, str]
) -> None:
    acmes_version, bolts_version = versions
    world.register("acme")
    world.register("bolt")
    mixed = {**MACHINE_B, "machine_id": MACHINE_A["machine_id"]}
    bolts = world.login(BORIS, mixed, agent_version=bolts_version).json
    world.login(ALICE, MACHINE_A, agent_version=acmes_version)
    before = pairs.held_by(world, bolts["license"]["id"])
    stolen = {**mixed, "computer_name": MACHINE_A["computer_name"]}
    assert pairs.of(world, stolen) & pairs.of(world, MACHINE_A)

    another = world.login(BORIS, stolen, environment="staging", agent_version=bolts_version)
    again = world.login(BORIS, stolen, agent_version=bolts_version)

    assert_registered_with(another, "Acme")
    # Its own licence goes on, where it is.
    assert (again.status, again.json["license_key"]) == (200, bolts["license_key"])
    answer = world.code(bolts["license_key"], stolen, "bolt", agent_version=bolts_version)
    assert answer == "VALID"
    assert pairs.held_by(world, bolts["license"]["id"]) == before
    assert {name for holders, _ in names(world, MACHINE_A).values() for name in holders} == {"acme"}


def test_r04_who_shares_a_machine_gets_on_no_other_machine_of_the_same_organization(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    for person in (ALICE, BORIS):
        issued = world.login(person, agent_version=OLDER).json
    # Another machine of Acme's, which Bolt's agent pretends to become.
    other = {**MACHINE_B, "machine_id": MACHINE_A["machine_id"]}
    world.login(ALICE, other, agent_version=NEWER)
    pretended = {**MACHINE_A, "computer_name": MACHINE_B["computer_name"]}

    for version in (OLDER, NEWER):
        answer = world.code(issued["license_key"], pretended, "bolt", agent_version=version)
        assert answer == "VALID"
        assert world.login(BORIS, pretended, agent_version=version).status == 200
        staging = world.login(BORIS, pretended, environment="staging", agent_version=version)
        assert_registered_with(staging, "Acme")

    assert pairs.held_by(world, issued["license"]["id"]) == pairs.of(world, MACHINE_A)
    assert all(holders == {"acme"} for holders, _ in names(world, other).values())


# -- R20: a key that is bound anew ----------------------------------------------------------------


def test_r20_r31_a_key_of_4_5_is_bound_by_an_older_login_where_that_one_may_share(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE, MACHINE_B, agent_version=NEWER).json
    world.act("dissociate", issued["license"]["id"])
    old_login(world, BORIS)

    refused = world.login(ALICE, WITHOUT_ID, license_key=issued["license_key"], agent_version=NEWER)
    assert_registered_with(refused, "Bolt")
    answer = old_login(world, ALICE, LicenseKey=issued["license_key"])

    assert (answer.status, answer.json["license_key"]) == (200, issued["license_key"])
    assert list(names(world).values()) == [({"acme", "bolt"}, False)]
    assert old_code(world, issued["license_key"]) == "VALID"


# -- R11: a shared machine that changes -----------------------------------------------------------


@pytest.mark.parametrize("first", ["acme", "bolt"])
def test_r11_r31_who_shares_a_closed_machine_follows_it(world: World, first: str) -> None:
    world.register("acme")
    world.register("bolt")
    acmes = world.login(ALICE, agent_version=OLDER).json["license_key"]
    issued = world.login(BORIS, agent_version=OLDER).json
    bolts, bolts_id = issued["license_key"], issued["license"]["id"]
    assert world.code(acmes, agent_version=NEWER) == "VALID"
    follow: list[Callable[[], str]] = [
        lambda: world.code(acmes, RENAMED, agent_version=NEWER),
        lambda: world.code(bolts, RENAMED, "bolt", agent_version=OLDER),
    ]
    for validate in follow if first == "acme" else reversed(follow):
        assert validate() == "VALID"

    held = names(world, RENAMED)
    assert held.keys() == pairs.of(world, RENAMED)
    assert all(one == ({"acme", "bolt"}, True) for one in held.values())
    assert pairs.held(world).keys() == held.keys()
    assert not events(world, "AccessRefused")
    # Bolt's agent is an older one still: it is not the one who closes what it comes to next.
    moved = [event for event in events(world, "MachineDrifted") if event["license_id"] == bolts_id]
    assert [event["after"]["exclusive"] for event in moved] == [False]


def test_r11_r31_an_agent_of_4_5_moves_onto_no_pair_of_others_who_are_not_on_its_machine(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE, agent_version=OLDER).json
    neighbour = {**MACHINE_B, "mac_addresses": MACHINE_A["mac_addresses"]}
    world.login(BORIS, neighbour, agent_version=OLDER)
    renamed = {**MACHINE_A, "computer_name": MACHINE_B["computer_name"]}
    before = pairs.held_by(world, issued["license"]["id"])

    assert world.code(issued["license_key"], renamed, agent_version=NEWER) == "VALID"

    assert pairs.held_by(world, issued["license"]["id"]) == before
    assert all(one == ({"acme"}, True) for one in names(world, MACHINE_A).values())
    assert all(one == ({"bolt"}, False) for one in names(world, neighbour).values())


# -- R5: others come in between -------------------------------------------------------------------


@pytest.fixture
def in_between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something done once, between what the next request reads and what it writes."""

    def interrupt(task: Callable[[], object]) -> None:
        commit, left = Licenses.commit, iter([task])

        def overtaken(self: Licenses, *args: Any, **named: Any) -> Outcome:
            for one in left:
                one()
            return commit(self, *args, **named)

        monkeypatch.setattr(Licenses, "commit", overtaken)

    return interrupt


InBetween = Callable[[Callable[[], object]], None]


def test_r05_r31_who_gets_on_a_machine_while_it_is_closed_is_refused(
    world: World, in_between: InBetween
) -> None:
    acmes, _ = shared(world)
    world.register("core")
    in_between(lambda: upgrades(world, "validation", acmes["license_key"]))
    assert_registered_with(old_login(world, CORA), "Acme")


def test_r05_r31_who_leaves_while_its_next_environment_is_bound_has_no_place_there_any_more(
    world: World, in_between: InBetween
) -> None:
    acmes, _ = shared(world)
    in_between(lambda: world.revoke(acmes["license"]["id"]))
    answer = world.login(AMIR, WITHOUT_ID, environment="staging", agent_version=NEWER)
    assert_registered_with(answer, "Bolt")
    assert world.seats("acme") == 0


def test_r05_r11_r31_a_license_follows_nobody_who_has_left_its_machine_meanwhile(
    world: World, in_between: InBetween
) -> None:
    world.register("acme")
    world.register("bolt")
    acmes = world.login(ALICE, agent_version=OLDER).json
    bolts = world.login(BORIS, agent_version=OLDER).json
    assert world.code(acmes["license_key"], RENAMED, agent_version=NEWER) == "VALID"

    def leave() -> None:  # for another machine, one that has the new name, too
        world.act("dissociate", acmes["license"]["id"])
        elsewhere = {**RENAMED, "mac_addresses": MACHINE_B["mac_addresses"]}
        again = world.login(ALICE, elsewhere, license_key=acmes["license_key"], agent_version=NEWER)
        assert again.status == 200, again

    in_between(leave)
    assert world.code(bolts["license_key"], RENAMED, "bolt", agent_version=OLDER) == "VALID"
    assert all(len(pair.holders) == 1 for pair in pairs.held(world).values()), (
        "on a machine that it never was on with Acme"
    )


# -- R2, R12: names of environments from an earlier build -----------------------------------------


def earlier(world: World, machine: Mapping[str, Any]) -> tuple[License, str]:
    """A licence whose environment has another form, as an earlier build stored it, and its key."""
    keyring = world.runtime.keyrings.keyring()
    hashed = Machine.of(Credentials.of(**machine), keyring.hashing_key)
    made: list[License] = []

    def looks(_: int, record: License) -> License:
        environment, identity = "Production ", hashed.identity()
        made.append(replace(record, environment=environment, machine=hashed, identity=identity))
        return made[-1]

    bind(world, "acme", 1, looks=looks)
    (record,) = made
    for pair in hashed.pairs():
        holders = items.holders_value({"acme": {record.environment: record.id}})
        world.runtime.dynamodb.update_item(
            TableName=world.runtime.settings.table_name,
            Key=schema.pair_key(pair),
            UpdateExpression="SET holders = :holders",
            ExpressionAttributeValues={":holders": holders},
        )
    return record, record.key(keyring.license_key_secrets[record.secret_version]).reveal()


def test_r02_r12_a_key_of_an_earlier_name_and_a_login_of_the_normal_one_make_no_two_licenses(
    world: World, in_between: InBetween
) -> None:
    world.register("acme")
    record, key = earlier(world, MACHINE_B)
    world.act("dissociate", record.id)
    world.login(ALICE, environment="staging")  # so that the organization holds the pairs already

    def bind_it() -> None:
        assert world.login(AMIR, environment="production", license_key=key).status == 200

    in_between(bind_it)
    answer = world.login(ALICE, environment="production")
    assert (answer.status, answer.json["license"]["id"]) == (200, record.id)
    assert world.seats("acme") == 2


def test_r12_a_license_of_an_earlier_name_follows_its_machine_and_leaves_it(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    record, key = earlier(world, MACHINE_A)
    world.login(ALICE, environment="staging")
    assert world.code(key, RENAMED) == "VALID"
    assert pairs.held_by(world, record.id) == pairs.of(world, RENAMED)
    assert world.code(key, {**RENAMED, "mac_addresses": [SECOND]}) == "VALID"
    assert world.login(AMIR, RENAMED).json["license_key"] == key
    world.revoke(record.id)
    assert not pairs.held_by(world, record.id)
    assert world.login(AMIR, MACHINE_A).status == 201


# -- R26: a partner needs a machine that nobody else is on ----------------------------------------


def test_r26_r31_a_partner_works_on_no_shared_machine_closed_or_not(world: World) -> None:
    acmes, _ = shared(world)
    key = generated(world).key
    for _ in range(2):
        assert_registered_with(login_with(world, key, machine=WITHOUT_ID), "Bolt")
        upgrades(world, "validation", acmes["license_key"])
