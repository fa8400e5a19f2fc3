"""R15, R18 and R21: `POST /v1/licenses/{license_id}/revoke` ends a licence for good."""

from tests.integration.trail import but_notes, events
from tests.world import (
    ADA,
    ALICE,
    BORIS,
    NOON,
    OLIVIA,
    World,
    instant,
)


def test_r18_a_revoked_key_is_dead_and_the_machine_is_free_for_another_organization(
    world: World,
) -> None:
    world.register("acme")
    world.register("bolt")
    issued = world.login(ALICE).json
    assert world.code(issued["license_key"]) == "VALID"

    answer = world.revoke(issued["license"]["id"], reason="sold")

    assert answer.status == 200
    assert answer.json["license"]["status"] == "revoked"
    assert answer.json["license"]["valid_until"] is None
    assert world.code(issued["license_key"]) == "REVOKED"
    assert world.seats("acme") == 0
    assert world.login(BORIS).status == 201
    assert world.seats("bolt") == 1


def test_r18_a_login_after_a_revoke_gets_a_new_license_and_another_key(world: World) -> None:
    world.register("acme")
    revoked = world.login(ALICE).json
    world.revoke(revoked["license"]["id"])

    fresh = world.login(ALICE)

    assert fresh.status == 201
    assert fresh.json["license"]["id"] != revoked["license"]["id"]
    assert fresh.json["license_key"] != revoked["license_key"]
    assert world.code(fresh.json["license_key"]) == "VALID"
    assert world.code(revoked["license_key"]) == "REVOKED"
    assert world.seats("acme") == 1


def test_r18_it_can_be_repeated_without_effect(world: World) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    first = world.revoke(license_id)
    before = but_notes(world)

    for person, read in ((ADA, {}), (OLIVIA, {"UpdateItem": 1})):
        world.clock.advance(60)
        with world.counting() as calls:
            assert world.revoke(license_id, person).json == first.json
        assert calls == {"BatchGetItem": 1} | read

    assert but_notes(world) == before
    # And it does no harm to whoever has the machine now.
    fresh = world.login(ALICE).json
    world.revoke(license_id)
    assert world.code(fresh["license_key"]) == "VALID"
    assert world.seats("acme") == 1


def test_r18_the_reason_is_kept_and_neither_it_nor_the_body_is_demanded(world: World) -> None:
    world.register("acme")
    for environment, body in (
        ("one", None),
        ("two", {}),
        ("three", {"reason": "Sold: ökonomisch"}),
    ):
        license_id = world.login(environment=environment).json["license"]["id"]
        answer = world.request("POST", f"/v1/licenses/{license_id}/revoke", person=ADA, json=body)
        assert answer.status == 200
    reasons = [event.get("reason") for event in events(world, "LicenseRevoked")]
    assert sorted(reasons, key=str) == [None, None, "Sold: ökonomisch"] or set(reasons) == {
        None,
        "Sold: ökonomisch",
    }


def test_r18_a_license_of_several_environments_is_revoked_alone(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    keys = {name: world.login(environment=name).json for name in ("production", "staging", "test")}
    world.revoke(keys["staging"]["license"]["id"])

    codes = {name: world.code(issued["license_key"]) for name, issued in keys.items()}

    assert codes == {"production": "VALID", "staging": "REVOKED", "test": "VALID"}
    assert world.seats("acme") == 2
    assert world.login(BORIS).status == 409


def test_r21_an_expired_license_can_be_revoked_and_no_renewal_brings_it_back(
    world: World,
) -> None:
    world.register("acme", seconds=60)
    issued = world.login(ALICE).json
    world.clock.advance(60)
    world.sweep()
    assert world.revoke(issued["license"]["id"]).status == 200

    world.change("acme")
    world.sweep()

    assert world.code(issued["license_key"]) == "REVOKED"
    shown = world.request("GET", f"/v1/licenses/{issued['license']['id']}", person=ADA)
    assert shown.json["license"]["status"] == "revoked"
    assert world.seats("acme") == 0


def test_r18_what_is_shown_of_a_revoked_license_is_what_it_was(world: World) -> None:
    world.register("acme")
    license_id = world.login(ALICE).json["license"]["id"]
    before = world.request("GET", f"/v1/licenses/{license_id}", person=ADA).json["license"]
    assert before["issued_at"] == instant(NOON)
    answer = world.revoke(license_id).json["license"]
    assert answer == before | {"status": "revoked", "actions": [], "valid_until": None}
