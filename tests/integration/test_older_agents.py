"""R30 and R31: agents up to 4.3 in their own request form, and who shares a machine with whom."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.integration import pairs
from tests.integration.answers import assert_problem
from tests.integration.leases import verified
from tests.integration.pairs import Pair
from tests.integration.recorded import recorded
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
    Answer,
    Person,
    World,
    instant,
)

VERSIONS = {  # by version: the recorded login, and the recorded validation
    "4.2": ("issue/older-4.2", "validate/older-4.2"),
    "4.3.0.12": ("issue/older-4.3.0.12", "validate/older-4.3.0.12"),
    "4.4.0.0": ("issue/login-4.4.0.0", "validate/validate-4.4.0.0"),
    "4.5": ("issue/login-4.5", "validate/validate-4.5"),
}
MAC, NAME = "3C-52-82-0A-1B-2C", "ACME-PC-01"  # of `MACHINE_A`
WITHOUT_ID = {name: MACHINE_A[name] for name in ("mac_addresses", "computer_name")}
CORA = Person("cora", "core")
FOREIGN = "machine_registered_to_other_organization"


def replayed(world: World, name: str, **values: str) -> Answer:
    """Hand a recorded request to its function; `values` stand for its placeholders."""
    event = recorded(name, values)
    (route,) = [one for one in world.deployed.routes if one.key == event["routeKey"]]
    return world.deliver(route.function, event)


def old_login(world: World, person: Person = ALICE, **fields: Any) -> Answer:
    """A login as agents up to 4.3 send it."""
    body = {"MacId": MAC, "ComputerName": NAME, "AgentVersion": "4.3.0.12"} | fields
    return world.request("POST", "/v1/licenses", person=person, json=body)


def old_validate(world: World, license_key: str, **fields: Any) -> Answer:
    """A validation as agents up to 4.3 send it."""
    body = {"MacId": MAC, "ComputerName": NAME, "AgentVersion": "4.3.0.12"} | fields
    return world.request("POST", "/v1/licenses/validate", json={"LicenseKey": license_key, **body})


def old_code(world: World, license_key: str, **fields: Any) -> str:
    answer = old_validate(world, license_key, **fields)
    assert answer.status == 200, answer
    code: str = answer.json["code"]
    return code


def assert_registered_with(answer: Answer, name: str) -> None:
    assert_problem(answer, 409, FOREIGN)
    assert answer.json["detail"] == f"Your machine is already registered with {name}."


def shared(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Acme's and Bolt's older agents on one machine."""
    world.register("acme")
    world.register("bolt")
    acmes, bolts = old_login(world, ALICE), old_login(world, BORIS)
    assert (acmes.status, bolts.status) == (201, 201)
    return acmes.json, bolts.json


# -- R30: their own form --------------------------------------------------------------------------


