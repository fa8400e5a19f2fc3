"""The EventBridge bus that events leave the service on; the only module that speaks it (R34).

What this module guarantees:

* Events of one licence are published in order. A call carries at most one event of each, and
  nothing is sent after a call that was not taken as a whole.
* What is not marked as confidential is word for word what its organization may read in its feed,
  so that a subscriber can hand it on (R28). Names of people alone are left out: subscribers have
  the subject, and need no more of a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from licensing.adapters.aws_errors import availability
from licensing.contract.events import EventView
from licensing.domain.errors import Unavailable
from licensing.usecases.ports import RecordedEvent

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

SOURCE: Final = "licensing"
_ENTRIES_PER_CALL: Final = 10


@dataclass(frozen=True, slots=True)
class EventBus:
    """One bus."""

    client: EventBridgeClient
    name: str

    def publish(self, entries: Sequence[RecordedEvent]) -> int:
        """Publish in order; how many of ``entries`` have been taken before the first failure.

        Those behind it may have been taken, too: they will come again, and carry an id to tell.
        """
        taken = 0
        for group in _groups(entries):
            try:
                failed = self._put(group)
            except Unavailable:
                break
            if failed:
                break
            taken += len(group)
        return taken

    def _put(self, entries: Sequence[RecordedEvent]) -> int:
        """How many were not taken. Raises ``Unavailable``."""
        with availability("The event bus"):
            answer = self.client.put_events(
                Entries=[
                    {
                        "EventBusName": self.name,
                        "Source": SOURCE,
                        "DetailType": entry.type,
                        "Time": datetime.fromtimestamp(entry.happened_at, UTC),
                        "Detail": _told(entry).model_dump_json(),
                    }
                    for entry in entries
                ]
            )
        return answer["FailedEntryCount"]


def _told(entry: RecordedEvent) -> EventView:
    return EventView.of((entry if entry.confidential else entry.for_organization).unnamed)


def _groups(entries: Sequence[RecordedEvent]) -> Iterator[list[RecordedEvent]]:
    group: list[RecordedEvent] = []
    owners: set[str] = set()
    for entry in entries:
        owner = entry.license_id or entry.organization_id
        if len(group) == _ENTRIES_PER_CALL or owner in owners:
            yield group
            group, owners = [], set()
        group.append(entry)
        owners.add(owner)
    if group:
        yield group
