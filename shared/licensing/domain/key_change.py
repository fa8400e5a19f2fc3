"""Which device key a licence is bound to after a login or a validation (R36).

What this module guarantees:

* Another key takes the bound one's place at once only with that one's proof or by an administrator.
* A member's login with another key takes nothing away while the bound key's agent may still have a
  lease: until ``leased_until`` the new key gets one lease, once in :data:`LENT_ONCE_IN`, and waits.
  The bound key's next proof ends that.

Pure. All times are integer epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from licensing.domain.audit import EventType
from licensing.domain.device_key import Proof
from licensing.domain.license import License
from licensing.domain.organization import DAY
from licensing.domain.refusal import RefusalCode, Refused

LENT_ONCE_IN: Final = 30 * DAY
"""How long after a lease to a pending key no other one gets one, in seconds."""


@dataclass(frozen=True, slots=True)
class ProvedLogin:
    """What a login shows of device keys.

    ``previous`` is a proof of the key that ``proof`` shall replace, which has to name that as its
    successor. ``by_administrator``: an administrator of the licence's organization logs in.
    """

    proof: Proof
    previous: Proof | None = None
    by_administrator: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The licence after a login with a device key.

    ``event`` is there when it has changed. ``is_lent``: the key is the pending one, whose lease
    ends at ``leased_until`` and is no link of the chain.
    """

    record: License
    event: EventType | None = None
    is_lent: bool = False


def after_login(
    record: License, login: ProvedLogin, *, leased_until: int, locked: bool, now: int
) -> Held | Refused:
    """``record`` after a login at ``now``, or why its key stays and the new one gets nothing (R36).

    ``leased_until`` is the end of the longest lease that was granted to ``record``. ``locked``:
    only an administrator or the bound key's proof replaces a key
    (:class:`~licensing.domain.organization.Policy`). A temporary licence is one person's: no key
    waits there, and nobody administers it.
    """
    proof = login.proof
    noted = record.noted(proof)
    # 1. The bound key: another one that waits has to go.
    if proof.thumbprint == record.device_key:
        if record.pending_key is None:
            return Held(noted)
        return Held(noted.changed(now, pending_key=None), EventType.DEVICE_KEY_KEPT)
    # 2. Another key, which takes its place at once.
    is_over = now >= leased_until and not locked
    if record.device_key is None or login.by_administrator or _is_vouched(record, login) or is_over:
        keys = record.keys.after(record.device_key, proof.thumbprint, now)
        bound = noted.changed(now, device_key=proof.thumbprint, keys=keys, pending_key=None)
        return Held(bound, EventType.DEVICE_KEY_CHANGED)
    if record.term is not None:
        return _refused(
            "This temporary license is bound to another device key. Ask for a new one.",
            leased_until,
            locked=locked,
        )
    # 3. One that waits until then, and works meanwhile. The same login again gets the same lease.
    if not locked and proof.thumbprint == record.pending_key:
        return Held(record, is_lent=True)
    if not locked and now >= record.lent_at + LENT_ONCE_IN:
        pending = record.leased(leased_until).changed(
            now, pending_key=proof.thumbprint, lent_at=now
        )
        return Held(pending, EventType.DEVICE_KEY_PENDING, is_lent=True)
    return _refused(
        "This agent's license is bound to another device key. Ask an administrator to log in here, "
        "or to reset the device key in the portal.",
        leased_until,
        locked=locked,
    )


def event_between(before: License, after: License) -> EventType | None:
    """The event that tells of a change that a validation's proof has made, if it has made one."""
    if after.device_key != before.device_key:
        return EventType.DEVICE_KEY_CHANGED
    return None if after.pending_key == before.pending_key else EventType.DEVICE_KEY_KEPT


def told_time(at: int) -> str:
    """A moment in UTC, as a sentence tells it.

    >>> told_time(1_900_000_000)
    '2030-03-17 17:46:40'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _is_vouched(record: License, login: ProvedLogin) -> bool:
    """Whether the holder of the bound key has signed that the new one shall replace it."""
    previous = login.previous
    return (
        previous is not None
        and previous.thumbprint == record.device_key
        and previous.successor == login.proof.thumbprint
    )


def _refused(message: str, leased_until: int, *, locked: bool) -> Refused:
    if not locked:
        when = told_time(leased_until)
        message += f" A login works without that from {when} UTC on, if the other key is gone."
    return Refused(RefusalCode.DEVICE_KEY, message)
