"""Organizations come and their subscriptions change (R14, R24).

What this module guarantees:

* A change acts on all agents of the organization with one write, since validity is derived (R14).
* It makes the organization due for the sweep, which then marks or reinstates licences (R24).
* A change that was made on an older state than the present one is refused, never merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from licensing import audit
from licensing.access import Caller
from licensing.audit import EventType, Origin
from licensing.errors import Unavailable
from licensing.organization import Organization, Subscription
from licensing.ports import Entropy, OrganizationStore, Outcome
from licensing.refusal import RefusalCode, Refused

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Wanted:
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
    """The organization as it is now, and whether it is new."""

    organization: Organization
    created: bool


@dataclass(frozen=True, slots=True)
class ChangeOrganization:
    """The use case."""

    store: OrganizationStore
    entropy: Entropy

    def __call__(
        self,
        wanted: Wanted,
        caller: Caller,
        origin: Origin,
        *,
        expected_version: int | None,
        now: int,
    ) -> Registered | Refused:
        """Create or change an organization.

        ``expected_version`` is the version that the caller has seen; ``None`` means that it
        expects none to exist. A repetition of a change that has been made succeeds. Raises
        :class:`Unavailable` when announcements keep coming first.
        """
        if not caller.is_super_admin:
            return Refused(RefusalCode.FORBIDDEN, "Only super-admins can do this.")
        for _ in range(_ATTEMPTS):
            before = self.store.organization(wanted.organization_id)
            if (before.version if before else None) != expected_version:
                return _repeated(wanted, before, expected_version)
            after = _changed(before, wanted, now)
            event = audit.of_organization(
                EventType.SUBSCRIPTION_CHANGED,
                before,
                after,
                id=audit.new_event_id(self.entropy(16)),
                at=now,
                origin=origin,
            )
            # Lost to another change, or to an announcement, which leaves the version: look again.
            outcome = self.store.commit_organization(before, after, event, due_at=now)
            if outcome is Outcome.COMMITTED:
                return Registered(after, created=before is None)
        raise Unavailable("This organization is being changed from several places at once.")


def _changed(before: Organization | None, wanted: Wanted, now: int) -> Organization:
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


def _repeated(
    wanted: Wanted, found: Organization | None, expected_version: int | None
) -> Registered | Refused:
    """The answer to a change that was made on another version than the present one."""
    if found is None:
        return _changed_meanwhile("it does not exist")
    # The answer to this very change may have been lost: then there is nothing to do.
    if wanted.is_met_by(found) and found.version == (expected_version or 0) + 1:
        return Registered(found, created=False)
    return _changed_meanwhile(f"its version is {found.version}")


def _changed_meanwhile(why: str) -> Refused:
    return Refused(
        RefusalCode.PRECONDITION_FAILED,
        f"The organization is not as you expect: {why}. Read it, then send its ETag in If-Match "
        "to change it, or no If-Match to create it.",
    )
