"""What administrators do to a licence (R15, R18, R21).

What this module guarantees:

* :data:`licensing.license.TRANSITIONS` decides; this module only asks it and commits.
* A repetition answers like the first time and writes nothing, so a lost answer costs nothing.
* Another organization's licence is answered like one that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from licensing import audit
from licensing.access import Caller, Role
from licensing.audit import EventType, Origin
from licensing.errors import Unavailable
from licensing.license import Action, License
from licensing.ports import Change, Committer, Entropy, Outcome
from licensing.refusal import RefusalCode, Refused, license_not_found

_EVENTS: Final = MappingProxyType({Action.REVOKE: EventType.LICENSE_REVOKED})

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class ChangeLicense:
    """The use case."""

    store: Committer
    entropy: Entropy

    def __call__(
        self,
        action: Action,
        license_id: str,
        caller: Caller,
        origin: Origin,
        *,
        reason: str | None,
        now: int,
    ) -> License | Refused:
        """Apply ``action`` and answer the licence as it is afterwards.

        Raises :class:`Unavailable` when other changes keep coming first.
        """
        if not (caller.is_super_admin or Role.ORG_ADMIN in caller.roles):
            return Refused(RefusalCode.FORBIDDEN, "Only administrators can do this.")
        for _ in range(_ATTEMPTS):
            record = self.store.license(license_id)
            if record is None or not caller.administers(record.organization_id):
                return license_not_found()
            changed = record.after(action, now)
            if isinstance(changed, Refused) or changed is record:
                return changed
            event = audit.of_license(
                _EVENTS[action],
                record,
                changed,
                id=audit.new_event_id(self.entropy(16)),
                origin=origin,
                reason=reason,
            )
            if self.store.commit([Change(record, changed, event)]) is Outcome.COMMITTED:
                return changed
        raise Unavailable("This license is being changed from several places at once. Try again.")
