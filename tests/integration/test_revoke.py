"""R18: revoking ends a licence for good and frees machine and seat."""

from tests.world import ALICE, BORIS, World


def test_r18_a_revoked_key_is_dead_and_the_machine_is_free_for_another_organization(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    assert world.code(issued["license_key"]) == "VALID"

    assert world.revoke(issued["license"]["id"]).status == 200

    assert world.code(issued["license_key"]) == "REVOKED"
    assert world.seats("acme") == 0
    assert world.login(BORIS).status == 201
