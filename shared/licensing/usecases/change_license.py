"""What administrators do to a licence (R15, R18–R21, R25).

What this module guarantees:

* :data:`licensing.domain.license.TRANSITIONS` decides; this module only asks it and commits.
* A repetition answers like the first time and writes nothing, so a lost answer costs nothing.
* Another organization's licence is answered like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from licensing.domain import audit
from licensing.domain.audit import EventType, Origin
from licensing.domain.caller import Caller
from licensing.domain.errors import Unavailable
from licensing.domain.license import Action, License
from licensing.domain.organization import Organization
from licensing.domain.refusal import (
    Refused,
    license_not_found,
    only_administrators,
    only_super_admins,
)
from licensing.domain.temporary_license import Term
from licensing.usecases.ports import Change, Committer, Entropy, Outcome

_EVENTS: Final = MappingProxyType(
    {
        Action.REVOKE: EventType.LICENSE_REVOKED,
        Action.DETACH: EventType.LICENSE_DETACHED,
        Action.ATTACH: EventType.LICENSE_ATTACHED,
        Action.DISSOCIATE: EventType.LICENSE_DISSOCIATED,
    }
)

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Changed:
    """A licence as it is afterwards. Its organization is there if its status depends on it."""

    record: License
    organization: Organization | None


@dataclass(frozen=True, slots=True)
class Edit:
    """What an administrator marks an agent with; ``None`` leaves it as it is (R8).

    An empty ``label`` removes it.
    """

    primary: bool | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeLicense:
    """The use cases."""

    store: Committer
    entropy: Entropy

    def apply(
        self,
        action: Action,
        license_id: str,
        caller: Caller,
        origin: Origin,
        *,
        reason: str | None,
        now: int,
    ) -> Changed | Refused:
        """Apply ``action`` to a licence."""
        if not caller.is_administrator:
            return only_administrators()
        return self._change(
            license_id,
            caller,
            origin,
            kind=_EVENTS[action],
            change=lambda record: record.after(action, now),
            reason=reason,
        )

    def edit(
        self, edit: Edit, license_id: str, caller: Caller, origin: Origin, *, now: int
    ) -> Changed | Refused:
        """Mark a licence as primary, or label it."""
        if not caller.is_administrator:
            return only_administrators()

        def edited(record: License) -> License:
            primary = record.primary if edit.primary is None else edit.primary
            label = record.label if edit.label is None else edit.label or None
            if (primary, label) == (record.primary, record.label):
                return record
            return record.changed(now, primary=primary, label=label)

        return self._change(
            license_id,
            caller,
            origin,
            kind=EventType.LICENSE_UPDATED,
            change=edited,
        )

    def revoke_temporary(
        self, license_id: str, caller: Caller, origin: Origin, *, reason: str | None, now: int
    ) -> tuple[License, Term] | Refused:
        """End a temporary licence early (R25)."""
        if not caller.is_super_admin:
            return only_super_admins()
        answer = self._change(
            license_id,
            caller,
            origin,
            kind=EventType.TEMPORARY_LICENSE_REVOKED,
            change=lambda record: record.after(Action.REVOKE, now),
            reason=reason,
            is_temporary=True,
        )
        if isinstance(answer, Refused):
            return answer
        return (answer.record, answer.record.term) if answer.record.term else license_not_found()

    def _change(
        self,
        license_id: str,
        caller: Caller,
        origin: Origin,
        *,
        kind: EventType,
        change: Callable[[License], License | Refused],
        reason: str | None = None,
        is_temporary: bool = False,
    ) -> Changed | Refused:
        """Raises :class:`Unavailable` when other changes keep coming first."""
        for _ in range(_ATTEMPTS):
            record, organization = self._read(license_id, caller)
            if (
                record is None
                or not caller.administers(record.organization_id)
                or (record.term is not None) != is_temporary
            ):
                return license_not_found()
            changed = change(record)
            if isinstance(changed, Refused):
                return changed
            if changed is not record:
                event = audit.of_license(
                    kind,
                    record,
                    changed,
                    id=audit.new_event_id(self.entropy(16)),
                    origin=origin,
                    reason=reason,
                )
                if self.store.commit([Change(record, changed, event)]) is Outcome.CONFLICT:
                    continue
            return Changed(changed, self._organization_of(changed, organization))
        raise Unavailable("This license is being changed from several places at once. Try again.")

    def _read(self, license_id: str, caller: Caller) -> tuple[License | None, Organization | None]:
        """The licence, and the caller's own organization along with it."""
        if caller.organization_id is None:
            return self.store.license(license_id), None
        return self.store.license_and_organization(license_id, caller.organization_id)

    def _organization_of(
        self, record: License, callers: Organization | None
    ) -> Organization | None:
        if not record.status_follows_subscription:
            return None
        if callers is not None and callers.id == record.organization_id:
            return callers
        return self.store.organization(record.organization_id)
