"""Ten thousand licences in a hundred organizations, for the service and its peer alike.

What this module guarantees: both keep the same licences, made of one record each, and get the same
requests, but for the address in a proof. Half of the agents are *plain*: they have no device key
and present no lease, and nothing is due, so that a validation writes nothing. The others are
*full*: they prove a device key over the id of the lease that they present, which is in the second
half of its time, so that each validation renews it and writes one link. Once asked, such an agent
has to be put back before it asks again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing.adapters.dynamo import items
from licensing.domain import license_key
from licensing.domain.jws import encoded
from licensing.domain.keyring import Keyring
from licensing.domain.lease import Lease
from licensing.domain.lease_chain import Chain, Link
from licensing.domain.license import LastSeen, License, State
from licensing.domain.machine import Credentials, Machine
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus
from tests.benchmarks.population import AGENT_VERSION
from tests.concurrency.table import write
from tests.devices import Device

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from tests.benchmarks.peers.running import Database

PATH: Final = "/v1/licenses/validate"
ORGANIZATIONS: Final = 100
_ENVIRONMENT: Final = "production"
_ADDRESS: Final = "127.0.0.1"
_YEAR: Final = 365 * 86_400
_SECOND_HALF: Final = 13 / 24
"""How far the leases of full agents are through their time."""


@dataclass(frozen=True)
class Terms:
    """What the deployment says: the keys of its secret, and its settings."""

    keyring: Keyring
    issuer: str
    lease_seconds: int
    seen_seconds: int


@dataclass(frozen=True)
class Agent:
    """One agent of the fleet, which began at `began`, in epoch seconds."""

    number: int
    terms: Terms
    began: int

    @property
    def organization_id(self) -> str:
        """Its organization."""
        return _organization_id(self.number % ORGANIZATIONS)

    @property
    def machine(self) -> dict[str, Any]:
        """The machine as it sends it."""
        made = self._digest("machine").hex()
        return {
            "machine_id": f"{made[:8]}-{made[8:12]}-4{made[12:15]}-8{made[15:18]}-{made[18:30]}",
            "mac_addresses": [f"3c:52:82:{made[30:32]}:{made[32:34]}:{made[34:36]}"],
            "computer_name": f"PLANT-{made[36:42].upper()}",
        }

    @cached_property
    def device(self) -> Device | None:
        """The device key of a full agent."""
        is_full = self.number % 2
        key = Ed25519PrivateKey.from_private_bytes(self._digest("device")) if is_full else None
        return Device(key) if key else None

    def record(self, now: int) -> License:
        """The licence as it is before a validation at `now`."""
        machine = Machine.of(Credentials.of(**self.machine), self.terms.keyring.hashing_key)
        link, seen_at, proved_ms = self._link, now, 0
        leased_until = now + self.terms.lease_seconds + self.terms.seen_seconds
        if link is not None:
            seen_at, leased_until, proved_ms = (
                link.issued_at,
                link.expires_at,
                link.issued_at * 1000,
            )
        return License(
            id=license_key.new_license_id(self._digest("license")[:10]),
            organization_id=self.organization_id,
            environment=_ENVIRONMENT,
            state=State.ACTIVE,
            machine=machine,
            computer_name=self.machine["computer_name"],
            identity=machine.identity(),
            secret_version=1,
            device_key=self.device.thumbprint if self.device else None,
            issued_at=self.began - 86_400,
            issued_by="population",
            agent_version=AGENT_VERSION,
            updated_at=self.began - 86_400,
            last_seen=LastSeen(seen_at, AGENT_VERSION, _ADDRESS),
            chain=Chain(link, _ADDRESS, is_presented=True) if link else Chain(),
            proved_ms=proved_ms,
            leased_until=leased_until,
        )

    @cached_property
    def body(self) -> bytes:
        """What it asks."""
        link, nonce = self._link, encoded(self._digest("nonce")[:16])
        asked = {
            "license_key": self._key,
            "organization_id": self.organization_id,
            "machine": self.machine,
            "environment": _ENVIRONMENT,
            "agent_version": AGENT_VERSION,
            "nonce": nonce,
        }
        return json.dumps(asked | ({"lease": self._lease(link)} if link else {})).encode()

    def headers(self, url: str) -> dict[str, str]:
        """What it sends beside that to the service at `url`."""
        shown = {"content-type": "application/json", "user-agent": f"agent/{AGENT_VERSION}"}
        link, device = self._link, self.device
        if link is None or device is None:
            return shown
        return shown | {"dpop": device.proof(url + PATH, self._key, self.body, nonce=link.id)}

    @cached_property
    def _key(self) -> str:
        record = self.record(self.began)
        return record.key(self.terms.keyring.license_key_secrets[1]).reveal()

    @cached_property
    def _link(self) -> Link | None:
        if self.device is None:
            return None
        issued_at = self.began - int(self.terms.lease_seconds * _SECOND_HALF)
        id = encoded(self._digest("link")[:16])
        return Link(id, issued_at, issued_at + self.terms.lease_seconds)

    def _lease(self, link: Link) -> str:
        record = self.record(self.began)
        lease = Lease(
            issuer=self.terms.issuer,
            license_id=record.id,
            organization_id=record.organization_id,
            environment=_ENVIRONMENT,
            machine_thumbprint=Credentials.of(**self.machine).thumbprint(),
            kind=record.kind,
            primary=record.primary,
            issued_at=link.issued_at,
            expires_at=link.expires_at,
            nonce="n" * 22,
            id=link.id,
        )
        return self.terms.keyring.sign(lease)

    def _digest(self, what: str) -> bytes:
        return hashlib.sha256(f"{what} of {self.number}".encode()).digest()


def organizations(began: int, seats: int) -> list[Organization]:
    """All of them, registered for a year."""
    subscription = Subscription(began + _YEAR, SubscriptionStatus.ACTIVE)
    return [
        Organization(
            id=_organization_id(number),
            name=f"Customer {number}",
            subscription=subscription,
            max_agents=None,
            seats=seats,
            updated_at=began,
        )
        for number in range(ORGANIZATIONS)
    ]


class Side(Enum):
    """Whose data it is."""

    SERVICE = "service"
    PEER = "peer"


@dataclass(frozen=True)
class Stores:
    """Where the service and its peer keep what they know. What is put replaces what was there."""

    client: DynamoDBClient
    table: str
    database: Database

    def put_organizations(self, organizations: Sequence[Organization]) -> None:
        """Put them into both."""
        made = [items.organization_item(one, due_at=_due_at(one)) for one in organizations]
        write(self.client, self.table, made)
        self._copy("organizations", [_organization_row(one) for one in organizations])
        self.database.do(
            "INSERT INTO organizations TABLE arriving ON CONFLICT (id) DO UPDATE SET "
            "valid_until = excluded.valid_until, status = excluded.status, "
            "require_device_key = excluded.require_device_key"
        )

    def put(self, side: Side, records: Sequence[License]) -> None:
        """Put licences into one of them."""
        if side is Side.SERVICE:
            write(self.client, self.table, map(items.license_item, records))
            return
        self._copy("licenses", [_row(record) for record in records])
        self.database.do(
            "DELETE FROM licenses USING arriving WHERE licenses.id = arriving.id;"
            "INSERT INTO licenses TABLE arriving"
        )

    def _copy(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Into a table of its own, of the form of `table`."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.database.do(f"DROP TABLE IF EXISTS arriving; CREATE TABLE arriving (LIKE {table})")
        self.database.do("COPY arriving FROM STDIN (FORMAT csv)", text.getvalue())


def _due_at(organization: Organization) -> int:
    """When the sweep has to see to it: at its end, which is after that of every run."""
    return organization.subscription.valid_until


def _organization_row(organization: Organization) -> tuple[Any, ...]:
    """What the peer keeps of it, in the order of its columns."""
    subscription, policy = organization.subscription, organization.policy
    return (
        organization.id,
        subscription.valid_until,
        subscription.status.value,
        policy.require_device_key,
    )


def _row(record: License) -> tuple[Any, ...]:
    """What the peer keeps of a licence, in the order of its columns."""
    machine, link, seen = record.machine, record.chain.link, record.last_seen
    addresses = ",".join(f'"\\{_bytea(one)}"' for one in machine.mac_addresses)
    return (
        *(
            record.id,
            record.organization_id,
            record.environment,
            record.state.value,
            record.primary,
        ),
        *(_bytea(machine.machine_id), f"{{{addresses}}}", _bytea(machine.computer_name)),
        *(_bytea(record.identity), record.secret_version, record.device_key),
        *(record.issued_at, record.leased_until, record.proved_ms),
        *((link.id, link.issued_at, link.expires_at) if link else (None, None, None)),
        record.chain.is_presented,
        *((seen.at, seen.agent_version, seen.source_address) if seen else (0, None, None)),
    )


def _bytea(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"


def _organization_id(number: int) -> str:
    return f"customer-{number:03}"
