"""What a use of a licence shows of the agents that use it: one that has come back, or two (R37).

What this module guarantees: each sign is put on record once, as the gravest thing that it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from licensing.domain.audit import EventType, Reason
from licensing.domain.key_history import KeyReturn
from licensing.domain.lease_chain import Shown, Step
from licensing.domain.license import License


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign, and the type of its entry. ``is_fork``: it blocks the licence by policy."""

    reason: Reason
    type: EventType
    is_fork: bool = False


_FORK: Final = Sign(Reason.CLONE_SUSPECTED, EventType.CLONE_SUSPECTED, is_fork=True)
_OFTEN: Final = Sign(Reason.RETURNED_OFTEN, EventType.CLONE_SUSPECTED)
_BY_SHOWN: Final = MappingProxyType(
    {
        Shown.OLDER: Sign(Reason.OLDER_LEASE, EventType.AGENT_RETURNED),
        Shown.NEWER: Sign(Reason.NEWER_LEASE, EventType.AGENT_RETURNED),
        Shown.NOTHING: Sign(Reason.WITHOUT_LEASE, EventType.AGENT_RETURNED),
    }
)
_BY_KEY: Final = MappingProxyType(
    {
        KeyReturn.CAME_BACK: Sign(Reason.DEVICE_KEY_CAME_BACK, EventType.AGENT_RETURNED),
        KeyReturn.ALTERNATES: Sign(
            Reason.DEVICE_KEYS_ALTERNATE, EventType.CLONE_SUSPECTED, is_fork=True
        ),
    }
)


def of_leases(what: Shown, taken: Step) -> tuple[Sign, ...]:
    """What a question and the step that follows from it show."""
    if taken.is_fork:
        return (_FORK,)
    if taken.is_suspect:
        return (_OFTEN,)
    # Before an agent has presented a lease, one that comes without has lost its first answer.
    if what is Shown.OLDER and not taken.returns:
        return ()
    sign = _BY_SHOWN.get(what)
    return () if sign is None else (sign,)


def of_keys(before: License, after: License) -> tuple[Sign, ...]:
    """What it shows that a licence is bound to a device key."""
    shows = after.keys.shows(before.keys)
    return () if shows is None else (_BY_KEY[shows],)
