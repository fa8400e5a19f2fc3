"""What agents do, each with the scene that it is done in: logins and validations."""

from collections.abc import Mapping
from typing import Any

from tests.faults.operation import Operation, Told, told
from tests.integration.partner import generated, login_with, used
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_A,
    MACHINE_B,
    OLIVIA,
    PAVEL,
    Person,
    World,
)

INTERVAL = 900
"""How often a validation notes that it has seen the agent: the template's."""

PETRA = Person("petra", "partner-works", ("partner",))
RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}
# It agrees with `MACHINE_A` on the MAC address alone; `RENAMED` would take one of its pairs.
NEIGHBOUR = {
    "machine_id": "77777777-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": MACHINE_A["mac_addresses"],
    "computer_name": RENAMED["computer_name"],
}
OLD_MACHINE = {name: MACHINE_A[name] for name in ("mac_addresses", "computer_name")}
OLD_FORM = {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "ACME-PC-01", "AgentVersion": "4.3.0.12"}


# -- scenes -----------------------------------------------------------------------------------


def registered(world: World) -> None:
    """Two organizations."""
    world.register("acme", max_agents=5)
    world.register("bolt")


def licensed(world: World) -> dict[str, Any]:
    """One of them has a licence; what its login answered."""
    registered(world)
    issued: dict[str, Any] = world.login(ALICE).json
    return issued


def revoked(world: World) -> dict[str, Any]:
    """And it has been revoked."""
    issued = licensed(world)
    world.revoke(issued["license"]["id"])
    return issued


def shared(world: World) -> dict[str, Any]:
    """Two environments on one machine."""
    issued = licensed(world)
    world.login(AMIR, environment="staging")
    return issued


def dissociated(world: World) -> dict[str, Any]:
    """A licence that waits for a machine."""
    issued = licensed(world)
    world.act("dissociate", issued["license"]["id"])
    return issued


def detached(world: World) -> dict[str, Any]:
    """An agent that is blocked."""
    issued = licensed(world)
    world.act("detach", issued["license"]["id"])
    return issued


def older(world: World) -> dict[str, Any]:
    """An older agent, with its key."""
    registered(world)
    issued: dict[str, Any] = _old_login(world, ALICE).json
    return issued


def tied(world: World) -> dict[str, Any]:
    """A partner at work with a temporary licence."""
    licensed(world)
    temporary = generated(world)
    return {**used(world, temporary), "license_key": temporary.key}


def _seen(world: World) -> dict[str, Any]:
    issued = licensed(world)
    _present(world, issued)
    world.clock.advance(INTERVAL)
    return issued


def _beside_a_neighbour(world: World) -> dict[str, Any]:
    issued = licensed(world)
    world.login(AMIR, NEIGHBOUR)
    return issued


def _full(world: World) -> None:
    world.register("acme", max_agents=1)
    world.login(ALICE)


def _generated(world: World) -> dict[str, Any]:
    licensed(world)
    return {"license_key": generated(world).key}


def _lost_machine(world: World) -> dict[str, Any]:
    """A partner's machine, which another organization has registered since."""
    world.register("acme")
    world.register("bolt")
    temporary = generated(world)
    used(world, temporary)
    world.login(BORIS)
    return {"license_key": temporary.key}


# -- logins -----------------------------------------------------------------------------------


def _login(world: World, _: object) -> Told:
    return told(world.login(AMIR))


def _login_to_staging(world: World, _: object) -> Told:
    return told(world.login(AMIR, environment="staging"))


def _login_on_foreign_machine(world: World, _: object) -> Told:
    return told(world.login(BORIS))


def _followed(world: World) -> Any:
    """Another organization shares the machine, which is closed, and has followed it."""
    for name in ("acme", "bolt"):
        world.register(name)
    for person in (BORIS, ALICE):
        issued = world.login(person, agent_version="4.3.0.12").json
    assert world.code(issued["license_key"], agent_version="4.5.0.0") == "VALID"
    assert world.login(BORIS, RENAMED, agent_version="4.3.0.12").status == 200
    return issued


def _login_renamed(world: World, _: object) -> Told:
    return told(world.login(AMIR, RENAMED))


def _login_updated(world: World, issued: dict[str, Any]) -> Told:
    return told(world.login(AMIR, OLD_MACHINE, license_key=issued["license_key"]))


def _login_elsewhere(world: World, issued: dict[str, Any]) -> Told:
    return told(world.login(AMIR, MACHINE_B, license_key=issued["license_key"]))


def _first_use(world: World, issued: dict[str, Any]) -> Told:
    return told(login_with(world, issued["license_key"], PAVEL))


def _use_by_another(world: World, issued: dict[str, Any]) -> Told:
    return told(login_with(world, issued["license_key"], PETRA))


def _old_login(world: World, person: Person) -> Any:
    return world.request("POST", "/v1/licenses", person=person, json=OLD_FORM)


def _login_of_older(world: World, _: object) -> Told:
    return told(_old_login(world, AMIR))


