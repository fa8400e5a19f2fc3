"""R12 at the service: what unrelated computers share makes none of them another one's machine."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from licensing.adapters.dynamo.licenses import Licenses
from licensing.domain import components
from licensing.domain.license import License
from licensing.domain.machine import Credentials, Machine
from licensing.usecases.ports import Outcome
from licensing_agent.protocol.credentials import Credentials as AgentsCredentials
from tests.contract.agent_vectors import LISTED_LATER, longer
from tests.integration import pairs
from tests.integration.leases import verified
from tests.integration.many import bind
from tests.integration.trail import events, kinds
from tests.world import ADA, ALICE, AMIR, BORIS, MACHINE_A, MACHINE_B, World


def computer(id: str | None, name: str, *addresses: str) -> dict[str, Any]:
    return {"machine_id": id, "mac_addresses": list(addresses), "computer_name": name}


ONE_ID, OTHER_ID = MACHINE_A["machine_id"], MACHINE_B["machine_id"]
ONE_CARD, OTHER_CARD = "3c:52:82:0a:1b:2c", "00:1b:63:84:45:e6"
VPN, DOCKER = "00:05:9a:3c:7a:00", "02:42:ac:11:00:02"

UNRELATED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one VPN and one name": (
        computer(ONE_ID, "SERVER01", ONE_CARD, VPN),
        computer(OTHER_ID, "SERVER01", OTHER_CARD, VPN),
    ),
    "all that hosts have": (
        computer(ONE_ID, "localhost", ONE_CARD, DOCKER, VPN, "0a:00:27:00:00:00"),
        computer(OTHER_ID, "localhost", OTHER_CARD, DOCKER, VPN, "0a:00:27:00:00:00"),
    ),
    "one board's id and one name": (
        computer("03000200-0400-0500-0006-000700080009", "SERVER01", ONE_CARD),
        computer("03000200-0400-0500-0006-000700080009", "SERVER01", OTHER_CARD),
    ),
    "one board's id in another byte order": (
        computer("00020003-0004-0005-0006-000700080009", "pos-1", ONE_CARD),
        computer("00020003-0004-0005-0006-000700080009", "pos-1", OTHER_CARD),
    ),
    "one placeholder and one VPN": (
        computer("12345678-1234-5678-90AB-CDDEEFAABBCC", "pos-1", ONE_CARD, VPN),
        computer("12345678-1234-5678-90AB-CDDEEFAABBCC", "pos-2", OTHER_CARD, VPN),
    ),
    "one image's name and address": (
        computer(ONE_ID, "ubuntu", "52:54:00:6b:3c:58"),
        computer(OTHER_ID, "ubuntu", "52:54:00:6b:3c:58"),
    ),
    "an id that is not there yet": (
        computer("uninitialized", "raspberrypi", ONE_CARD),
        computer("uninitialized", "raspberrypi", OTHER_CARD),
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("two", UNRELATED.values(), ids=UNRELATED)
def test_r04_r12_unrelated_computers_of_two_organizations_do_not_keep_each_other_out(
    world: World, two: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> None:
    world.register("acme")
    world.register("bolt")
    one, other = two
    mine, theirs = world.login(ALICE, one), world.login(BORIS, other)
    assert (mine.status, theirs.status) == (201, 201), theirs
    assert world.code(mine.json["license_key"], other) == "MACHINE_MISMATCH"
    assert world.code(theirs.json["license_key"], other, "bolt") == "VALID"


def test_r02_r12_unrelated_computers_of_one_organization_have_a_license_each(world: World) -> None:
    world.register("acme")
    for one, other in UNRELATED.values():
        issued = [world.login(ALICE, machine).json["license"]["id"] for machine in (one, other)]
        assert len(set(issued)) == 2
        for license_id in issued:
            world.revoke(license_id, ADA)


def test_r12_a_computer_that_shows_nothing_of_its_own_is_told_what_to_do(world: World) -> None:
    world.register("acme")
    for machine, told in (
        (computer("N/A", "SERVER01", VPN, DOCKER), "What many computers have in common"),
        (computer(None, "localhost", "52:54:00:6b:3c:58"), "Give the computer a name of its own"),
    ):
        answer = world.login(ALICE, machine)
        assert (answer.status, answer.json["code"]) == (400, "invalid_request")
        assert told in answer.text
        assert '"/machine"' in answer.text


def test_r12_a_computer_goes_by_its_name_in_and_out_of_its_domain(world: World) -> None:
    world.register("acme")
    issued = world.login(ALICE, computer(None, "ACME-PC-01.corp.local", ONE_CARD)).json
    again = world.login(AMIR, computer(None, "acme-pc-01", ONE_CARD))
    assert (again.status, again.json["license_key"]) == (200, issued["license_key"])
    assert "MachineDrifted" not in kinds(world)


def test_r10_a_host_with_hundreds_of_adapters_is_taken_and_eight_count(world: World) -> None:
    world.register("acme")
    virtual = [f"00:50:56:c0:{n // 256:02x}:{n % 256:02x}" for n in range(300)]
    containers = [f"02:42:ac:1e:{n // 256:02x}:{n % 256:02x}" for n in range(350)]
    machine = computer(ONE_ID, "esx-7", *virtual, *containers, ONE_CARD)
    body = {"machine": machine, "environment": "production", "agent_version": "4.5.0.0"}
    assert len(json.dumps(body, separators=(",", ":"))) < 16_384
    issued = world.login(ALICE, machine)
    assert issued.status == 201, issued
    assert len(pairs.held_by(world, issued.json["license"]["id"])) <= 17
    assert pairs.of(world, computer(ONE_ID, "esx-7", ONE_CARD)) <= set(pairs.held(world))
    assert world.code(issued.json["license_key"], computer(None, "esx-7", ONE_CARD)) == "VALID"


# -- the list of a later release -------------------------------------------------------------------


def test_r12_a_license_keeps_its_machine_and_lets_go_of_what_is_listed_since(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    mine = computer(ONE_ID, "SERVER01", ONE_CARD, LISTED_LATER)
    theirs = computer(OTHER_ID, "SERVER01", OTHER_CARD, LISTED_LATER)
    issued = world.login(ALICE, mine).json
    assert world.login(BORIS, theirs).status == 409
    before = pairs.held_by(world, issued["license"]["id"])
    with longer(components):
        # The others get in at once, before the licence has been seen again.
        assert world.login(BORIS, theirs).status == 201
        answer = world.validate(issued["license_key"], mine, agent_version="4.5.0.0")
        assert answer.json["code"] == "VALID"
        after = pairs.held_by(world, issued["license"]["id"])
        assert after == pairs.of(world, mine) < before
        (drifted,) = events(world, "MachineDrifted")
        assert drifted["components"] == ["mac_addresses"]
        again = world.login(AMIR, mine)
        assert (again.status, again.json["license_key"]) == (200, issued["license_key"])
        assert pairs.held_by(world, issued["license"]["id"]) == after
        world.revoke(issued["license"]["id"], ADA)
        assert not pairs.held_by(world, issued["license"]["id"])


def test_r12_r16_agents_take_the_leases_of_a_service_with_a_longer_list(world: World) -> None:
    world.register("acme")
    mine = computer(ONE_ID, "pos-1", ONE_CARD, LISTED_LATER)
    issued = world.login(ALICE, mine).json
    own = AgentsCredentials.of(**mine)
    assert own.usable().mac_addresses == {"3c52820a1b2c", LISTED_LATER.replace(":", "")}
    with longer(components):
        token = world.validate(issued["license_key"], own.as_sent()).json["lease"]["token"]
        assert verified(world, token).claims["machine_thumbprint"] == own.thumbprint()


# -- environments ----------------------------------------------------------------------------------


def listed(world: World, environment: str) -> list[str]:
    """The licences that an administrator finds under an environment."""
    query = urlencode({"environment": environment})
    answer = world.request("GET", f"/v1/organizations/acme/licenses?{query}", person=ADA)
    return [one["id"] for one in answer.json["licenses"]]


SPELLINGS = ["production", "Production", " PRODUCTION", "production. ", "\tproduction.\t"]


def test_r02_r12_environments_that_differ_in_form_are_one_agent(world: World) -> None:
    world.register("acme")
    first = world.login(ALICE, environment=" Production.").json
    assert first["license"]["environment"] == "production"
    for spelling in SPELLINGS:
        again = world.login(AMIR, environment=spelling)
        assert (again.status, again.json["license_key"]) == (200, first["license_key"])
        answer = world.validate(first["license_key"], environment=spelling).json
        assert answer["code"] == "VALID"
        # The agent finds in its lease what it has sent.
        for lease in (again.json["lease"], answer["lease"]):
            assert verified(world, lease["token"]).claims["environment"] == spelling
    assert world.login(ALICE, environment="staging").status == 201
    assert world.code(first["license_key"], environment="staging") == "MACHINE_MISMATCH"
    for asked in ("production", "PRODUCTION "):
        assert listed(world, asked) == [first["license"]["id"]]


def test_r03_r12_a_license_from_before_keeps_its_key_whatever_form_its_environment_has(
    world: World,
) -> None:
    world.register("acme")
    keyring = world.runtime.keyrings.keyring()
    machine = Machine.of(Credentials.of(**MACHINE_A), keyring.hashing_key)
    made: list[License] = []

    def looks(_: int, record: License) -> License:
        made.append(
            replace(record, environment="Production", machine=machine, identity=machine.identity())
        )
        return made[-1]

    bind(world, "acme", 1, looks=looks)
    key = made[0].key(keyring.license_key_secrets[made[0].secret_version]).reveal()
    for spelling in SPELLINGS:
        again = world.login(ALICE, environment=spelling)
        assert (again.status, again.json["license_key"]) == (200, key)
        assert world.code(key, environment=spelling) == "VALID"
    for asked in ("Production", "production"):
        assert listed(world, asked) == [made[0].id]
    assert world.act("dissociate", made[0].id).status == 200
    assert not pairs.held(world)
    moved = world.login(ALICE, MACHINE_B, environment="production", license_key=key)
    assert (moved.status, moved.json["license_key"]) == (200, key)


def test_r02_r12_logins_that_overlap_under_two_forms_of_an_environment_get_one_license(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register("acme")
    keyring = world.runtime.keyrings.keyring()
    machine = Machine.of(Credentials.of(**MACHINE_A), keyring.hashing_key)

    def looks(_: int, record: License) -> License:
        return replace(
            record, environment="Production", machine=machine, identity=machine.identity()
        )

    bind(world, "acme", 1, looks=looks)
    (license_id,) = listed(world, "Production")
    record = world.runtime.store.license(license_id)
    assert record is not None
    key = record.key(keyring.license_key_secrets[record.secret_version]).reveal()
    assert world.act("dissociate", license_id).status == 200
    commit, earlier = Licenses.commit, iter(["Production"])

    def overtaken(self: Licenses, *args: Any, **named: Any) -> Outcome:
        for environment in earlier:
            assert world.login(AMIR, environment=environment, license_key=key).status == 200
        return commit(self, *args, **named)

    monkeypatch.setattr(Licenses, "commit", overtaken)
    answer = world.login(ALICE, environment="production")
    assert (answer.status, answer.json["license"]["id"]) == (200, license_id)
    assert answer.json["license_key"] == key
