"""Two versions of the service on one table, as in the moments of an update.

The later version may add attributes to what it writes. The one that is deployed reads such items
as it would without them, and leaves what it does not know where it is.
"""

from typing import Any

from tests.world import BORIS, MACHINE_A, MACHINE_B, OLIVIA, World

LATER = {"M": {"since": {"S": "the next version"}}}


def written_by_a_later_version(world: World) -> None:
    """Have every item carry what a later version could add; events carry another fact, too."""
    for item in world.items():
        more: dict[str, Any] = {"later": LATER}
        for facts in ("before", "after"):
            if facts in item:
                more[facts] = {"M": item[facts]["M"] | {"later": {"BOOL": True}}}
        world.runtime.dynamodb.put_item(
            TableName=world.runtime.settings.table_name, Item=item | more
        )


def keys_of_what_carries_it(world: World) -> set[tuple[str, str]]:
    return {
        (item["pk"]["S"], item["sk"]["S"]) for item in world.items() if item.get("later") == LATER
    }


def test_what_a_later_version_adds_is_read_over_and_kept(world: World) -> None:
    world.register("acme")
    world.register("bolt")
    key = world.login().json["license_key"]
    license_id = world.login().json["license"]["id"]
    world.login(BORIS, MACHINE_B)
    temporary = {"ttl": "1h"}
    path = "/v1/organizations/acme/temporary-licenses"
    assert world.request("POST", path, person=OLIVIA, json=temporary).status == 201
    written_by_a_later_version(world)
    marked = keys_of_what_carries_it(world)
    assert len(marked) == len(world.items())

    # A whole life, by the version that is deployed.
    world.clock.advance(3600)
    drifted = MACHINE_A | {"computer_name": "ACME-PC-02"}
    assert world.code(key, drifted) == "VALID"
    assert world.login(BORIS, MACHINE_A).status == 409
    assert world.login(machine=drifted).json["license_key"] == key
    for action in ("detach", "attach"):
        assert world.act(action, license_id).status == 200
    world.change("acme", status="paused", seconds=60)
    assert world.code(key, drifted) == "SUSPENDED"
    world.change("acme")
    world.clock.advance(3600)
    world.sweep()
    kept = keys_of_what_carries_it(world)
    gone = marked - {(item["pk"]["S"], item["sk"]["S"]) for item in world.items()}
    assert kept == marked - gone
    assert {pk.partition("#")[0] for pk, _ in gone} <= {"PAIR"}, "pairs that have drifted away"

    history = world.request("GET", f"/v1/licenses/{license_id}/events", person=OLIVIA)
    assert history.json["events"][-1]["type"] == "LicenseIssued"
    assert world.request("GET", path, person=OLIVIA).status == 200
    assert world.act("dissociate", license_id).status == 200
    assert world.login(machine=MACHINE_A, license_key=key).json["license_key"] == key
    assert world.revoke(license_id).status == 200
    assert world.code(key) == "REVOKED"
    assert world.seats("acme") == 0
    kept = keys_of_what_carries_it(world)
    assert {("LICENSE#" + license_id, "LICENSE"), ("ORGANIZATION#acme", "ORGANIZATION")} <= kept


def test_r34_events_of_a_later_version_are_published(world: World) -> None:
    world.register("acme")
    written_by_a_later_version(world)
    (image,) = (item for item in world.items() if item["sk"]["S"].startswith("EVENT#"))
    batch = {"Records": [{"dynamodb": {"SequenceNumber": "1", "NewImage": image}}]}
    assert world.invoke("PublishFunction", batch) == {"batchItemFailures": []}
