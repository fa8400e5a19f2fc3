"""What an organization decides about its own agents: how they prove themselves, what a clone costs.

What this module guarantees:

* The organization's administrators decide, and super-admins; subscriptions and seats are no part
  of it, and no change of those touches it.
* It counts from the next login or validation on: it stands in the organization's record, which
  every one of them reads (R14).
* Nothing is taken over that the vendor's floor would keep from counting (R38).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TypedDict

from licensing.domain.audit import EventType
from licensing.domain.organization import Organization, Policy, PolicyFloor
from licensing.domain.refusal import (
    RefusalCode,
    Refused,
    only_administrators,
    organization_not_found,
)
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import OrganizationStore


class Decision(TypedDict, total=False):
    """What shall be different in a policy; what is not named stays as it is."""

    require_device_key: bool
    block_clones: bool
    lock_device_keys: bool
    agents_per_member: int | None


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """The use case. ``policy_floor`` is what the vendor demands of all organizations (R38)."""

    store: OrganizationStore
    policy_floor: PolicyFloor

    def __call__(
        self, organization_id: str, decision: Decision, context: UserContext
    ) -> Organization | Refused:
        """Take a decision over. A repetition changes nothing.

        Refused when it is less strict than the vendor's floor: for super-admins, too, since the
        floor is the deployment's. Raises ``Unavailable`` when other changes keep coming first.
        """
        if not context.caller.is_administrator:
            return only_administrators()
        return retry_or_give_up(
            lambda: self._decide(organization_id, decision, context),
            busy="This organization is being changed",
        )

    def _decide(
        self, organization_id: str, decision: Decision, context: UserContext
    ) -> Organization | Refused:
        """Raises ``Overtaken``."""
        before = self.store.organization(organization_id)
        if before is None or not context.caller.administers(organization_id):
            return organization_not_found()
        policy = replace(before.policy, **decision)
        below = _below_floor(policy, decision, self.policy_floor)
        if below is not None:
            return below
        if policy == before.policy:
            return before
        after = before.governed(policy, context.now)
        event = context.organization_event(EventType.ORGANIZATION_UPDATED, before, after)
        # Due for the sweep, which then works out anew when it is due again.
        demand(self.store.commit_organization(before, after, event, due_at=context.now))
        return after


def _below_floor(decided: Policy, decision: Decision, floor: PolicyFloor) -> Refused | None:
    """The refusal of a decision that would not count; what it does not name is no part of it."""
    counting = decided.at_least(floor)
    vain = [name for name in decision if getattr(decided, name) != getattr(counting, name)]
    if not vain:
        return None
    least = ", ".join(f"{name} {json.dumps(getattr(floor, name))}" for name in sorted(vain))
    return Refused(
        RefusalCode.POLICY_BELOW_FLOOR,
        f"The operator of this service demands of every organization at least: {least}. "
        "Only a parameter of the deployment changes that.",
    )
