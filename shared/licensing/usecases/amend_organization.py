"""An organization is changed in the points that a request names, and in no other.

What this module guarantees:

* The organization's administrators decide what is demanded of its agents; name, subscription, seat
  limit and billing's version are the vendor's, so super-admins' alone.
* What is not named stays, also when somebody else changes it at the same time.
* A decision counts from the next login or validation on: it stands in the organization's record,
  which every one of them reads (R14). Nothing is taken over that the vendor's floor would keep from
  counting (R38).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Protocol, TypedDict

from licensing.domain.audit import EventType, Reading
from licensing.domain.organization import Organization, Policy, PolicyFloor, Terms
from licensing.domain.refusal import (
    RefusalCode,
    Refused,
    only_administrators,
    organization_changed,
    organization_not_found,
)
from licensing.usecases.context import UserContext
from licensing.usecases.expected import ANY_VERSION, Versions
from licensing.usecases.note_reading import note_reading
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import OrganizationStore, Witness


class Decision(TypedDict, total=False):
    """What shall be different in a policy; what is not named stays as it is."""

    require_device_key: bool
    block_clones: bool
    lock_device_keys: bool
    agents_per_member: int | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """What shall be different in an organization; nothing, if nothing is named.

    ``billing_version`` is the version from which on billing's events count anew; ``None`` leaves
    it (R24).
    """

    terms: Terms
    decision: Decision
    billing_version: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named."""
        return not (self.decision or self.vendors)

    @property
    def vendors(self) -> list[str]:
        """The named fields that super-admins alone may set."""
        return [*self.terms, *["billing_version"] * (self.billing_version is not None)]


class AmendStore(OrganizationStore, Witness, Protocol):
    """Changes of organizations, and who has read one without a change."""


@dataclass(frozen=True, slots=True)
class AmendOrganization:
    """The use case. ``policy_floor`` is what the vendor demands of all organizations (R38)."""

    store: AmendStore
    policy_floor: PolicyFloor

    def __call__(
        self,
        organization_id: str,
        wanted: Amendment,
        context: UserContext,
        *,
        expected_version: Versions | None = None,
    ) -> Organization | Refused:
        """Make a change; nothing is written where all is as wanted already.

        ``expected_version``: it is made on these alone, if some are given; a repetition of a change
        that has been made succeeds. Refused when a decision is less strict than the vendor's floor:
        for super-admins, too, since the floor is the deployment's. Raises
        ``Unavailable`` when other changes keep coming first.
        """
        caller = context.caller
        if not caller.is_administrator:
            return only_administrators()
        if wanted.vendors and not caller.is_super_admin:
            return Refused(
                RefusalCode.FORBIDDEN,
                f"Only super-admins can set {', '.join(wanted.vendors)}. Nothing was changed.",
            )
        return retry_or_give_up(
            lambda: self._amend(organization_id, wanted, context, expected_version or ANY_VERSION),
            busy="This organization is being changed",
        )

    def _amend(
        self,
        organization_id: str,
        wanted: Amendment,
        context: UserContext,
        expected: Versions,
    ) -> Organization | Refused:
        """Raises ``Overtaken``."""
        before = self.store.organization(organization_id)
        if before is None or not context.caller.administers(organization_id):
            return organization_not_found()
        policy = replace(before.policy, **wanted.decision)
        below = _below_floor(policy, wanted.decision, self.policy_floor)
        if below is not None:
            return below
        changes = before.under(wanted.terms) | {"policy": policy}
        if wanted.billing_version not in (None, before.billing_version):
            # What billing said under that version nobody knows.
            changes |= {"billing_version": wanted.billing_version, "billing_digest": None}
        is_met = replace(before, **changes) == before
        # The answer to this very change may have been lost.
        is_repeated = is_met and not wanted.is_empty and expected.led_to(before.version)
        if not (expected.allow(before.version) or is_repeated):
            return organization_changed(f"its version is {before.version}")
        if is_met:
            # It is shown, and there is no change that tells of that.
            note_reading(self.store, Reading.ORGANIZATION, organization_id, context)
            return before
        after = before.changed(now=context.now, **changes)
        is_decision = replace(after, policy=before.policy) == before.changed(now=context.now)
        kind = EventType.ORGANIZATION_UPDATED if is_decision else EventType.SUBSCRIPTION_CHANGED
        event = context.organization_event(kind, before, after)
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
