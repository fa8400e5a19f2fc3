"""R12, R32: entries tell the licence's computer and the one that tried, by the names they have.

An organization learns where its own keys are, and nothing of a computer on which a person of
another organization has signed in (R4, R28).
"""

from dataclasses import replace
from typing import Any

from tests.devices import Device
from tests.integration import pages
from tests.integration.agents import Agent
from tests.integration.partner import PETRA, generated, login_with, used
from tests.integration.policy import govern
from tests.world import ADA, ALICE, BEA, BORIS, MACHINE_A, MACHINE_B, OLIVIA, Person, World

RENAMED = MACHINE_A | {"computer_name": "BORIS-LAPTOP"}
"""The same machine, by another name."""


def named(
    world: World, kind: str, person: Person = ADA, organization_id: str = "acme"
) -> dict[str, tuple[Any, Any]]:
    """The licence's computer and the one that tried, by the reason of the entries of a type."""
    return {
        event["reason"]: (event["license_computer_name"], event["computer_name"])
        for event in pages.feed(world, person, organization_id)
        if event["type"] == kind
    }


def test_r32_a_refused_use_tells_the_computer_that_tried_beside_the_licenses(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login().json
    key, license_id = issued["license_key"], issued["license"]["id"]
    world.validate(key, MACHINE_B)
    # An agent that has acme's key and says that it is another organization's.
    world.validate(key, MACHINE_B | {"computer_name": "WITH-OUR-KEY\x1b[2J"}, "bolt")
    login_with(world, key, ALICE, MACHINE_B | {"computer_name": "ALICES-OTHER-PC"})
    assert world.revoke(license_id).status == 200
    world.validate(key, MACHINE_A)

    assert named(world, "AccessRefused") == {
        "machine_mismatch": ("ACME-PC-01", "bolt-server"),
        "organization_mismatch": ("ACME-PC-01", "WITH-OUR-KEY\ufffd[2J"),
        "license_still_bound": ("ACME-PC-01", "ALICES-OTHER-PC"),
        "revoked": ("ACME-PC-01", "ACME-PC-01"),
    }
    # The licence's name is that of then, and every change tells it, too.
    changes = {
        event["type"]: (event["license_computer_name"], event["computer_name"])
        for event in pages.history(world, license_id, ADA)
        if event["revision"] is not None
    }
    assert changes == {
        "LicenseIssued": ("ACME-PC-01", None),
        "LicenseRevoked": ("ACME-PC-01", None),
    }
    created = [one for one in pages.feed(world, ADA) if one["type"] == "OrganizationCreated"]
    assert [one["license_computer_name"] for one in created] == [None]


def test_r04_the_holder_of_a_machine_is_not_told_what_another_calls_it(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    world.login()
    assert world.login(BORIS, RENAMED).status == 409

    reason = "machine_registered_to_other_organization"
    assert named(world, "AccessRefused") == {reason: ("ACME-PC-01", None)}
    assert "BORIS-LAPTOP" not in str(pages.feed(world, ADA))
    # Nor who tried what the holder calls it. Super-admins are told both, each at its own.
    assert named(world, "AccessRefused", BEA, "bolt") == {reason: (None, "BORIS-LAPTOP")}
    assert "ACME-PC-01" not in str(pages.feed(world, BEA, "bolt"))
    assert named(world, "AccessRefused", OLIVIA) == {reason: ("ACME-PC-01", None)}


def test_r28_where_a_person_of_another_organization_tried_is_not_in_the_feed(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login().json["license_key"]
    assert login_with(world, key, BORIS, MACHINE_B).status == 403

    assert named(world, "AccessRefused") == {"on_behalf_login_disabled": ("ACME-PC-01", None)}
    assert "bolt-server" not in str(pages.feed(world, OLIVIA))


def test_r28_computers_of_partners_are_in_the_trail_alone(world: World) -> None:
    world.register("acme")
    one = generated(world)
    used(world, one, machine=MACHINE_B)
    assert login_with(world, one.key, PETRA, MACHINE_A).status == 403  # it is Pavel's
    world.validate(one.key, MACHINE_A)

    assert "bolt-server" not in str(pages.feed(world, ADA))
    assert named(world, "TemporaryLicenseUsed", OLIVIA) == {None: ("bolt-server", None)}
    trail = named(world, "AccessRefused", OLIVIA)
    assert trail["temporary_license_not_usable"] == ("bolt-server", "ACME-PC-01")
    assert trail["machine_mismatch"] == ("bolt-server", "ACME-PC-01")


def test_r09_a_suspected_clone_is_told_by_its_computers_name(world: World) -> None:
    world.register("acme")
    agent = Agent(world, Device())
    agent.login()
    agent.machine = MACHINE_B | {"computer_name": "COPY-OF-IT"}
    agent.code()

    told = {"device_key_elsewhere": ("ACME-PC-01", "COPY-OF-IT")}
    assert named(world, "CloneSuspected") == told


def test_r37_a_clone_that_is_blocked_is_told_by_its_computers_name(world: World) -> None:
    world.register("acme")
    govern(world, block_clones=True)
    agent = Agent(world)
    agent.login()
    agent.code()
    clone = replace(agent, machine=MACHINE_A | {"computer_name": "COPY-OF-IT"})
    codes = []
    for one in (clone, agent, clone):
        world.clock.advance(43_200)
        codes.append(one.code())
    assert codes == ["VALID", "VALID", "DETACHED"]

    found = pages.feed(world, ADA)
    (blocked,) = [one for one in found if one["type"] == "CloneSuspected" and one["revision"]]
    assert blocked["license_computer_name"] == blocked["after"]["computer_name"]
    assert blocked["computer_name"] == "COPY-OF-IT"
    (back,) = [one for one in found if one["type"] == "AgentReturned"]
    assert back["computer_name"] == "ACME-PC-01"
