"""Who and what plays in the demo and in the lines to paste: organizations and machines."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

ACME = "acme"
BOLT = "bolt"
COOP = "coop"
NAMES = {ACME: "Acme", BOLT: "Bolt", COOP: "Coop"}

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
MACHINE_C = {
    "machine_id": "1f0e9c55-3b7d-4d0a-8c11-5a9be2d74c60",
    "mac_addresses": ["70:85:c2:5b:08:e1"],
    "computer_name": "PLANNING-PC-03",
}
MACHINE_D = {
    "machine_id": "c93a4e17-0a6f-4b52-b7ce-9df1a35e8824",
    "mac_addresses": ["2c:f0:5d:91:47:3a"],
    "computer_name": "PLANNING-PC-04",
}
MACHINE_E = {
    "machine_id": "5be7d2c8-f4a3-4196-8d7b-06c25e9a1f37",
    "mac_addresses": ["00:1e:4f:c6:3b:92"],
    "computer_name": "PORT-TERMINAL-1",
}
MACHINE_F = {
    "machine_id": "e2064fbb-9d38-4c75-a0f2-7b81d3c65a0e",
    "mac_addresses": ["98:fa:9b:27:d0:6c"],
    "computer_name": "TRAVEL-LAPTOP-2",
}
ENVIRONMENT = "production"
AGENT_VERSION = "4.5.0.0"
OLDER_AGENT_VERSION = "4.3.0.12"


def organization(organization_id: str, valid_until: str) -> dict[str, Any]:
    """What registers an organization, or changes its subscription."""
    name = NAMES.get(organization_id, organization_id)
    return {"name": name, "valid_until": valid_until, "status": "active", "max_agents": None}


def billing_event(
    organization_id: str, valid_until: str, status: str, version: int
) -> dict[str, Any]:
    """What the billing system puts on the bus when a subscription changes."""
    detail = organization(organization_id, valid_until) | {
        "organization_id": organization_id,
        "status": status,
        "version": version,
    }
    return {"source": "billing", "detail-type": "SubscriptionChanged", "detail": detail}


def login(
    machine: Mapping[str, Any], environment: str = ENVIRONMENT, license_key: str | None = None
) -> dict[str, Any]:
    """What an agent sends when a user logs in; `license_key` is the one that it has, if any."""
    sent = {"machine": machine, "environment": environment, "agent_version": AGENT_VERSION}
    return sent if license_key is None else sent | {"license_key": license_key}


def older_login(machine: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent from before 4.4 sends when a user logs in."""
    return {
        "LicenseKey": "",
        "MacId": machine["mac_addresses"][0],
        "ComputerName": machine["computer_name"],
        "AgentVersion": OLDER_AGENT_VERSION,
    }


def days_from_now(days: int) -> str:
    """An instant as the API writes it."""
    instant = datetime.now(UTC) + timedelta(days=days)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
