"""The budgets of each operation, counted: DynamoDB requests, read and write units, transactions.

The figures are those of the README; one that changes is a decision, and is changed here with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from licensing import keys
from tests.integration.answers import assert_problem
from tests.integration.capacity import Transaction, item_size, metered
from tests.integration.many import bind
from tests.world import (
    ADA,
    ALICE,
    AMIR,
    BORIS,
    MACHINE_B,
    World,
)

INTERVAL = 900
LARGEST = {
    "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
    "mac_addresses": [f"3c:52:82:0a:1b:{number:02x}" for number in range(8)],
    "computer_name": "ACME-PC-01",
}


@dataclass
class Stage:
    """What is there before the operation: Acme with an agent in production on machine A."""

    world: World
    issued: Any

    @property
    def key(self) -> str:
        """The agent's key."""
        return str(self.issued["license_key"])

    @property
    def license_id(self) -> str:
        """The agent's licence."""
        return str(self.issued["license"]["id"])

    def get(self, path: str) -> object:
        """Read something as Acme's administrator."""
        answer = self.world.request("GET", path, person=ADA)
        assert answer.status == 200
        return answer


@dataclass(frozen=True)
class Budget:
    """An operation and what it may take; `wcu` is of single writes, their indexes included."""

    operation: Callable[[Stage], object]
    requests: dict[str, int]
    rcu: int = 0
    wcu: int = 0
    transactions: Sequence[Transaction] = ()
    before: Callable[[Stage], object] = lambda _stage: None


def _mistyped(stage: Stage) -> None:
    wrong = stage.key[:-1] + ("0" if stage.key[-1] != "0" else "1")
    assert_problem(stage.world.validate(wrong), 400, "invalid_request", "/license_key")


def _later(stage: Stage) -> None:
    stage.world.clock.advance(INTERVAL)
    stage.world.runtime.keyrings.keyring()  # which is fetched anew by now


BUDGETS = {
    "validate, steady state": Budget(
        lambda stage: stage.world.code(stage.key), {"BatchGetItem": 1}, rcu=2
    ),
    "validate, first in its interval": Budget(
        lambda stage: stage.world.code(stage.key),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=1,
        before=_later,
    ),
    "validate, mistyped key": Budget(_mistyped, {}),
    "validate, malformed": Budget(
        lambda stage: stage.world.request("POST", "/v1/licenses/validate", body=b"{"), {}
    ),
    "validate, expired": Budget(
        lambda stage: stage.world.code(stage.key),
        {"BatchGetItem": 1},
        rcu=2,
        before=lambda stage: stage.world.change("acme", seconds=0),
    ),
    "validate, wrong machine": Budget(
        lambda stage: stage.world.code(stage.key, MACHINE_B),
        {"BatchGetItem": 1, "UpdateItem": 1},
        rcu=2,
        wcu=2,  # the first of its hour, with its index entry
    ),
    "first login": Budget(
        lambda stage: stage.world.login(AMIR, MACHINE_B | {"mac_addresses": ["3c:52:82:0a:1b:01"]}),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=4,  # the organization and three pairs
        # Licence, three pairs, event, seat; licence and event are in an index.
        transactions=[Transaction(6, 12, 2)],
    ),
    "first login, eight network cards": Budget(
        lambda stage: stage.world.login(
            AMIR, LARGEST | {"machine_id": "another", "computer_name": "ACME-PC-02"}
        ),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=18,
        transactions=[Transaction(20, 40, 2)],
    ),
    "first login, second environment": Budget(
        lambda stage: stage.world.login(AMIR, environment="staging"),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=4,
        transactions=[Transaction(6, 12, 2)],
    ),
    "repeated login": Budget(
        lambda stage: stage.world.login(AMIR), {"BatchGetItem": 1, "GetItem": 1}, rcu=5
    ),
    "login, machine of another organization": Budget(
        lambda stage: stage.world.login(BORIS),
        {"BatchGetItem": 1, "UpdateItem": 1, "GetItem": 1},
        rcu=5,
        wcu=2,
        before=lambda stage: stage.world.register("bolt"),
    ),
    "revoke": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        rcu=2,
        # Licence, three pairs, event, seat; the licence moves within its index.
        transactions=[Transaction(6, 12, 3)],
    ),
    "revoke, two environments": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1, "TransactWriteItems": 2},  # the first learns who shares the machine
        rcu=2,
        transactions=[Transaction(6, 12, 3)] * 2,
        before=lambda stage: stage.world.login(environment="staging"),
    ),
    "revoke, repeated": Budget(
        lambda stage: stage.world.revoke(stage.license_id),
        {"BatchGetItem": 1},
        rcu=2,
        before=lambda stage: stage.world.revoke(stage.license_id),
    ),
    "show a license": Budget(
        lambda stage: stage.get(f"/v1/licenses/{stage.license_id}"), {"GetItem": 2}, rcu=2
    ),
    "show an organization": Budget(
        lambda stage: stage.get("/v1/organizations/acme"), {"GetItem": 1}, rcu=1
    ),
    "list a page of fifty": Budget(
        lambda stage: stage.get("/v1/organizations/acme/licenses?limit=50"),
        {"GetItem": 1, "Query": 1, "BatchGetItem": 1},
        rcu=51,  # beside the query's, which reads small entries eventually consistently
        before=lambda stage: bind(stage.world, "acme", 60),
    ),
    "change an organization": Budget(
        lambda stage: stage.world.put("acme", status="paused", version=1),
        {"GetItem": 1, "TransactWriteItems": 1},
        rcu=1,
        # Organization and event; the event joins an index. It is due since its registration.
        transactions=[Transaction(2, 4, 1)],
    ),
    "keys": Budget(lambda stage: stage.get("/.well-known/jwks.json"), {}),
    "contract": Budget(lambda stage: stage.get("/v1/openapi.json"), {}),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_each_operation_keeps_its_budget(world: World, name: str) -> None:
    budget = BUDGETS[name]
    world.register("acme")
    stage = Stage(world, world.login(ALICE).json)
    budget.before(stage)

    with metered(world) as cost:
        budget.operation(stage)

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
    key = keys.parse(world.login().json["license_key"])
    # Anybody can make such keys: their check symbols are no secret.
    unknown = replace(key, secret_version=31).reveal()
    nobodys = replace(key, secret_version=31, license_id="lic_0000000000000000").reveal()
    with world.counting() as calls:
        for _ in range(36):
            assert {world.code(unknown), world.code(nobodys)} == {"NOT_FOUND"}
            assert world.login(license_key=unknown).json["code"] == "not_found"
            world.clock.advance(5)
    assert calls["GetSecretValue"] == 0


def test_r17_the_largest_license_takes_one_write_unit_per_sighting(world: World) -> None:
    world.register("acme")
    machine = LARGEST | {"computer_name": "N" * 63}
    issued = world.login(machine=machine, environment="e" * 64, agent_version="4" * 32).json
    _later(Stage(world, issued))
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
