"""What agents ask and are answered: login, validation, and the keys that verify leases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
)
from pydantic_core import PydanticCustomError

from licensing.contract.fields import (
    AgentVersion,
    Environment,
    HeldKey,
    Instant,
    LicenseKeyText,
    OrganizationId,
    Reply,
    Request,
    instant,
)
from licensing.contract.licenses import LicenseView
from licensing.domain import environment as environments
from licensing.domain import license_key
from licensing.domain.device_key import InvalidProof, Proof
from licensing.domain.errors import InvalidInput
from licensing.domain.machine import Credentials
from licensing.domain.validation import Code, NextStep
from licensing.usecases.agent_requests import DEFAULT_ENVIRONMENT, Login, Validation

if TYPE_CHECKING:
    # For its type alone: it brings in the cryptography that most functions do without.
    from licensing.domain.lease import SignedLease


MAX_ADDRESSES: Final = 1024
"""How many MAC addresses may be sent: each costs time, and no computer has so many."""


def _few(addresses: list[str]) -> list[str]:
    if len(addresses) > MAX_ADDRESSES:
        raise PydanticCustomError("too_long", "It must have at most 1024 addresses")
    return addresses


class MachineCredentials(Request):
    """The computer that the agent runs on. At least two of the three have to be usable."""

    machine_id: Annotated[
        str | None,
        Field(
            max_length=256,
            description="SMBIOS UUID, Windows MachineGuid or /etc/machine-id.",
            examples=["4c4c4544-0042-3510-8052-b4c04f4e5931"],
        ),
    ] = None
    mac_addresses: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(
            description="All that its adapters have. Eight count, those of makers first.",
            examples=[["3c:52:82:0a:1b:2c"]],
        ),
        AfterValidator(_few),
    ] = Field(default_factory=list)
    computer_name: Annotated[str | None, Field(max_length=255, examples=["ACME-PC-01"])] = None

    def credentials(self) -> Credentials:
        """The normalised credentials. Raises :class:`InvalidInput` for fewer than two (R12)."""
        return Credentials.of(
            machine_id=self.machine_id,
            mac_addresses=self.mac_addresses,
            computer_name=self.computer_name,
        )


Nonce = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]*$",
        description="Random text for this question, the same whenever it is asked again. It is "
        "returned in the lease, which shows that the lease is new.",
    ),
]
LastLease = Annotated[
    str,
    Field(
        max_length=4096,
        description="The token of the last lease that the agent keeps, be it over or not. Once "
        "half of its time is over, the answer brings the next lease of the chain. If an answer "
        "was lost, repeat the request with the same lease and nonce: it brings the same lease. One "
        "that is over then is to be presented in the next request, with another nonce.",
    ),
]


class LoginRequest(Request):
    """A person logs in on an agent."""

    machine: MachineCredentials
    environment: Environment = DEFAULT_ENVIRONMENT
    agent_version: AgentVersion | None = None
    license_key: Annotated[
        HeldKey,
        Field(
            description="The key that the agent holds, as for a validation; null, empty or left "
            "out while it holds none. The login binds a dissociated license to this machine; a "
            "temporary one lets a partner in. A key of another environment is refused."
        ),
    ] = None
    nonce: Nonce | None = None
    lease: LastLease | None = None

    def login(self, proof: Proof | None, previous: Proof | None) -> Login:
        """What the use case takes. Raises :class:`InvalidInput`."""
        return Login(
            self.machine.credentials(),
            environments.normal(self.environment),
            self.agent_version,
            license_key.parse(self.license_key) if self.license_key is not None else None,
            proof=proof,
            previous=previous,
            as_sent=self.environment,
            lease=self.lease,
            nonce=self.nonce,
        )


class ValidateRequest(Request):
    """An agent proves itself with its key."""

    license_key: LicenseKeyText
    organization_id: OrganizationId
    machine: MachineCredentials
    environment: Annotated[
        Environment | None, Field(description="If it is sent, it has to be the license's.")
    ] = None
    agent_version: AgentVersion | None = None
    nonce: Nonce | None = None
    lease: LastLease | None = None

    def validation(self, proof: Proof | InvalidProof | None) -> Validation:
        """What the use case takes. Raises :class:`InvalidInput`."""
        return Validation(
            key=license_key.parse(self.license_key),
            organization_id=self.organization_id,
            environment=self.environment and environments.normal(self.environment),
            credentials=self.machine.credentials(),
            agent_version=self.agent_version,
            nonce=self.nonce,
            lease=self.lease,
            proof=proof,
            as_sent=self.environment,
        )


class _OlderAgent(Request):
    """The request form of agents up to 4.3 (R30): other names, no organization, no nonce."""

    mac_id: Annotated[
        str | None,
        Field(
            alias="MacId",
            max_length=8192,
            description="One MAC address, or several separated by commas or semicolons.",
            examples=["3C-52-82-0A-1B-2C"],
        ),
    ] = None
    computer_name: Annotated[str | None, Field(alias="ComputerName", max_length=255)] = None
    agent_version: Annotated[AgentVersion | None, Field(alias="AgentVersion")] = None

    def credentials(self) -> Credentials:
        """The normalised credentials. Raises :class:`InvalidInput` for fewer than two (R12)."""
        try:
            return Credentials.of(
                machine_id=None,
                mac_addresses=re.split(r"[,;]", self.mac_id or ""),
                computer_name=self.computer_name,
            )
        except InvalidInput as error:
            raise InvalidInput(error.message) from error  # this form has no /machine to point at


class OlderLoginRequest(_OlderAgent):
    """A person logs in on an agent up to 4.3."""

    # It is known by its names: a request without any is one of the present form.
    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    license_key: Annotated[
        HeldKey,
        Field(alias="LicenseKey", description="Empty or null while the agent holds none."),
    ] = None

    def login(self, proof: Proof | None, previous: Proof | None) -> Login:
        """What the use case takes. Raises :class:`InvalidInput`."""
        return Login(
            self.credentials(),
            DEFAULT_ENVIRONMENT,
            self.agent_version,
            license_key.parse(self.license_key) if self.license_key is not None else None,
            has_older_form=True,
            proof=proof,
            previous=previous,
        )


class OlderValidateRequest(_OlderAgent):
    """An agent up to 4.3 proves itself with its key."""

    license_key: Annotated[LicenseKeyText, Field(alias="LicenseKey")]

    def validation(self, proof: Proof | InvalidProof | None) -> Validation:
        """What the use case takes. Raises :class:`InvalidInput`."""
        return Validation(
            key=license_key.parse(self.license_key),
            organization_id=None,
            environment=None,
            credentials=self.credentials(),
            agent_version=self.agent_version,
            nonce=None,
            proof=proof,
        )


class LeaseView(Reply):
    """A lease: keep ``token``, ask for the next one after ``renew_after``."""

    token: Annotated[str, Field(description="A compact JWS, which the keys of the JWKS verify.")]
    expires_at: Instant
    renew_after: Instant

    @classmethod
    def of(cls, lease: SignedLease) -> LeaseView:
        """Show a lease."""
        return cls(
            token=lease.token,
            expires_at=instant(lease.statement.expires_at),
            renew_after=instant(lease.statement.renew_after),
        )


class Capabilities(Reply):
    """What the agent may offer its user."""

    save_configuration: bool


class LoginReply(Reply):
    """The agent's licence, and the key to keep."""

    license: LicenseView
    license_key: str
    lease: LeaseView
    capabilities: Capabilities
    created: bool
    server_time: Instant


class ValidateReply(Reply):
    """Whether the agent may work, why not, and what to do."""

    valid: bool
    code: Code
    message: str
    action: NextStep
    license: LicenseView | None
    lease: LeaseView | None
    nonce: Annotated[
        str | None,
        Field(
            description="The request's. Where it is another one, something on the way has answered "
            "with what the service told earlier: that is no answer. A good lease has it, too."
        ),
    ]
    server_time: Instant


class Jwk(Reply):
    """A public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class JwksReply(Reply):
    """The public keys that verify leases, newest first (RFC 7517), and who issues those."""

    keys: list[Jwk]
    issuer: Annotated[
        str,
        Field(
            description="The iss of this service's leases. An agent that expects another one is "
            "configured for another service: it can notice that before a login takes a seat.",
            examples=["urn:licensing:licensing"],
        ),
    ]
