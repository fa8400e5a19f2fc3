"""What an organization decides about its own agents: how they prove themselves, what a clone costs.

What this module guarantees:

* The organization's administrators decide, and super-admins; subscriptions and seats are no part
  of it, and no change of those touches it.
* It counts from the next login or validation on: it stands in the organization's record, which
  every one of them reads (R14).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from licensing.domain.audit import EventType
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused, only_administrators, organization_not_found
from licensing.usecases.context import UserContext
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import OrganizationStore


@dataclass(frozen=True, slots=True)
class Decision:
    """What shall be different; ``None`` leaves it as it is."""

    require_device_key: bool | None = None
    block_clones: bool | None = None


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """The use case."""

    store: OrganizationStore

    def __call__(
        self, organization_id: str, decision: Decision, context: UserContext
    ) -> Organization | Refused:
        """Take a decision over. A repetition changes nothing.

        Raises ``Unavailable`` when other changes keep coming first.
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
        policy = replace(before.policy, **_decided(decision))
        if policy == before.policy:
            return before
        after = before.governed(policy, context.now)
        event = context.organization_event(EventType.ORGANIZATION_UPDATED, before, after)
        # Due for the sweep, which then works out anew when it is due again.
        demand(self.store.commit_organization(before, after, event, due_at=context.now))
        return after


def _decided(decision: Decision) -> dict[str, bool]:
    chosen = {
        "require_device_key": decision.require_device_key,
        "block_clones": decision.block_clones,
    }
    return {name: value for name, value in chosen.items() if value is not None}
