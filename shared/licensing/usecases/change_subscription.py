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

from licensing.domain.audit import EventType
from licensing.domain.organization import Organization, Subscription
from licensing.domain.refusal import RefusalCode, Refused, only_super_admins
from licensing.usecases.context import Context, UserContext
from licensing.usecases.expected import Versions
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import OrganizationStore

_BUSY: Final = "This organization is being changed"


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
    """The use case, by the API and by billing's events.

    Both raise ``Unavailable`` when other changes, or the sweep's announcements, keep coming first.
    """

    store: OrganizationStore

    def by_administrator(
        self,
        wanted: OrganizationSpec,
        context: UserContext,
        *,
        expected_version: Versions | None,
        is_new: bool = False,
    ) -> Registered | Refused:
        """Create or change an organization as a super-admin.

        ``expected_version`` is what the caller has seen; ``None`` means that it expects none to
        exist. A repetition of a change that has been made succeeds, unless it insists that the
        organization ``is_new``.
        """
        if not context.caller.is_super_admin:
            return only_super_admins()

        def change() -> Registered | Refused:
            before = self.store.organization(wanted.organization_id)
            if is_new and before is not None:
                return _changed_meanwhile("it exists already")
            if not _is_expected(before, expected_version):
                return _repeated(wanted, before, expected_version)
            return self._commit(before, _changed(before, wanted, context.now), context)

        return retry_or_give_up(change, _BUSY)

    def by_billing(self, wanted: OrganizationSpec, context: Context, *, version: int) -> Registered:
        """Take over what billing says in its ``version``; the highest one wins (R24).

        Events come at least once and in any order, so an older one is no error and changes
        nothing.
        """

        def change() -> Registered:
            before = self.store.organization(wanted.organization_id)
            if before is not None and before.billing_version >= version:
                return Registered(before, created=False, changed=False)
            after = _changed(before, wanted, context.now)
            return self._commit(before, replace(after, billing_version=version), context)

        return retry_or_give_up(change, _BUSY)

    def _commit(
        self, before: Organization | None, after: Organization, context: Context
    ) -> Registered:
        """Raises ``Overtaken``, by an announcement, too, which leaves the version."""
        event = context.organization_event(EventType.SUBSCRIPTION_CHANGED, before, after)
        demand(self.store.commit_organization(before, after, event, due_at=context.now))
        return Registered(after, created=before is None, changed=True)


def _changed(before: Organization | None, wanted: OrganizationSpec, now: int) -> Organization:
    if before is None:
        return Organization(
            id=wanted.organization_id,
            name=wanted.name,
            subscription=wanted.subscription,
            max_agents=wanted.max_agents,
            updated_at=now,
        )
    return before.changed(
        name=wanted.name,
        subscription=wanted.subscription,
        max_agents=wanted.max_agents,
        now=now,
    )


def _is_expected(found: Organization | None, expected: Versions | None) -> bool:
    if found is None:
        return expected is None
    return expected is not None and expected.allow(found.version)


def _repeated(
    wanted: OrganizationSpec, found: Organization | None, expected: Versions | None
) -> Registered | Refused:
    """The answer to a change that was made on another version than the present one."""
    if found is None:
        return _changed_meanwhile("it does not exist")
    # The answer to this very change may have been lost: then there is nothing to do.
    is_next = expected.led_to(found.version) if expected else found.version == 1
    if wanted.is_met_by(found) and is_next:
        return Registered(found, created=False, changed=False)
    return _changed_meanwhile(f"its version is {found.version}")


def _changed_meanwhile(why: str) -> Refused:
    return Refused(
        RefusalCode.PRECONDITION_FAILED,
        f"The organization is not as you expect: {why}. To change it, read it and send its ETag "
        "in If-Match. To create it, send no If-Match.",
    )
