"""A table that misses what it must hold: a fault that names it, for an operator, not a refusal."""

from itertools import count, islice
from typing import Any

import pytest

from licensing.adapters.dynamo.schema import due_shard
from licensing.domain.errors import Misconfigured
from tests.integration.hearing import hearing
from tests.integration.many import bind
from tests.integration.partner import generated, login_with
from tests.world import ADA, AMIR, PAVEL, World


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


def test_r23_a_record_that_cannot_be_swept_is_told_and_holds_up_nothing_else(world: World) -> None:
    names = (f"acme-{number}" for number in count())
    broken, *whole = islice((name for name in names if due_shard(name) == due_shard("acme-0")), 3)
    for seconds, name in enumerate([broken, *whole], start=60):
        world.register(name, seconds=seconds)
        bind(world, name, 2)
    place: dict[str, Any] = {"pk": {"S": f"ORGANIZATION#{broken}"}, "sk": {"S": "ORGANIZATION"}}
    table = world.runtime.settings.table_name
    kept = world.runtime.dynamodb.get_item(TableName=table, Key=place)["Item"]
    without_name = {name: value for name, value in kept.items() if name != "name"}
    world.runtime.dynamodb.put_item(TableName=table, Item=without_name)
    world.clock.advance(120)

    with hearing() as heard, pytest.RaisesGroup(KeyError) as told:
        world.sweep()
    (fault,) = told.value.exceptions
    assert fault.__notes__ == [f"in sweeping the organization {broken}"]
    assert heard.logged("swept")["faults"] == 1
    assert heard.measured()["LicensesExpired"] == [4]
    assert heard.measured()["SweepUnfinished"] == [1]

    world.runtime.dynamodb.put_item(TableName=table, Item=kept)
    assert world.sweep()["expired"] == 2
