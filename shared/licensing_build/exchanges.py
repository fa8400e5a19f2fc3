"""An example of each request and each answer, for the OpenAPI document: all of them of one story.

What this module guarantees: answers are made by the models and the values that the service makes
them of, and fit the requests beside them: the same license, key, machine and times, and a lease
that the example of the JWKS verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from licensing.contract.agents import (
    Capabilities,
    JwksReply,
    LeaseView,
    LoginReply,
    ValidateReply,
)
from licensing.contract.callers import CallerReply
from licensing.contract.events import EventsReply, EventView
from licensing.contract.fields import instant
from licensing.contract.licenses import (
    AdministeredLicense,
    LicenseReply,
    LicensesReply,
    LicenseView,
)
from licensing.contract.machines import ComparedView, HolderView, LookupReply
from licensing.contract.organizations import (
    OrganizationReply,
    OrganizationsReply,
    OrganizationView,
)
from licensing.contract.searches import SearchReply
from licensing.contract.statistics import (
    ActiveHour,
    ActivityReply,
    LicenseCounts,
    RefusalCount,
    SilentCount,
    StatisticsReply,
)
from licensing.contract.summaries import (
    DeviceKeyCounts,
    EndCount,
    EnvironmentCount,
    OrganizationSummaryReply,
    RecentlyEnded,
    SeatCounts,
    StandingCounts,
    StatusCounts,
    SummaryReply,
)
from licensing.contract.temporary import (
    GeneratedReply,
    TemporaryLicense,
    TemporaryListReply,
    TemporaryReply,
)
from licensing.domain.audit import Actor, ActorKind, Event, EventType, Origin
from licensing.domain.lease import LeaseRequest, LeaseTerms, SignedLease
from licensing.domain.lease_chain import Link
from licensing.domain.license import HOUR, Action, License, State, Status
from licensing.domain.organization import Organization, PolicyFloor
from licensing.domain.refusal import Refused
from licensing.domain.statistics import SILENT_DAYS
from licensing.domain.temporary_license import Term
from licensing.domain.validation import Code
from licensing.usecases.ports import RecordedEvent
from licensing.usecases.search_licenses import TakenFor
from licensing.usecases.show_summary import RECENT_DAYS
from licensing_build.story import (
    ALICE_LOGGED_IN,
    CREDENTIALS,
    DAY,
    KEYRING,
    MACHINE,
    NOW,
    OLIVIA_REGISTERED_ACME,
    ORGANIZATION,
    TEMPORARY,
    USED,
)

ISSUER: Final = "urn:licensing:licensing"
_LATER: Final = NOW + DAY // 2
_FREE: Final = PolicyFloor(
    require_device_key=False, block_clones=False, lock_device_keys=False, agents_per_member=None
)


@dataclass(frozen=True, slots=True)
class Example:
    """A request's body as it is sent, or an answer, with what is special about it."""

    summary: str
    value: Mapping[str, Any] | BaseModel

    @property
    def sent(self) -> Any:
        """It as JSON."""
        value = self.value
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else dict(value)


Examples = Mapping[str, Example]


# -- the story, as the contract shows it -----------------------------------------------------------


def _key(record: License) -> str:
    return record.key(KEYRING.license_key_secrets[record.secret_version]).reveal()


def _searched(taken_for: TakenFor) -> SearchReply:
    return SearchReply(
        taken_for=taken_for,
        licenses=[_license(USED).license],
        temporary_license=None,
        next_cursor=None,
    )


def _after(action: Action, record: License = USED) -> License:
    """The license after an action a day later."""
    changed = record.after(action, NOW + DAY)
    if isinstance(changed, Refused):
        raise TypeError(f"the story does not go on: {changed.message}")
    return replace(changed, revision=record.revision + 1)


def _lease(record: License, link: Link, nonce: str | None) -> LeaseView:
    asked = LeaseRequest(CREDENTIALS, "production", nonce)
    statement = LeaseTerms(ISSUER, DAY).grant(record, ORGANIZATION, asked, link)
    return LeaseView.of(SignedLease(statement, KEYRING.sign(statement)))


def _license(record: License, now: int = NOW + DAY) -> LicenseReply:
    return LicenseReply(license=AdministeredLicense.of(record, _ORGANIZATION, now))


def _organization(organization: Organization) -> OrganizationReply:
    return OrganizationReply(organization=OrganizationView.of(organization, _FREE, NOW + DAY))


def _event(event: Event) -> EventView:
    told = {field.name: getattr(event, field.name) for field in fields(event)}
    return EventView.of(RecordedEvent(**told, times=None, last_at=None))


