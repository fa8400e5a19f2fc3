"""The HTTP API's requests and replies, as pydantic models: what is accepted and what is answered.

The OpenAPI document is generated from these models (:mod:`licensing.openapi`), and every reply is
built from one of them, so the document cannot drift from the code.

Requests are strict: unknown fields and wrong types are errors, each with a pointer to its place.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from licensing import keys
from licensing.errors import InvalidInput
from licensing.license import License, Status
from licensing.machine import Credentials
from licensing.organization import Organization, Subscription, SubscriptionStatus

if TYPE_CHECKING:
    # For its type alone: it brings in the cryptography that most functions do without.
    from licensing.lease import SignedLease

_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}")


def _key_as_typed(text: str) -> str:
    try:
        keys.parse(text)
    except InvalidInput as error:
        raise ValueError(error.message) from error
    return text


def _as_rfc3339(moment: object) -> object:
    # Pydantic alone takes a text of digits for epoch seconds: "20310131" would be a day in 1970.
    if isinstance(moment, datetime) or (isinstance(moment, str) and _DATE_AND_TIME.match(moment)):
        return moment
    raise ValueError("must be a date and a time with a UTC offset, like 2027-01-31T12:00:00Z")


def _in_unix_time(moment: datetime) -> datetime:
    if not 0 <= moment.timestamp() < 253_402_300_800:  # until the end of the year 9999
        raise ValueError("must be between the years 1970 and 9999")
    return moment


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_as_rfc3339),
    AfterValidator(_in_unix_time),
    PlainSerializer(_rfc3339, when_used="json"),
    # Strictness would refuse text that a validator has seen; this validator is strict enough.
    Field(
        strict=False,
        description="RFC 3339, with a UTC offset.",
        examples=["2027-01-31T12:00:00Z"],
        json_schema_extra={"format": "date-time"},  # in replies, too, which are serialized text
    ),
]
Environment = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$",
        description="The name of one agent installation on a machine.",
        examples=["production"],
    ),
]
AgentVersion = Annotated[
    str,
    Field(max_length=32, pattern=r"^[0-9A-Za-z.+_-]+$", examples=["4.5.0.0"]),
]
OrganizationId = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$", examples=["acme"]),
]
LicenseId = Annotated[
    str, Field(pattern=r"^lic_[0-9abcdefghjkmnpqrstvwxyz]{16}$", examples=["lic_0123456789abcdef"])
]
LicenseKeyText = Annotated[
    str,
    Field(
        max_length=128,
        description="Nine groups of five letters and digits. Case, hyphens and spaces do not "
        "matter; the check symbols find a mistyped key.",
    ),
    AfterValidator(_key_as_typed),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Reply(BaseModel):
    # A field with a usual value is in every reply all the same.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


# -- requests ---------------------------------------------------------------------------------


class MachineCredentials(_Request):
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
        Field(max_length=64, examples=[["3c:52:82:0a:1b:2c"]]),
    ] = Field(default_factory=list)
    computer_name: Annotated[str | None, Field(max_length=255, examples=["ACME-PC-01"])] = None

    def credentials(self) -> Credentials:
        """The normalised credentials. Raises :class:`InvalidInput` for fewer than two (R12)."""
        return Credentials.of(
            machine_id=self.machine_id,
            mac_addresses=self.mac_addresses,
            computer_name=self.computer_name,
        )


class LoginRequest(_Request):
    """A person logs in on an agent."""

    machine: MachineCredentials
    environment: Environment = "production"
    agent_version: AgentVersion | None = None


class ValidateRequest(_Request):
    """An agent proves itself with its key."""

    license_key: LicenseKeyText
    organization_id: OrganizationId
    machine: MachineCredentials
    environment: Annotated[
        Environment | None, Field(description="Compared with the license's when it is sent.")
    ] = None
    agent_version: AgentVersion | None = None
    nonce: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=128,
            pattern=r"^[\x21-\x7e]*$",
            description="Comes back in the lease, which shows that the lease is fresh.",
        ),
    ] = None


class TransitionRequest(_Request):
    """Why an administrator does it; for the history."""

    reason: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class OrganizationRequest(_Request):
    """How an organization shall be."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", examples=["Acme"])]
    valid_until: Instant
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    max_agents: Annotated[
        int | None,
        Field(ge=0, le=1_000_000_000, description="The seat limit; null sets none."),
    ] = None

    def subscription(self) -> Subscription:
        """The subscription that it asks for."""
        return Subscription(int(self.valid_until.timestamp()), self.status)


# -- replies ----------------------------------------------------------------------------------


def instant(epoch: int) -> datetime:
    """Epoch seconds as a moment in UTC."""
    return datetime.fromtimestamp(epoch, UTC)


