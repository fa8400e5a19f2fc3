"""What agents ask for, as the use cases take it: parsed, normalised, free of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.license_key import LicenseKey
from licensing.domain.machine import Credentials
from licensing.domain.machine_claims import is_older_agent

DEFAULT_ENVIRONMENT: Final = "production"
"""The environment of an agent that names none. Agents up to 4.3 know no environments (R30)."""


@dataclass(frozen=True, slots=True)
class Login:
    """What an agent sends when a person logs in; ``key`` is the one that it holds, if any.

    ``proof`` is of the device key that the licence is to be bound to, ``previous`` of the one that
    it shall replace (R36). ``environment`` is in its normal form, ``as_sent`` as the agent calls
    it. ``lease`` is the token of the last lease that it has; ``nonce`` comes back in the new one.
    """

    credentials: Credentials
    environment: str
    agent_version: str | None
    key: LicenseKey | None = None
    has_older_form: bool = False
    proof: Proof | None = None
    previous: Proof | None = None
    as_sent: str | None = None
    lease: str | None = None
    nonce: str | None = None

    @property
    def own_environment(self) -> str:
        """The environment as the agent calls it, which its leases name."""
        return self.as_sent or self.environment

    @property
    def is_of_older_agent(self) -> bool:
        """Whether it comes from an agent from before 4.4, by its form or by its word (R31)."""
        return self.has_older_form or is_older_agent(self.agent_version)


@dataclass(frozen=True, slots=True)
class Validation:
    """What an agent sends to prove its licence. ``nonce`` comes back in the lease.

    ``lease`` is the token of the last lease that it has. Older agents know no ``organization_id``
    and send ``None`` (R30). ``environment`` is in its normal form, ``as_sent`` as the agent calls
    it.
    """

    key: LicenseKey
    organization_id: str | None
    environment: str | None
    credentials: Credentials
    agent_version: str | None
    nonce: str | None
    lease: str | None = None
    proof: Proof | InvalidProof | None = None
    as_sent: str | None = None

    @property
    def own_environment(self) -> str | None:
        """The environment as the agent calls it, which its leases name."""
        return self.as_sent or self.environment

    @property
    def is_of_older_agent(self) -> bool:
        """Whether it comes from an agent from before 4.4, by its form or by its word (R31)."""
        return self.organization_id is None or is_older_agent(self.agent_version)
