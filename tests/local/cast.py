"""Who and what plays in the demo and in the lines to paste: organizations and machines."""

from datetime import UTC, datetime, timedelta
from typing import Any

ACME = "acme"
BOLT = "bolt"
NAMES = {ACME: "Acme", BOLT: "Bolt"}

MACHINE_A = {
    "machine_id": "4c4c4544-0051-3710-8054-b4c04f4d3532",
    "mac_addresses": ["a4:bb:6d:3e:90:1f", "f8:5e:a0:7c:22:d4"],
    "computer_name": "FACTORY-PC-01",
}
MACHINE_B = {
    "machine_id": "8f2d3b1a-6c47-4e0b-9a58-21d7c0f4e6b3",
    "mac_addresses": ["d8:9e:f3:11:5a:c2"],
    "computer_name": "OFFICE-LAPTOP-7",
}
AGENT_VERSION = "4.5.0.0"


def organization(organization_id: str, valid_until: str) -> dict[str, Any]:
    """What registers an organization, or changes its subscription."""
    return {"name": NAMES[organization_id], "valid_until": valid_until, "status": "active"}


def login(machine: dict[str, Any], environment: str = "production") -> dict[str, Any]:
    """What an agent sends when a user logs in."""
    return {"machine": machine, "environment": environment, "agent_version": AGENT_VERSION}


def days_from_now(days: int) -> str:
    """An instant as the API writes it."""
    instant = datetime.now(UTC) + timedelta(days=days)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