class LastSeen(_Reply):
    """When and as what an agent was last seen."""

    at: Instant
    agent_version: str | None
    source_address: str | None


class LicenseView(_Reply):
    """A licence, as its agent sees it.

    ``valid_until`` is null while the licence is not in force, whatever the subscription.
    """

    id: LicenseId
    kind: Literal["standard"] = "standard"
    status: Status
    organization_id: OrganizationId
    environment: str
    primary: bool
    issued_at: Instant
    valid_until: Instant | None

    @classmethod
    def of(cls, record: License, organization: Organization | None, now: int) -> LicenseView:
        """Show a licence as it stands at ``now``.

        ``organization`` may be missing for a licence whose status does not depend on it.
        """
        return cls(**_license_fields(record, organization, now))


class AdministeredLicense(LicenseView):
    """A licence, as administrators see it. ``issued_by`` is the subject of the first login."""

    computer_name: str | None
    agent_version: str | None
    issued_by: str
    last_seen: LastSeen | None

    @classmethod
    def of(
        cls, record: License, organization: Organization | None, now: int
    ) -> AdministeredLicense:
        """Show a licence as it stands at ``now``; see :meth:`LicenseView.of`."""
        seen = record.last_seen
        return cls(
            **_license_fields(record, organization, now),
            computer_name=record.computer_name,
            agent_version=record.agent_version,
            issued_by=record.issued_by,
            last_seen=(
                LastSeen(
                    at=instant(seen.at),
                    agent_version=seen.agent_version,
                    source_address=seen.source_address,
                )
                if seen
                else None
            ),
        )


class _LicenseFields(TypedDict):
    id: str
    status: Status
    organization_id: str
    environment: str
    primary: bool
    issued_at: datetime
    valid_until: datetime | None


def _license_fields(record: License, organization: Organization | None, now: int) -> _LicenseFields:
    if organization is None:
        status, valid_until = Status(record.state.value), None
    else:
        status = record.status(organization.subscription, now)
        in_force = status in (Status.ACTIVE, Status.SUSPENDED, Status.EXPIRED)
        valid_until = instant(organization.subscription.valid_until) if in_force else None
    return {
        "id": record.id,
        "status": status,
        "organization_id": record.organization_id,
        "environment": record.environment,
        "primary": record.primary,
        "issued_at": instant(record.issued_at),
        "valid_until": valid_until,
    }


class LeaseView(_Reply):
    """A lease: keep ``token``, ask for the next one after ``renew_after``."""

    token: str
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


class Capabilities(_Reply):
    """What the agent may offer its user."""

    save_configuration: bool


class LoginReply(_Reply):
    """The agent's licence, and the key to keep."""

    license: LicenseView
    license_key: str
    lease: LeaseView
    capabilities: Capabilities
    created: bool


class ValidateReply(_Reply):
    """Whether the agent may work, why not, and what to do."""

    valid: bool
    code: Literal[
        "NOT_FOUND",
        "ORGANIZATION_MISMATCH",
        "REVOKED",
        "DISSOCIATED",
        "MACHINE_MISMATCH",
        "DETACHED",
        "SUSPENDED",
        "EXPIRED",
        "VALID",
    ]
    message: str
    action: Literal["continue", "login", "logout"]
    license: LicenseView | None
    lease: LeaseView | None
    server_time: Instant


class LicenseReply(_Reply):
    """One licence."""

    license: AdministeredLicense


class LicensesReply(_Reply):
    """A page of licences; ask for the next one with ``next_cursor`` until it is null."""

    licenses: list[AdministeredLicense]
    next_cursor: str | None


class SubscriptionView(_Reply):
    """Until when, and whether, the organization's agents may work."""

    valid_until: Instant
    status: SubscriptionStatus


class OrganizationView(_Reply):
    """An organization; ``version`` is its ETag."""

    id: OrganizationId
    name: str
    subscription: SubscriptionView
    max_agents: int | None
    seats: Annotated[int, Field(description="How many licenses are bound.")]
    version: int

    @classmethod
    def of(cls, organization: Organization) -> OrganizationView:
        """Show an organization."""
        return cls(
            id=organization.id,
            name=organization.name,
            subscription=SubscriptionView(
                valid_until=instant(organization.subscription.valid_until),
                status=organization.subscription.status,
            ),
            max_agents=organization.max_agents,
            seats=organization.seats,
            version=organization.version,
        )


class OrganizationReply(_Reply):
    """One organization."""

    organization: OrganizationView


class Jwk(_Reply):
    """A public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class JwksReply(_Reply):
    """The public keys that verify leases, newest first (RFC 7517)."""

    keys: list[Jwk]


class ProblemError(_Reply):
    """One wrong field."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")]
    detail: str


class Problem(_Reply):
    """Why a request was not carried out (RFC 9457)."""

    # Members without a value are left out.
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] | None = None
