"""All that the functions of a deployment ever do, for tests that look at all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.devices import Device
from tests.integration.agents import Agent
from tests.integration.billing import bill
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
)

RENAMED = {**MACHINE_A, "computer_name": "ACME-PC-02"}
SHARED = {"mac_addresses": ["3c:52:82:0a:33:33"], "computer_name": "OLD-PC"}
ALONE = {"machine_id": "alone", "mac_addresses": ["3c:52:82:0a:44:44"], "computer_name": "PC-4"}
KEYED = {"machine_id": "keyed", "mac_addresses": ["3c:52:82:0a:55:55"], "computer_name": "PC-7"}
BOTHS = {"machine_id": "both", "mac_addresses": ["3c:52:82:0a:66:66"], "computer_name": "PC-8"}
DAY = 86_400


@dataclass
class Life:
    """All that functions do, each with a secret and readings of its own."""

    world: World

    def live(self) -> None:
        """From the first registration to the last event on the bus."""
        self.world.register("acme")
        self.world.register("bolt")
        self.agents()
        self.device_keys()
        self.transitions()
        self.partners()
        self.organizations()
        self.refused_logins()
        self.publication()

    def ask(self, method: str, target: str, person: Person = OLIVIA, **how: Any) -> Any:
        """Send a request, so late that the secret is read anew and agents are seen anew."""
        self.world.clock.advance(1000)
        answer = self.world.request(method, target, person=person, **how)
        assert answer.status in {200, 201, 404, 409}, answer
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
        # Both are updated on a machine that they share, and follow it.
        for person in (BORIS, ALICE):
            shared = self.login(person, BOTHS, agent_version="4.3.0.12")
        for name in ("PC-8", "PC-9"):
            self.login(BORIS, {**BOTHS, "computer_name": name})
            self.validate(shared, {**BOTHS, "computer_name": name})

    def device_keys(self) -> None:
        """An agent that proves a device key: at its first login, again, and with another one."""
        agent = Agent(self.world, Device(), KEYED)
        for _ in range(2):
            assert agent.login().status in {200, 201}
            assert agent.code() == "VALID"
            self.world.clock.advance(1000)
        agent.device = Device()
        assert agent.login().status == 200
        self.ask("POST", f"/v1/licenses/{agent.license_id}/reset-device-key")

    def transitions(self) -> None:
        """Each of them, alone on a machine and beside others."""
        issued = self.login(ALICE, MACHINE_B)
        for action in ("detach", "attach", "dissociate"):
            self.act(action, issued)
        self.login(ALICE, ALONE, environment="other")
        self.login(AMIR, MACHINE_B, license_key=issued["license_key"])
        self.act("revoke", issued)
        self.ask("POST", "/v1/licenses/none/revoke")
        for action in ("revoke", "dissociate"):
            first, second = (self.login(ALICE, MACHINE_B, environment=name) for name in "ab")
            self.act(action, first, ADA)
            self.act(action, second)
        license_id = issued["license"]["id"]
        for _ in range(2):
            self.ask("PATCH", f"/v1/licenses/{license_id}", json={"primary": True})
        self.act("revoke", issued)
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
        for target in ("/v1/me", "/v1/organizations", "/v1/events", "/v1/summary"):
            self.ask("GET", target)
        for path in (
            "",
            "/licenses",
            "/licenses?sort=last_seen",
            "/events",
            "/summary",
            "/statistics",
            "/activity",
        ):
            self.ask("GET", f"/v1/organizations/acme{path}")
        for path in ("/.well-known/jwks.json", "/v1/openapi.json", "/portal"):
            self.ask("GET", path)
        self.ask("POST", "/v1/machines/lookup", json={"machine": RENAMED})
        self.ask("POST", "/v1/licenses/search", json={"text": "PC-"})
        self.world.change("acme", max_agents=50)
        bill(self.world, 1, "core")
        bill(self.world, 1, "bolt", seconds=DAY)
        self.world.sweep()
        self.world.clock.advance(2 * DAY)
        self.world.sweep()
        bill(self.world, 2, "bolt")
        self.world.sweep()

    def refused_logins(self) -> None:
        """Somebody of an organization is refused, and it reads why."""
        self.login(BORIS, RENAMED)
        self.ask("GET", "/v1/organizations/bolt/events")

    def publication(self) -> None:
        """The way of all this to the bus."""
        events = [item for item in self.world.items() if item["sk"]["S"].startswith("EVENT#")]
        records = [
            {"dynamodb": {"SequenceNumber": str(number), "NewImage": event}}
            for number, event in enumerate(events)
        ]
        result = self.world.invoke("PublishFunction", {"Records": records})
        assert result == {"batchItemFailures": []}
