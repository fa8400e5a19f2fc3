"""R1–R6, R9 and R12: the login of an agent, through `POST /v1/licenses`."""

import re
from typing import Any

import pytest

from tests.integration import disguises
from tests.integration.answers import assert_problem, header
from tests.integration.many import bind
from tests.integration.trail import but_notes, kinds
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BEA,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    NOON,
    PAVEL,
    Person,
    World,
    instant,
)

FOREIGN = "machine_registered_to_other_organization"


def test_r01_a_login_without_a_token_is_refused_and_writes_nothing(world: World) -> None:
    world.register("acme")
    before = world.items()

    answer = world.request("POST", "/v1/licenses", json={"machine": MACHINE_A})

    assert_problem(answer, 401, "unauthorized")
    assert header(answer, "www-authenticate") == "Bearer"
    assert world.items() == before


def test_r01_a_token_without_a_registered_organization_is_refused_and_writes_nothing(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    before = world.items()
    no_id = (None, "", "Acme", "acme ", "../acme", "ORGANIZATION#acme", "a" * 64, "a" * 3000)
    for organization_id in (*no_id, "globex"):
        with subtests.test(str(organization_id)[:20]):
            answer = world.login(Person("stranger", organization_id, ("member", "org-admin")))
            assert_problem(answer, 403, "forbidden")
            unregistered = organization_id == "globex"
            assert ("globex" if unregistered else "administrator") in answer.json["detail"]
            assert world.items() == before


def test_r01_the_first_login_answers_201_with_license_key_and_lease(world: World) -> None:
    world.register("acme", seconds=30 * 86_400)

    answer = world.login(ALICE)

    assert answer.status == 201
    assert header(answer, "content-type") == "application/json"
    assert header(answer, "cache-control") == "no-store"
    assert answer.json["created"] is True
    assert answer.json["capabilities"] == {"save_configuration": True}
    assert answer.json["license"] == {
        "id": answer.json["license"]["id"],
        "kind": "standard",
        "status": "active",
        "organization_id": "acme",
        "environment": "production",
        "primary": False,
        "issued_at": instant(NOON),
        "valid_until": instant(NOON + 30 * 86_400),
        "leased_until": answer.json["lease"]["expires_at"],
    }


def test_r02_a_repeated_login_gets_the_same_license_and_key_whoever_logs_in(world: World) -> None:
    world.register("acme")
    first = world.login(ALICE)
    before = world.items()

    for person in (ALICE, AMIR, ADA, ALICE):
        world.clock.advance(3600)
        again = world.login(person)
        assert again.status == 200
        assert again.json["created"] is False
        assert again.json["license_key"] == first.json["license_key"]
        assert again.json["license"] == first.json["license"]

    assert world.items() == before, "a repeated login writes nothing"


def test_r02_each_environment_and_each_machine_has_a_license_and_key_of_its_own(
    world: World,
) -> None:
    world.register("acme")
    answers = [
        world.login(ALICE),
        world.login(ALICE, environment="staging"),
        world.login(ALICE, environment="test"),
        world.login(ALICE, MACHINE_B),
    ]

    assert [answer.status for answer in answers] == [201] * 4
    assert len({answer.json["license"]["id"] for answer in answers}) == 4
    assert len({answer.json["license_key"] for answer in answers}) == 4
    production, staging = (answer.json["license_key"] for answer in answers[:2])
    assert world.code(production, environment="production") == "VALID"
    assert world.code(staging, environment="staging") == "VALID"
    assert world.code(production, environment="staging") == "MACHINE_MISMATCH"
    again = world.login(AMIR, environment="staging")
    assert (again.status, again.json["license_key"]) == (200, staging)


def test_r02_the_environment_is_production_unless_it_is_named(world: World) -> None:
    world.register("acme")
    unnamed = world.request("POST", "/v1/licenses", person=ALICE, json={"machine": MACHINE_A})
    assert unnamed.json["license"]["environment"] == "production"
    assert world.login(ALICE).json["license_key"] == unnamed.json["license_key"]


def test_r02_the_key_is_the_same_while_the_license_is_marked_expired_and_after_renewal(
    world: World,
) -> None:
    world.register("acme", seconds=60)
    first = world.login(ALICE).json
    world.clock.advance(60)
    world.sweep()
    assert_problem(world.login(ALICE), 409, "subscription_ended")

    world.change("acme")  # renewed; no sweep has reinstated anything yet

    again = world.login(AMIR)
    assert (again.status, again.json["license_key"]) == (200, first["license_key"])
    assert again.json["license"]["status"] == "active"


def test_r03_the_key_is_nine_groups_of_five_unambiguous_symbols(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{5}-){8}[0-9A-HJKMNP-TV-Z]{5}", key)


def test_r03_a_key_may_be_typed_in_lower_case_with_spaces_and_with_lookalikes(
    world: World,
) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    for typed in (
        key.lower(),
        key.replace("-", ""),
        key.replace("-", " "),
        key.replace("0", "O").replace("1", "I"),
        key.replace("0", "o").replace("1", "l"),
    ):
        assert world.code(typed) == "VALID", typed


def test_r03_the_key_is_never_stored(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    world.validate(key)
    world.validate(key, MACHINE_B)
    world.revoke(world.login(ALICE).json["license"]["id"], reason="sold")

    stored = disguises.printed(world.items())

    assert disguises.seen_in(stored, [key, key.replace("-", "")[-30:]]) == set()


def test_r04_a_machine_of_another_organization_is_refused_by_name(world: World) -> None:
    world.put("acme", name="Acme Löwen & Söhne GmbH")
    world.register("bolt")
    issued = world.login(ALICE).json

    refused = world.login(BORIS)

    assert_problem(refused, 409, FOREIGN)
    assert (
        refused.json["detail"] == "Your machine is already registered with Acme Löwen & Söhne GmbH."
    )
    assert world.seats("bolt") == 0
    assert world.code(issued["license_key"]) == "VALID"
    assert kinds(world).count("LicenseIssued") == 1


def test_r04_it_holds_for_every_environment_role_and_for_two_of_three_components(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    world.register("partner-works")
    world.login(ALICE)
    renamed = MACHINE_A | {"computer_name": "BOLT-PC-77"}

    for refused in (
        world.login(BORIS, environment="staging"),
        world.login(BORIS, renamed),
        world.login(BEA),
        world.login(PAVEL),
    ):
        assert_problem(refused, 409, FOREIGN)
        assert refused.json["detail"] == "Your machine is already registered with Acme."


def test_r04_it_holds_until_the_organizations_last_license_on_the_machine_is_gone(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    environments = ("production", "staging", "test")
    licenses = [world.login(ALICE, environment=name).json["license"]["id"] for name in environments]

    for license_id in licenses:
        assert_problem(world.login(BORIS), 409, FOREIGN)
        assert world.revoke(license_id).status == 200

    assert world.login(BORIS).status == 201
    refused = world.login(ALICE)
    assert_problem(refused, 409, FOREIGN)
    assert refused.json["detail"] == "Your machine is already registered with Bolt."


def test_r04_an_ended_subscription_does_not_free_the_machine(world: World) -> None:
    world.register("acme", seconds=60)
    world.register("bolt")
    world.login(ALICE)
    world.clock.advance(60)
    assert_problem(world.login(BORIS), 409, FOREIGN)
    world.sweep()
    assert_problem(world.login(BORIS), 409, FOREIGN)


def test_r06_seats_count_licenses_and_not_users(world: World) -> None:
    world.register("acme", max_agents=2)
    for person in (ALICE, AMIR, ADA):
        world.login(person)
    assert world.seats("acme") == 1
    world.login(AMIR, MACHINE_B)
    assert world.seats("acme") == 2


def test_r06_the_seat_limit_is_exact_and_a_revoked_license_frees_its_seat(world: World) -> None:
    world.register("acme", max_agents=2)
    first = world.login(ALICE).json
    world.login(ALICE, MACHINE_B)
    before = but_notes(world)

    refused = world.login(ALICE, environment="staging")
    assert_problem(refused, 409, "seat_limit_reached")
    assert "2" in refused.json["detail"]
    assert but_notes(world) == before
    assert world.login(AMIR).status == 200, "an agent that has its seat keeps it"

    world.revoke(first["license"]["id"])
    assert world.seats("acme") == 1
    assert world.login(ALICE, environment="staging").status == 201
    assert_problem(world.login(ALICE), 409, "seat_limit_reached")
    assert world.seats("acme") == 2


def test_r06_the_counter_equals_the_bound_licenses_through_all_that_changes_them(
    world: World,
) -> None:
    world.register("acme", seconds=3600)
    bind(world, "acme", 5)
    licenses = [
        world.login(ALICE, environment=name).json["license"]["id"] for name in ("one", "two")
    ]
    assert world.seats("acme") == 7
    world.revoke(licenses[0])
    world.revoke(licenses[0])
    assert world.seats("acme") == 6
    world.clock.advance(3600)
    world.sweep()
    assert world.seats("acme") == 6, "an expired license keeps its seat"
    world.revoke(licenses[1])
    world.change("acme", max_agents=2)
    world.sweep()
    assert world.seats("acme") == 5
    shown = world.request("GET", "/v1/organizations/acme", person=ADA).json["organization"]
    assert shown["seats"] == _bound(world) == 5


def test_r06_a_lowered_limit_ends_no_license_and_admits_no_new_one(world: World) -> None:
    world.register("acme")
    key = world.login(ALICE).json["license_key"]
    world.login(ALICE, MACHINE_B)
    world.change("acme", max_agents=1)

    assert world.code(key) == "VALID"
    assert world.login(AMIR).status == 200
    assert_problem(world.login(AMIR, environment="staging"), 409, "seat_limit_reached")
    world.change("acme", max_agents=0)
    assert_problem(world.login(AMIR, environment="staging"), 409, "seat_limit_reached")


def test_r01_nobody_logs_in_under_a_subscription_that_is_not_good(world: World) -> None:
    world.register("acme", seconds=60)
    world.login(ALICE)
    for status in ("paused", "cancelled"):
        world.change("acme", status=status)
        for answer in (world.login(ALICE), world.login(ALICE, MACHINE_B)):
            assert_problem(answer, 409, "subscription_ended")
            assert status in answer.json["detail"]
    world.change("acme", seconds=60)
    world.clock.advance(59)
    assert world.login(ALICE).status == 200
    world.clock.advance(1)
    for answer in (world.login(ALICE), world.login(ALICE, MACHINE_B)):
        assert_problem(answer, 409, "subscription_ended")
    assert world.seats("acme") == 1


def test_r09_a_machine_with_one_component_changed_keeps_its_license(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    changes: dict[str, dict[str, Any]] = {
        "renamed": {"computer_name": "NEW-NAME"},
        "another network card": {"mac_addresses": ["3c:52:82:ff:ff:01"]},
        "a second network card": {"mac_addresses": ["3c:52:82:ff:ff:01", "3C-52-82-0A-1B-2C"]},
        "re-imaged": {"machine_id": "0d2d5b56-90ab-4f7e-9c1e-58a3c1f0e1aa"},
        "nameless": {"computer_name": None},
        "without its id": {"machine_id": None},
        "off the network": {"mac_addresses": []},
    }
    for name, change in changes.items():
        with subtests.test(name):
            machine = MACHINE_A | change
            issued = world.login(ALICE)
            assert issued.status == 201
            assert world.code(issued.json["license_key"], machine) == "VALID"
            again = world.login(AMIR, machine)
            assert again.status == 200
            assert again.json["license"]["id"] == issued.json["license"]["id"]
            assert again.json["license_key"] == issued.json["license_key"]
            assert world.revoke(issued.json["license"]["id"]).status == 200


def test_r09_a_clone_that_shares_one_component_does_not_get_the_license(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    for component in ("machine_id", "mac_addresses", "computer_name"):
        with subtests.test(component):
            clone = MACHINE_B | {component: MACHINE_A[component]}
            assert world.code(issued["license_key"], clone) == "MACHINE_MISMATCH"
            another = world.login(BORIS, clone)
            assert another.status == 201, "it is another machine, and free"
            assert another.json["license_key"] != issued["license_key"]
            world.revoke(another.json["license"]["id"], BEA)


def test_r09_any_one_of_several_mac_addresses_is_enough(world: World) -> None:
    world.register("bolt")
    key = world.login(BORIS, MACHINE_B).json["license_key"]
    second_nic = {"mac_addresses": ["00:1b:63:84:45:e7"], "computer_name": "bolt-server"}
    assert world.code(key, second_nic, "bolt") == "VALID"


def test_r12_spelling_does_not_matter(world: World) -> None:
    world.register("acme")
    first = world.login(ALICE, MACHINE_A | {"computer_name": "ACME-ÄPFEL-01"}).json
    respelled = {
        "machine_id": "{4C4C4544004235108052B4C04F4E5931}",
        "mac_addresses": ["3C52.820A.1B2C"],
        "computer_name": " acme-a\u0308pfel-01. ",
    }
    # Two of three would hide one component that is read differently.
    for missing in ("machine_id", "mac_addresses", "computer_name"):
        two = {name: value for name, value in respelled.items() if name != missing}
        again = world.login(AMIR, two)
        assert again.status == 200, missing
        assert again.json["license_key"] == first["license_key"]


def test_r12_fewer_than_two_usable_components_are_refused_with_a_clear_message(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    key = world.login(ALICE, MACHINE_B).json["license_key"]
    before = world.items()
    unusable: dict[str, dict[str, Any]] = {
        "nothing": {},
        "a name": {"computer_name": "PC"},
        "a MAC address": {"mac_addresses": ["3c:52:82:0a:1b:2c"], "computer_name": " . "},
        "null MAC": {"mac_addresses": ["00:00:00:00:00:00"], "computer_name": "PC"},
        "broadcast MAC": {"mac_addresses": ["ff:ff:ff:ff:ff:ff"], "computer_name": "PC"},
        "IPv4 multicast": {"mac_addresses": ["01:00:5e:00:00:fb"], "computer_name": "PC"},
        "IPv6 multicast": {"mac_addresses": ["33:33:00:00:00:01"], "computer_name": "PC"},
        "no MAC": {"mac_addresses": ["", "3c:52:82", "not a mac"], "computer_name": "PC"},
        "zero UUID": {"machine_id": "00000000-0000-0000-0000-000000000000", "computer_name": "P"},
        "all-ones UUID": {"machine_id": "F" * 32, "computer_name": "PC"},
        "a placeholder": {"machine_id": "To Be Filled By O.E.M.", "computer_name": "PC"},
    }
    for name, machine in unusable.items():
        with subtests.test(name):
            for answer in (world.login(ALICE, machine), world.validate(key, machine)):
                assert_problem(answer, 400, "invalid_request", "/machine")
                assert "at least two" in answer.json["detail"]
            assert world.items() == before


def test_r12_of_a_machine_only_the_computer_name_can_be_read_in_the_table(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login(ALICE, MACHINE_B).json["license_key"]
    world.clock.advance(1000)
    world.validate(key, MACHINE_B)
    world.validate(key, MACHINE_A)
    world.login(BORIS, MACHINE_B)
    world.revoke(world.login(ALICE, environment="staging").json["license"]["id"])

    stored = disguises.printed(world.items())

    secret = [
        *(MACHINE_A["machine_id"], MACHINE_B["machine_id"]),
        *(*MACHINE_A["mac_addresses"], *MACHINE_B["mac_addresses"]),
    ]
    assert disguises.seen_in(stored, secret) == set()
    assert "bolt-server" in stored, "and the name is, for administrators"


def _bound(world: World) -> int:
    states = [item["state"]["S"] for item in world.items() if item["sk"]["S"] == "LICENSE"]
    return sum(state in {"active", "expired", "detached"} for state in states)
