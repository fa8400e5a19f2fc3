"""What an organization decides about its own agents: how they prove themselves, what a clone costs.

What this module guarantees:

* The organization's administrators decide, and super-admins; subscriptions and seats are no part
  of it, and no change of those touches it.
* It counts from the next login or validation on: it stands in the organization's record, which
  every one of them reads (R14).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin
from licensing.domain.caller import Caller
from licensing.domain.errors import Unavailable
from licensing.domain.organization import Organization
from licensing.domain.refusal import Refused, only_administrators, organization_not_found
from licensing.usecases.ports import Entropy, OrganizationStore, Outcome

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Decision:
    """What shall be different; ``None`` leaves it as it is."""

    require_device_key: bool | None = None
    block_clones: bool | None = None


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """The use case."""

    store: OrganizationStore
    entropy: Entropy

    def __call__(
        self,
        organization_id: str,
        decision: Decision,
        caller: Caller,
        origin: Origin,
        *,
        now: int,
    ) -> Organization | Refused:
        """Take a decision over. A repetition changes nothing.

        Raises :class:`Unavailable` when other changes keep coming first.
        """
        if not caller.is_administrator:
            return only_administrators()
        for _ in range(_ATTEMPTS):
            before = self.store.organization(organization_id)
            if before is None or not caller.administers(organization_id):
                return organization_not_found()
            policy = replace(before.policy, **_decided(decision))
            if policy == before.policy:
                return before
            after = before.governed(policy, now)
            event = audit.of_organization(
                EventType.ORGANIZATION_UPDATED,
                before,
                after,
                id=audit.new_event_id(self.entropy(16)),
                at=after.updated_at,
                origin=origin,
            )
            # Due for the sweep, which then works out anew when it is due again.
            outcome = self.store.commit_organization(before, after, event, due_at=now)
            if outcome is Outcome.COMMITTED:
                return after
        raise Unavailable("This organization is being changed from several places at once.")


def _decided(decision: Decision) -> dict[str, bool]:
    chosen = {
        "require_device_key": decision.require_device_key,
        "block_clones": decision.block_clones,
    }
    return {name: value for name, value in chosen.items() if value is not None}
