"""What a deployment decides, read from the environment: what is missing or wrong is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from licensing.adapters.oidc_discovery import Registration
from licensing.domain.errors import Misconfigured
from licensing.domain.organization import PolicyFloor


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decides. Durations are in seconds."""

    table_name: str
    secret_id: str
    lease_issuer: str
    lease_seconds: int
    last_seen_seconds: int
    organization_claim: str
    roles_claim: str
    older_agents: bool
    policy_floor: PolicyFloor
    agent_url: str | None
    cursor_key: str = field(repr=False)
    event_bus: str
    dynamodb_endpoint: str | None
    sign_in: Registration

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings. Raises :class:`Misconfigured`, naming what is missing or wrong."""

        def required(name: str) -> str:
            value = environ.get(name, "")
            if not value:
                raise Misconfigured(f"the environment variable {name} is not set")
            return value

        def positive(name: str) -> int:
            value = required(name)
            if not (value.isascii() and value.isdecimal() and int(value) > 0):
                raise Misconfigured(f"the environment variable {name} is not a positive number")
            return int(value)

        def switch(name: str) -> bool:
            value = required(name)
            if value not in ("on", "off"):
                raise Misconfigured(f"the environment variable {name} is neither on nor off")
            return value == "on"

        def limit(name: str) -> int | None:
            value = environ.get(name, "")
            if value and not (value.isascii() and value.isdecimal()):
                raise Misconfigured(
                    f"the environment variable {name} is neither empty nor a number"
                )
            return int(value) if value else None

        return cls(
            table_name=required("TABLE_NAME"),
            secret_id=required("SECRET_ID"),
            lease_issuer=required("LEASE_ISSUER"),
            lease_seconds=positive("LEASE_SECONDS"),
            last_seen_seconds=positive("LAST_SEEN_SECONDS"),
            organization_claim=required("ORGANIZATION_CLAIM"),
            roles_claim=required("ROLES_CLAIM"),
            older_agents=switch("OLDER_AGENTS"),
            policy_floor=PolicyFloor(
                require_device_key=switch("REQUIRE_DEVICE_KEYS"),
                block_clones=switch("BLOCK_CLONES"),
                lock_device_keys=switch("LOCK_DEVICE_KEYS"),
                agents_per_member=limit("AGENTS_PER_MEMBER"),
            ),
            # Only the functions that agents call are told.
            agent_url=environ.get("AGENT_URL") or None,
            # Only the functions that show lists are told.
            cursor_key=environ.get("CURSOR_KEY", ""),
            event_bus=required("EVENT_BUS"),
            dynamodb_endpoint=environ.get("DYNAMODB_ENDPOINT") or None,
            # Only the portal's function is told.
            sign_in=Registration(
                issuer=environ.get("ISSUER", ""),
                client_id=environ.get("PORTAL_CLIENT_ID", ""),
                scope=environ.get("PORTAL_SCOPE", ""),
                portal_url=environ.get("PORTAL_URL", ""),
                discovery_url=environ.get("DISCOVERY_URL") or None,
                command_line_client_id=environ.get("COMMAND_LINE_CLIENT_ID", ""),
            ),
        )
