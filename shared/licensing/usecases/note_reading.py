"""What super-admins read of other organizations is on record (R32).

What this module guarantees:

* Nothing is shown of an organization to a super-admin of another one before that is on record. If
  it cannot be written, the read fails: ``Unavailable``. A trail with gaps would prove nothing, and
  what the write needs is the table that the read needs as well.
* A read costs one write at most for each organization that it shows something of, and one of
  somebody of the organization itself costs none.
* The entries are in the trail, which super-admins read, and not in the organization's own feed:
  they name the vendor's people, and would crowd out what its agents do.

One entry stands for a person, an organization and an hour. There are as many as there are
super-admins at work: nobody else can make any.
"""

from __future__ import annotations

from typing import Final

from licensing.domain.audit import EventType, OrganizationNote, Reading, Reason
from licensing.usecases.context import UserContext
from licensing.usecases.ports import Witness

NOTED_SECONDS: Final = 300
"""How seldom a read counts that is in the hour's entry already: a page asks again and again."""


def note_reading(store: Witness, what: Reading, organization_id: str, context: UserContext) -> None:
    """Put on record that the caller, who may, reads something of an organization.

    Raises ``Unavailable`` when it cannot be written.
    """
    caller = context.caller
    if caller.organization_id == organization_id:
        return
    note = OrganizationNote(
        type=EventType.ORGANIZATION_READ,
        organization_id=organization_id,
        reason=Reason.READ_FROM_OUTSIDE,
        at=context.now,
        origin=context.origin,
        about=caller.subject,
        confidential=True,
    )
    store.note_reading(note, what, interval=NOTED_SECONDS)