def _foreign_login_of_older(world: World, _: object) -> Told:
    return told(_old_login(world, BORIS))


# -- validations ------------------------------------------------------------------------------


def _validate_with(
    world: World, issued: dict[str, Any], machine: Mapping[str, Any] = MACHINE_A
) -> Told:
    return told(world.validate(issued["license_key"], machine, agent_version="4.5.0.0"))


def _validate(world: World, issued: dict[str, Any]) -> Told:
    return _validate_with(world, issued)


def _present(world: World, issued: dict[str, Any]) -> Told:
    return told(
        world.validate(
            issued["license_key"],
            agent_version="4.5.0.0",
            nonce="n-1",
            lease=issued["lease"]["token"],
        )
    )


def _validate_renamed(world: World, issued: dict[str, Any]) -> Told:
    return _validate_with(world, issued, RENAMED)


def _validate_updated(world: World, issued: dict[str, Any]) -> Told:
    return _validate_with(world, issued, OLD_MACHINE)


def _validate_elsewhere(world: World, issued: dict[str, Any]) -> Told:
    return _validate_with(world, issued, MACHINE_B)


def _validate_of_older(world: World, issued: dict[str, Any]) -> Told:
    body = {"LicenseKey": issued["license_key"], **OLD_FORM}
    return told(world.request("POST", "/v1/licenses/validate", json=body))


# -- questions --------------------------------------------------------------------------------


def _look_up(world: World, _: object) -> Told:
    machine = {"machine": MACHINE_A}
    return told(world.request("POST", "/v1/machines/lookup", person=OLIVIA, json=machine))


def _search(world: World, _: object) -> Told:
    wanted = {"text": MACHINE_A["computer_name"]}
    return told(world.request("POST", "/v1/licenses/search", person=OLIVIA, json=wanted))


def _read_keys(world: World, _: object) -> Told:
    return told(world.request("GET", "/.well-known/jwks.json", person=ADA))


ISSUE, VALIDATE = "IssueFunction", "ValidateFunction"
SPINE = (
    Operation("first login", ISSUE, registered, _login),
    Operation("login to staging", ISSUE, licensed, _login_to_staging),
    Operation("repeated login", ISSUE, licensed, _login),
    Operation("refused login", ISSUE, licensed, _login_on_foreign_machine),
    Operation("validation", VALIDATE, licensed, _validate),
    Operation("first validation of an interval", VALIDATE, _seen, _present, defers=True),
    Operation("validation of a revoked key", VALIDATE, revoked, _validate),
)
OPERATIONS = (
    *SPINE,
    Operation("cold login", ISSUE, licensed, _login, is_cold=True),
    Operation("login without a seat", ISSUE, _full, _login_to_staging),
    Operation("login of a renamed machine", ISSUE, licensed, _login_renamed),
    Operation("login whose drift is refused", ISSUE, _beside_a_neighbour, _login_renamed),
    Operation("login of an updated agent", ISSUE, older, _login_updated),
    Operation("login of a blocked agent", ISSUE, detached, _login),
    Operation("reassignment", ISSUE, dissociated, _login_elsewhere),
    Operation("reassignment of a bound key", ISSUE, licensed, _login_elsewhere),
    Operation("first login of an older agent", ISSUE, registered, _login_of_older),
    Operation("repeated login of an older agent", ISSUE, older, _login_of_older),
    Operation("login of an older agent that shares", ISSUE, older, _foreign_login_of_older),
    Operation("refused login of an older agent", ISSUE, licensed, _foreign_login_of_older),
    Operation("first use", ISSUE, _generated, _first_use),
    Operation("repeated use", ISSUE, tied, _first_use),
    Operation("use by another person", ISSUE, tied, _use_by_another),
    Operation("cold validation", VALIDATE, licensed, _validate, is_cold=True),
    Operation("validation of a renamed machine", VALIDATE, licensed, _validate_renamed),
    Operation(
        "validation whose drift is refused", VALIDATE, _beside_a_neighbour, _validate_renamed
    ),
    Operation("validation that follows another agent", VALIDATE, _followed, _validate_renamed),
    Operation("validation of an updated agent", VALIDATE, older, _validate_updated),
    Operation("validation on another machine", VALIDATE, licensed, _validate_elsewhere),
    Operation("validation of a blocked agent", VALIDATE, detached, _validate),
    Operation("validation of an older agent", VALIDATE, older, _validate_of_older),
    Operation("validation of a temporary license", VALIDATE, tied, _validate, defers=True),
    Operation("validation on a machine that was lost", VALIDATE, _lost_machine, _validate),
    Operation("lookup", "LookUpMachineFunction", shared, _look_up, is_cold=True),
    Operation("verification keys", "DiscoveryFunction", registered, _read_keys, is_cold=True),
)

ACROSS = (Operation("search of all", "LookUpMachineFunction", shared, _search, is_cold=True),)
"""Of all organizations."""
