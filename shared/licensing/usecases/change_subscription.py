"""Organizations come and their subscriptions change (R14, R24).

What this module guarantees:

* A change acts on all agents of the organization with one write, since validity is derived (R14).
* It makes the organization due for the sweep, which then marks or reinstates licences (R24).
* An administrator's change that was made on an older state is refused, never merged.
* Of billing's events the highest version wins, however often and in whatever order they come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin
from licensing.domain.caller import Caller
from licensing.domain.errors import Unavailable
from licensing.domain.organization import Organization, Subscription
from licensing.domain.refusal import RefusalCode, Refused, only_super_admins
from licensing.usecases.ports import Entropy, OrganizationStore, Outcome

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class OrganizationSpec:
    """How an organization shall be. ``max_agents`` of ``None`` sets no limit."""

    organization_id: str
    name: str
    subscription: Subscription
    max_agents: int | None

    def is_met_by(self, organization: Organization) -> bool:
        """Whether the organization already is like this."""
        return (organization.name, organization.subscription, organization.max_agents) == (
            self.name,
            self.subscription,
            self.max_agents,
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """The organization as it is now, whether it is new, and whether this changed anything."""

    organization: Organization
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class ChangeSubscription:
    """The use case, by the API and by billing's events."""

    store: OrganizationStore
    entropy: Entropy

    def by_administrator(
        self,
        wanted: OrganizationSpec,
        caller: Caller,
        origin: Origin,
        *,
        expected_version: int | None,
        now: int,
    ) -> Registered | Refused:
        """Create or change an organization as a super-admin.

        ``expected_version`` is the version that the caller has seen; ``None`` means that it
        expects none to exist. A repetition of a change that has been made succeeds. Raises
        :class:`Unavailable` when announcements keep coming first.
        """
        if not caller.is_super_admin:
            return only_super_admins()
        for _ in range(_ATTEMPTS):
            before = self.store.organization(wanted.organization_id)
            if (before.version if before else None) != expected_version:
                return _repeated(wanted, before, expected_version)
            after = self._change(before, wanted, origin, now)
            # Lost to another change, or to an announcement, which leaves the version: look again.
            if after is not None:
                return Registered(after, created=before is None, changed=True)
        raise _too_busy()

    def by_billing(
        self, wanted: OrganizationSpec, origin: Origin, *, version: int, now: int
    ) -> Registered:
        """Take over what billing says in its ``version``; the highest one wins (R24).

        Events come at least once and in any order, so an older one is no error and changes
        nothing. Raises :class:`Unavailable` when other changes keep coming first.
        """
        for _ in range(_ATTEMPTS):
            before = self.store.organization(wanted.organization_id)
            if before is not None and before.billing_version >= version:
                return Registered(before, created=False, changed=False)
            after = self._change(before, wanted, origin, now, billing_version=version)
            if after is not None:
                return Registered(after, created=before is None, changed=True)
        raise _too_busy()

    def _change(
        self,
        before: Organization | None,
        wanted: OrganizationSpec,
        origin: Origin,
        now: int,
        billing_version: int | None = None,
    ) -> Organization | None:
        """Commit the change; ``None`` when another one came first."""
        after = (
            Organization(
                id=wanted.organization_id,
                name=wanted.name,
                subscription=wanted.subscription,
                max_agents=wanted.max_agents,
                updated_at=now,
            )
            if before is None
            else before.changed(
                name=wanted.name,
                subscription=wanted.subscription,
                max_agents=wanted.max_agents,
                now=now,
            )
        )
        if billing_version is not None:
            after = replace(after, billing_version=billing_version)
        event = audit.of_organization(
            EventType.SUBSCRIPTION_CHANGED,
            before,
            after,
            id=audit.new_event_id(self.entropy(16)),
            at=after.updated_at,
            origin=origin,
        )
        outcome = self.store.commit_organization(before, after, event, due_at=now)
        return after if outcome is Outcome.COMMITTED else None


def _repeated(
    wanted: OrganizationSpec, found: Organization | None, expected_version: int | None
) -> Registered | Refused:
    """The answer to a change that was made on another version than the present one."""
    if found is None:
        return _changed_meanwhile("it does not exist")
    # The answer to this very change may have been lost: then there is nothing to do.
    if wanted.is_met_by(found) and found.version == (expected_version or 0) + 1:
        return Registered(found, created=False, changed=False)
    return _changed_meanwhile(f"its version is {found.version}")


def _too_busy() -> Unavailable:
    return Unavailable("This organization is being changed from several places at once.")


def _changed_meanwhile(why: str) -> Refused:
    return Refused(
        RefusalCode.PRECONDITION_FAILED,
        f"The organization is not as you expect: {why}. Read it, then send its ETag in If-Match "
        "to change it, or no If-Match to create it.",
    )
