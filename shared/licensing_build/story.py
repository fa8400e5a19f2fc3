"""The one story that all examples tell: Acme has an agent on FACTORY-PC-01, and lets a partner in.

What this module guarantees: what it holds are values of the domain, so that examples which are made
of them fit each other and the code. The times are those of a day in March 2030.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from licensing.domain import audit
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.domain.caller import Caller, Role
from licensing.domain.keyring import Keyring
from licensing.domain.lease_chain import Chain, Left, Link
from licensing.domain.license import LastSeen, License, State
from licensing.domain.machine import NO_MACHINE, Credentials, Machine
from licensing.domain.organization import Organization, Subscription, SubscriptionStatus
from licensing.domain.temporary_license import Term, TimeToLive
from licensing.usecases.generate_temporary import ANY_ENVIRONMENT

NOW: Final = 1_900_000_000
DAY: Final = 86_400

CREDENTIALS: Final = Credentials.of(
    machine_id="4c4c4544-0042-3510-8052-b4c04f4e5931",
    mac_addresses=["3c:52:82:0a:1b:2c"],
    computer_name="FACTORY-PC-01",
)
MACHINE: Final = Machine.of(CREDENTIALS, b"a key for machine credentials")
ALICE: Final = Caller("alice", "acme", frozenset({Role.MEMBER}), "Alice Moreau")
BY_ALICE: Final = Origin(
    actor=Actor(ActorKind.USER, ALICE.subject, ("member",), ALICE.name),
    request_id="JKJaXmPLvHcESHA=",
    source_address="203.0.113.7",
    agent_version="4.5.0.0",
)
BY_OLIVIA: Final = Origin(
    actor=Actor(ActorKind.USER, "olivia", ("super-admin",), "Olivia Berg"),
    request_id="Pq2ahK1zvHcEM5w=",
    source_address="198.51.100.4",
)

KEYRING: Final = Keyring.from_secret('{"1": "of this example, and of no deployment"}')
"""The versions of a server's secret, of which there is one."""

ISSUED: Final = License(
    id="lic_0123456789abcdef",
    organization_id="acme",
    environment="production",
    state=State.ACTIVE,
    machine=MACHINE,
    computer_name="FACTORY-PC-01",
    identity=MACHINE.identity(),
    secret_version=1,
    device_key="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    issued_at=NOW,
    issued_by=ALICE.subject,
    issued_by_name=ALICE.name,
    added_by=ALICE.member,
    agent_version="4.5.0.0",
    updated_at=NOW,
)
USED: Final = replace(
    ISSUED,
    label="Hall 3",
    revision=2,
    updated_at=NOW + 3_600,
    last_seen=LastSeen(NOW + 43_200, "4.5.0.0", "203.0.113.7"),
    chain=Chain(
        Link("JVh5lX0yTSuFDm1bq3Rk2A", NOW + 43_200, NOW + 43_200 + DAY),
        "203.0.113.7",
        is_presented=True,
        left=(Left("6oYzqLwvQ0ajkTtW8sNd1g", NOW + 43_200),),
        returned_at=(NOW + 43_200,),
    ),
    proved_ms=(NOW + 43_200) * 1000,
    leased_until=NOW + 43_200 + DAY,
)
TEMPORARY: Final = License(
    id="lic_7zk3m5r9t1vwxy2a",
    organization_id="acme",
    environment=ANY_ENVIRONMENT,
    state=State.ACTIVE,
    machine=NO_MACHINE,
    computer_name=None,
    identity=NO_MACHINE.identity(),
    secret_version=1,
    term=Term(TimeToLive.THREE_HOURS, NOW + 10_800, note="Paula, for the update in hall 3"),
    issued_at=NOW,
    issued_by="olivia",
    issued_by_name="Olivia Berg",
    agent_version=None,
    updated_at=NOW,
)
ORGANIZATION: Final = Organization(
    id="acme",
    name="Acme",
    subscription=Subscription(NOW + 365 * DAY, SubscriptionStatus.ACTIVE),
    max_agents=60,
    updated_at=NOW,
)

ALICE_LOGGED_IN: Final = audit.of_license(
    EventType.LICENSE_ISSUED,
    None,
    ISSUED,
    id=audit.new_event_id(bytes(range(16))),
    origin=BY_ALICE,
)
OLIVIA_REGISTERED_ACME: Final = audit.of_organization(
    EventType.ORGANIZATION_CREATED,
    None,
    ORGANIZATION,
    id=audit.new_event_id(bytes(range(16, 32))),
    origin=BY_OLIVIA,
)
