"""What an organization decides about its agents."""

from typing import Any, Final

from tests.world import ADA, Answer, Person, World

NO_DEMANDS: Final[dict[str, Any]] = {
    "require_device_key": False,
    "block_clones": False,
    "lock_device_keys": False,
    "agents_per_member": None,
}
"""The policy, or the floor, of who demands nothing."""


def govern(world: World, person: Person = ADA, **wanted: bool | int | None) -> Answer:
    """Take a decision of Acme's, whatever the answer."""
    return world.request("PATCH", "/v1/organizations/acme", person=person, json=wanted)