_MACHINE: Final = MappingProxyType(
    {
        "machine_id": "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "mac_addresses": ["3c:52:82:0a:1b:2c"],
        "computer_name": "FACTORY-PC-01",
    }
)
_FIRST_LINK: Final = Link("6oYzqLwvQ0ajkTtW8sNd1g", NOW, NOW + DAY)
_FIRST_LEASE: Final = _lease(USED, _FIRST_LINK, "5GvY0kq1")
_NEW: Final = replace(USED, label=None, last_seen=None, leased_until=NOW + DAY, revision=1)
_SECOND_LEASE: Final = _lease(USED, USED.chain.link or _FIRST_LINK, "c7Rz2pXe")
_ORGANIZATION: Final = replace(ORGANIZATION, seats=1)
_PARTNER: Final = replace(
    TEMPORARY,
    machine=MACHINE,
    computer_name="FACTORY-PC-01",
    term=replace(TEMPORARY.term, holder="paula", holder_name="Paula Winter")
    if TEMPORARY.term
    else None,
    leased_until=NOW + 3 * HOUR,
    revision=2,
)
_WHY: Final = MappingProxyType({"reason": "The machine was sold."})


def _logged_in(record: License, lease: LeaseView, *, created: bool, now: int = NOW) -> LoginReply:
    shown = LicenseView.of(record, _ORGANIZATION, now, environment="production")
    return LoginReply(
        license=shown,
        license_key=_key(record),
        lease=lease,
        capabilities=Capabilities(save_configuration=record.term is None),
        created=created,
        server_time=instant(now),
    )


def _validated(code: Code, record: License | None, lease: LeaseView | None) -> ValidateReply:
    meaning = code.meaning
    return ValidateReply(
        valid=code is Code.VALID,
        code=code,
        message=meaning.message,
        action=meaning.action,
        license=record and LicenseView.of(record, _ORGANIZATION, _LATER),
        lease=lease,
        nonce="c7Rz2pXe",
        server_time=instant(_LATER),
    )


def _temporary(record: License, now: int) -> TemporaryLicense:
    term: Term | None = record.term
    if term is None:
        raise TypeError("the license of the story is no temporary one")
    return TemporaryLicense.of(record, term, now)


def _statistics() -> StatisticsReply:
    midnight = NOW // DAY * DAY
    none = dict.fromkeys((status.value for status in Status), 0)
    return StatisticsReply(
        organization_id="acme",
        from_=instant(midnight),
        until=instant(NOW + DAY),
        complete_from=instant(midnight),
        licenses=[
            LicenseCounts(at=instant(midnight), **none),
            LicenseCounts(at=instant(midnight + DAY), **{**none, "active": 1}),
            LicenseCounts(at=instant(NOW + DAY), **{**none, "active": 1}),
        ],
        refusals=[RefusalCount(reason="machine_mismatch", times=3, licenses=1)],
    )


def _activity() -> ActivityReply:
    until = NOW // HOUR * HOUR + HOUR + DAY
    seen = NOW // HOUR * HOUR + DAY // 2
    return ActivityReply(
        organization_id="acme",
        until=instant(until),
        hours=[
            ActiveHour(at=instant(at), licenses=int(at == seen))
            for at in range(seen - HOUR, seen + 2 * HOUR, HOUR)
        ],
        not_seen=[SilentCount(days=days, licenses=0) for days in SILENT_DAYS],
        counted=1,
        next_cursor=None,
    )


def _summary() -> OrganizationSummaryReply:
    none = dict.fromkeys((status.value for status in Status), 0)
    return OrganizationSummaryReply(
        organization_id="acme",
        licenses=StatusCounts(**{**none, "active": 1}),
        environments=[EnvironmentCount(name="production", licenses=1)],
        device_keys=DeviceKeyCounts(bound=1, none=0),
    )


def _summary_of_all() -> SummaryReply:
    return SummaryReply(
        organizations=1,
        standings=StandingCounts(current=1, suspended=0, ended=0),
        ends=[
            EndCount(date=instant(NOW + days * DAY).date(), organizations=0) for days in range(3)
        ],
        recently_ended=RecentlyEnded(days=RECENT_DAYS, organizations=0),
        seats=SeatCounts(full=0, nearly=0),
    )


# -- requests --------------------------------------------------------------------------------------

_LOGIN: Final = MappingProxyType(
    {
        "machine": dict(_MACHINE),
        "environment": "production",
        "agent_version": "4.5.0.0",
        "license_key": None,
        "nonce": "5GvY0kq1",
    }
)
_OLDER: Final = MappingProxyType(
    {"MacId": "3C-52-82-0A-1B-2C", "ComputerName": "FACTORY-PC-01", "AgentVersion": "4.3.0.12"}
)
_REASON: Final[Examples] = MappingProxyType(
    {"with_a_reason": Example("With a reason for the history", _WHY)}
)

