"""What administrators do to a licence (R15, R18–R21, R25, R36).

What this module guarantees:

* :data:`licensing.domain.license.TRANSITIONS` decides; this module only asks it and commits.
* A repetition is answered like the first request and writes nothing, so after a lost answer the
  caller may just ask again (R18).
* A change that was made on an older version is refused where the caller says so, never merged.
* Another organization's licence is answered like one that does not exist. A super-admin's request
  that changes nothing of it, and so is no change on record, is a read on record (R32).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from licensing.domain.audit import EventType, Reading
from licensing.domain.caller import Caller
from licensing.domain.license import Action, License
from licensing.domain.organization import Organization
from licensing.domain.refusal import (
    Refused,
    license_has_changed,
    license_not_found,
    only_administrators,
    only_super_admins,
)
from licensing.domain.temporary_license import Term
from licensing.usecases.context import UserContext
from licensing.usecases.expected import ANY_VERSION, Versions
from licensing.usecases.note_reading import note_reading
from licensing.usecases.optimistic import demand, retry_or_give_up
from licensing.usecases.ports import Change, Committer, Witness

_EVENTS: Final = MappingProxyType(
    {
        Action.REVOKE: EventType.LICENSE_REVOKED,
        Action.DETACH: EventType.LICENSE_DETACHED,
        Action.ATTACH: EventType.LICENSE_ATTACHED,
        Action.DISSOCIATE: EventType.LICENSE_DISSOCIATED,
    }
)


@dataclass(frozen=True, slots=True)
class Changed:
    """The licence afterwards.

    ``organization`` is there when the licence's status depends on the subscription, else ``None``.
    """

    record: License
    organization: Organization | None


@dataclass(frozen=True, slots=True)
class Edit:
    """What an administrator changes of a licence's marks (R8).

    ``None`` leaves a mark as it is; an empty ``label`` removes the label.
    """

    primary: bool | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A change of a licence, and the event that tells of it."""

    kind: EventType
    change: Callable[[License], License | Refused]
    reason: str | None = None
    is_temporary: bool = False
    expected: Versions = ANY_VERSION


class ChangeStore(Committer, Witness, Protocol):
    """Changes of licences, and who has been shown one without a change."""


@dataclass(frozen=True, slots=True)
class ChangeLicense:
    """The use cases of administrators: org-admins for their organization, super-admins for all.

    All raise ``Unavailable`` when other changes keep coming first.
    """

    store: ChangeStore

    def apply(
        self, action: Action, license_id: str, context: UserContext, *, reason: str | None = None
    ) -> Changed | Refused:
        """Revoke, detach, attach or dissociate a licence (R18–R20).

        ``reason`` is what the administrator says about it, for the audit event. ``Refused``: the
        caller is no administrator, there is no such licence, or its state does not allow it (R21).
        """
        if not context.caller.is_administrator:
            return only_administrators()
        wanted = _Wanted(_EVENTS[action], lambda record: record.after(action, context.now), reason)
        return self._change(license_id, wanted, context)

    def edit(
        self,
        edit: Edit,
        license_id: str,
        context: UserContext,
        *,
        expected_version: Versions | None = None,
    ) -> Changed | Refused:
        """Mark a licence as primary or not, or label it (R8).

        ``expected_version`` is what the caller has seen; another version is not changed. ``None``:
        whatever it is. A repetition of a change that has been made succeeds.
        """
        if not context.caller.is_administrator:
            return only_administrators()

        def edited(record: License) -> License:
            primary = record.primary if edit.primary is None else edit.primary
            label = record.label if edit.label is None else edit.label or None
            if (primary, label) == (record.primary, record.label):
                return record
            return record.changed(context.now, primary=primary, label=label)

        wanted = _Wanted(
            EventType.LICENSE_UPDATED, edited, expected=expected_version or ANY_VERSION
        )
        return self._change(license_id, wanted, context)

    def reset_device_key(
        self, license_id: str, context: UserContext, *, reason: str | None = None
    ) -> Changed | Refused:
        """Forget the device keys of a licence, whatever its state: the next login binds one (R36).

        ``reason`` as above.
        """
        if not context.caller.is_administrator:
            return only_administrators()

        def without_keys(record: License) -> License:
            if record.device_key is None:
                return record
            keys = record.keys.after(record.device_key, None, context.now)
            return record.changed(context.now, device_key=None, keys=keys, pending_key=None)

        wanted = _Wanted(EventType.DEVICE_KEY_RESET, without_keys, reason)
        return self._change(license_id, wanted, context)

    def revoke_temporary(
        self, license_id: str, context: UserContext, *, reason: str | None = None
    ) -> tuple[License, Term] | Refused:
        """Revoke a temporary licence before its time is over; super-admins only (R25)."""
        if not context.caller.is_super_admin:
            return only_super_admins()
        wanted = _Wanted(
            EventType.TEMPORARY_LICENSE_REVOKED,
            lambda record: record.after(Action.REVOKE, context.now),
            reason,
            is_temporary=True,
        )
        answer = self._change(license_id, wanted, context)
        if isinstance(answer, Refused):
            return answer
        return (answer.record, answer.record.term) if answer.record.term else license_not_found()

    def _change(self, license_id: str, wanted: _Wanted, context: UserContext) -> Changed | Refused:
        return retry_or_give_up(
            lambda: self._change_once(license_id, wanted, context),
            busy="This license is being changed",
        )

    def _change_once(
        self, license_id: str, wanted: _Wanted, context: UserContext
    ) -> Changed | Refused:
        """Raises ``Overtaken``."""
        record, organization = self._read(license_id, context.caller)
        if (
            record is None
            or not context.caller.administers(record.organization_id)
            or (record.term is not None) != wanted.is_temporary
        ):
            return license_not_found()
        answer = self._commit(record, wanted, context)
        if answer is record or isinstance(answer, Refused):
            # It is shown, or its state or version is told, and no change says so.
            what = Reading.TEMPORARY_LICENSES if wanted.is_temporary else Reading.LICENSE
            note_reading(self.store, what, record.organization_id, context)
        if isinstance(answer, Refused):
            return answer
        return Changed(answer, self._organization_of(answer, organization))

    def _commit(self, record: License, wanted: _Wanted, context: UserContext) -> License | Refused:
        """The licence afterwards: the same object, if nothing changes. Raises ``Overtaken``."""
        changed = wanted.change(record)
        if isinstance(changed, Refused):
            return changed
        # The answer to this very change may have been lost: then there is nothing to do.
        is_repeated = changed is record and wanted.expected.led_to(record.revision)
        if not (wanted.expected.allow(record.revision) or is_repeated):
            return license_has_changed(record.revision)
        # The same object stands for a repetition: it must not write a second event (R32).
        if changed is not record:
            event = context.license_event(wanted.kind, record, changed, reason=wanted.reason)
            demand(self.store.commit([Change(record, changed, event)]))
        return changed

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
