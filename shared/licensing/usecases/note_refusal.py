"""Logins that were refused are on record at the organization of the person who tried (R32).

What this module guarantees:

* An administrator can see who of their own people was refused, why, and on which computer. Nothing
  is there about an organization that holds the machine (R4).
* There is one entry for each machine, reason and hour. In an hour, :data:`MACHINES_PER_HOUR`
  machines of an organization have entries of their own; those of all further ones are one entry
  for each reason. So members cannot flood the feed, whatever machines they make up.
* A refused login costs two writes for it, and one that is let in none.
* If it cannot be written, the login fails: ``Unavailable``. Nobody is let in by that, trying again
  is safe, and what is told to a person is on record. The write needs the table, as the login does.

A partner's login with a temporary licence is not for the client's feed (R28), so it is none of
these; nor is one of somebody whose organization is not registered.
"""

from __future__ import annotations

from typing import Final

from licensing.domain.audit import EventType, OrganizationNote
from licensing.domain.refusal import RefusalCode, Refused
from licensing.usecases.login import LoginAttempt
from licensing.usecases.ports import LoginStore

MACHINES_PER_HOUR: Final = 32
"""How many machines of one organization have entries of their own in an hour."""

_NOTED: Final = frozenset(
    {
        RefusalCode.MACHINE_REGISTERED,
        RefusalCode.MEMBER_LIMIT_REACHED,
        RefusalCode.PROOF_REQUIRED,
        RefusalCode.SEAT_LIMIT_REACHED,
        RefusalCode.SUBSCRIPTION_ENDED,
    }
)
"""What an administrator can do something about. Misuse of a licence is on record at the licence."""


def note_refusal(store: LoginStore, attempt: LoginAttempt, refused: Refused) -> None:
    """Put on record why the person of ``attempt`` was refused, if that belongs there.

    Raises ``Unavailable`` when it cannot be written.
    """
    organization, presented = attempt.view.organization, attempt.view.presented
    is_partners = presented is not None and presented.term is not None
    if refused.code not in _NOTED or organization is None or is_partners:
        return
    note = OrganizationNote(
        type=EventType.ACCESS_REFUSED,
        organization_id=organization.id,
        reason=refused.code,
        at=attempt.context.now,
        origin=attempt.context.origin,
        about=attempt.machine.identity().hex(),
        computer_name=attempt.context.computer_name,
    )
    store.note_each(note, most=MACHINES_PER_HOUR)