REQUESTS: Final[Mapping[str, Examples]] = MappingProxyType(
    {
        "logInAgent": {
            "first_login": Example("The first login of an agent", _LOGIN),
            "partner": Example(
                "A partner, with the key of a temporary license",
                {**_LOGIN, "license_key": _key(TEMPORARY)},
            ),
            "older_agent": Example("An agent up to 4.3", {**_OLDER, "LicenseKey": ""}),
        },
        "validateLicense": {
            "with_lease": Example(
                "An agent that keeps its last lease",
                {
                    "license_key": _key(USED),
                    "organization_id": "acme",
                    "machine": dict(_MACHINE),
                    "environment": "production",
                    "agent_version": "4.5.0.0",
                    "nonce": "c7Rz2pXe",
                    "lease": _FIRST_LEASE.token,
                },
            ),
            "older_agent": Example("An agent up to 4.3", {**_OLDER, "LicenseKey": _key(USED)}),
        },
        "attachLicense": _REASON,
        "detachLicense": _REASON,
        "dissociateLicense": _REASON,
        "revokeLicense": _REASON,
        "resetDeviceKey": _REASON,
        "revokeTemporaryLicense": _REASON,
        "updateLicense": {
            "label": Example("Label an agent, and mark it", {"primary": True, "label": "Hall 3"})
        },
        "lookUpMachine": {"machine": Example("A computer", {"machine": dict(_MACHINE)})},
        "searchLicenses": {
            "name": Example("The beginning of a computer's name", {"text": "factory-"}),
            "key": Example("A license key", {"text": _key(USED)}),
        },
        "createOrUpdateOrganization": {
            "organization": Example(
                "A customer with sixty seats",
                {
                    "name": "Acme",
                    "valid_until": "2031-03-17T17:46:40Z",
                    "status": "active",
                    "max_agents": 60,
                },
            )
        },
        "updateOrganization": {
            "policy": Example("An administrator decides", {"block_clones": True}),
            "subscription": Example(
                "A super-admin renews", {"valid_until": "2032-03-17T17:46:40Z", "status": "active"}
            ),
        },
        "generateTemporaryLicense": {
            "three_hours": Example(
                "For three hours", {"ttl": "3h", "note": "Paula, for the update in hall 3"}
            )
        },
    }
)
"""The bodies of each operation that takes one, by names."""


# -- answers ---------------------------------------------------------------------------------------


def _one(summary: str, value: BaseModel | Mapping[str, Any]) -> Examples:
    return {"answer": Example(summary, value)}


_REFUSED: Final = RecordedEvent(
    id="evt_570bd2b5a8510c1d697f0b2301fd751c",
    type=EventType.ACCESS_REFUSED,
    at=_LATER - _LATER % HOUR,
    organization_id="acme",
    license_id=USED.id,
    revision=None,
    origin=Origin(
        actor=Actor(ActorKind.AGENT, USED.id),
        request_id="L5cRqg9SvHcEJGQ=",
        source_address="192.0.2.44",
        agent_version="4.5.0.0",
    ),
    before=None,
    after=None,
    reason="machine_mismatch",
    components=(),
    other_address=None,
    confidential=False,
    times=3,
    last_at=_LATER,
)
_FOUND: Final = EventsReply(
    events=[_event(ALICE_LOGGED_IN), _event(OLIVIA_REGISTERED_ACME)], next_cursor=None
)

