"""Records to test with: one of each kind, usual in everything that a test does not name."""

from dataclasses import replace
from typing import Any

from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.caller import Caller
from licensing.domain.license import License, State
from licensing.domain.machine import Credentials, Machine
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus
from licensing.usecases.context import Context, UserContext

NOW = 1_900_000_000
"""2030-03-17T17:46:40Z."""
DAY = 86_400
YEAR = 365 * DAY
HASHING_KEY = b"a key for machine credentials...."
ORIGIN = Origin(actor=Actor(ActorKind.USER, "alice", ("member",)), request_id="request-1")
CONTEXT = Context(ORIGIN, NOW, bytes)
ENVIRON = {
    "TABLE_NAME": "licenses",
    "SECRET_ID": "arn:secret",
    "LEASE_ISSUER": "urn:licensing:test",
    "LEASE_SECONDS": "86400",
    "LAST_SEEN_SECONDS": "900",
    "ORGANIZATION_CLAIM": "custom:organization_id",
    "ROLES_CLAIM": "cognito:groups",
    "ROLES_SEPARATOR": "none",
    "OLDER_AGENTS": "off",
    "REQUIRE_DEVICE_KEYS": "off",
    "BLOCK_CLONES": "on",
    "LOCK_DEVICE_KEYS": "off",
    "EVENT_BUS": "licensing",
}


def by(caller: Caller) -> UserContext:
    return UserContext(ORIGIN, NOW, bytes, caller)


def credentials(
    machine_id: str | None = "4c4c4544-0042-3510-8052-b4c04f4e5931",
    mac_addresses: tuple[str, ...] = ("3c:52:82:0a:1b:2c",),
    computer_name: str | None = "ACME-PC-01",
) -> Credentials:
    return Credentials.of(
        machine_id=machine_id, mac_addresses=mac_addresses, computer_name=computer_name
    )


def machine(
    machine_id: str | None = "4c4c4544-0042-3510-8052-b4c04f4e5931",
    mac_addresses: tuple[str, ...] = ("3c:52:82:0a:1b:2c",),
    computer_name: str | None = "ACME-PC-01",
    *,
    key: bytes = HASHING_KEY,
) -> Machine:
    return Machine.of(credentials(machine_id, mac_addresses, computer_name), key)


OTHER_MACHINE = machine("b1a7c0de-77aa-4c3e-9f10-0d5e6f708192", ("00:1b:63:84:45:e6",), "bolt-1")


def license(**fields: Any) -> License:
    usual = License(
        id="lic_0123456789abcdef",
        organization_id="acme",
        environment="production",
        state=State.ACTIVE,
        machine=machine(),
        computer_name="ACME-PC-01",
        identity=machine().identity(),
        secret_version=1,
        issued_at=NOW,
        issued_by="alice",
        agent_version="4.5.0.0",
        updated_at=NOW,
    )
    return replace(usual, **fields)


def subscription(
    seconds: int = YEAR, status: SubscriptionStatus = SubscriptionStatus.ACTIVE
) -> Subscription:
    """A subscription that ends so many seconds after `NOW`."""
    return Subscription(NOW + seconds, status)


def organization(**fields: Any) -> Organization:
    usual = Organization(
        id="acme", name="Acme", subscription=subscription(), max_agents=None, updated_at=NOW
    )
    return replace(usual, **fields)
