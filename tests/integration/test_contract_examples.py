"""The examples of the served contract, sent to the service one after the other: they work.

They tell one story, so they are sent in its order. Only what a service makes up is put in: the ids,
keys and leases of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from licensing_build.openapi import document
from tests.world import ADA, ALICE, OLIVIA, PAVEL, Answer, Person, World


@dataclass(frozen=True)
class Step:
    """A request, as the example with this name has it, and the example that its answer is like."""

    operation: str
    person: Person | None = None
    sent: str | None = None
    status: int = 200
    like: str = "answer"


STORY = (
    Step("getJwks"),
    Step("getOpenApiDocument"),
    Step("getCurrentUser", ADA),
    Step("createOrUpdateOrganization", OLIVIA, "organization", 201),
    Step("createOrUpdateOrganization", OLIVIA, "organization"),
    Step("getOrganization", ADA),
    Step("listOrganizations", OLIVIA),
    Step("lookUpMachine", OLIVIA, "machine", like="free"),
    Step("logInAgent", ALICE, "first_login", 201),
    Step("logInAgent", ALICE, "first_login", like="known_agent"),
    Step("logInAgent", ALICE, "older_agent", like="known_agent"),
    Step("validateLicense", None, "with_lease", like="valid"),
    Step("validateLicense", None, "older_agent", like="valid"),
    Step("lookUpMachine", OLIVIA, "machine", like="held"),
    Step("searchLicenses", OLIVIA, "name", like="name"),
    Step("searchLicenses", OLIVIA, "key", like="key"),
    Step("updateLicense", ADA, "label"),
    Step("getLicense", ADA),
    Step("listLicenses", ADA),
    Step("resetDeviceKey", ADA, "with_a_reason"),
    Step("generateTemporaryLicense", OLIVIA, "three_hours", 201),
    Step("logInAgent", PAVEL, "partner", like="partner"),
    Step("listTemporaryLicenses", OLIVIA),
    Step("revokeTemporaryLicense", OLIVIA, "with_a_reason"),
    Step("updateOrganization", ADA, "policy"),
    Step("updateOrganization", OLIVIA, "subscription"),
    Step("detachLicense", ADA, "with_a_reason"),
    Step("validateLicense", None, "with_lease", like="detached"),
    Step("attachLicense", ADA, "with_a_reason"),
    Step("dissociateLicense", ADA, "with_a_reason"),
    Step("revokeLicense", ADA, "with_a_reason"),
    Step("listLicenseEvents", ADA),
    Step("listOrganizationEvents", ADA),
    Step("listEvents", OLIVIA),
    Step("getLicenseStatistics", ADA),
    Step("getAgentActivity", ADA),
    Step("getOrganizationSummary", ADA),
    Step("getSummary", OLIVIA),
)


@dataclass
class Teller:
    """Sends examples of a contract to the service that serves it."""

    world: World
    document: Mapping[str, Any]
    made_up: dict[str, str] = field(default_factory=dict)
    """What stands in examples, and what the service has in its place."""

    def send(self, step: Step) -> Answer:
        """Send what a step says, and take over what the service has made up for it."""
        method, path, operation = self.operation(step.operation)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        body = json.dumps(example(operation["requestBody"], step.sent)) if step.sent else ""
        for told, real in self.made_up.items():
            path, body = path.replace(told, real), body.replace(told, real)
        answer = self.world.request(method, path, person=step.person, body=body.encode())
        if answer.status == 201:
            self._take_over(example(operation["responses"]["201"], step.like), answer.json)
        return answer

    def operation(self, name: str) -> tuple[str, str, Mapping[str, Any]]:
        """Method, path and operation of this name."""
        (found,) = (
            (method.upper(), path, operation)
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
            if operation["operationId"] == name
        )
        return found

    def _take_over(self, told: Mapping[str, Any], real: Mapping[str, Any]) -> None:
        if "license" in told:
            self.made_up[told["license"]["id"]] = real["license"]["id"]
            self.made_up[told["license_key"]] = real["license_key"]
        if "lease" in told:
            self.made_up[told["lease"]["token"]] = real["lease"]["token"]


def example(where: Mapping[str, Any], name: str) -> Any:
    """The value of an example of a body or an answer."""
    return where["content"]["application/json"]["examples"][name]["value"]


def names(value: Any) -> Any:
    """The names within a JSON value, of each list those in its first member.

    Not those of facts, of which each event has others.
    """
    if isinstance(value, dict):
        return {
            name: None if name in {"before", "after"} else names(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return names(value[0]) if value else None
    return None


def same_names(told: Any, real: Any) -> bool:
    """Whether two have the same names, wherever both have something."""
    if isinstance(told, dict) and isinstance(real, dict):
        return told.keys() == real.keys() and all(same_names(told[one], real[one]) for one in told)
    return True


def test_every_example_of_the_contract_is_answered_by_what_its_answers_look_like(
    world: World,
) -> None:
    teller = Teller(world, world.request("GET", "/v1/openapi.json").json)
    for step in STORY:
        answer = teller.send(step)
        assert answer.status == step.status, (step, answer)
        if step.operation == "getOpenApiDocument":
            continue
        _, _, operation = teller.operation(step.operation)
        told = example(operation["responses"][str(step.status)], step.like)
        assert same_names(names(told), names(answer.json)), step
        for name in ("valid", "code", "action", "created", "capabilities"):
            assert told.get(name) == answer.json.get(name), (step, answer)


def test_the_story_has_every_example_of_a_request_and_of_an_answer_but_the_unknown_keys() -> None:
    sent = {(step.operation, step.sent) for step in STORY if step.sent}
    like = {(step.operation, str(step.status), step.like) for step in STORY}
    for operations in document()["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]
                assert {(name, one) for one in body["examples"]} <= sent
            for status in {"200", "201"} & operation["responses"].keys():
                reply = operation["responses"][status]["content"]["application/json"]
                told = {(name, status, one) for one in reply["examples"]}
                assert told - {("validateLicense", "200", "not_found")} <= like