REPLIES: Final[Mapping[tuple[str, int], Examples]] = MappingProxyType(
    {
        ("getJwks", 200): _one(
            "One key", JwksReply.model_validate({**KEYRING.jwks(), "issuer": ISSUER})
        ),
        ("getOpenApiDocument", 200): _one(
            "Its beginning", {"openapi": "3.1.0", "info": {"title": "Licensing", "version": "1"}}
        ),
        ("getCurrentUser", 200): _one(
            "An administrator",
            CallerReply.model_validate(
                {"subject": "ada", "organization_id": "acme", "roles": ["org-admin"]}
            ),
        ),
        ("logInAgent", 201): _one("A new license", _logged_in(_NEW, _FIRST_LEASE, created=True)),
        ("logInAgent", 200): {
            "known_agent": Example(
                "The same license again", _logged_in(_NEW, _FIRST_LEASE, created=False)
            ),
            "partner": Example(
                "A temporary license",
                _logged_in(
                    _PARTNER,
                    _lease(_PARTNER, Link("Zk3fV0cQpTn8sWq1rYx5bA", NOW, NOW + DAY), "5GvY0kq1"),
                    created=False,
                ),
            ),
        },
        ("validateLicense", 200): {
            "valid": Example("Valid", _validated(Code.VALID, USED, _SECOND_LEASE)),
            "detached": Example(
                "Blocked", _validated(Code.DETACHED, _after(Action.DETACH), lease=None)
            ),
            "not_found": Example("Not known", _validated(Code.NOT_FOUND, None, None)),
        },
        ("getLicense", 200): _one("A license in use", _license(USED)),
        ("updateLicense", 200): _one(
            "Marked and labelled", _license(replace(USED, primary=True, revision=3))
        ),
        ("attachLicense", 200): _one("Unblocked", _license(USED)),
        ("detachLicense", 200): _one("Blocked", _license(_after(Action.DETACH))),
        ("dissociateLicense", 200): _one("It waits", _license(_after(Action.DISSOCIATE))),
        ("revokeLicense", 200): _one("Ended", _license(_after(Action.REVOKE))),
        ("resetDeviceKey", 200): _one(
            "Without a device key", _license(replace(USED, device_key=None, revision=3))
        ),
        ("listLicenses", 200): _one(
            "All on one page",
            LicensesReply(licenses=[_license(USED).license], next_cursor=None, total=None),
        ),
        ("listLicenseEvents", 200): _one(
            "All on one page", EventsReply(events=[_event(ALICE_LOGGED_IN)], next_cursor=None)
        ),
        ("listOrganizationEvents", 200): _one("All on one page", _FOUND),
        ("listEvents", 200): _one(
            "Refusals on one page",
            EventsReply(events=[EventView.of(_REFUSED)], next_cursor=None),
        ),
        ("getLicenseStatistics", 200): _one("Since the first login", _statistics()),
        ("getAgentActivity", 200): _one("Three of the 168 hours", _activity()),
        ("getOrganizationSummary", 200): _one("One agent", _summary()),
        ("getSummary", 200): _one("Three of the 90 days", _summary_of_all()),
        ("lookUpMachine", 200): {
            "held": Example(
                "Held by one organization",
                LookupReply(
                    holders=[
                        HolderView(
                            organization_id="acme", name="Acme", licenses=[_license(USED).license]
                        )
                    ],
                    compared=[
                        ComparedView(
                            components=["machine_id", "computer_name"], organization_ids=[]
                        ),
                        ComparedView(
                            components=["machine_id", "mac_addresses"], organization_ids=["acme"]
                        ),
                        ComparedView(
                            components=["computer_name", "mac_addresses"], organization_ids=[]
                        ),
                    ],
                    not_counted=[],
                ),
            ),
            "free": Example(
                "Free",
                LookupReply(
                    holders=[],
                    compared=[
                        ComparedView(
                            components=["computer_name", "mac_addresses"], organization_ids=[]
                        )
                    ],
                    not_counted=["machine_id"],
                ),
            ),
        },
        ("searchLicenses", 200): {
            "name": Example("By a computer's name", _searched(TakenFor.COMPUTER_NAME)),
            "key": Example("By a license key", _searched(TakenFor.LICENSE_KEY)),
        },
        ("listOrganizations", 200): _one(
            "All on one page",
            OrganizationsReply(
                organizations=[_organization(_ORGANIZATION).organization], next_cursor=None, total=1
            ),
        ),
        ("getOrganization", 200): _one("A customer", _organization(_ORGANIZATION)),
        ("createOrUpdateOrganization", 201): _one("A new customer", _organization(ORGANIZATION)),
        ("createOrUpdateOrganization", 200): _one("Changed", _organization(_ORGANIZATION)),
        ("updateOrganization", 200): _one(
            "With a policy",
            _organization(
                replace(
                    _ORGANIZATION,
                    policy=replace(_ORGANIZATION.policy, block_clones=True),
                    version=2,
                )
            ),
        ),
        ("generateTemporaryLicense", 201): _one(
            "With its key",
            GeneratedReply(license=_temporary(TEMPORARY, NOW), license_key=_key(TEMPORARY)),
        ),
        ("listTemporaryLicenses", 200): _one(
            "One in use",
            TemporaryListReply(licenses=[_temporary(_PARTNER, NOW + HOUR)], next_cursor=None),
        ),
        ("revokeTemporaryLicense", 200): _one(
            "Ended early",
            TemporaryReply(
                license=_temporary(replace(_PARTNER, state=State.REVOKED, revision=3), NOW + HOUR)
            ),
        ),
    }
)
"""The answers of each operation to what succeeds, by its id and the status, by names."""
