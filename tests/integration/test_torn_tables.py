"""A table that misses what it must hold: a fault that names it, for an operator, not a refusal."""

import pytest

from licensing.errors import Misconfigured
from tests.integration.partner import generated, login_with
from tests.world import ADA, AMIR, PAVEL, World

# Powertools warns that a handler which raises has counted nothing.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


def drop(world: World, key: str, place: str) -> None:
    """Delete an item behind the service's back."""
    world.runtime.dynamodb.delete_item(
        TableName=world.runtime.settings.table_name, Key={"pk": {"S": key}, "sk": {"S": place}}
    )


def test_a_license_without_its_organization_is_a_fault(world: World) -> None:
    world.register("acme")
    issued = world.login().json
    partner = generated(world)
    drop(world, "ORGANIZATION#acme", "ORGANIZATION")
    with pytest.raises(Misconfigured, match="organization acme has licenses but no record"):
        world.request("GET", f"/v1/licenses/{issued['license']['id']}", person=ADA)
    with pytest.raises(Misconfigured, match="organization acme has licenses but no record"):
        login_with(world, partner.key, PAVEL)
    assert world.code(issued["license_key"]) == "ORGANIZATION_MISMATCH"


def test_a_machine_that_is_held_by_a_license_without_a_record_is_a_fault(world: World) -> None:
    world.register("acme")
    license_id = world.login().json["license"]["id"]
    drop(world, f"LICENSE#{license_id}", "LICENSE")
    with pytest.raises(Misconfigured, match=f"license {license_id} holds a machine"):
        world.login(AMIR)
