"""Organizations come and their subscriptions change (R14, R24).

What this module guarantees:

* A change acts on all agents of the organization with one write, since validity is derived (R14).
* It makes the organization due for the sweep, which then marks or reinstates licences (R24).
* An administrator's change that was made on an older state is refused, never merged.
* Of billing's events the highest version wins, however often and in whatever order they come. One
  that is ignored is on record, unless it is the repetition of what was taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from licensing.domain.audit import EventType, OrganizationNote, Reading, Reason
from licensing.domain.errors import InvalidInput
from licensing.domain.organization import (
    Organization,
    Subscription,
    SubscriptionStatus,
    Terms,
    digest_of,
)
from licensing.domain.refusal import Refused, only_super_admins, organization_changed
from licensing.usecases.context import Context, UserContext
from licensing.usecases.expected import Versions
from licensing.usecases.note_reading import note_reading
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import NotingStore, Witness

_BUSY: Final = "This organization is being changed"


@dataclass(frozen=True, slots=True)
class OrganizationSpec:
    """How an organization shall be, in all that the vendor says of it."""

    organization_id: str
    name: str
    subscription: Subscription
    max_agents: int | None

    @property
    def terms(self) -> Terms:
        """The same as terms; none is left out."""
        return {
            "name": self.name,
            "valid_until": self.subscription.valid_until,
            "status": self.subscription.status,
            "max_agents": self.max_agents,
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """The organization as it is now, whether it is new, and whether this changed anything.

    ``ignored`` is there when billing's event was not taken over, and is no repetition of one.
    """

    organization: Organization
    created: bool
    changed: bool
    ignored: Reason | None = None


class SubscriptionStore(NotingStore, Witness, Protocol):
    """Changes of organizations, and who has been shown one without a change."""


@dataclass(frozen=True, slots=True)
class ChangeSubscription:
    """The use case, by the API and by billing's events.

    Both raise ``Unavailable`` when other changes, or the sweep's announcements, keep coming first.
    """

    store: SubscriptionStore

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
                return organization_changed("it exists already")
            if not _is_expected(before, expected_version):
                answer = _repeated(wanted, before, expected_version)
                if isinstance(answer, Registered):
                    # It is shown, and there is no change that tells of that.
                    note_reading(self.store, Reading.ORGANIZATION, wanted.organization_id, context)
                return answer
            if before is None:
                new = _new(wanted.organization_id, wanted.terms, context.now)
                return self._commit(None, new, context)
            changes = before.under(wanted.terms)
            return self._commit(before, before.changed(now=context.now, **changes), context)

        return retry_or_give_up(change, _BUSY)

    def by_billing(
        self, organization_id: str, terms: Terms, context: Context, *, version: int
    ) -> Registered:
        """Take over what billing says in its ``version``; the highest one wins (R24).

        What ``terms`` do not name stays as it is. Events come at least once and in any order, so an
        older one is no error and changes nothing. Raises ``InvalidInput`` for a new organization of
        which something is not named.
        """
        digest = digest_of(terms)

        def change() -> Registered:
            before = self.store.organization(organization_id)
            if before is None:
                new = _new(organization_id, terms, context.now, version=version, digest=digest)
                return self._commit(None, new, context)
            if before.billing_version >= version:
                return self._ignore(before, _why_ignored(before, terms, version), context)
            taken = before.under(terms) | {"billing_version": version, "billing_digest": digest}
            return self._commit(before, before.changed(now=context.now, **taken), context)

        return retry_or_give_up(change, _BUSY)

    def _commit(
        self, before: Organization | None, after: Organization, context: Context
    ) -> Registered:
        """Raises ``Overtaken``, by an announcement, too, which leaves the version."""
        is_new = before is None
        kind = EventType.ORGANIZATION_CREATED if is_new else EventType.SUBSCRIPTION_CHANGED
        event = context.organization_event(kind, before, after)
        demand(self.store.commit_organization(before, after, event, due_at=context.now))
        return Registered(after, created=is_new, changed=True)

    def _ignore(self, found: Organization, why: Reason | None, context: Context) -> Registered:
        if why is not None:
            self.store.note(
                OrganizationNote(
                    type=EventType.BILLING_EVENT_IGNORED,
                    organization_id=found.id,
                    reason=why,
                    at=context.now,
                    origin=context.origin,
                )
            )
        return Registered(found, created=False, changed=False, ignored=why)


def _new(
    organization_id: str, terms: Terms, now: int, *, version: int = 0, digest: str | None = None
) -> Organization:
    """A new organization. Raises ``InvalidInput`` where its terms leave something out."""
    match terms:
        case {
            "name": str(name),
            "valid_until": int(valid_until),
            "status": SubscriptionStatus() as status,
            "max_agents": max_agents,
        }:
            return Organization(
                id=organization_id,
                name=name,
                subscription=Subscription(valid_until, status),
                max_agents=max_agents,
                billing_version=version,
                billing_digest=digest,
                updated_at=now,
            )
    missing = [name for name in Terms.__annotations__ if name not in terms]
    told = "; ".join(f"{name}: Field required for a new organization" for name in missing)
    raise InvalidInput(told, pointer="/detail")


def _why_ignored(found: Organization, terms: Terms, version: int) -> Reason | None:
    """Why an event of a version that is not higher is ignored; ``None`` for a repetition."""
    if version < found.billing_version:
        return Reason.BILLING_STALE
    if found.billing_digest is not None:
        is_same = found.billing_digest == digest_of(terms)
        return None if is_same else Reason.BILLING_CONTRADICTING
    # A super-admin has set the version, or an older release took it over: nobody knows what it
    # said, so only what is as it says already is taken for a repetition.
    return None if found.meets(terms) else Reason.BILLING_STALE


def _is_expected(found: Organization | None, expected: Versions | None) -> bool:
    if found is None:
        return expected is None
    return expected is not None and expected.allow(found.version)


def _repeated(
    wanted: OrganizationSpec, found: Organization | None, expected: Versions | None
) -> Registered | Refused:
    """The answer to a change that was made on another version than the present one."""
    if found is None:
        return organization_changed("it does not exist")
    # The answer to this very change may have been lost: then there is nothing to do.
    is_next = expected.led_to(found.version) if expected else found.version == 1
    if found.meets(wanted.terms) and is_next:
        return Registered(found, created=False, changed=False)
    return organization_changed(f"its version is {found.version}")
