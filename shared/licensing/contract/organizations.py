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
)
from licensing.usecases.change_policy import Decision
from licensing.usecases.change_subscription import OrganizationSpec

OrganizationName = Annotated[Name, Field(min_length=1, max_length=200, examples=["Acme"])]


RequireDeviceKey = Annotated[
    bool, Field(description="Every agent has to prove that it holds its license's device key.")
]
BlockClones = Annotated[
    bool, Field(description="A license that two agents seem to use is detached at once.")
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
    """The name, subscription and seats that an organization is to have."""

    name: OrganizationName
    valid_until: Instant
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    max_agents: Annotated[
        int | None,
        Field(ge=0, le=1_000_000_000, description="The seat limit; null sets none."),
        Whole,
    ] = None

    def spec(self, organization_id: str) -> OrganizationSpec:
        """How the organization of that id shall be."""
        subscription = Subscription(int(self.valid_until.timestamp()), self.status)
        return OrganizationSpec(organization_id, self.name, subscription, self.max_agents)


class PolicyRequest(Request):
    """What an organization decides about its agents; what is left out stays as it is."""

    require_device_key: Annotated[RequireDeviceKey, LeftOut]
    block_clones: Annotated[BlockClones, LeftOut]
    lock_device_keys: Annotated[LockDeviceKeys, LeftOut]
    agents_per_member: Annotated[AgentsPerMember, LeftOut]

    def decision(self) -> Decision:
        """What shall be different: the fields that were sent."""
        return cast("Decision", self.model_dump(exclude_unset=True))


class SubscriptionChanged(BaseModel):
    """The detail of billing's event: all of it, each time (R24).

    What billing sends besides is its own affair.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    organization_id: OrganizationId
    name: OrganizationName
    valid_until: Instant
    status: SubscriptionStatus
    max_agents: Annotated[int | None, Field(ge=0, le=1_000_000_000), Whole] = None
    version: Annotated[int, Field(ge=1, lt=1 << 62), Whole]

    def spec(self) -> OrganizationSpec:
        """How the organization that it tells of shall be."""
        subscription = Subscription(int(self.valid_until.timestamp()), self.status)
        return OrganizationSpec(self.organization_id, self.name, subscription, self.max_agents)


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
