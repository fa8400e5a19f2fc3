"""R4: super-admins find out who holds a machine, and lead a victim of squatting out."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.answers import assert_problem
from tests.integration.trail import events
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    Answer,
    Person,
    World,
)

pytestmark = pytest.mark.sampled(2)

WITHOUT_ID = {name: MACHINE_A[name] for name in ("mac_addresses", "computer_name")}


def lookup(world: World, machine: Any, person: Person | None = OLIVIA) -> Answer:
    return world.request("POST", "/v1/machines/lookup", person=person, json={"machine": machine})


def holders(world: World, machine: Mapping[str, Any]) -> dict[str, list[str]]:
    """The environments of each organization that a lookup finds."""
    answer = lookup(world, machine)
    assert answer.status == 200, answer
    found = {
        holder["organization_id"]: sorted(one["environment"] for one in holder["licenses"])
        for holder in answer.json["holders"]
    }
    assert list(found) == sorted(found)
    return found


def test_r04_a_lookup_finds_the_holder_with_its_licenses_there(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    logins = [world.login(ALICE, environment=name) for name in ("production", "staging")]
    issued = {login.json["license"]["id"]: login.json for login in logins}
    world.login(ALICE, MACHINE_B)
    world.login(BORIS, {"machine_id": "another", "computer_name": "BOLT-1"})

    (holder,) = lookup(world, MACHINE_A).json["holders"]

    assert (holder["organization_id"], holder["name"]) == ("acme", "Acme")
    shown = {one["id"]: one for one in holder["licenses"]}
    assert set(shown) == set(issued)
    for license_id, one in shown.items():
        read = world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
        assert one == read.json["license"]
        assert (one["computer_name"], one["issued_by"]) == ("ACME-PC-01", "alice")
    # Nothing of the credentials or the keys comes along.
    text = str(holder).lower()
    for secret in (MACHINE_A["machine_id"], *MACHINE_A["mac_addresses"]):
        assert secret not in text
    for one in issued.values():
        assert one["license_key"].lower() not in text


def test_r04_two_of_three_credentials_suffice_and_one_never_does(world: World) -> None:
    world.register("acme")
    world.login(ALICE)
    other = {**MACHINE_B, "mac_addresses": MACHINE_B["mac_addresses"][:1]}
    for kept in MACHINE_A:
        agreeing = {**MACHINE_A, kept: other[kept]}
        partial = {name: value for name, value in MACHINE_A.items() if name != kept}
        assert holders(world, agreeing) == {"acme": ["production"]}
        assert holders(world, partial) == {"acme": ["production"]}
        assert holders(world, {**other, kept: MACHINE_A[kept]}) == {}
    assert holders(world, MACHINE_B) == {}


def test_r04_what_has_been_released_is_not_found_and_what_is_blocked_is(world: World) -> None:
    world.register("acme", seconds=600)
    license_id = world.login(ALICE).json["license"]["id"]
    world.act("detach", license_id)
    assert holders(world, MACHINE_A) == {"acme": ["production"]}
    world.clock.advance(600)
    world.sweep()
    assert holders(world, MACHINE_A) == {"acme": ["production"]}
    world.act("dissociate", license_id)
    assert holders(world, MACHINE_A) == {}
    world.change("acme")
    again = world.login(ALICE).json["license"]["id"]
    assert holders(world, MACHINE_A) == {"acme": ["production"]}
    world.revoke(again)
    assert holders(world, MACHINE_A) == {}


def test_r04_r31_everybody_on_a_shared_machine_is_found(world: World) -> None:
    everybody = {name: ["production"] for name in ("acme", "bolt", "core")}
    for organization_id in everybody:
        world.register(organization_id)
    for person in (BORIS, ALICE, Person("cora", "core")):
        assert world.login(person, WITHOUT_ID, agent_version="4.3.0.12").status == 201
    assert holders(world, WITHOUT_ID) == everybody
    assert holders(world, MACHINE_A) == everybody


def test_r04_r09_a_machine_that_has_changed_is_found_with_all_of_its_agents(world: World) -> None:
    world.register("acme")
    keys = {
        name: world.login(ALICE, environment=name).json["license_key"] for name in ("one", "two")
    }
    renamed = {**MACHINE_A, "computer_name": "ACME-PC-02"}
    assert world.code(keys["one"], renamed) == "VALID"

    assert holders(world, renamed) == {"acme": ["one", "two"]}
    assert holders(world, MACHINE_A) == {"acme": ["one", "two"]}
    # Whatever two components are asked for, as long as they are of today.
    del renamed["machine_id"]
    assert holders(world, renamed) == {"acme": ["one", "two"]}
    assert holders(world, WITHOUT_ID) == {}


def test_r04_a_machine_that_two_organizations_hold_in_part_is_found_with_both(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(ALICE)
    # Not the same machine: it has the network card of Acme's only.
    clone = {**MACHINE_B, "mac_addresses": MACHINE_A["mac_addresses"]}
    assert world.login(BORIS, clone).status == 201
    between = {**MACHINE_A, "computer_name": MACHINE_B["computer_name"]}
    assert holders(world, between) == {"acme": ["production"], "bolt": ["production"]}


def test_r09_a_lookup_says_which_pairs_were_compared_and_who_holds_one(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(ALICE)
    world.login(BORIS, {**MACHINE_B, "mac_addresses": MACHINE_A["mac_addresses"]})
    between = {**MACHINE_A, "computer_name": MACHINE_B["computer_name"]}
    told = lookup(world, between).json
    assert told["compared"] == [
        {"components": ["machine_id", "computer_name"], "organization_ids": []},
        {"components": ["machine_id", "mac_addresses"], "organization_ids": ["acme"]},
        {"components": ["computer_name", "mac_addresses"], "organization_ids": ["bolt"]},
    ]
    assert told["not_counted"] == []
    nobody = lookup(world, {"machine_id": "another", "computer_name": "ACME-PC-01"}).json
    assert nobody == {
        "holders": [],
        "compared": [{"components": ["machine_id", "computer_name"], "organization_ids": []}],
        "not_counted": [],
    }


def test_r12_a_lookup_says_what_it_did_not_compare_since_many_computers_have_it(
    world: World,
) -> None:
    shared = {
        "machine_id": "To be filled by O.E.M.",
        "mac_addresses": ["00:05:9a:3c:7a:00", *MACHINE_A["mac_addresses"]],
        "computer_name": "ACME-PC-01",
    }
    told = lookup(world, shared).json
    assert told["not_counted"] == ["machine_id", "mac_addresses"]
    assert told["compared"] == [
        {"components": ["computer_name", "mac_addresses"], "organization_ids": []}
    ]


def test_r04_a_lookup_of_no_machine_is_refused(world: World, subtests: pytest.Subtests) -> None:
    wrong: dict[str, Any] = {
        "/machine": {"computer_name": "ACME-PC-01"},
        "/machine/computer_name": {**MACHINE_A, "computer_name": 7},
        "/machine/serial": {**MACHINE_A, "serial": "x"},
    }
    for pointer, machine in wrong.items():
        with subtests.test(pointer):
            assert_problem(lookup(world, machine), 400, "invalid_request", pointer)


def test_r04_r20_r32_a_victim_of_squatting_gets_the_machine_back_and_all_of_it_is_on_record(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    # Somebody of Bolt's has logged in with the credentials of Acme's computer.
    squatting = world.login(BORIS, MACHINE_A).json
    refused = world.login(ALICE)
    assert_problem(refused, 409, "machine_registered_to_other_organization")
    assert refused.json["detail"] == "Your machine is already registered with Bolt."
    # Acme's admin cannot help, and learns no more than that.
    assert_problem(lookup(world, MACHINE_A, ADA), 403, "forbidden")
    assert world.act("dissociate", squatting["license"]["id"], ADA).status == 404

    world.clock.advance(60)
    (holder,) = lookup(world, MACHINE_A).json["holders"]
    assert holder["organization_id"] == "bolt"
    (found,) = holder["licenses"]
    assert found["id"] == squatting["license"]["id"]
    freed = world.act("dissociate", found["id"], OLIVIA, reason="not Bolt's computer")
    assert (freed.status, freed.json["license"]["status"]) == (200, "dissociated")

    world.clock.advance(60)
    assert holders(world, MACHINE_A) == {}
    assert world.login(AMIR).status == 201
    assert holders(world, MACHINE_A) == {"acme": ["production"]}
    # The squatter's key opens nothing there any more.
    answer = world.login(BORIS, MACHINE_A, license_key=squatting["license_key"])
    assert answer.json["detail"] == "Your machine is already registered with Acme."
    assert world.code(squatting["license_key"], MACHINE_A, "bolt") == "DISSOCIATED"
    assert (world.seats("acme"), world.seats("bolt")) == (1, 0)

    target = f"/v1/licenses/{found['id']}/events"
    history = world.request("GET", target, person=OLIVIA).json["events"]
    told = {(event["type"], event["actor"]["subject"], event["reason"]) for event in history}
    assert told == {
        ("LicenseIssued", "boris", None),
        ("AccessRefused", "alice", "machine_registered_to_other_organization"),
        ("LicenseDissociated", "olivia", "not Bolt's computer"),
        ("AccessRefused", found["id"], "dissociated"),
    }
    dissociated = events(world, "LicenseDissociated")
    assert [event["actor"]["roles"] for event in dissociated] == [["super-admin"]]
