"""What an organization decides about its agents."""

from tests.world import ADA, Answer, Person, World


def govern(world: World, person: Person = ADA, **wanted: bool | int | None) -> Answer:
    """Take a decision of Acme's, whatever the answer."""
    return world.request("PATCH", "/v1/organizations/acme", person=person, json=wanted)
