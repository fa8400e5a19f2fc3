"""Temporary licences as people use them: a super-admin generates one, a partner logs in with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.world import MACHINE_A, OLIVIA, PAVEL, Answer, Person, World

PETRA = Person("petra", "partner-works", ("partner",))


@dataclass(frozen=True)
class Temporary:
    """A temporary licence that has been generated."""

    id: str
    key: str


def generate(
    world: World,
    ttl: Any = "1h",
    organization_id: str = "acme",
    *,
    person: Person | None = OLIVIA,
    idempotency_key: str | None = None,
    **more: Any,
) -> Answer:
    """Ask for a temporary licence, whatever the answer."""
    headers = [] if idempotency_key is None else [("Idempotency-Key", idempotency_key)]
    return world.request(
        "POST",
        f"/v1/organizations/{organization_id}/temporary-licenses",
        person=person,
        json={"ttl": ttl, **more},
        headers=headers,
    )


def generated(
    world: World, ttl: str = "1h", organization_id: str = "acme", **more: Any
) -> Temporary:
    """A new temporary licence."""
    answer = generate(world, ttl, organization_id, **more)
    assert answer.status == 201, answer
    return Temporary(answer.json["license"]["id"], answer.json["license_key"])


def login_with(
    world: World,
    license_key: str,
    person: Person = PAVEL,
    machine: Mapping[str, Any] = MACHINE_A,
    **more: Any,
) -> Answer:
    """Log in on an agent with a licence key, whatever the answer."""
    return world.login(person, machine, license_key=license_key, **more)


def used(
    world: World,
    temporary: Temporary,
    person: Person = PAVEL,
    machine: Mapping[str, Any] = MACHINE_A,
) -> dict[str, Any]:
    """A partner's login that succeeds; what it answers."""
    answer = login_with(world, temporary.key, person, machine)
    assert answer.status == 200, answer
    shown: dict[str, Any] = answer.json
    return shown


def revoke(world: World, license_id: str, person: Person | None = OLIVIA, **body: Any) -> Answer:
    """End a temporary licence early, whatever the answer."""
    return world.request(
        "POST", f"/v1/temporary-licenses/{license_id}/revoke", person=person, json=body or None
    )
