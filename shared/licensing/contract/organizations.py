"""Organizations and their subscriptions, by the API and by the events of billing."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from licensing.contract.fields import (
    Instant,
    LeftOut,
    Name,
    OrganizationId,
    Reply,
    Request,
    Whole,
    instant,
)
from licensing.domain.organization import (
    Organization,
    Policy,
    PolicyFloor,
    Standing,
    Subscription,
    SubscriptionStatus,
    Terms,
)
from licensing.usecases.amend_organization import Amendment, Decision
from licensing.usecases.change_subscription import OrganizationSpec

OrganizationName = Annotated[Name, Field(min_length=1, max_length=200, examples=["Acme"])]


SeatLimit = Annotated[
    int | None,
    Field(ge=0, le=1_000_000_000, description="The seat limit; null sets none."),
    Whole,
]
RequireDeviceKey = Annotated[
    bool, Field(description="Every agent has to prove that it holds its license's device key.")
]
BlockClones = Annotated[
    bool,
    Field(
        description="A license that two agents seem to use is detached at once. Once its agent has "
        "presented a lease, the key alone is refused."
    ),
]
LockDeviceKeys = Annotated[
    bool,
    Field(
        description="Only an administrator, or a proof of the old key, replaces a license's "
        "device key."
    ),
]
AgentsPerMember = Annotated[
    int | None,
    Field(
        ge=0,
        le=1_000_000_000,
        description="How many agents a member may add: 0 allows none, null any number.",
    ),
    Whole,
]


class OrganizationRequest(Request):
    """The name, subscription and seats that an organization is to have: all of it, each time."""

    name: OrganizationName
    valid_until: Instant
    status: SubscriptionStatus
    max_agents: SeatLimit

    def spec(self, organization_id: str) -> OrganizationSpec:
        """How the organization of that id shall be."""
        subscription = Subscription(int(self.valid_until.timestamp()), self.status)
        return OrganizationSpec(organization_id, self.name, subscription, self.max_agents)


class AmendmentRequest(Request):
    """What is to be different in an organization; what is left out stays as it is.

    Name, subscription, seats and ``billing_version`` are for super-admins.
    """

    name: Annotated[OrganizationName, LeftOut]
    valid_until: Annotated[Instant, LeftOut]
    status: Annotated[SubscriptionStatus, LeftOut]
    max_agents: Annotated[SeatLimit, LeftOut]
    billing_version: Annotated[
        int,
        Field(
            ge=0,
            lt=1 << 62,
            description="Billing's events count from the next higher version on.",
        ),
        Whole,
        LeftOut,
    ]
    require_device_key: Annotated[RequireDeviceKey, LeftOut]
    block_clones: Annotated[BlockClones, LeftOut]
    lock_device_keys: Annotated[LockDeviceKeys, LeftOut]
    agents_per_member: Annotated[AgentsPerMember, LeftOut]

    def amendment(self) -> Amendment:
        """What shall be different: the fields that were sent."""
        decision = self.model_dump(include={*Decision.__annotations__}, exclude_unset=True)
        # None where it was left out: null is no value of it.
        return Amendment(_terms(self), cast("Decision", decision), self.billing_version)


class SubscriptionChanged(BaseModel):
    """The detail of billing's event (R24). What it leaves out stays as it is.

    A new organization needs all of it. What billing sends besides is its own affair.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    organization_id: OrganizationId
    version: Annotated[int, Field(ge=1, lt=1 << 62), Whole]
    name: Annotated[OrganizationName, LeftOut]
    valid_until: Annotated[Instant, LeftOut]
    status: Annotated[SubscriptionStatus, LeftOut]
    max_agents: Annotated[SeatLimit, LeftOut]

    def terms(self) -> Terms:
        """What billing says of the organization: the fields that were sent."""
        return _terms(self)


def _terms(sent: BaseModel) -> Terms:
    named = sent.model_dump(include={*Terms.__annotations__}, exclude_unset=True)
    if "valid_until" in named:
        named["valid_until"] = int(named["valid_until"].timestamp())
    return cast("Terms", named)


class SubscriptionView(Reply):
    """Until when, and whether, the organization's agents may work."""

    valid_until: Instant
    status: SubscriptionStatus


class PolicyView(Reply):
    """What is demanded of agents."""

    require_device_key: RequireDeviceKey
    block_clones: BlockClones
    lock_device_keys: LockDeviceKeys
    agents_per_member: AgentsPerMember

    @classmethod
    def of(cls, policy: Policy) -> PolicyView:
        """Show a policy, or a floor."""
        return cls(
            require_device_key=policy.require_device_key,
            block_clones=policy.block_clones,
            lock_device_keys=policy.lock_device_keys,
            agents_per_member=policy.agents_per_member,
        )


class OrganizationView(Reply):
    """An organization. Its ETag begins with its ``version``."""

    id: OrganizationId
    name: str
    subscription: SubscriptionView
    standing: Annotated[
        Standing,
        Field(description="What the subscription means now: agents work only while it is current."),
    ]
    max_agents: int | None
    seats: Annotated[int, Field(description="How many licenses are bound.")]
    policy: Annotated[
        PolicyView,
        Field(
            description="What counts: what the organization has decided, or the vendor's floor "
            "where that is stricter."
        ),
    ]
    policy_floor: Annotated[
        PolicyView, Field(description="What the vendor demands of every organization's agents.")
    ]
    billing_version: Annotated[
        int, Field(description="The highest version of billing's events so far; 0 before any.")
    ]
    version: int

    @classmethod
    def of(cls, organization: Organization, floor: PolicyFloor, now: int) -> OrganizationView:
        """Show an organization as it stands at ``now``, under the vendor's ``floor`` (R38)."""
        return cls(
            id=organization.id,
            name=organization.name,
            subscription=SubscriptionView(
                valid_until=instant(organization.subscription.valid_until),
                status=organization.subscription.status,
            ),
            standing=organization.subscription.standing(now),
            max_agents=organization.max_agents,
            seats=organization.seats,
            policy=PolicyView.of(organization.policy.at_least(floor)),
            policy_floor=PolicyView.of(floor),
            billing_version=organization.billing_version,
            version=organization.version,
        )


class OrganizationReply(Reply):
    """One organization."""

    organization: OrganizationView


class OrganizationsReply(Reply):
    """A page of organizations; ask for the next one with ``next_cursor`` until it is null."""

    organizations: list[OrganizationView]
    next_cursor: str | None
    total: Annotated[int, Field(description="How many there are on all pages.")]
