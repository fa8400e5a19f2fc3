"""R5: the template allows every function what it does, and nothing beyond that."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from licensing.dynamo import places
from tests.integration import permissions
from tests.integration.billing import bill
from tests.integration.permissions import Permission
from tests.local.stack import TEMPLATE
from tests.local.template import Template
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
    new_world,
)

FUNCTIONS = Template(TEMPLATE).of_type("AWS::Serverless::Function")

RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}
SHARED = {"mac_addresses": ["3c:52:82:0a:33:33"], "computer_name": "OLD-PC"}
ALONE = {"machine_id": "alone", "mac_addresses": ["3c:52:82:0a:44:44"], "computer_name": "PC-4"}
DAY = 86_400


@dataclass
class Life:
    """All that functions do, each with a secret and readings of its own."""

    world: World

    def ask(self, method: str, target: str, person: Person = OLIVIA, **how: Any) -> Any:
        """Send a request, so late that the secret is read anew and agents are seen anew."""
        self.world.clock.advance(1000)
        answer = self.world.request(method, target, person=person, **how)
        assert answer.status in {200, 201, 409}, answer
        return answer.json

    def login(self, person: Person, machine: Mapping[str, Any], **how: Any) -> Any:
        body = {"machine": machine, "agent_version": "4.5.0.0", **how}
        return self.ask("POST", "/v1/licenses", person, json=body)

    def validate(self, issued: Any, machine: Mapping[str, Any]) -> None:
        body = {"license_key": issued["license_key"], "organization_id": "acme", "machine": machine}
        self.ask("POST", "/v1/licenses/validate", json=body)

    def act(self, action: str, issued: Any, person: Person = OLIVIA) -> None:
        self.ask("POST", f"/v1/licenses/{issued['license']['id']}/{action}", person)

    def agents(self) -> None:
        """Logins and validations: first, again, in other environments, drifted, foreign, shared."""
        issued = self.login(ALICE, MACHINE_A)
        self.login(AMIR, MACHINE_A)
        staging = self.login(ALICE, MACHINE_A, environment="staging")
        self.login(AMIR, RENAMED)
        self.login(BORIS, RENAMED)
        self.validate(staging, RENAMED)
        self.validate(issued, MACHINE_A)
        self.validate(issued, MACHINE_B)
        alone = self.login(ALICE, ALONE)
        self.login(ALICE, {**ALONE, "computer_name": "PC-5"})
        self.validate(alone, {**ALONE, "computer_name": "PC-6"})
        for person in (ALICE, BORIS):
            shared = self.login(person, SHARED, agent_version="4.3.0.12")
        body = {"MacId": SHARED["mac_addresses"][0], "ComputerName": "OLD-PC"}
        body |= {"LicenseKey": shared["license_key"], "AgentVersion": "4.2"}
        self.ask("POST", "/v1/licenses/validate", json=body)

    def transitions(self) -> None:
        """Each of them, alone on a machine and beside others."""
        issued = self.login(ALICE, MACHINE_B)
        for action in ("detach", "attach", "dissociate"):
            self.act(action, issued)
        self.login(ALICE, ALONE, environment="other")
        self.login(AMIR, MACHINE_B, license_key=issued["license_key"])
        self.act("revoke", issued)
        for action in ("revoke", "dissociate"):
            first, second = (self.login(ALICE, MACHINE_B, environment=name) for name in "ab")
            self.act(action, first, ADA)
            self.act(action, second)
        license_id = issued["license"]["id"]
        self.ask("PATCH", f"/v1/licenses/{license_id}", json={"primary": True})
        for target in (f"/v1/licenses/{license_id}", f"/v1/licenses/{license_id}/events"):
            self.ask("GET", target)

    def partners(self) -> None:
        """Temporary licences: generated once and again, used, listed, revoked."""
        target = "/v1/organizations/acme/temporary-licenses"
        for _ in range(2):
            headers = [("Idempotency-Key", "once")]
            generated = self.ask("POST", target, json={"ttl": "1h"}, headers=headers)
        self.login(PAVEL, RENAMED, license_key=generated["license_key"])
        spare = self.ask("POST", target, json={"ttl": "7d"})
        self.ask("POST", f"/v1/temporary-licenses/{spare['license']['id']}/revoke")
        self.ask("GET", target)

    def organizations(self) -> None:
        """What people read, and what comes about with time."""
        for path in ("", "/licenses", "/events"):
            self.ask("GET", f"/v1/organizations/acme{path}")
        for path in ("/.well-known/jwks.json", "/v1/openapi.json"):
            self.ask("GET", path)
        self.ask("POST", "/v1/machines/lookup", json={"machine": RENAMED})
        self.world.invoke("CheckSeatsFunction", {})
        with self.drifted("acme"):
            self.world.invoke("CheckSeatsFunction", {})
        self.world.change("acme", max_agents=50)
        bill(self.world, 1, "core")
        bill(self.world, 1, "bolt", seconds=DAY)
        self.world.sweep()
        self.world.clock.advance(2 * DAY)
        self.world.sweep()
        bill(self.world, 2, "bolt")
        self.world.sweep()

    @contextmanager
    def drifted(self, organization_id: str) -> Iterator[None]:
        """A seat counter that is wrong, and nobody who waits to look again."""
        service, client = self.world.runtime, boto3.client("dynamodb")
        counter: Any = {
            "TableName": service.settings.table_name,
            "Key": places.organization_key(organization_id),
            "UpdateExpression": "ADD seats :more",
        }
        store = service.store
        client.update_item(**counter, ExpressionAttributeValues={":more": {"N": "1"}})
        service.store = replace(store, pacing=replace(store.pacing, sleep=lambda _: None))
        yield
        service.store = store
        client.update_item(**counter, ExpressionAttributeValues={":more": {"N": "-1"}})

    def publication(self) -> None:
        """The way of all this to the bus."""
        events = [item for item in self.world.items() if item["sk"]["S"].startswith("EVENT#")]
        records = [
            {"dynamodb": {"SequenceNumber": str(number), "NewImage": event}}
            for number, event in enumerate(events)
        ]
        result = self.world.invoke("PublishFunction", {"Records": records})
        assert result == {"batchItemFailures": []}


@pytest.fixture(scope="module")
def lived() -> Iterator[World]:
    """A world in which each function has done all that it ever does."""
    with new_world() as world:
        world.runtime.bus.client.meta.events.register(
            "provide-client-params",
            lambda params, model, **_: world.calls.append((model.name, params)),
        )
        world.register("acme")
        world.register("bolt")
        life = Life(world)
        life.agents()
        life.transitions()
        life.partners()
        life.organizations()
        life.publication()
        yield world


def differences(needed: AbstractSet[Permission], allowed: AbstractSet[Permission]) -> list[str]:
    """What a role allows too much and too little."""
    return [
        *(f"{action} on {resource} is not needed" for action, resource in sorted(allowed - needed)),
        *(f"{action} on {resource} is missing" for action, resource in sorted(needed - allowed)),
    ]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_r05_a_role_allows_what_its_function_does_and_nothing_else(
    lived: World, function: str
) -> None:
    needed = permissions.needed(lived, function) | permissions.needed_by_lambda(function)
    assert differences(needed, permissions.allowed(function)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_r05_one_permission_more_or_less_is_found(lived: World, function: str) -> None:
    needed = permissions.needed(lived, function) | permissions.needed_by_lambda(function)
    allowed = permissions.allowed(function)
    for action, resource in allowed:
        fewer = differences(needed, allowed - {(action, resource)})
        assert fewer == [f"{action} on {resource} is missing"]
    for action, resource in (
        ("dynamodb:Scan", "table"),
        ("dynamodb:Query", "table/*"),
        ("secretsmanager:PutSecretValue", "secret"),
        ("sqs:ReceiveMessage", "BillingDeadLetters"),
    ):
        more = differences(needed, allowed | {(action, resource)})
        assert more == [f"{action} on {resource} is not needed"]


def test_r05_no_role_serves_two_functions() -> None:
    roles = {permissions.role_of(function) for function in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)
