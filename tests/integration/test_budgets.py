"""Each operation keeps its budget, counted: DynamoDB requests, read and write units."""

from dataclasses import replace

import pytest

from licensing.domain import license_key
from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.budgets import BUDGETS, HALF, LARGEST, Stage, later, measured
from tests.integration.capacity import item_size, metered
from tests.world import AMIR, World


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", BUDGETS)
def test_each_operation_keeps_its_budget(world: World, name: str) -> None:
    budget = BUDGETS[name]
    cost = measured(world, budget)
    assert cost.requests == budget.requests
    assert (cost.rcu, cost.wcu) == (budget.rcu, budget.wcu)
    assert cost.transactions == list(budget.transactions)


def test_r16_the_secret_is_fetched_once_and_again_only_to_notice_a_rotation(world: World) -> None:
    world.register("acme")
    with world.counting() as calls:
        key = world.login().json["license_key"]
        for _ in range(20):
            world.code(key)
            world.login(AMIR)
            world.request("GET", "/.well-known/jwks.json")
            world.clock.advance(40)
    assert calls["GetSecretValue"] == 1, "within fifteen minutes"
    with world.counting() as calls:
        for _ in range(12):
            world.clock.advance(300)
            world.code(key)
    assert calls["GetSecretValue"] == 4, "within another hour"


def test_r03_no_key_of_an_unknown_version_has_the_secret_fetched(world: World) -> None:
    world.register("acme")
    key = license_key.parse(world.login().json["license_key"])
    # Anybody can make such keys: their check symbols are no secret.
    unknown = replace(key, secret_version=31).reveal()
    nobodys = replace(key, secret_version=31, license_id="lic_0000000000000000").reveal()
    with world.counting() as calls:
        for _ in range(36):
            assert {world.code(unknown), world.code(nobodys)} == {"NOT_FOUND"}
            assert world.login(license_key=unknown).json["code"] == "not_found"
            world.clock.advance(5)
    assert calls["GetSecretValue"] == 0


def test_r17_a_large_license_takes_one_write_unit_per_sighting(world: World) -> None:
    world.register("acme")
    machine = LARGEST | {"computer_name": "N" * 32}
    issued = world.login(machine=machine, environment="e" * 32, agent_version="4" * 32).json
    later(Stage(world, issued))
    with metered(world) as cost:
        world.request(
            "POST",
            "/v1/licenses/validate",
            json={
                "license_key": issued["license_key"],
                "organization_id": "acme",
                "machine": machine,
                "agent_version": "5" * 32,
            },
            source_ip="2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        )
    assert cost.wcu == 1
    (item,) = [item for item in world.items() if item["sk"]["S"] == "LICENSE"]
    assert 600 < item_size(item) < 1024


def test_r17_a_large_license_takes_one_write_unit_per_proof_and_renewal(world: World) -> None:
    world.register("acme")
    machine = LARGEST | {"computer_name": "N" * 32}
    agent = Agent(world, Device(), machine, address="2001:0db8:85a3:0000:0000:8a2e:0370:7334")
    agent.login(environment="e" * 32, agent_version="4" * 32)
    for _ in range(2):
        world.clock.advance(HALF)
        world.runtime.keyrings.keyring()
        agent.fresh_proof()
        with metered(world) as cost:
            assert agent.code(environment="e" * 32, agent_version="5" * 32) == "VALID"
        assert (cost.wcu, cost.requests["UpdateItem"]) == (1, 1)
    (item,) = [item for item in world.items() if item["sk"]["S"] == "LICENSE"]
    assert 900 < item_size(item) < 1024, item_size(item)