def test_r30_the_recorded_requests_of_every_version_are_served(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    for version, (login, validation) in VERSIONS.items():
        with subtests.test(version):
            issued = replayed(world, login)
            assert issued.status == 201
            assert issued.json["license"]["environment"] == "production"
            key, license_id = issued.json["license_key"], issued.json["license"]["id"]
            assert replayed(world, login).json["license_key"] == key
            answer = replayed(world, validation, license_key=key)
            assert (answer.status, answer.json["code"]) == (200, "VALID")
            lease = verified(world, answer.json["lease"]["token"])
            assert lease.claims["organization_id"] == "acme"
            assert lease.claims["environment"] == "production"
            shown = world.request("GET", f"/v1/licenses/{license_id}", person=ADA)
            assert shown.json["license"]["agent_version"] == version
            # They are revoked like all others.
            assert world.revoke(license_id).status == 200
            assert replayed(world, validation, license_key=key).json["code"] == "REVOKED"
            assert world.seats("acme") == 0


def test_r30_an_agent_keeps_license_and_key_from_update_to_update_and_back(world: World) -> None:
    world.register("acme")
    key = replayed(world, "issue/older-4.2").json["license_key"]
    for login, validation in (*VERSIONS.values(), *reversed(VERSIONS.values())):
        answer = replayed(world, validation, license_key=key)
        assert (answer.status, answer.json["code"]) == (200, "VALID")
        again = replayed(world, login)
        assert (again.status, again.json["license_key"]) == (200, key)
    assert world.seats("acme") == 1


def test_r30_several_mac_addresses_are_separated_by_commas_or_semicolons(world: World) -> None:
    world.register("acme")
    first, second, third = "3C-52-82-0A-1B-01", "3c:52:82:0a:1b:02", "3c52820a1b03"
    key = old_login(world, MacId=f"{first},{second};{third}").json["license_key"]
    machine = {"mac_addresses": [first, second, third], "computer_name": NAME}
    assert set(pairs.held(world)) == pairs.of(world, machine)
    before = world.items()

    for macs in (
        first,
        second,
        third,
        f"{third};{first}",
        f" {second} , 00-00-00-00-00-00",
        f";;{second},",
        f"FF-FF-FF-FF-FF-FF;{first};not a MAC",
    ):
        assert old_code(world, key, MacId=macs) == "VALID"
        again = old_login(world, AMIR, MacId=macs)
        assert (again.status, again.json["license_key"]) == (200, key)

    assert world.items() == before
    for other in ("3C-52-82-0A-1B-04", f"{first[:-1]}0"):
        assert old_code(world, key, MacId=other) == "MACHINE_MISMATCH"
    assert old_code(world, key, MacId=first, ComputerName="ACME-PC-02") == "MACHINE_MISMATCH"


def test_r30_a_login_comes_with_the_agents_own_key_or_with_none(world: World) -> None:
    world.register("acme")
    issued = old_login(world).json
    key = issued["license_key"]
    before = world.items()
    for presented in ("", None, key, key.lower().replace("-", "")):
        answer = old_login(world, AMIR, LicenseKey=presented)
        assert (answer.status, answer.json["license_key"]) == (200, key)
    assert world.items() == before

    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")
    wrong: tuple[Any, ...] = (mistyped, "-", "x" * 129, 7, [key])
    for presented in wrong:
        answer = old_login(world, LicenseKey=presented)
        assert_problem(answer, 400, "invalid_request", "/LicenseKey")
    for presented in (*wrong, "", None):
        answer = old_validate(world, key, LicenseKey=presented)
        assert_problem(answer, 400, "invalid_request", "/LicenseKey")
    assert world.items() == before


def test_r30_forms_are_not_mixed_and_every_wrong_field_is_pointed_at(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    key = old_login(world).json["license_key"]
    before = world.items()
    older = {"MacId": MAC, "ComputerName": NAME, "AgentVersion": "4.2"}
    logins: list[tuple[Mapping[str, Any], list[str]]] = [
        ({"machine": MACHINE_A, "AgentVersion": "4.2"}, ["/machine"]),
        ({**older, "environment": "staging"}, ["/environment"]),
        ({**older, "machine_id": "x", "license_key": key}, ["/license_key", "/machine_id"]),
        ({**older, "agent_version": "4.5"}, ["/agent_version"]),
        ({**older, "mac_id": MAC, "computer_name": NAME}, ["/computer_name", "/mac_id"]),
        ({"MacId": [MAC], "ComputerName": 1, "AgentVersion": 4.2}, [f"/{name}" for name in older]),
        ({**older, "AgentVersion": ""}, ["/AgentVersion"]),
        ({**older, "AgentVersion": "9" * 33}, ["/AgentVersion"]),
        ({**older, "MacId": "x" * 8193}, ["/MacId"]),
        ({"MacId": MAC}, [""]),
        ({"ComputerName": NAME}, [""]),
        ({**older, "MacId": "00-00-00-00-00-00,FF-FF-FF-FF-FF-FF"}, [""]),
        ({"AgentVersion": "4.2"}, [""]),
    ]
    older_key = {**older, "LicenseKey": key}
    validations: list[tuple[Mapping[str, Any], list[str]]] = [
        (older, ["/LicenseKey"]),
        ({**older, "license_key": key}, ["/LicenseKey", "/license_key"]),
        ({**older_key, "organization_id": "acme"}, ["/organization_id"]),
        ({**older_key, "nonce": "n", "environment": "test"}, ["/environment", "/nonce"]),
        ({"LicenseKey": key, "machine": MACHINE_A}, ["/machine"]),
        ({"LicenseKey": key, "MacId": MAC, "AgentVersion": "4.2"}, [""]),
    ]
    for path, cases in (("/v1/licenses", logins), ("/v1/licenses/validate", validations)):
        for body, wrong in cases:
            with subtests.test(path=path, wrong=wrong):
                answer = world.request("POST", path, person=ALICE, json=body)
                assert_problem(answer, 400, "invalid_request", *wrong)
    assert world.items() == before


def test_r30_older_agents_hear_what_all_agents_hear(world: World) -> None:
    world.register("acme", seconds=600)
    issued = old_login(world).json
    key, license_id = issued["license_key"], issued["license"]["id"]

    mismatch = old_validate(world, key, ComputerName="ACME-PC-02")
    assert (mismatch.json["code"], mismatch.json["action"]) == ("MACHINE_MISMATCH", "login")
    world.act("detach", license_id)
    blocked = old_validate(world, key)
    assert (blocked.json["code"], blocked.json["message"]) == ("DETACHED", "Agent is Blocked.")
    login = old_login(world)
    assert_problem(login, 409, "agent_blocked")
    assert login.json["detail"] == "Agent is Blocked."
    world.act("attach", license_id)
    world.clock.advance(600)
    assert old_code(world, key) == "EXPIRED"
    assert_problem(old_login(world), 409, "subscription_ended")
    world.change("acme")
    assert old_code(world, key) == "VALID"
    world.act("dissociate", license_id)
    assert old_code(world, key) == "DISSOCIATED"


def test_r30_r20_an_older_agent_binds_a_dissociated_key_to_its_machine(world: World) -> None:
    world.register("acme")
    issued = old_login(world).json
    key, license_id = issued["license_key"], issued["license"]["id"]
    elsewhere = {"MacId": "3C-52-82-0A-FF-FF", "ComputerName": "ACME-PC-07"}
    refused = old_login(world, AMIR, LicenseKey=key, **elsewhere)
    assert_problem(refused, 409, "license_still_bound")
    world.act("dissociate", license_id)
    moved = old_login(world, AMIR, LicenseKey=key, **elsewhere)
    assert (moved.status, moved.json["license_key"]) == (200, key)
    assert old_code(world, key, **elsewhere) == "VALID"
    assert not any(pair.exclusive for pair in pairs.held(world).values())


def test_r30_the_budgets_of_older_agents(world: World) -> None:
    world.register("acme")
    with world.counting() as calls:
        key = old_login(world).json["license_key"]
    assert {name: calls[name] for name in ("BatchGetItem", "TransactWriteItems")} == {
        "BatchGetItem": 1,
        "TransactWriteItems": 1,
    }
    with world.counting() as calls:
        assert old_code(world, key) == "VALID"
    assert calls == {"GetItem": 2}
    with world.counting() as calls:
        assert old_login(world, AMIR).status == 200
    assert calls == {"BatchGetItem": 1, "GetItem": 1}
    with world.counting() as calls:
        assert old_validate(world, key[:-1]).status == 400
    assert calls == {}


# -- R31: sharing a machine -----------------------------------------------------------------------


def test_r31_older_agents_of_several_organizations_share_a_machine(world: World) -> None:
    acmes, bolts = shared(world)
    world.register("core")
    cores = old_login(world, CORA).json
    licenses = {"acme": acmes, "bolt": bolts, "core": cores}
    holders = {name: {"production": one["license"]["id"]} for name, one in licenses.items()}

    assert pairs.held(world) == {
        pair: Pair(holders, exclusive=False) for pair in pairs.of(world, WITHOUT_ID)
    }
    assert len({one["license_key"] for one in licenses.values()}) == 3
    for name, issued in licenses.items():
        assert world.seats(name) == 1
        answer = old_validate(world, issued["license_key"])
        assert (answer.json["code"], answer.json["license"]["organization_id"]) == ("VALID", name)
    for person, issued in ((AMIR, acmes), (BORIS, bolts), (CORA, cores)):
        again = old_login(world, person)
        assert (again.status, again.json["license_key"]) == (200, issued["license_key"])


@pytest.mark.parametrize("action", ["revoke", "dissociate"])
def test_r31_who_leaves_a_shared_machine_leaves_the_others_claims_as_they_are(
    world: World, action: str
) -> None:
    world.register("acme")
    world.register("bolt")
    # They see different adapters of the one machine.
    second, third = "3C-52-82-0A-1B-02", "3C-52-82-0A-1B-03"
    acmes = old_login(world, ALICE, MacId=f"{MAC};{second}").json
    bolts = old_login(world, BORIS, MacId=f"{MAC};{third}").json
    own = {"acme": {"production": acmes["license"]["id"]}}
    other = {"bolt": {"production": bolts["license"]["id"]}}

    def of(*macs: str) -> set[str]:
        return pairs.of(world, {"mac_addresses": macs, "computer_name": NAME})

    assert pairs.held(world) == {
        **{pair: Pair(own | other, exclusive=False) for pair in of(MAC)},
        **{pair: Pair(own, exclusive=False) for pair in of(second)},
        **{pair: Pair(other, exclusive=False) for pair in of(third)},
    }

    assert world.act(action, acmes["license"]["id"], ADA).status == 200

    assert pairs.held(world) == {pair: Pair(other, exclusive=False) for pair in of(MAC, third)}
    assert old_code(world, bolts["license_key"]) == "VALID"
    assert (world.seats("acme"), world.seats("bolt")) == (0, 1)

    # It may come back, and then the other one leaves.
    back = old_login(world, ALICE, MacId=MAC).json["license"]["id"]
    assert world.act(action, bolts["license"]["id"], BEA).status == 200
    holders = {"acme": {"production": back}}
    assert pairs.held(world) == {pair: Pair(holders, exclusive=False) for pair in of(MAC)}
    assert world.act(action, back, ADA).status == 200
    assert pairs.held(world) == {}


def test_r31_naming_an_old_version_never_gets_at_a_machine_that_is_held_exclusively(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login(ALICE, agent_version="4.4.0.0").json["license_key"]
    before = pairs.held(world)
    versions = (
        *("0", "4.2", "4.3.0.12", "04.3", "4.3." + "9" * 28),
        *("4.4.0.0", "4.5", "9" * 32, "v4.3", "4..3", "4.3-beta", "nonsense", None),
    )
    for version in versions:
        for machine in (MACHINE_A, WITHOUT_ID):
            with subtests.test(version=version):
                answer = world.login(BORIS, machine, agent_version=version)
                assert_registered_with(answer, "Acme")
                staging = world.login(BORIS, machine, agent_version=version, environment="staging")
                assert_registered_with(staging, "Acme")
        with subtests.test(older_form=version):
            assert_registered_with(old_login(world, BORIS, AgentVersion=version), "Acme")
    with subtests.test("older form without a version"):
        body = {"MacId": MAC, "ComputerName": NAME}
        answer = world.request("POST", "/v1/licenses", person=BORIS, json=body)
        assert_registered_with(answer, "Acme")
    assert pairs.held(world) == before
    assert world.seats("bolt") == 0
    assert world.code(key) == "VALID"
    for event in events(world, "AccessRefused"):  # at Acme's licence, and at who has tried
        at_holder = event["organization_id"] == "acme"
        assert at_holder == ("license_id" in event)


def test_r31_only_a_well_formed_older_version_may_share_what_older_agents_hold(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    world.register("bolt")
    old_login(world, ALICE)
    before = pairs.held(world)
    for version in ("4.4", "4.4.0.0", "4.5.0.0", "5", "v4.3", "4.3-1", "4..3", "x", None):
        with subtests.test(version=version):
            assert_registered_with(world.login(BORIS, agent_version=version), "Acme")
            assert_registered_with(old_login(world, BORIS, AgentVersion=version), "Acme")
    assert pairs.held(world) == before
    assert world.seats("bolt") == 0
    # Whatever the form, an older version may.
    assert world.login(BORIS, agent_version="4.3.0.12").status == 201
    assert (world.seats("acme"), world.seats("bolt")) == (1, 1)


@pytest.mark.parametrize("how", ["login", "validation"])
def test_r31_from_4_4_on_the_machine_is_its_organizations_alone_and_stays_so(
    world: World, how: str
) -> None:
    world.register("acme")
    world.register("bolt")
    for version in ("4.4.0.0", None, "nonsense"):
        issued = old_login(world, ALICE).json
        key, license_id = issued["license_key"], issued["license"]["id"]
        holders = {"acme": {"production": license_id}}
        held = pairs.of(world, WITHOUT_ID)
        assert pairs.held(world) == {pair: Pair(holders, exclusive=False) for pair in held}

        with world.counting() as calls:
            if how == "login":
                answer = world.login(AMIR, WITHOUT_ID, agent_version=version)
                assert (answer.status, answer.json["license_key"]) == (200, key)
            else:
                assert world.code(key, WITHOUT_ID, agent_version=version) == "VALID"
        assert calls["TransactWriteItems"] == 1

        assert pairs.held(world) == {pair: Pair(holders, exclusive=True) for pair in held}
        (event,) = [e for e in events(world, "LicenseUpdated") if e["license_id"] == license_id]
        assert event["actor"]["kind"] == ("user" if how == "login" else "agent")
        changed = {name for name, value in event["after"].items() if event["before"][name] != value}
        assert (changed, event["after"]["exclusive"]) == ({"exclusive"}, True)
        assert_registered_with(old_login(world, BORIS), "Acme")
        with world.counting() as calls:
            assert world.code(key, WITHOUT_ID, agent_version=version) == "VALID"
        assert calls == {"BatchGetItem": 1}

        # Going back to the old version gives nothing up.
        assert old_login(world, ALICE).json["license_key"] == key
        assert old_code(world, key) == "VALID"
        assert_registered_with(old_login(world, BORIS), "Acme")
        assert world.seats("acme") == 1
        # It lasts until the organization has left.
        world.revoke(license_id)
        bolts = old_login(world, BORIS)
        assert bolts.status == 201
        world.revoke(bolts.json["license"]["id"], BEA)


def test_r31_an_update_on_a_shared_machine_closes_it_while_the_other_stays(world: World) -> None:
    acmes, bolts = shared(world)
    key, license_id = acmes["license_key"], acmes["license"]["id"]
    for version in ("4.4.0.0", None):
        answer = world.login(AMIR, MACHINE_A, agent_version=version)
        assert (answer.status, answer.json["license_key"]) == (200, key)
    holders = {"acme": {"production": license_id}}
    both = {**holders, "bolt": {"production": bolts["license"]["id"]}}
    assert pairs.held(world) == {
        **{pair: Pair(holders, exclusive=True) for pair in pairs.of(world, MACHINE_A)},
        **{pair: Pair(both, exclusive=True) for pair in pairs.of(world, WITHOUT_ID)},
    }
    assert (old_code(world, key), old_code(world, bolts["license_key"])) == ("VALID", "VALID")
    assert old_login(world, BORIS).json["license_key"] == bolts["license_key"]

    world.revoke(bolts["license"]["id"], BEA)

    assert pairs.held(world) == {
        pair: Pair(holders, exclusive=True) for pair in pairs.of(world, MACHINE_A)
    }
    assert_registered_with(old_login(world, BORIS), "Acme")


def test_r31_what_an_older_agent_claims_beside_a_newer_one_of_its_organization_is_exclusive(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    world.login(ALICE, agent_version="4.5.0.0")
    # An older agent of Acme's on the same machine, which sees one more adapter.
    second = "3C-52-82-0A-1B-02"
    assert old_login(world, ALICE, MacId=f"{MAC};{second}").status == 200
    older = world.login(
        ALICE,
        {**MACHINE_A, "mac_addresses": [MAC, second]},
        environment="staging",
        agent_version="4.3.0.12",
    )
    assert older.status == 201
    assert all(pair.exclusive for pair in pairs.held(world).values())
    assert_registered_with(old_login(world, BORIS, MacId=second), "Acme")

    # Renamed, that agent is the first to be seen.
    renamed = {**MACHINE_A, "mac_addresses": [MAC, second], "computer_name": "ACME-PC-02"}
    seen = world.validate(older.json["license_key"], renamed, agent_version="4.3.0.12")
    assert seen.json["code"] == "VALID"
    assert all(pair.exclusive for pair in pairs.held(world).values())
    assert_registered_with(old_login(world, BORIS, ComputerName="ACME-PC-02"), "Acme")


def test_r31_a_move_that_is_refused_does_not_keep_the_machine_from_becoming_exclusive(
    world: World,
) -> None:
    world.register("acme")
    issued = world.login(ALICE, agent_version="4.3.0.12").json
    # Another machine of Acme's, which will agree with the first one once that is renamed.
    neighbour = {**MACHINE_B, "mac_addresses": MACHINE_A["mac_addresses"]}
    world.login(ALICE, neighbour, agent_version="4.3.0.12")
    renamed = {**MACHINE_A, "computer_name": MACHINE_B["computer_name"]}

    assert world.code(issued["license_key"], renamed, agent_version="4.5.0.0") == "VALID"

    held = pairs.held(world)
    assert pairs.held_by(world, issued["license"]["id"]) == pairs.of(world, MACHINE_A)
    assert all(held[pair].exclusive for pair in pairs.of(world, MACHINE_A))
    assert not any(held[pair].exclusive for pair in pairs.of(world, neighbour))
    (refusal,) = events(world, "AccessRefused")
    assert (refusal["reason"], refusal["times"]) == ("drift_refused", 1)
    shown = world.request("GET", f"/v1/licenses/{issued['license']['id']}", person=ADA)
    assert shown.json["license"]["computer_name"] == "ACME-PC-01"


def test_r31_the_deployment_can_switch_older_agents_off(
    world: World, subtests: pytest.Subtests
) -> None:
    world.register("acme")
    older = old_login(world, ALICE).json
    newer = world.login(ALICE, MACHINE_B).json
    world.runtime.settings = replace(world.runtime.settings, older_agents=False)
    before = world.items()
    no_version = {"MacId": MAC, "ComputerName": NAME}
    refused: dict[str, Callable[[], Answer]] = {
        "login": lambda: old_login(world),
        "validation": lambda: old_validate(world, older["license_key"]),
        "login, whatever version": lambda: old_login(world, AgentVersion="4.5"),
        "login without a version": lambda: world.request(
            "POST", "/v1/licenses", person=ALICE, json=no_version
        ),
        "validation without a version": lambda: world.request(
            "POST",
            "/v1/licenses/validate",
            json={**no_version, "LicenseKey": newer["license_key"]},
        ),
        "older version in the present form": lambda: world.login(agent_version="4.3.0.12"),
        "its validation": lambda: world.validate(
            newer["license_key"], MACHINE_B, agent_version="4.2"
        ),
    }
    for name, attempt in refused.items():
        with subtests.test(name), world.counting() as calls:
            answer = attempt()
            assert_problem(answer, 403, "forbidden")
            assert "Update it to 4.4 or later." in answer.json["detail"]
        assert calls == {}
    assert world.items() == before

    for version in ("4.4.0.0", "4.5", None):
        assert world.code(newer["license_key"], MACHINE_B, agent_version=version) == "VALID"
        again = world.login(ALICE, MACHINE_B, agent_version=version)
        assert again.json["license_key"] == newer["license_key"]
    # Once it is updated, the older agent goes on with its own key.
    assert world.code(older["license_key"], MACHINE_A, agent_version="4.5") == "VALID"


def test_r31_r32_who_tries_an_older_agent_on_a_machine_of_others_is_noted_there(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    license_id = world.login(ALICE).json["license"]["id"]
    old_login(world, BORIS)
    old_login(world, BORIS, AgentVersion="4.2")
    refusal, _own = events(world, "AccessRefused")
    assert (refusal["license_id"], refusal["organization_id"]) == (license_id, "acme")
    assert (refusal["reason"], refusal["times"]) == (FOREIGN, 2)
    assert refusal["origin_agent_version"] == "4.2"
    feed = world.request("GET", "/v1/organizations/acme/events", person=ADA).json["events"]
    (entry,) = [entry for entry in feed if entry["type"] == "AccessRefused"]
    assert entry["actor"]["subject"] == "hidden"
    assert entry["last_at"] == instant(NOON)
