"""What a deployment decides, read from the environment: what is missing or wrong is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from licensing.adapters.oidc_discovery import Registration
from licensing.domain.errors import Misconfigured
from licensing.domain.organization import PolicyFloor

_SEPARATORS: Final = MappingProxyType({"none": "", "blank": " ", "comma": ","})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decides. Durations are in seconds.

    ``roles_separator`` separates the roles in a claim that is one text; ``""`` if it is one role.
    """

    table_name: str
    secret_id: str
    lease_issuer: str
    lease_seconds: int
    last_seen_seconds: int
    organization_claim: str
    roles_claim: str
    roles_separator: str
    older_agents: bool
    policy_floor: PolicyFloor
    agent_url: str | None
    cursor_key: str = field(repr=False)
    origin_keys: tuple[str, ...] = field(repr=False)
    event_bus: str
    dynamodb_endpoint: str | None
    sign_in: Registration
    api_documentation: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings. Raises :class:`Misconfigured`, naming what is missing or wrong."""
        read = _Variables(environ)
        return cls(
            table_name=read.required("TABLE_NAME"),
            secret_id=read.required("SECRET_ID"),
            lease_issuer=read.required("LEASE_ISSUER"),
            lease_seconds=read.positive("LEASE_SECONDS"),
            last_seen_seconds=read.positive("LAST_SEEN_SECONDS"),
            organization_claim=read.required("ORGANIZATION_CLAIM"),
            roles_claim=read.required("ROLES_CLAIM"),
            roles_separator=read.separator("ROLES_SEPARATOR"),
            older_agents=read.switch("OLDER_AGENTS"),
            policy_floor=PolicyFloor(
                require_device_key=read.switch("REQUIRE_DEVICE_KEYS"),
                block_clones=read.switch("BLOCK_CLONES"),
                lock_device_keys=read.switch("LOCK_DEVICE_KEYS"),
                agents_per_member=read.limit("AGENTS_PER_MEMBER"),
            ),
            # Only the functions that agents call are told, and the one that serves the contract.
            agent_url=environ.get("AGENT_URL") or None,
            # Only the functions that show lists are told.
            cursor_key=environ.get("CURSOR_KEY", ""),
            # What CloudFront shows, where it stands in front; two while it is changed.
            origin_keys=read.origin_keys("BEHIND_CLOUDFRONT", "ORIGIN_KEY"),
            event_bus=read.required("EVENT_BUS"),
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
            # As above.
            api_documentation=read.switch("API_DOCUMENTATION", otherwise="off"),
        )


@dataclass(frozen=True, slots=True)
class _Variables:
    """Environment variables by what they may hold. Each raises :class:`Misconfigured`."""

    environ: Mapping[str, str]

    def required(self, name: str) -> str:
        value = self.environ.get(name, "")
        if not value:
            raise Misconfigured(f"the environment variable {name} is not set")
        return value

    def positive(self, name: str) -> int:
        value = self.required(name)
        if not (_is_number(value) and int(value) > 0):
            raise Misconfigured(f"the environment variable {name} is not a positive number")
        return int(value)

    def limit(self, name: str) -> int | None:
        value = self.environ.get(name, "")
        if value and not _is_number(value):
            raise Misconfigured(f"the environment variable {name} is neither empty nor a number")
        return int(value) if value else None

    def switch(self, name: str, otherwise: str = "") -> bool:
        value = self.environ.get(name) or otherwise or self.required(name)
        if value not in ("on", "off"):
            raise Misconfigured(f"the environment variable {name} is neither on nor off")
        return value == "on"

    def origin_keys(self, demanding: str, name: str) -> tuple[str, ...]:
        if not self.switch(demanding, otherwise="off"):
            return ()
        # A key that is missing shall not open the door.
        keys = tuple(key.strip() for key in self.required(name).split(","))
        if not all(keys):
            raise Misconfigured(f"the environment variable {name} has an empty key")
        return keys

    def separator(self, name: str) -> str:
        value = self.required(name)
        if value not in _SEPARATORS:
            known = ", ".join(_SEPARATORS)
            raise Misconfigured(f"the environment variable {name} is none of {known}")
        return _SEPARATORS[value]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
